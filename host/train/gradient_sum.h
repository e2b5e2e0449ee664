/*
 * The sum of the gradients of a step's parts (division.h), on the host, in the order of the parts: ((g0 + g1) + g2) and
 * so on, each float for itself. It is the same sum whoever has the parts, so its bits are, too.
 *
 * Between ranks the gradient goes in buckets, which are the ranges of model/gradient_ranges.h, each as soon as it is
 * final, while the device still computes the others (Li et al., "PyTorch Distributed: Experiences on Accelerating Data
 * Parallel Training", 2020). Each rank adds up one slice of a bucket, for which the others send theirs, and then gives
 * the sum to the others:
 *
 *     device    backward of LIV 3 | backward of LIV 2 | backward of LIV 1 | ...   |        | update
 *     bucket of LIV 3             | read, slices, sum                     |       |        |
 *     bucket of LIV 2                                 | read, slices, sum |       |        |
 *     bucket of LIV 0                                                             | read, slices, sum
 *
 * With R ranks of a part each a rank sends and receives 2 (R - 1) / R gradients a step, which is as little as any way
 * takes. Of a rank with several parts only the last one overlaps so; those before it are there by then. The host holds
 * two gradients, and one more for each further part of a rank other than the first.
 *
 * No thread does this but the one that trains: it queues a whole backward pass in some milliseconds, and has then
 * nothing to do but to attend to what arrives. So MPI is only called from one thread, and needs no locks.
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

/*
 * Who is to be told of the backward pass that ends each of this process's parts (model_backward_observed()), and takes
 * its gradient. At node 0 it waits for the device, where another part follows: the gradient may be overwritten then.
 */
const struct backward_observer *gradient_sum_observer(struct gradient_sum *sum);
/* When all parts of the step are told: the model's gradient becomes their sum. Waits for the other ranks. */
status gradient_sum_give(struct gradient_sum *sum) MUST_CHECK;

#endif
