/*
 * Products of few rows, which no GEMM provider makes, against double precision: float32 and float16 matrices, several
 * at once, batches, and what is done to a row on the way; on the shapes of CPUs and of GPUs.
 */
#include "products.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Exactly as float16 holds them, so that a product with them must be as near as any other. */
static float *random_halves(int elements, uint64_t name) {
    float *matrix = random_matrix(elements, name);
    for (int i = 0; i < elements; i++)
        matrix[i] = roundf(matrix[i] * 64) / 64;
    return matrix;
}

/* `batch` matrices of k x n behind each other as gemm_halve() makes them. */
static cl_mem upload_halves(struct device *device, const float *values, int k, int n, int batch) {
    cl_mem floats = upload(device, values, k * n * batch), halves;
    assert_ok(device_buffer_create(device, (size_t)(k * n * batch) * 2, &halves));
    assert_ok(gemm_halve(device, floats, halves, k, n, batch));
    device_buffer_destroy(device, floats);
    return halves;
}

/* One row times several matrices at once, more than a launch takes, of wide, narrow and odd columns. */
static void check_together(struct device *device, bool half) {
    enum { K = 70, COUNT = 8 };
    static const int columns[COUNT] = {300, 7, 128, 33, 16, 1000, 45, 3};
    struct gemm products[COUNT];
    float *a = random_matrix(K, 1), *b[COUNT], result[1000];
    cl_mem shared = upload(device, a, K);
    for (int i = 0; i < COUNT; i++) {
        b[i] = random_halves(K * columns[i], (uint64_t)i + 2);
        products[i] = (struct gemm){.a = shared, .m = 1, .n = columns[i], .k = K, .alpha = 1, .half_b = half};
        products[i].b = half ? upload_halves(device, b[i], K, columns[i], 1) : upload(device, b[i], K * columns[i]);
        products[i].c = upload(device, b[i], columns[i]);
    }
    assert_ok(gemm_together(device, GEMM_SIDES, products, COUNT));
    for (int i = 0; i < COUNT; i++) {
        assert_ok(device_read(device, products[i].c, 0, result, (size_t)columns[i] * sizeof *result));
        for (int j = 0; j < columns[i]; j++) {
            double expected = 0;
            for (int p = 0; p < K; p++)
                expected += (double)a[p] * b[i][p * columns[i] + j];
            if (!(fabs(result[j] - expected) < 1e-4))
                fail_test("%s, together, matrix %d at %d: %g, not %g", gemm_provider_name(device), i, j, result[j],
                          expected);
        }
        device_buffer_destroy(device, products[i].b);
        device_buffer_destroy(device, products[i].c);
        free(b[i]);
    }
    device_buffer_destroy(device, shared);
    free(a);
}

/* Few rows, a batch side by side in wider rows, and something to add, B in float16. */
static void check_halves(struct device *device) {
    enum { ROWS = 3, BATCH = 2, K = 70, N = 333, LDA = BATCH * K + 1, LDC = BATCH * N + 2 };
    float *a = random_matrix(ROWS * LDA, 1), *b = random_halves(BATCH * K * N, 2), *c = random_matrix(ROWS * LDC, 3);
    float *result = memory_allocate(ROWS * LDC, sizeof *result);
    struct gemm product = {.a = upload(device, a, ROWS * LDA),
                           .b = upload_halves(device, b, K, N, BATCH),
                           .c = upload(device, c, ROWS * LDC),
                           .m = ROWS,
                           .n = N,
                           .k = K,
                           .half_b = true,
                           .alpha = 0.5f,
                           .beta = 2,
                           .lda = LDA,
                           .ldc = LDC,
                           .batch = BATCH,
                           .a_step = K,
                           .b_step = K * N,
                           .c_step = N};
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, ROWS * LDC * sizeof *result));
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < LDC; j++) {
            int member = j / N, column = j % N;
            double expected = (member < BATCH ? 2 : 1) * c[i * LDC + j];
            for (int p = 0; p < K && member < BATCH; p++)
                expected += 0.5 * a[i * LDA + member * K + p] * b[(member * K + p) * N + column];
            if (!(fabs(result[i * LDC + j] - expected) < 1e-4))
                fail_test("float16, at %d %d: %g, not %g", i, j, result[i * LDC + j], expected);
        }
    }
    product.transpose_a = true;
    assert_fails(gemm(device, &product), STATUS_FAILED, "nothing transposed");
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    free(a);
    free(b);
    free(c);
    free(result);
}

