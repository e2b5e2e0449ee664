/*
 * The learning curve of a training: its losses in constant memory, whether it diverges, and where it leads.
 */
#ifndef STARCL_TRAIN_CURVE_H
#define STARCL_TRAIN_CURVE_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { CURVE_BINS = 128 };

/* A loss and its standard error, in nats. */
struct prediction {
    double loss, error;
};

/*
 * Sums of the losses of `width` steps each, the last perhaps of fewer; when all bins are full, every two become one and
 * the width doubles. A function of the losses in order: a training that goes on from a saved curve has the same one as
 * if it had not stopped. Start from {0}.
 */
struct curve {
    int64_t first; /* steps that were done before it begins: not 0 where they were not kept */
    int64_t steps; /* whose losses it has */
    int64_t width;
    double sums[CURVE_BINS];
    /* For divergence. */
    double smooth, lowest; /* the smoothed loss now, and its minimum so far */
    int64_t above;         /* steps in a row that it has been far above that */
    /* What the trainer notes when half of the training is done: where it led to then. */
    bool has_halfway;
    struct prediction halfway;
};

/* The next step's loss, in nats. */
void curve_add(struct curve *curve, double loss, double uniform);

/*
 * The smoothed loss has been more than a fifth of `uniform`, the loss of guessing, above its own minimum for a
 * twentieth of all steps, and at least 20. A single spike is nothing.
 */
bool curve_diverges(const struct curve *curve);

/*
 * The smoothed loss that step `at` would have if the steps from `from` to `until` went on as they did, by a power law
 * (curve.c). The error is that of a curve that follows such a law; what the law itself gets wrong, such as all that
 * changes when the rate decays, is for the caller to know. False where there are fewer than 8 bins in between, or their
 * losses follow none.
 */
bool curve_predict(const struct curve *curve, int64_t from, int64_t until, int64_t at, struct prediction *prediction);

/* As text, exactly; the caller frees it. Reading refuses what such a text cannot be. */
char *curve_print(const struct curve *curve);
status curve_parse(const char *text, struct curve *curve) MUST_CHECK;

#endif
