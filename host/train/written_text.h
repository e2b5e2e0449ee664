/* Text that trained weights write: a checkpoint's files, a decoder over them, and the bytes behind a prompt. */
#ifndef STARCL_TRAIN_WRITTEN_TEXT_H
#define STARCL_TRAIN_WRITTEN_TEXT_H

#include "device/device.h"
#include "train/generate.h"

#include <limits.h>

struct checkpoint_files {
    char weights[PATH_MAX], architecture[PATH_MAX];
};

/*
 * The files that `word` means: a folder with weights.safetensors and architecture.json, or a .safetensors file with its
 * JSON beside it. STATUS_USAGE where one of them is missing.
 */
status checkpoint_find(const char *word, struct checkpoint_files *files) MUST_CHECK;

/* How weights are read. WEIGHTS_AUTO is float16 where device_prefers_half(). */
enum weight_type { WEIGHTS_AUTO, WEIGHTS_FLOAT32, WEIGHTS_FLOAT16, WEIGHT_TYPES };
extern const char *const weight_type_names[WEIGHT_TYPES]; /* "auto", "float32", "float16" */

/*
 * Tells every byte of the prompt (which must not be empty) and of the settings.tokens that follow it, one by one. The
 * prompt is told when the weights have been read. STATUS_INTERRUPTED when the user asked to stop; what was told is
 * valid.
 */
status write_text(struct device *device, const struct checkpoint_files *files, enum weight_type weights,
                  const char *prompt, const struct generate_settings *settings,
                  void (*tell)(void *context, int32_t byte), void *context) MUST_CHECK;

#endif
