#include "export/export.h"

#include "base/file.h"
#include "base/text.h"
#include "export/pytorch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const formats[] = {"pytorch"};
enum { FORMATS = sizeof formats / sizeof *formats };

static status check_format(const char *format) {
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(format, formats[i]) == 0)
            return STATUS_OK;
    const char *nearest = text_nearest(format, formats, FORMATS);
    return fail_usage("--to knows no format '%s'%s%s%s; allowed: %s", format, nearest ? ", did you mean " : "",
                      nearest ? nearest : "", nearest ? "?" : "", formats[0]);
}

/* Without the slashes that it may end with, behind which nothing could be put beside it. */
static status name_folder(const char *given, char folder[PATH_MAX]) {
    size_t length = strlen(given);
    while (length > 1 && given[length - 1] == '/')
        length--;
    if (length == 0 || length > 4000)
        return fail_usage("the name of the folder is %s", length == 0 ? "empty" : "too long");
    snprintf(folder, PATH_MAX, "%.*s", (int)length, given);
    if (file_exists(folder))
        return fail_usage("%s is there already; export writes into a new folder and overwrites nothing", folder);
    return STATUS_OK;
}

static void remove_folder(const char *folder) {
    char path[PATH_MAX];
    for (int i = 0; pytorch_files[i]; i++) {
        snprintf(path, sizeof path, "%.4050s/%s", folder, pytorch_files[i]);
        unlink(path);
    }
    rmdir(folder);
}

/* Into a folder beside it, which gets its name when all is there. */
static status write_folder(const struct pytorch_export *prepared, const char *folder) {
    char temporary[PATH_MAX];
    snprintf(temporary, sizeof temporary, "%.4000s.%ld.new", folder, (long)getpid());
    TRY(file_make_directory(temporary));
    status outcome = pytorch_write(prepared, temporary);
    if (outcome == STATUS_OK && rename(temporary, folder) != 0)
        outcome = fail("cannot make the folder %s: %s", folder, strerror(errno));
    if (outcome != STATUS_OK)
        remove_folder(temporary);
    return outcome;
}

status export_checkpoint(const char *checkpoint, const char *format, const char *given) {
    char folder[PATH_MAX];
    struct checkpoint_files files;
    struct pytorch_export *prepared;
    TRY(check_format(format));
    TRY(name_folder(given, folder));
    TRY(checkpoint_find(checkpoint, &files));
    TRY(pytorch_prepare(&files, &prepared));
    status outcome = write_folder(prepared, folder);
    pytorch_destroy(prepared);
    return outcome;
}
