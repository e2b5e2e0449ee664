/*
 * Jobs go in, evaluations come out: a thread with an evaluator for each device of a search.
 *
 *     workers_submit() --> waiting jobs --> 0.0: job --+
 *                                       --> 1.0: job --+--> finished jobs --> workers_wait()
 *
 * Whoever is free takes the job that waits longest, so a fast device takes more of them. A device that is lost or has
 * no memory is opened again, and its job tried again there; where that fails too, the job is handed back once, for
 * another device. A device that loses three jobs one after the other, or cannot be opened again, is left out from then
 * on. Where none is left, jobs fail. A job that measures alone is for devices of its kind, and comes before all that
 * train.
 *
 * All functions are called from one thread, that of the search.
 */
#ifndef STARCL_RUN_WORKERS_H
#define STARCL_RUN_WORKERS_H

#include "run/evaluator.h"

struct workers;

/* Opens the devices that config->devices means; none for devices.use = ["none"]. What is passed must outlive them. */
status workers_create(const struct run_config *config, const struct catalogue *catalogue, const struct task_list *tasks,
                      struct workers **workers) MUST_CHECK;
/* Whether that is so: the driver of a run on a server leaves all work to others. */
bool workers_are_none(const struct run_config *config);
/* Jobs that are not finished are given up. NULL is allowed. */
void workers_destroy(struct workers *workers);

/* How many there are, numbered from 0, and how many of them still take jobs. */
int workers_count(const struct workers *workers);
int workers_active(struct workers *workers);

/* Of a device, as it was opened first, or where there is none, of nobody's; texts that live as long as the workers. */
struct worker_facts {
    const char *name;   /* for people: which part of which device, too */
    const char *choice; /* that means it alone: device_index() */
    const char *device; /* its kind: what evaluations are compared by */
    const char *platform, *driver, *gemm;
};
struct worker_facts workers_facts(const struct workers *workers, int number);
/* The device of a worker, for the calling thread as long as no job is submitted; NULL where it was left out. */
struct device *workers_device(const struct workers *workers, int number);

/*
 * Queues a job. What it points at must stay until it is finished; `owner` names it then. The genomes (at most
 * REHEARSAL_MOST) are who the worker that takes it will probably be given next: evaluator_expect().
 */
void workers_submit(struct workers *workers, const struct job *job, void *owner, const struct genome *next,
                    int next_count);

struct finished_job {
    void *owner;    /* NULL: none has finished in this time */
    status outcome; /* of evaluator_evaluate(); a failure's message is this thread's now */
    struct evaluation evaluation;
};
/* Waits for a job to be finished, so many seconds at most. */
void workers_wait(struct workers *workers, double seconds, struct finished_job *finished);

/* The owner of the job that a worker carries out now; NULL where it has none. */
void *workers_owner(struct workers *workers, int number);

/* Evaluates one job, while there is no other. */
status workers_evaluate(struct workers *workers, const struct job *job, struct evaluation *evaluation) MUST_CHECK;
/* Nobody is expected next: what devices build ahead comes to an end, and nothing runs on them. Without jobs only. */
void workers_rest(struct workers *workers);

/* What happened to a worker and is to be told, one call after the other; false where nothing is. */
enum { WORKER_NOTICE_BYTES = 1024 };
bool workers_notice(struct workers *workers, char notice[WORKER_NOTICE_BYTES]);

/* What all of them have built so far. */
struct build_statistics workers_build_statistics(struct workers *workers);

#endif
