/*
 * The jobs of a run on a server, for workers on any machine: tables of its database, which PostgreSQL guards.
 *
 *     jobs       id, key, job (job_text.h), state, attempts, worker, until, result, kind: of device that it is for
 *     workers    name, device, kind, seen, and what it does now: job, step, steps, loss
 *
 *                  queue_lease()                      queue_finish()              queue_forget()
 *     "waiting" -----------------> "leased", until -------------------> "done" ------------------> no row
 *                  <-------------   a moment that
 *                   it has passed   queue_see() puts off
 *
 * A worker is one device of one process, with a job at a time. A lease is a worker's for as long as it renews it. One
 * that has run out is given to the next worker that asks; a result that comes later is dropped, with its files. A job
 * that LEASES_MOST workers were lost with is done: it failed. Nothing of this is known to a file's engine: SQLite has
 * no other machine.
 */
#ifndef STARCL_RUN_QUEUE_H
#define STARCL_RUN_QUEUE_H

#include "run/database.h"
#include "run/store.h"

#include <stdint.h>

enum { WORKER_NAME_BYTES = 160, LEASES_MOST = 4 };

/* Makes the tables, or brings those of an older version to this one; they are part of the schema of a run on a server.
 */
status queue_define(struct database *database) MUST_CHECK;
status queue_migrate(struct database *database) MUST_CHECK;

/* ---- the driver ---- */

/* Forgets jobs that nobody has: of a driver that is gone. Those that a worker has or has done are kept. */
status queue_begin(struct store *store) MUST_CHECK;
struct new_job {
    const char *key, *job;
    const char *kind; /* of device that it is for; NULL: for any */
    long long id;     /* that it gets */
};
/* Adds jobs under their keys, which differ, or finds those that are there: all or none. */
status queue_put(struct store *store, struct new_job *jobs, int count) MUST_CHECK;

struct done_job {
    long long id;
    int attempts;
    char *result; /* NULL: every worker was lost with it */
};
/* All that are done and not forgotten. Free with done_jobs_free(). */
status queue_done(struct store *store, struct done_job **jobs, int *count) MUST_CHECK;
void done_jobs_free(struct done_job *jobs, int count);
status queue_forget(struct store *store, const long long *ids, int count) MUST_CHECK;

/* Workers that were seen within the last so many seconds. */
struct seen_worker {
    char name[WORKER_NAME_BYTES], device[WORKER_NAME_BYTES], kind[KIND_BYTES];
    long long job; /* that it has; 0: none */
    int64_t step, steps;
    double loss; /* NaN: not known */
};
status queue_workers(struct store *store, double seconds, struct seen_worker **workers, int *count) MUST_CHECK;

/* ---- a worker ---- */

struct leased_job {
    long long id;
    int attempt; /* 1 .. LEASES_MOST; with the id and the worker it names the lease */
    char worker[WORKER_NAME_BYTES];
    char *job; /* text; the caller frees it */
};
/*
 * The job that waits longest, for so many seconds from now; before all those whose lease ran out, and then those that
 * are for one of these kinds of devices, on which a trained candidate waits. `kinds` is NULL where the run has no jobs
 * for a kind. *found is false where there is none. The server does not wait for its disk: where it falls the lease may
 * be lost, the job is given to another, and its result is then dropped.
 */
status queue_lease(struct store *store, const char *worker, const struct kind_list *kinds, double seconds, bool *found,
                   struct leased_job *leased) MUST_CHECK;
/* The worker is there, and keeps its leases for so many seconds from now. */
status queue_see(struct store *store, const struct seen_worker *worker, double seconds) MUST_CHECK;
/*
 * The job is done. Files that were put under the names that queue_file_name() gives get their own names. Where the
 * lease had run out and the job was given to somebody else, result and files are thrown away, and *counts is false;
 * which queue_has_lease() tells before. Without files it is one statement, and one answer of the server.
 */
status queue_has_lease(struct store *store, const struct leased_job *leased, bool *has) MUST_CHECK;
status queue_finish(struct store *store, const struct leased_job *leased, const char *result,
                    const char *const *file_names, int file_count, bool *counts) MUST_CHECK;
/* The lease is given back: another worker is to do it. */
status queue_hand_back(struct store *store, const struct leased_job *leased) MUST_CHECK;
/* The worker is gone; what it had waits again. */
status queue_leave(struct store *store, const char *worker) MUST_CHECK;

enum { QUEUE_FILE_BYTES = 288 };
/* The name that a file of a lease has until its job is done. Writes to name (QUEUE_FILE_BYTES) and returns it. */
const char *queue_file_name(const struct leased_job *leased, const char *file, char *name);

#endif
