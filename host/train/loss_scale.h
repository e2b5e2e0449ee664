/*
 * Loss scaling, for gradients that pass through float16 (Micikevicius et al., "Mixed precision training", 2018): the
 * loss is multiplied by a power of two, so that small gradients are no zeros there, and the optimiser divides by it. A
 * step whose gradient overflowed is left out, and the scale halves; after many without overflow it doubles.
 * cl/loss_scale.cl.
 */
#ifndef STARCL_TRAIN_LOSS_SCALE_H
#define STARCL_TRAIN_LOSS_SCALE_H

#include "ops/narrow.h"

/* Floats of the state. */
enum { LOSS_SCALE_NUMBERS = 2 };

struct loss_scale;

/* Whether gradients of a graph whose activations wait so are scaled; and the device memory that it takes. */
bool loss_scale_is_for(enum dtype waits_as);
size_t loss_scale_bytes(void);

status loss_scale_create(struct device *device, struct loss_scale **scale) MUST_CHECK;
void loss_scale_destroy(struct loss_scale *scale);

/* On the device, owned by the scale: the scale, and the steps since it changed. What checkpoints keep. */
cl_mem loss_scale_state(const struct loss_scale *scale);

/* loss_gradient[0] = shares[index] times the scale. */
status loss_scale_seed(const struct loss_scale *scale, cl_mem shares, size_t index, cl_mem loss_gradient) MUST_CHECK;

/* Behind a step: the squared norm of the gradient that was scaled, infinite or NaN where it overflowed. */
status loss_scale_follow(struct loss_scale *scale, cl_mem norm_squared) MUST_CHECK;

#endif
