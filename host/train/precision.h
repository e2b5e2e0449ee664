/*
 * In what numbers a model is trained, a row each. Sums, norms, softmax, states, the loss, weights, their gradients and
 * the optimiser's moments are float32 in all of them.
 *
 *                products multiply    activations wait for
 *                (gemm_units.c)       backward in (lifetimes.h)
 *     float32    float32              float32
 *     tf32       tf32                 float32
 *     bfloat16   bfloat16             bfloat16
 *     float16    float16              float16, and the loss is scaled (loss_scale.h)
 *
 * Products do so where the device has instructions for it, and multiply in float32 elsewhere: what narrows is storage
 * alone then.
 */
#ifndef STARCL_TRAIN_PRECISION_H
#define STARCL_TRAIN_PRECISION_H

#include "ops/narrow.h"

struct precision {
    const char *name;
    const char *products; /* device_options.products */
    enum dtype waits_as;  /* model_settings.waits_as */
};

/* The row of this name, or NULL; and all names, for messages. */
const struct precision *precision_find(const char *name);
const char *precision_names(void);

#endif
