/*
 * An individual in flight: it is evaluated with the seeds of a stage, one after the other, up to the first that fails
 * or is stopped, for that decides. What the store knows is not evaluated again.
 *
 *     trial_begin() --> known? --> all seeds ---> known on the other kinds? --> is_over
 *                    |     ^                              |     ^
 *                    v     |  the next seed               v     |
 *                   job -> evaluation, recorded           job -> measurement
 *                                                               as soon as it is there: trials_wait()
 *
 * Where whoever trained it is of another kind than what selection compares, the evaluation is recorded as it is, then
 * timed by a device of that kind in a job of its own, and recorded again.
 *
 * A genome that another trial evaluates at this moment waits for that, and is known then.
 */
#ifndef STARCL_RUN_TRIAL_H
#define STARCL_RUN_TRIAL_H

#include "run/search_state.h"

/* How far a training is, which its worker's thread tells; under the search's lock. */
struct training_view {
    struct search *search;
    int64_t step, steps; /* 0: none was told */
    double loss;         /* nats */
    struct now_curve curve;
};

struct trial {
    struct individual individual; /* as it was asked for */
    struct stage stage;
    char what[NOW_TEXT_BYTES];      /* for the user */
    struct evaluation *evaluations; /* stage.seeds, of which those so far are set */
    int evaluated;
    bool beyond_limits; /* so it is not evaluated at all */
    bool is_new;        /* something was trained for it */
    bool has_job, is_over;
    struct evaluation trained; /* that the job is to time; the job is one that measures alone */

    struct job job;   /* with what it points at, and its key */
    long long job_id; /* in the queue of a run on a server */
    struct evaluation_key key;
    char state[PATH_MAX], weights[PATH_MAX], architecture[PATH_MAX], parents[2][PATH_MAX];
    struct genome parent_genomes[2];
    struct inheritance inheritance;
    struct training_view view;
    struct train_observer observer;
};

/* Begins one, behind those in search->trials. */
status trial_begin(struct search *search, const struct individual *individual, const struct stage *stage,
                   const char *what, struct trial **trial) MUST_CHECK;
/* Takes it out of search->trials, whether or not it is over. */
void trial_end(struct search *search, struct trial *trial);
/* Ends all of them. What their jobs point at is freed: no worker may have one. */
void trials_end(struct search *search);

/* Waits until an evaluation is there and was recorded, or a moment has passed, and tells the user how far all are. */
status trials_wait(struct search *search) MUST_CHECK;

/* Whether it waits to be timed, and nothing of it is trained. */
bool trial_is_measured(const struct trial *trial);

/* What its training is at. */
struct now_training trial_training(struct search *search, const struct trial *trial);

/* For a job that is none of a trial's: the observer that shows it. */
struct train_observer training_observer(struct training_view *view);

#endif
