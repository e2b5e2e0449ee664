/*
 * Every GEMM provider that fits the device against a double-precision product: all transposes, edges, alpha and beta;
 * and several products at once. Those of few rows are in gemv.c.
 */
#include "products.h"

#include "device/gemm_choice.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Around the sizes of micro-kernels and vectors; then one side at a time around those of blocks and tiles. */
static const int shapes[][3] = {{1, 1, 1},     {3, 5, 7},     {12, 32, 8},   {13, 33, 9},  {64, 64, 64},
                                {97, 48, 50},  {100, 17, 3},  {29, 256, 64}, {5, 31, 130}, {6, 16, 1},
                                {17, 15, 257}, {7, 32, 256},  {18, 8, 769},  {70, 528, 2}, {5, 1100, 5},
                                {530, 5, 6},   {1035, 18, 3}, {66, 64, 300}, {23, 24, 25}};

/* Odd strides of every matrix, batches of every transpose, and what lies between rows and members is left alone. */
static void check_strides(struct device *device, int m, int n, int k, bool transpose_a, bool transpose_b) {
    enum { BATCH = 3 };
    struct gemm product = {.m = m,
                           .n = n,
                           .k = k,
                           .transpose_a = transpose_a,
                           .transpose_b = transpose_b,
                           .alpha = -2,
                           .beta = 0.5f,
                           .lda = (transpose_a ? m : k) + 3,
                           .ldb = (transpose_b ? k : n) + 5,
                           .ldc = n,
                           .batch = BATCH};
    product.a_step = (transpose_a ? k : m) * product.lda + 7;
    product.b_step = (transpose_b ? n : k) * product.ldb + 11;
    product.c_step = m * n + 13;
    int a_floats = BATCH * product.a_step, b_floats = BATCH * product.b_step, c_floats = BATCH * product.c_step;
    float *a = random_matrix(a_floats, 1), *b = random_matrix(b_floats, 2), *c = random_matrix(c_floats, 3);
    float *result = memory_allocate((size_t)c_floats, sizeof *result);
    product.a = upload(device, a, a_floats);
    product.b = upload(device, b, b_floats);
    product.c = upload(device, c, c_floats);
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, (size_t)c_floats * sizeof *result));
    for (int at = 0; at < c_floats; at++) {
        int member = at / product.c_step, place = at % product.c_step, i = place / n, j = place % n;
        double expected = c[at];
        if (i < m) {
            const float *of_a = a + member * product.a_step, *of_b = b + member * product.b_step;
            expected *= 0.5;
            for (int p = 0; p < k; p++)
                expected -= 2.0 * of_a[transpose_a ? p * product.lda + i : i * product.lda + p] *
                            of_b[transpose_b ? j * product.ldb + p : p * product.ldb + j];
        }
        if (!(fabs(result[at] - expected) < 1e-3))
            fail_test("%s, strides, transposed %d %d, member %d at %d %d: %g, not %g", gemm_provider_name(device),
                      transpose_a, transpose_b, member, i, j, result[at], expected);
    }
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    free(a);
    free(b);
    free(c);
    free(result);
}

/* With `apart` what is added is another matrix than the result, whose old floats must not be read. */
static void check_product(struct device *device, const int *shape, bool transpose_a, bool transpose_b, float beta,
                          bool apart) {
    int m = shape[0], n = shape[1], k = shape[2];
    float alpha = 0.5f, *a = random_matrix(m * k, 1), *b = random_matrix(k * n, 2), *c = random_matrix(m * n, 3);
    float *result = memory_allocate((size_t)(m * n), sizeof *result);
    cl_mem addend = apart ? upload(device, c, m * n) : NULL;
    float first = c[0];
    if (beta == 0 || apart)
        c[0] = NAN; /* must not be read */
    struct gemm product = {.a = upload(device, a, m * k),
                           .b = upload(device, b, k * n),
                           .c = upload(device, c, m * n),
                           .addend = addend,
                           .m = m,
                           .n = n,
                           .k = k,
                           .transpose_a = transpose_a,
                           .transpose_b = transpose_b,
                           .alpha = alpha,
                           .beta = beta};
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, (size_t)(m * n) * sizeof *result));
    c[0] = first;
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int p = 0; p < k; p++)
                sum += (double)a[transpose_a ? p * m + i : i * k + p] * b[transpose_b ? j * k + p : p * n + j];
            double expected = alpha * sum + (beta == 0 ? 0 : beta * c[i * n + j]);
            if (!(fabs(result[i * n + j] - expected) < 1e-5 * k + 1e-5))
                fail_test("%s %d x %d x %d, transposed %d %d, at %d %d: %g, not %g", gemm_provider_name(device), m, n,
                          k, transpose_a, transpose_b, i, j, result[i * n + j], expected);
        }
    }
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    device_buffer_destroy(device, addend);
    free(a);
    free(b);
    free(c);
    free(result);
}

