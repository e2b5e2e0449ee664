/*
 * What the evaluations of one genome with several seeds say together: means, and standard errors of the means. Two
 * candidates are trained on the same seeds (common random numbers), so the errors are what other seeds would change.
 */
#ifndef STARCL_RUN_SUMMARY_H
#define STARCL_RUN_SUMMARY_H

#include "run/evaluation.h"

struct summary {
    int seeds;                /* evaluations with this number of steps; 0: there is none */
    bool failed;              /* one of them failed */
    bool stopped;             /* the training of a seed was given up: its quality is a prediction */
    const char *reason;       /* why the first that failed did, or else was stopped; belongs to the evaluations */
    struct metrics mean;      /* over the seeds; NaN where it was not measured */
    struct metrics errors;    /* standard errors of the means: deviation / sqrt(seeds); NaN with one seed */
    struct metrics low, high; /* of one evaluation: the interval of what was measured often; NaN: none */
    struct metrics judged; /* what limits are held against: the means, but of what was measured again the worse end of
                              the interval */
    double seconds;        /* that all of them took */
};

/*
 * Of those of evaluations[0..count), which are of one genome and in order of steps, then seed, that were trained for
 * `steps`.
 */
struct summary summarise(const struct evaluation *evaluations, int count, long long steps);

/*
 * Puts what was measured again on the device, in evaluations of 0 steps, in the place of what was measured when the
 * candidate was trained: of many candidates those are selected that were lucky then. Limits judge the whole interval
 * of it.
 */
void summary_measured_again(const struct evaluation *evaluations, int count, struct summary *summary);

/* Whether one of the evaluations of at most so many steps failed. */
bool has_failed(const struct evaluation *evaluations, int count, long long most_steps);

/*
 * Whether two means differ by no more than other seeds would make them differ: by less than t standard errors of their
 * difference, sqrt(a^2 + b^2), with Student's t for 95 % at as many degrees of freedom as there are seeds, less two.
 * False where an error is not known, and where neither mean has one.
 */
bool within_noise(const struct summary *a, const struct summary *b, enum metric metric);

#endif
