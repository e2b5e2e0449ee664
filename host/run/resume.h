/* What going on with a search or a training checks and says: what is another than when it began. */
#ifndef STARCL_RUN_RESUME_H
#define STARCL_RUN_RESUME_H

#include "device/device.h"
#include "run/config.h"
#include "train/task.h"

/* What it began with, and what it is called: "run" or "training". Texts may be "" where they were not kept. */
struct beginning {
    const char *what;
    const char *version, *device, *gemm, *corpus;
    const char *text; /* its path; "" tells an older program, whose fingerprints are others */
};

enum { CORPUS_TEXT_BYTES = 32 };
/* task_list_fingerprint() as it is kept; writes to buffer (CORPUS_TEXT_BYTES) and returns it. */
const char *corpus_text(const struct task_list *tasks, char *buffer);

/* Fails where the text is another one; says where the program, the device or its GEMM are. */
status resume_check_text(const struct beginning *beginning, const struct run_config *config,
                         const struct task_list *tasks) MUST_CHECK;
void resume_note_version(const struct beginning *beginning);
void resume_note_device(const struct beginning *beginning, struct device *device);

/* Says that config.cfg of the folder is no longer the config that counts, with the keys that differ, where it is not.
 */
void resume_note_config(const struct beginning *beginning, const char *folder, const struct run_config *config);

/* Says the same of another file of the folder, which was written with `text`; "" where that was not kept. */
void resume_note_file(const struct beginning *beginning, const char *folder, const char *name, const char *text);

#endif
