/* One operator on a device against its double-precision reference. */
#ifndef STARCL_OPS_CHECK_H
#define STARCL_OPS_CHECK_H

#include "ops/op.h"

struct op_error {
    double forward;                 /* largest |device - reference| over the largest |reference|, over all outputs */
    double backward[OP_MAX_INPUTS]; /* the same for each input's gradient, 0 for ids; over 1e-3 where it is none */
};

/*
 * Fills the inputs with normal numbers from `seed` (inputs in `token_inputs`, as bits, with ids below `token_count`),
 * runs forward and backward on the device and compares. The reference gradient is the central difference of the
 * double-precision reference under a random linear loss, in every coordinate of small inputs and in `samples` random
 * ones of larger inputs. Gradients are checked written and accumulated. `op` is completed by op_infer().
 */
status op_check(struct device *device, struct op *op, unsigned token_inputs, int token_count, int samples,
                unsigned long long seed, struct op_error *error) MUST_CHECK;

#endif