/* Two products side by side in matrices of four columns more, as grouped channel mixing needs them. */
static void check_batch(struct device *device, bool transpose_a, bool transpose_b) {
    enum { M = 9, N = 20, K = 6, LD = 2 * 20 + 4, BATCH = 2 };
    float *a = random_matrix(LD * LD, 1), *b = random_matrix(LD * LD, 2), *c = random_matrix(LD * LD, 3);
    float result[LD * LD];
    struct gemm product = {.a = upload(device, a, LD * LD),
                           .b = upload(device, b, LD * LD),
                           .c = upload(device, c, LD * LD),
                           .m = M,
                           .n = N,
                           .k = K,
                           .transpose_a = transpose_a,
                           .transpose_b = transpose_b,
                           .alpha = 1,
                           .beta = 1,
                           .lda = LD,
                           .ldb = LD,
                           .ldc = LD,
                           .batch = BATCH,
                           .a_step = transpose_a ? M : K,
                           .b_step = transpose_b ? N * LD : N,
                           .c_step = N};
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, sizeof result));
    for (int i = 0; i < LD; i++) {
        for (int j = 0; j < LD; j++) {
            double expected = c[i * LD + j];
            int member = j / N, column = j % N;
            for (int p = 0; p < K && i < M && member < BATCH; p++) {
                const float *from_a = a + member * product.a_step, *from_b = b + member * product.b_step;
                expected += (double)from_a[transpose_a ? p * LD + i : i * LD + p] *
                            from_b[transpose_b ? column * LD + p : p * LD + column];
            }
            if (!(fabs(result[i * LD + j] - expected) < 1e-4))
                fail_test("%s, batch, transposed %d %d, at %d %d: %g, not %g", gemm_provider_name(device), transpose_a,
                          transpose_b, i, j, result[i * LD + j], expected);
        }
    }
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    free(a);
    free(b);
    free(c);
}

/* ---- several products ---- */

enum { SEVERAL = 5 }; /* one more than a launch takes */

struct several {
    struct gemm products[SEVERAL];
    float *a[SEVERAL], *b[SEVERAL], *c[SEVERAL]; /* what is there before; sides share A, and terms C */
};

/* Product i is m x sizes[i] x k, where they are sides, and m x n x sizes[i], where they are terms. */
static void start_several(struct device *device, enum gemm_relation relation, int m, int other, const int *sizes,
                          bool transpose_a, bool transpose_b, float beta, struct several *several) {
    for (int i = 0; i < SEVERAL; i++) {
        bool is_shared = i > 0, sides = relation == GEMM_SIDES;
        int n = sides ? sizes[i] : other, k = sides ? other : sizes[i];
        struct gemm *product = &several->products[i];
        *product = (struct gemm){.m = m,
                                 .n = n,
                                 .k = k,
                                 .transpose_a = transpose_a,
                                 .transpose_b = transpose_b,
                                 .alpha = 0.5f,
                                 .beta = beta};
        several->a[i] = random_matrix(m * k, sides ? 1 : 10 + (uint64_t)i);
        several->b[i] = random_matrix(k * n, 20 + (uint64_t)i);
        several->c[i] = random_matrix(m * n, sides ? 30 + (uint64_t)i : 30);
        product->a = sides && is_shared ? several->products[0].a : upload(device, several->a[i], m * k);
        product->b = upload(device, several->b[i], k * n);
        product->c = !sides && is_shared ? several->products[0].c : upload(device, several->c[i], m * n);
    }
}

