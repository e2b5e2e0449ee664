/*
 * A process's part in a run on a server: its devices take jobs of the queue, and results and files go back.
 *
 *     queue_lease() --> received job, its files fetched --> workers (a thread a device) --> files put, queue_finish()
 *
 * The driver of a run has one for its own devices, `starcl work` is nothing else. Everything happens in work_step(),
 * on the thread that calls it; trainings go on meanwhile.
 */
#ifndef STARCL_RUN_WORK_H
#define STARCL_RUN_WORK_H

#include "run/queue.h"
#include "run/workers.h"

struct work;

/* Must outlive it. */
struct work_setting {
    struct store *store; /* on a server */
    const struct run_config *config;
    const struct genome_space *space; /* that genomes must be of */
    const struct task_list *tasks;
    struct workers *workers;
};

/* Makes a folder for files under TMPDIR. */
status work_create(const struct work_setting *setting, struct work **work) MUST_CHECK;
/* What it has is given up, and waits again. NULL is allowed. */
void work_destroy(struct work *work);

/*
 * Waits for a job to end, so many seconds at most, sends off what came of it, takes as many jobs as there are devices
 * without one, and tells the server that it is there. Fails where no device or no server is left, or with
 * STATUS_INTERRUPTED.
 */
status work_step(struct work *work, double seconds) MUST_CHECK;

/* How far the training of a job is that it has now; false where it has none of that id, or it has not begun. */
bool work_is_at(struct work *work, long long job, int64_t *step, int64_t *steps, double *loss);

/* Jobs that it has now, and those that it has done. */
int work_busy(const struct work *work);
int work_done(const struct work *work);

#endif
