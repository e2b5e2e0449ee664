/* Running a program, and reading what it prints. */
#ifndef STARCL_BASE_PROCESS_H
#define STARCL_BASE_PROCESS_H

#include "base/status.h"

#include <limits.h>
#include <stdbool.h>

/*
 * The program that runs now, for starting it once more: main() says how it was called, and only a program that is
 * starcl does. process_own() is its path, NULL where nobody said, as in programs that use the library. On Linux it
 * names what runs, also where the file was replaced since.
 */
void process_set_own(const char *called_as);
const char *process_own(void);
/*
 * What lies at a path relative to the folder of the program that runs, so that an installed tree may be moved. False
 * where there is nothing, or where nobody said what runs.
 */
bool process_beside_own(const char *relative, char path[PATH_MAX]);

/* What a program did. Free with process_result_free(). */
struct process_result {
    int code;     /* its exit code; 128 + n where signal n ended it */
    char *output; /* on stdout */
    char *errors; /* on stderr; NULL where that was passed on */
};

/*
 * Runs a program to its end. `arguments` begin with its path or its name on PATH and end with NULL; `environment` lists
 * "NAME=value", ended by NULL, beside this process's own, whose variables of these names it replaces; NULL adds
 * nothing. `errors` says whether stderr is read, or is this process's own.
 *
 * STATUS_FAILED where it cannot be started. Where the user asks to stop, it is told so (SIGTERM), waited for, and
 * STATUS_INTERRUPTED returned; so where it says itself that it was interrupted (130). The result is set after
 * STATUS_OK.
 */
status process_run(const char *const *arguments, const char *const *environment, bool errors,
                   struct process_result *result) MUST_CHECK;
void process_result_free(struct process_result *result);

/*
 * What a starcl said in `errors` that failed: the last line that begins with "starcl: ", without that; NULL: it did not
 * say. Cuts the text behind it.
 */
const char *process_reason(struct process_result *result);

#endif