static double sum_of(const struct several *several, int i, int row, int column) {
    const struct gemm *product = &several->products[i];
    double sum = 0;
    for (int p = 0; p < product->k; p++)
        sum += (double)several->a[i][product->transpose_a ? p * product->m + row : row * product->k + p] *
               several->b[i][product->transpose_b ? column * product->k + p : p * product->n + column];
    return product->alpha * sum;
}

static void check_side(struct device *device, enum gemm_relation relation, const struct several *several, int side) {
    const struct gemm *product = &several->products[side];
    int m = product->m, n = product->n;
    float *result = memory_allocate((size_t)(m * n), sizeof *result);
    assert_ok(device_read(device, product->c, 0, result, (size_t)(m * n) * sizeof *result));
    for (int at = 0; at < m * n; at++) {
        double expected = product->beta * several->c[side][at];
        for (int i = 0; i < SEVERAL; i++)
            if (i == side || relation == GEMM_TERMS)
                expected += sum_of(several, i, at / n, at % n);
        if (!(fabs(result[at] - expected) < 2e-3))
            fail_test("%s, %s, transposed %d %d, product %d at %d %d: %g, not %g", gemm_provider_name(device),
                      relation == GEMM_TERMS ? "terms" : "sides", product->transpose_a, product->transpose_b, side,
                      at / n, at % n, result[at], expected);
    }
    free(result);
}

static void finish_several(struct device *device, struct several *several) {
    for (int i = 0; i < SEVERAL; i++) {
        struct gemm *product = &several->products[i], *first = &several->products[0];
        if (i > 0 && product->a != first->a)
            device_buffer_destroy(device, product->a);
        if (i > 0 && product->c != first->c)
            device_buffer_destroy(device, product->c);
        device_buffer_destroy(device, product->b);
        free(several->a[i]);
        free(several->b[i]);
        free(several->c[i]);
    }
    device_buffer_destroy(device, several->products[0].a);
    device_buffer_destroy(device, several->products[0].c);
}

/* `launches`: that they make; 0: whatever that is. */
static void check_several(struct device *device, enum gemm_relation relation, int m, int other, const int *sizes,
                          int launches) {
    for (int transposes = 0; transposes < 4; transposes++) {
        struct several several;
        struct launch_tally tally = {0};
        start_several(device, relation, m, other, sizes, transposes & 1, transposes & 2, transposes == 1 ? 0 : -1.5f,
                      &several);
        size_t bytes = gemm_together_bytes(device, relation, several.products, SEVERAL), before;
        gemm_release_scratch(device);
        before = device_allocated_bytes(device);
        device_count(device, &tally);
        assert_ok(gemm_together(device, relation, several.products, SEVERAL));
        device_count(device, NULL);
        assert_int_equal(device_allocated_bytes(device) - before, bytes);
        if (launches)
            assert_int_equal(tally_kernels(&tally).launches, launches);
        for (int i = 0; i < (relation == GEMM_SIDES ? SEVERAL : 1); i++)
            check_side(device, relation, &several, i);
        tally_free(&tally);
        finish_several(device, &several);
        gemm_release_scratch(device);
    }
}

