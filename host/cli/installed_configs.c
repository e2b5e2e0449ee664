#include "cli/installed_configs.h"

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char ending[] = ".cfg";

/* False where nothing is installed. */
static bool find_folder(char folder[PATH_MAX]) {
    return process_beside_own(STARCL_CONFIGS_FROM_PROGRAM, folder) && file_is_directory(folder);
}

static bool is_installed(const char *folder, const char *word, const char *suffix, char path[PATH_MAX]) {
    int written = snprintf(path, PATH_MAX, "%s/%s%s", folder, word, suffix);
    return written < PATH_MAX && file_exists(path) && !file_is_directory(path);
}

/* "quickstart, hour/quality, ..." */
static void append_names(const char *folder, struct text *names) {
    static const char *const levels[] = {"*", "*/*"};
    char pattern[PATH_MAX + 16];
    for (size_t level = 0; level < sizeof levels / sizeof *levels; level++) {
        glob_t found;
        snprintf(pattern, sizeof pattern, "%s/%s%s", folder, levels[level], ending);
        if (glob(pattern, 0, NULL, &found) != 0)
            continue;
        for (size_t i = 0; i < found.gl_pathc; i++) {
            const char *name = found.gl_pathv[i] + strlen(folder) + 1;
            text_append(names, "%s%.*s", names->length ? ", " : "", (int)(strlen(name) - strlen(ending)), name);
        }
        globfree(&found);
    }
}

status installed_config_find(const char *word, char path[PATH_MAX]) {
    char folder[PATH_MAX];
    if (snprintf(path, PATH_MAX, "%s", word) >= PATH_MAX)
        return fail_usage("the path of a config is longer than %d bytes", PATH_MAX - 1);
    if (file_exists(word) || !find_folder(folder) || is_installed(folder, word, "", path) ||
        is_installed(folder, word, ending, path))
        return STATUS_OK;
    struct text names = {0};
    append_names(folder, &names);
    status outcome = fail_usage("there is no file %s, and no such config in %s; those there: %s", word, folder,
                                names.text ? names.text : "none");
    text_free(&names);
    return outcome;
}
