/* Tensors in two bytes an element, while nothing computes with them: cl/narrow.cl. */
#ifndef STARCL_OPS_NARROW_H
#define STARCL_OPS_NARROW_H

#include "ops/op.h"
#include "starcl/constants.h"

enum dtype { DTYPE_FLOAT32, DTYPE_BFLOAT16, DTYPE_FLOAT16 };

/* Bytes that `elements` of a type take, as tensor_bytes() says for float32. */
size_t dtype_bytes(enum dtype dtype, size_t elements);

/* A tensor in float32 and in a narrow type. */
struct narrow_pair {
    cl_mem wide, narrow;
    size_t elements;
};
enum { NARROW_TOGETHER = STAR_NARROW_TOGETHER };

/*
 * Each of at most NARROW_TOGETHER tensors: narrow[i] = wide[i] rounded to the nearest number of a narrow type, of two
 * the even one; back exactly. bfloat16 has float32's range. What is too large for float16, 65504, becomes that, with
 * its sign: a gradient that is made from it is wrong by as much, but a number.
 */
status narrow_store(struct device *device, enum dtype dtype, const struct narrow_pair *pairs, int count) MUST_CHECK;
status narrow_load(struct device *device, enum dtype dtype, const struct narrow_pair *pairs, int count) MUST_CHECK;

#endif
