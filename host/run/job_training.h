/* The training of a job: one of its evaluator's steps from genome to metrics. */
#ifndef STARCL_RUN_JOB_TRAINING_H
#define STARCL_RUN_JOB_TRAINING_H

#include "run/evaluator.h"

struct job_training {
    const struct run_config *config;
    const struct task_list *tasks;
    int task; /* of them; a candidate is trained for one after the other */
    struct device *device;
    const struct graph *graph;
    const struct job *job;
    struct evaluation *evaluation; /* to which this task's measurements and steps are added */
    bool file_failed;              /* out: a file could not be read or written, which is not the candidate's failure */
};

/*
 * Makes the graph's model, brings it to where the job begins, trains it to the job's steps, keeps what is to be kept,
 * and measures it.
 */
status job_train(struct job_training *training) MUST_CHECK;

#endif
