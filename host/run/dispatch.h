/*
 * From a search to whoever evaluates for it: the devices of this process, or, where the run is on a server, those of
 * every process that works on it.
 *
 *     trial -> dispatch_submit() -+-> workers.h                         -+-> dispatch_wait() -> trial
 *                                 +-> queue.h <-- work.h, here and there -+
 */
#ifndef STARCL_RUN_DISPATCH_H
#define STARCL_RUN_DISPATCH_H

#include "run/trial.h"

/* Of a search whose store is open: on a server, jobs that an earlier driver left behind are cleared. */
status dispatch_begin(struct search *search) MUST_CHECK;
/* Before the store is closed. */
void dispatch_end(struct search *search);

/* How many jobs are worked on at the same time, as far as it is known now; at least 1. */
int dispatch_workers(struct search *search);

/* Submits trial->job; `next` as workers_submit() takes them. */
status dispatch_submit(struct search *search, struct trial *trial, const struct genome *next,
                       int next_count) MUST_CHECK;
/*
 * Waits for a job to be finished, so many seconds at most; its owner is a trial. Its files lie at its paths, and
 * trial->view has its curve. When its evaluation was recorded, dispatch_forget() is called.
 */
void dispatch_wait(struct search *search, double seconds, struct finished_job *finished);
status dispatch_forget(struct search *search, struct trial *trial) MUST_CHECK;

/* Evaluates one job, while there is no other. */
status dispatch_evaluate(struct search *search, const struct job *job, struct evaluation *evaluation) MUST_CHECK;

/* What each device does now, for those who watch. */
void dispatch_describe(struct search *search, struct now *now);

#endif