/* Sides that add to one C, and one that adds to nothing, are not made at once: as one use of a weight after another. */
static void check_one_side_twice(struct device *device) {
    enum { M = 9, N = 12, K = 8, COUNT = 3 };
    float *a = random_matrix(M * K, 1), *b = random_matrix(K * N, 2), *c = random_matrix(M * N, 3);
    float result[2][M * N];
    struct launch_tally tally = {0};
    cl_mem first = upload(device, c, M * N), last = upload(device, c, M * N);
    struct gemm product = {.a = upload(device, a, M * K),
                           .b = upload(device, b, K * N),
                           .c = first,
                           .m = M,
                           .n = N,
                           .k = K,
                           .alpha = 1,
                           .beta = 1};
    struct gemm products[COUNT] = {product, product, product};
    products[2].c = last;
    products[2].beta = 0;
    device_count(device, &tally);
    assert_ok(gemm_together(device, GEMM_SIDES, products, COUNT));
    device_count(device, NULL);
    assert_true(tally_kernels(&tally).launches >= COUNT);
    tally_free(&tally);
    assert_ok(device_read(device, first, 0, result[0], sizeof *result));
    assert_ok(device_read(device, last, 0, result[1], sizeof *result));
    for (int at = 0; at < M * N; at++) {
        double sum = 0;
        for (int p = 0; p < K; p++)
            sum += (double)a[at / N * K + p] * b[p * N + at % N];
        if (!(fabs(result[0][at] - c[at] - 2 * sum) < 1e-4 && fabs(result[1][at] - sum) < 1e-4))
            fail_test("%s, one C twice, at %d: %g and %g, not %g and %g", gemm_provider_name(device), at, result[0][at],
                      result[1][at], c[at] + 2 * sum, sum);
    }
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, first);
    device_buffer_destroy(device, last);
    free(a);
    free(b);
    free(c);
}

/* Sides of fours, and odd ones of which one is narrower than a tile; terms of lengths that are no multiple of a step.
 */
static void check_all_several(struct device *device, int launches_of_sides) {
    static const int wide[SEVERAL] = {68, 4, 132, 64, 36}, odd[SEVERAL] = {33, 1, 70, 64, 5};
    check_several(device, GEMM_SIDES, 36, 40, wide, launches_of_sides);
    check_several(device, GEMM_SIDES, 35, 19, odd, launches_of_sides);
    check_several(device, GEMM_TERMS, 36, 72, wide, 0);
    check_several(device, GEMM_TERMS, 35, 37, odd, 0);
    check_one_side_twice(device);
}

static void check_provider(const char *provider, struct device_shape shape) {
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = provider, .shape = shape}, &device));
    assert_string_equal(gemm_provider_name(device), provider);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int transposes = 0; transposes < 4; transposes++)
            for (int addend = 0; addend < 3; addend++)
                check_product(device, shapes[i], transposes & 1, transposes & 2, addend > 0, addend > 1);
    for (int transposes = 0; transposes < 4; transposes++)
        check_batch(device, transposes & 1, transposes & 2);
    for (int transposes = 0; transposes < 4; transposes++)
        check_strides(device, 27, 37, 19, transposes & 1, transposes & 2);
    check_strides(device, 28, 36, 20, false, false);
    check_all_several(device, 0);
    device_close(device);
}

static void test_panel_4(void **unused) {
    (void)unused;
    check_provider("panel", (struct device_shape){1, 4, 4, 4, 16});
}

static void test_panel_8(void **unused) {
    (void)unused;
    check_provider("panel", (struct device_shape){1, 8, 4, 4, 16});
}

static void test_panel_16(void **unused) {
    (void)unused;
    check_provider("panel", (struct device_shape){1, 16, 4, 4, 16});
}

static void test_clblast(void **unused) {
    (void)unused;
    check_provider("clblast", (struct device_shape){0});
    check_provider("clblast", (struct device_shape){64, 1, 4, 1, 16});
    check_provider("clblast", (struct device_shape){8, 1, 4, 1, 16});
}

/* Tiles of one size, whatever a product's is: rows that are fours and that are none, and k in several parts. */
static void check_tiles(struct device *device, int which, const int (*sizes)[3]) {
    struct gemm_choice choice = gemm_choice_of(&gemm_tiles);
    choice.tiles.given = true;
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        choice.tiles.which[kind] = which;
    assert_ok(gemm_use(device, &choice));
    for (int i = 0; i < 2; i++)
        for (int transposes = 0; transposes < 4; transposes++)
            check_product(device, sizes[i], transposes & 1, transposes & 2, i > 0, false);
}

