/*
 * starcl as a library: run searches and read their results from a program of your own. Link with -lstarcl and what
 * `starcl.pc` names.
 *
 * Functions return an int with the meaning of the program's exit codes: 0 done, 1 failed, 2 the call or a config is
 * wrong, 130 interrupted. star_message() then says what happened. Texts that are returned through a char ** belong to
 * the caller, who frees them with free(). One thread at a time.
 */
#ifndef STARCL_STARCL_H
#define STARCL_STARCL_H

#include "starcl/version.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the last failure of this thread was; never NULL. */
const char *star_message(void);

/* Every OpenCL device, as `starcl devices --json` prints it. */
int star_devices(char **json);

/*
 * Runs the experiment of a config file, with `count` overrides such as "model.width=64". `run_path` is the folder of
 * the run, which must not exist; NULL makes runs/<name>-<number>. The folder's path is written to `path` (`path_bytes`,
 * "" if it was not made). Progress goes to stderr.
 */
int star_search(const char *config_path, const char *const *assignments, int count, const char *run_path, char *path,
                size_t path_bytes);

/* Goes on with a run that was interrupted or killed. */
int star_resume(const char *run_path);

/* The Pareto front of a run, as `starcl show RUN --json` prints it. */
int star_front(const char *run_path, char **json);

/* LIVs, parameters, FLOPs and cache of a genome at a config's sizes (NULL: the defaults), as `starcl show GENOME`. */
int star_architecture(const char *genome, const char *config_path, char **json);

#ifdef __cplusplus
}
#endif

#endif
