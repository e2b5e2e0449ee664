/*
 * The text of a run on a server, for workers on machines that have none: the file `text` of the run, as the driver has
 * it, compressed or not. A folder of files, and a text of more than SHARED_TEXT_MIB, stays where it is: workers then
 * need a copy of their own.
 */
#ifndef STARCL_RUN_SHARED_TEXT_H
#define STARCL_RUN_SHARED_TEXT_H

#include "run/evaluator.h"
#include "run/store.h"

#include <limits.h>

enum { SHARED_TEXT_MIB = 512 };

/* Puts it there, unless it is there or stays where it is. */
status shared_text_put(struct store *store, const struct run_config *config) MUST_CHECK;

/*
 * Opens the tasks of a run: with the text at config->data.path where that is the run's (its fingerprint tells), or with
 * that on the server, which comes to a file of its own under TMPDIR, whose path is written to `path` ("" otherwise) and
 * which the caller removes. `own`: the path was given by the user, and nothing else will do. STATUS_USAGE where neither
 * is the run's text.
 */
status shared_text_open(struct store *store, struct run_config *config, bool own, char path[PATH_MAX],
                        struct task_list *tasks) MUST_CHECK;

#endif
