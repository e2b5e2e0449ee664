/*
 * Products by instructions that multiply matrices, where there are none: this program has tests/device/matrix_units.cl
 * in place of cl/matrix_units.cl, the instructions in plain OpenCL, so that all around them runs as it does on a GPU.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "device/gemm_choice.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct device_shape lanes = {64, 1, 4, 1, 16}, wrong_mma = {64, 1, 5, 1, 16};

/* To `bits` significant bits, what is in the middle to the even one or away from zero. */
static float rounded(float x, int bits, bool to_even) {
    int exponent;
    double whole = ldexp(frexp(x, &exponent), bits);
    return (float)ldexp(to_even ? nearbyint(whole) : round(whole), exponent - bits);
}

/* What the units multiply: of tf32 11 bits, of bfloat16 8. */
static void round_all(float *values, int count, const char *products) {
    bool tf32 = strcmp(products, "tf32") == 0;
    for (int i = 0; i < count; i++)
        values[i] = rounded(values[i], tf32 ? 11 : 8, !tf32);
}

static cl_mem upload(struct device *device, const float *values, int elements) {
    cl_mem buffer;
    assert_ok(device_buffer_create(device, (size_t)elements * sizeof *values, &buffer));
    assert_ok(device_write(device, buffer, 0, values, (size_t)elements * sizeof *values));
    return buffer;
}

/* C = 0.5 op(A) op(B) + 2 C; every third number of A is in the middle between two that the units have. */
static void check_product(struct device *device, const char *name, const char *products, const int *size,
                          int transposes) {
    int m = size[0], n = size[1], k = size[2];
    struct gemm product = {.m = m, .n = n, .k = k, .alpha = 0.5f, .beta = 2};
    struct random_stream random = random_open(7, 1);
    float *a = memory_allocate((size_t)(m * k), sizeof *a), *b = memory_allocate((size_t)(k * n), sizeof *b);
    float *c = memory_allocate((size_t)(m * n), sizeof *c), *result = memory_allocate((size_t)(m * n), sizeof *c);
    product.transpose_a = transposes & 1;
    product.transpose_b = transposes & 2;
    random_normal(&random, a, (size_t)(m * k), 1);
    random_normal(&random, b, (size_t)(k * n), 1);
    random_normal(&random, c, (size_t)(m * n), 1);
    for (int i = 0; i < m * k; i += 3)
        a[i] = rounded(a[i], strcmp(products, "tf32") == 0 ? 12 : 9, true);
    product.a = upload(device, a, m * k);
    product.b = upload(device, b, k * n);
    product.c = upload(device, c, m * n);
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, (size_t)(m * n) * sizeof *result));
    round_all(a, m * k, products);
    round_all(b, k * n, products);
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
            double expected = 2.0 * c[i * n + j];
            for (int p = 0; p < k; p++)
                expected += 0.5 * a[product.transpose_a ? p * m + i : i * k + p] *
                            b[product.transpose_b ? j * k + p : p * n + j];
            if (!(fabs(result[i * n + j] - expected) < 1e-6 * k + 1e-5))
                fail_test("%s in %s, %d x %d x %d, transposed %d, at %d %d: %g, not %g", name, products, m, n, k,
                          transposes, i, j, result[i * n + j], expected);
        }
    }
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    free(a);
    free(b);
    free(c);
    free(result);
}

static void use_tiles(struct device *device, int which) {
    struct gemm_choice choice = gemm_choice_of(&gemm_tiles);
    choice.tiles.given = true;
    for (int kind = 0; kind < GEMM_CLASSES; kind++)
        choice.tiles.which[kind] = which;
    assert_ok(gemm_use(device, &choice));
}

/* The smallest tiles in every transpose, and in larger ones several units a wave and, of the largest, more waves. */
static void check_units(const char *products) {
    static const int even[] = {36, 40, 52}, odd[] = {33, 27, 19}, many[] = {72, 68, 24};
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = "tiles", .shape = lanes}, &device));
    for (int i = 0; i < gemm_unit_count; i++) {
        struct gemm_unit unit = gemm_units[i];
        if (strcmp(unit.products, products) != 0)
            continue;
        unit.options = ""; /* of Intel's compiler */
        gemm_unit_set(device, &unit);
        use_tiles(device, PRODUCT_TILES - 1);
        check_product(device, unit.name, products, odd, 0);
        for (int transposes = 0; transposes < 4; transposes++)
            check_product(device, unit.name, products, even, transposes);
        for (int which = 0; which < PRODUCT_TILES - 1; which++) {
            use_tiles(device, which);
            check_product(device, unit.name, products, many, 0);
        }
    }
    device_close(device);
}

static void test_tf32(void **unused) {
    (void)unused;
    check_units("tf32");
}

static void test_bfloat16(void **unused) {
    (void)unused;
    check_units("bfloat16");
}

/* What overflows, or is no number, is so in the product. */
static void test_no_numbers(void **unused) {
    (void)unused;
    static const char *const products[] = {"tf32", "bfloat16"};
    const float one = 1;
    float a[3] = {NAN, INFINITY, -3.4028235e38f}, c[3];
    uint32_t whole = 0x7fffffff; /* all bits of a number that is none: rounding it up would make it -0 */
    memcpy(a, &whole, sizeof whole);
    for (int i = 0; i < 2; i++) {
        struct device *device;
        struct device_options options = {.gemm = "tiles", .products = products[i], .shape = lanes};
        assert_ok(device_open_choice(NULL, &options, &device));
        struct gemm product = {.a = upload(device, a, 3),
                               .b = upload(device, &one, 1),
                               .c = upload(device, a, 3),
                               .m = 3,
                               .n = 1,
                               .k = 1,
                               .alpha = 1};
        assert_ok(gemm(device, &product));
        assert_ok(device_read(device, product.c, 0, c, sizeof c));
        assert_true(isnan(c[0]));
        assert_true(isinf(c[1]) && c[1] > 0);
        assert_true(isinf(c[2]) && c[2] < 0);
        device_buffer_destroy(device, product.a);
        device_buffer_destroy(device, product.b);
        device_buffer_destroy(device, product.c);
        device_close(device);
    }
}

static void expect_unit(const char *products, struct device_shape shape, const char *name) {
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.products = products, .shape = shape}, &device));
    assert_string_equal(gemm_provider_name(device), name);
    device_close(device);
}

/* The first unit that compiles and is right; one whose numbers are wrong is passed over. */
static void test_probe(void **unused) {
    (void)unused;
    expect_unit("tf32", lanes, "tiles, tf32 by mma.sync");
    expect_unit("bfloat16", lanes, "tiles, bfloat16 by mma.sync");
    expect_unit("tf32", wrong_mma, "tiles, tf32 by mfma");
    expect_unit("bfloat16", wrong_mma, "tiles, bfloat16 by mfma");
    expect_unit("float32", lanes, "clblast");
    /* Too few lanes for a wave. */
    expect_unit("tf32", (struct device_shape){8, 1, 4, 1, 16}, "clblast");
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tf32),
        cmocka_unit_test(test_bfloat16),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_probe),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
