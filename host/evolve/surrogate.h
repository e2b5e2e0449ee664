/*
 * A model of what only training tells: from candidates that were trained it learns to predict the objectives of
 * others. Ridge regression on the numbers of predictors.h; surrogate.c says how.
 *
 * It is a function of what it was told, in order. It keeps the newest rows and is fitted anew when enough of them have
 * come, so a prediction costs one product a predictor and an average tell at most the 64th part of a fit.
 */
#ifndef STARCL_EVOLVE_SURROGATE_H
#define STARCL_EVOLVE_SURROGATE_H

#include "evolve/predictors.h"

#include <stdbool.h>

enum {
    SURROGATE_MOST_ROWS = 256,  /* the newest are kept */
    SURROGATE_FIT_LATEST = 64,  /* rows after which it is fitted anew */
    SURROGATE_LEAST_ROWS = 4,   /* measured ones; with fewer nothing is predicted */
    SURROGATE_MOST_TARGETS = 8, /* objectives that need training */
    SURROGATE_WINDOW = 50       /* predictions that surrogate_correlation() looks at */
};

struct surrogate;

/* For prospects of the space, which must outlive it, with so many costs. Targets: 1 to SURROGATE_MOST_TARGETS. */
struct surrogate *surrogate_create(const struct genome_space *space, int costs, int targets);
void surrogate_destroy(struct surrogate *surrogate);

/*
 * What training a candidate told: its targets, or NULL where it failed or one of them is no finite number. A failure
 * counts as the worst value of each target among the rows that are kept (targets are minimised). What the model
 * predicts for the candidate is kept first, for surrogate_correlation().
 */
void surrogate_tell(struct surrogate *surrogate, const struct prospect *prospect, const double *targets);
/* The same of what surrogate_correlation() shall not look at, such as the candidates of another run. */
void surrogate_teach(struct surrogate *surrogate, const struct prospect *prospect, const double *targets);

/*
 * Predicts the targets, and by how much such predictions were off: the root mean square of the leave-one-out errors.
 * Either may be NULL. false where too few measured rows are known; always finite otherwise.
 */
bool surrogate_predict(struct surrogate *surrogate, const struct prospect *prospect, double *means, double *deviations);

/*
 * Spearman's rank correlation between what was predicted for a target and what training told afterwards: of the last
 * SURROGATE_WINDOW measured candidates that the model predicted, those that were trained for as long as the last of
 * them, so that it does not take credit for knowing that longer training is better. NaN with fewer than 3 of them, or
 * where either side is constant.
 */
double surrogate_correlation(const struct surrogate *surrogate, int target);

/* Spearman's rank correlation of two rows of numbers; equal ones have their mean rank. NaN as above. */
double rank_correlation(const double *a, const double *b, int count);

#endif
