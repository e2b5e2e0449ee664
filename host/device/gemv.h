/*
 * The product for few rows: a kernel of its own that reads B as it lies, for any shape of device and for B in float16
 * (gemm_halve() is here too), and that takes several matrices in one launch. Used by gemm.c; tiles of other kernels
 * would be mostly empty.
 */
#ifndef STARCL_DEVICE_GEMV_H
#define STARCL_DEVICE_GEMV_H

#include "device/gemm.h"
#include "starcl/constants.h"

/* The most products that gemv() takes at once. */
enum { GEMV_TOGETHER = STAR_GEMV_TOGETHER };

/* Whether gemv() can compute the product, and whether it can compute two at once; lda to batch must not be 0. */
bool gemv_takes(const struct gemm *gemm);
bool gemv_takes_together(const struct gemm *one, const struct gemm *other);

status gemv(struct device *device, const struct gemm *gemms, int count) MUST_CHECK;

#endif
