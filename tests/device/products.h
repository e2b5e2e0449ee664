/* What tests of products share: random matrices, and their way to the device. */
#ifndef STARCL_TESTS_PRODUCTS_H
#define STARCL_TESTS_PRODUCTS_H

#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "device/gemm.h"

static inline float *random_matrix(int elements, uint64_t name) {
    struct random_stream random = random_open(5, name);
    float *matrix = memory_allocate((size_t)elements, sizeof *matrix);
    random_normal(&random, matrix, (size_t)elements, 1);
    return matrix;
}

static inline cl_mem upload(struct device *device, const float *values, int elements) {
    cl_mem buffer;
    assert_ok(device_buffer_create(device, (size_t)elements * sizeof *values, &buffer));
    assert_ok(device_write(device, buffer, 0, values, (size_t)elements * sizeof *values));
    return buffer;
}

#endif