/* Few rows and columns, and a long k, whose parts lie in memory that is known before. */
static void check_parts(struct device *device) {
    static const int size[] = {17, 15, 600};
    struct gemm product = {.m = size[0], .n = size[1], .k = size[2], .alpha = 1};
    size_t bytes = gemm_scratch_bytes(device, &product), before;
    assert_true(bytes >= 2 * 17 * 15 * sizeof(float));
    gemm_release_scratch(device);
    before = device_allocated_bytes(device);
    for (int transposes = 0; transposes < 4; transposes++)
        check_product(device, size, transposes & 1, transposes & 2, 0.5f, transposes & 1);
    assert_int_equal(device_allocated_bytes(device) - before, bytes);
    gemm_release_scratch(device);
}

/* In parts, with the smallest tiles: four together, and the fifth alone. */
static void check_several_parts(struct device *device) {
    check_several(device, GEMM_SIDES, 17, 300, (const int[SEVERAL]){12, 4, 16, 8, 20}, 4);
    check_several(device, GEMM_SIDES, 18, 301, (const int[SEVERAL]){13, 3, 16, 9, 1}, 4);
    check_several(device, GEMM_TERMS, 17, 12, (const int[SEVERAL]){132, 60, 300, 8, 600}, 4);
    check_several(device, GEMM_TERMS, 18, 13, (const int[SEVERAL]){131, 70, 257, 9, 300}, 4);
}

static void check_all_tiles(struct device_shape shape, const int (*sizes)[3]) {
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = "tiles", .shape = shape}, &device));
    check_parts(device);
    for (int which = 0; which < PRODUCT_TILES; which++)
        check_tiles(device, which, sizes);
    check_all_several(device, 2);
    check_several_parts(device);
    device_close(device);
}

static void test_tiles(void **unused) {
    (void)unused;
    check_provider("tiles", (struct device_shape){64, 1, 4, 1, 16});
}

static void test_all_tiles(void **unused) {
    (void)unused;
    check_all_tiles((struct device_shape){64, 1, 4, 1, 16}, (const int[][3]){{136, 68, 300}, {67, 133, 19}});
}

/* Of few lanes, in a grid that is no square: all that a simulator ends with. */
static void test_tiles_of_few(void **unused) {
    (void)unused;
    check_all_tiles((struct device_shape){8, 1, 4, 1, 16}, (const int[][3]){{36, 68, 140}, {35, 67, 19}});
}

static void test_choice(void **unused) {
    (void)unused;
    struct device *device;
    struct device_shape lanes = {64, 1, 4, 1, 64}, one = {1, 8, 4, 4, 16};
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1); /* whatever was tuned on this machine */
    assert_fails(device_open_choice(NULL, &(struct device_options){.gemm = "cublas"}, &device), STATUS_USAGE,
                 "allowed: auto, panel, clblast, tiles");
    assert_fails(device_open_choice(NULL, &(struct device_options){.gemm = "panel", .shape = lanes}, &device),
                 STATUS_USAGE, "not shaped so");
    assert_fails(device_open_choice(NULL, &(struct device_options){.gemm = "tiles", .shape = one}, &device),
                 STATUS_USAGE, "are many work-items");
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = "auto", .shape = lanes}, &device));
    assert_string_equal(gemm_provider_name(device), "clblast");
    device_close(device);
    /* No instruction of a CPU, and none that is asked for where only tiles could have it. */
    struct device_options narrow = {.products = "bfloat16", .shape = lanes};
    assert_ok(device_open_choice(NULL, &narrow, &device));
    assert_string_equal(gemm_provider_name(device), "clblast");
    device_close(device);
    narrow.gemm = "clblast";
    assert_ok(device_open_choice(NULL, &narrow, &device));
    assert_string_equal(gemm_provider_name(device), "clblast");
    device_close(device);
    narrow.products = "float8";
    assert_fails(device_open_choice(NULL, &narrow, &device), STATUS_USAGE, "allowed: float32, tf32, bfloat16, float16");
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = "auto", .shape = one}, &device));
    assert_string_equal(gemm_provider_name(device), "panel");
    device_close(device);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panel_4),      cmocka_unit_test(test_panel_8), cmocka_unit_test(test_panel_16),
        cmocka_unit_test(test_clblast),      cmocka_unit_test(test_tiles),   cmocka_unit_test(test_all_tiles),
        cmocka_unit_test(test_tiles_of_few), cmocka_unit_test(test_choice),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
