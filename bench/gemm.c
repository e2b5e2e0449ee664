/* The products of a training step, in all their transposes. */
#include "bench.h"

#include "base/memory.h"
#include "device/gemm.h"

#include <stdio.h>
#include <stdlib.h>

/* A linear layer's three products for `rows` rows: forward, the gradient of its input, the gradient of its weight. */
static const struct layer {
    int rows, in, out;
} layers[] = {
    {4096, 256, 256}, {4096, 256, 688},  {4096, 688, 256},  /* width 256, 16 x 256 tokens */
    {1024, 768, 768}, {1024, 768, 2064}, {1024, 2064, 768}, /* width 768, 4 x 256 tokens */
};
enum { LAYERS = sizeof layers / sizeof *layers };

struct product {
    struct device *device;
    struct gemm gemm;
};

static status multiply(void *context) {
    const struct product *product = context;
    return gemm(product->device, &product->gemm);
}

/* Small whole numbers, so that no value is denormal. */
static status fill(struct device *device, size_t floats, cl_mem *buffer) {
    float *values = memory_allocate(floats, sizeof *values);
    for (size_t i = 0; i < floats; i++)
        values[i] = (float)(i % 7) - 3;
    status outcome = device_buffer_create(device, floats * sizeof *values, buffer);
    if (outcome == STATUS_OK)
        outcome = device_write(device, *buffer, 0, values, floats * sizeof *values);
    free(values);
    return outcome;
}

static status measure(const struct bench *bench, struct product *product, double *gflops) {
    struct gemm *g = &product->gemm;
    size_t m = (size_t)g->m, n = (size_t)g->n, k = (size_t)g->k;
    double seconds;
    TRY(fill(product->device, m * k, &g->a));
    TRY(fill(product->device, k * n, &g->b));
    TRY(fill(product->device, m * n, &g->c));
    TRY(bench_time(bench, multiply, product, &seconds));
    *gflops = 2.0 * (double)m * (double)n * (double)k / seconds * 1e-9;
    return STATUS_OK;
}

status bench_product(const struct bench *bench, int m, int n, int k, bool transpose_a, bool transpose_b,
                     double *gflops) {
    struct product product = {
        bench->device, {.m = m, .n = n, .k = k, .transpose_a = transpose_a, .transpose_b = transpose_b, .alpha = 1}};
    status outcome = measure(bench, &product, gflops);
    device_buffer_destroy(bench->device, product.gemm.a);
    device_buffer_destroy(bench->device, product.gemm.b);
    device_buffer_destroy(bench->device, product.gemm.c);
    return outcome;
}

static status add_product(struct bench *bench, int m, int n, int k, bool transpose_a, bool transpose_b) {
    char name[BENCH_NAME_BYTES];
    double gflops = 0;
    snprintf(name, sizeof name, "%dx%dx%d %c%c", m, n, k, transpose_a ? 't' : 'n', transpose_b ? 't' : 'n');
    if (!bench_wants(bench, name))
        return STATUS_OK;
    status outcome = bench_product(bench, m, n, k, transpose_a, transpose_b, &gflops);
    return bench_add(bench, name, outcome, gflops, "GFLOP/s", gflops / bench->peaks.gflops);
}

status bench_gemm(struct bench *bench) {
    for (int i = 0; i < LAYERS; i++) {
        struct layer l = layers[i];
        TRY(add_product(bench, l.rows, l.out, l.in, false, false));
        TRY(add_product(bench, l.rows, l.in, l.out, false, true));
        TRY(add_product(bench, l.in, l.out, l.rows, true, false));
    }
    return STATUS_OK;
}
