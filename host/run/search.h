/* A search: config to run directory, start to end. Evolution asks, the store remembers, the evaluator measures. */
#ifndef STARCL_RUN_SEARCH_H
#define STARCL_RUN_SEARCH_H

#include "run/config.h"

#include <stddef.h>

/*
 * Starts a search. The run's folder is `run_path`, or with NULL runs/<name>-<number>, or where that or run.store is the
 * URL of a database, there; it is made once config, text and device are known to be good, and its path is written to
 * `path` then ("" before; nothing where `path_bytes` is 0). STATUS_INTERRUPTED when the user stopped it.
 */
status search_start(const struct run_config *config, const char *run_path, char *path, size_t path_bytes) MUST_CHECK;

/* Goes on with a run where it stopped, however it stopped. A finished run is left as it is. */
status search_resume(const char *path) MUST_CHECK;

#endif
