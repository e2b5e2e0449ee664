/* What evaluation asks of a cross-entropy beside its loss. */
#ifndef STARCL_OPS_CROSS_ENTROPY_H
#define STARCL_OPS_CROSS_ENTROPY_H

#include "ops/op.h"

/*
 * right[0], a float, becomes the number of counted targets that have the largest logit of their row; of equal logits
 * the first has it. Runs behind the forward of `op`, an op_cross_entropy, on its buffers and in its scratch.
 */
status cross_entropy_count_right(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                 cl_mem right) MUST_CHECK;

#endif
