/*
 * op_long_convolution in O(T log T): cl/spectral_convolution.cl. For whole sequences; a decoding step has its own form.
 */
#ifndef STARCL_OPS_SPECTRAL_CONVOLUTION_H
#define STARCL_OPS_SPECTRAL_CONVOLUTION_H

#include "ops/op.h"

/* Whether kernels can count it: segments of at most OP_MOST_SPAN tokens, and a scratch that is not too large. */
bool spectral_convolution_fits(const struct op *op);
/* Floating-point operations of the forward pass, as op_type.flops. */
double spectral_convolution_flops(const struct op *op);
/* Sets the scratch that the functions below take. */
void spectral_convolution_scratch(struct op *op);

/* As op_type.forward and op_type.backward; inputs are x and the kernel, of which `lags` rows are in use. */
status spectral_convolution_forward(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                    int lags) MUST_CHECK;
status spectral_convolution_backward(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                     int lags) MUST_CHECK;

#endif
