/* Sums in a fixed order on the device, for the operators' parameter gradients: cl/reduce.cl. */
#ifndef STARCL_OPS_REDUCE_H
#define STARCL_OPS_REDUCE_H

#include "device/device.h"

/* result[c] = sum over p < parts of partial[offset + p * stride + c], c < columns; added to result with accumulate. */
status reduce_columns(struct device *device, cl_mem partial, size_t offset, size_t stride, int parts, int columns,
                      cl_mem result, bool accumulate) MUST_CHECK;

/* result[0] = scale * sum of values[0..count). */
status reduce_sum(struct device *device, cl_mem values, int count, float scale, cl_mem result) MUST_CHECK;

/*
 * result[row, shared_heads, columns] = for each shared head the sum over the heads that share it of
 * partial[offset + (row, heads, columns)]; added to result with accumulate.
 */
status reduce_heads(struct device *device, cl_mem partial, size_t offset, int rows, int heads, int shared_heads,
                    int columns, cl_mem result, bool accumulate) MUST_CHECK;

#endif