/* A normalised row by row on the way, alone and together. */
static void check_norm(struct device *device, bool half) {
    enum { ROWS = 2, K = 70, N = 45 };
    float *a = random_matrix(ROWS * K, 1), *b = random_halves(K * N, 2), *gain = random_matrix(K, 3);
    float result[2][ROWS * N];
    struct gemm products[2] = {{.a = upload(device, a, ROWS * K),
                                .a_gain = upload(device, gain, K),
                                .b = half ? upload_halves(device, b, K, N, 1) : upload(device, b, K * N),
                                .c = upload(device, a, ROWS * N),
                                .m = ROWS,
                                .n = N,
                                .k = K,
                                .half_b = half,
                                .alpha = 1}};
    products[1] = products[0];
    products[1].c = upload(device, a, ROWS * N);
    assert_ok(gemm_together(device, GEMM_SIDES, products, 2));
    for (int i = 0; i < 2; i++)
        assert_ok(device_read(device, products[i].c, 0, result[i], sizeof *result));
    assert_memory_equal(result[0], result[1], sizeof *result);
    for (int i = 0; i < ROWS; i++) {
        double squares = 0;
        for (int p = 0; p < K; p++)
            squares += (double)a[i * K + p] * a[i * K + p];
        for (int j = 0; j < N; j++) {
            double expected = 0;
            for (int p = 0; p < K; p++)
                expected += a[i * K + p] / sqrt(squares / K + 1e-5) * gain[p] * b[p * N + j];
            if (!(fabs(result[0][i * N + j] - expected) < 1e-4))
                fail_test("normalised, at %d %d: %g, not %g", i, j, result[0][i * N + j], expected);
        }
    }
    products[0].batch = 2;
    assert_fails(gemm(device, &products[0]), STATUS_FAILED, "a norm no batch");
    device_buffer_destroy(device, products[0].a);
    device_buffer_destroy(device, products[0].a_gain);
    device_buffer_destroy(device, products[0].b);
    device_buffer_destroy(device, products[0].c);
    device_buffer_destroy(device, products[1].c);
    free(a);
    free(b);
    free(gain);
}

/* What float16 does not hold is rounded to the nearest, not cut off. */
static void check_rounding(struct device *device) {
    enum { COUNT = 5 };
    const float one = 1, from[COUNT] = {1 + 0x1.8p-11f, 1 + 0x1p-12f, -3.14159265f, 1e-6f, 65504};
    const float expected[COUNT] = {1 + 0x1p-10f, 1, -3.140625f, 0x1.1p-20f, 65504};
    float result[COUNT];
    struct gemm product = {.a = upload(device, &one, 1),
                           .b = upload_halves(device, from, 1, COUNT, 1),
                           .c = upload(device, from, COUNT),
                           .m = 1,
                           .n = COUNT,
                           .k = 1,
                           .half_b = true,
                           .alpha = 1};
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, sizeof result));
    for (int i = 0; i < COUNT; i++)
        if (result[i] != expected[i])
            fail_test("%.9g in float16 became %.9g, not %.9g", from[i], result[i], expected[i]);
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
}

static void check_few_rows(struct device *device) {
    check_together(device, false);
    check_together(device, true);
    check_halves(device);
    check_rounding(device);
    check_norm(device, false);
    check_norm(device, true);
}

static void check_shapes(const struct device_shape *shapes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct device *device;
        assert_ok(device_open_choice(NULL, &(struct device_options){.shape = shapes[i]}, &device));
        check_few_rows(device);
        device_close(device);
    }
}

static void test_loops(void **unused) {
    (void)unused;
    static const struct device_shape loops[] = {{0}, {1, 4, 4, 4, 16}, {1, 8, 4, 4, 16}, {1, 16, 4, 4, 16}};
    check_shapes(loops, sizeof loops / sizeof *loops);
}

static void test_lanes(void **unused) {
    (void)unused;
    static const struct device_shape lanes[] = {{64, 1, 4, 1, 16}, {8, 1, 4, 1, 16}, {4, 4, 2, 2, 8}, {2, 4, 2, 2, 8}};
    check_shapes(lanes, sizeof lanes / sizeof *lanes);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops), cmocka_unit_test(test_lanes)};
    test_choose(count, words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
