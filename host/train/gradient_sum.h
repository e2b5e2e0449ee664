/*
 * The sum of the gradients of a step's parts (division.h), on the host, in the order of the parts: ((g0 + g1) + g2) and
 * so on, each float for itself. It is the same sum whoever has the parts, so its bits are, too.
 *
 * Between ranks each rank adds up one slice of the gradient, for which the others send theirs, and then gives the sum
 * to the others. With R ranks of a part each a rank sends and receives 2 (R - 1) / R gradients a step, which is as
 * little as any way takes, in two turns; the host holds two gradients, and one more for each further part of a rank
 * other than the first.
 */
#ifndef STARCL_TRAIN_GRADIENT_SUM_H
#define STARCL_TRAIN_GRADIENT_SUM_H

#include "model/model.h"
#include "train/division.h"
#include "train/ranks.h"

struct gradient_sum;

/* NULL where there is one part, whose gradient is the sum: the functions below then do nothing. */
status gradient_sum_create(struct model *model, const struct division *division, struct ranks *ranks,
                           struct gradient_sum **sum) MUST_CHECK;
void gradient_sum_destroy(struct gradient_sum *sum);

/* The model's gradient is that of this process's next part. Waits for the device. */
status gradient_sum_take(struct gradient_sum *sum) MUST_CHECK;
/* When all parts of the step are taken: the model's gradient becomes their sum. Waits for the other ranks. */
status gradient_sum_give(struct gradient_sum *sum) MUST_CHECK;

#endif
