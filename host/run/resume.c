#include "run/resume.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "device/gemm.h"
#include "run/evaluator.h"
#include "starcl/version.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *corpus_text(const struct task_list *tasks, char *buffer) {
    snprintf(buffer, CORPUS_TEXT_BYTES, "%016" PRIx64, task_list_fingerprint(tasks));
    return buffer;
}

status resume_check_text(const struct beginning *beginning, const struct run_config *config,
                         const struct task_list *tasks) {
    char text[CORPUS_TEXT_BYTES];
    if (!*beginning->corpus)
        progress_line("note    which text the %s began with was not kept; %s is taken as it is now", beginning->what,
                      config->data.path);
    else if (strcmp(corpus_text(tasks, text), beginning->corpus) != 0)
        return *beginning->text ? fail("the data %s has changed since the %s began; its results could not be compared",
                                       config_data_name(config), beginning->what)
                                : fail("the %s was begun by an older starcl, which knew its text by another "
                                       "fingerprint and split it otherwise; it can be shown, but not gone on with",
                                       beginning->what);
    return STATUS_OK;
}

void resume_note_version(const struct beginning *beginning) {
    if (*beginning->version && strcmp(beginning->version, STAR_VERSION) != 0)
        progress_line("note    the %s began with starcl %s, and this is starcl %s; results may differ from those of "
                      "one version",
                      beginning->what, beginning->version, STAR_VERSION);
}

void resume_note_device(const struct beginning *beginning, struct device *device) {
    if (*beginning->device && strcmp(device_information(device)->kind, beginning->device) != 0)
        progress_line("note    the %s began on %s; numbers of two devices agree only nearly", beginning->what,
                      beginning->device);
    const char *gemm = gemm_provider_name(device);
    if (*beginning->gemm && strcmp(gemm, beginning->gemm) != 0)
        progress_line("note    the %s began with GEMM %s, not %s; results may differ in the last digits",
                      beginning->what, beginning->gemm, gemm);
}

void resume_note_config(const struct beginning *beginning, const char *folder, const struct run_config *config) {
    static const char *const none[] = {NULL};
    struct run_config *now = memory_allocate(1, sizeof *now);
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/config.cfg", PATH_MAX - 64, folder);
    if (config_load(path, NULL, 0, false, now) != STATUS_OK)
        progress_line("note    %s cannot be read (%s); the %s goes on with the config that it began with", path,
                      status_message(), beginning->what);
    else {
        char *names = config_differences(now, config, none);
        if (names)
            progress_line("note    %s was changed (%s); the %s goes on with the config that it began with", path, names,
                          beginning->what);
        free(names);
    }
    free(now);
}

void resume_note_file(const struct beginning *beginning, const char *folder, const char *name, const char *text) {
    char path[PATH_MAX], *now = NULL;
    size_t length;
    snprintf(path, sizeof path, "%.*s/%s", PATH_MAX - 64, folder, name);
    if (*text && (file_read(path, &now, &length) != STATUS_OK || strcmp(now, text) != 0))
        progress_line("note    %s was changed; the %s goes on with what it began with", path, beginning->what);
    free(now);
}
