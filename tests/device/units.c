/*
 * Products by instructions that multiply matrices, where there are none: this program has tests/device/matrix_units.cl
 * in place of cl/gpu/matrix_units.cl, the instructions in plain OpenCL, so that all around them runs as it does on a GPU.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "device/gemm_choice.h"
#include "starcl/constants.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct device_shape lanes = {64, 1, 4, 1, 16}, wrong_mma = {64, 1, 5, 1, 16};

/*
 * What units multiply: numbers of so many significant bits from 2^least on, and of fewer below it; 2^most and more is
 * infinite. What is in the middle of two goes to the even one, or away from zero.
 */
static const struct format {
    int bits, least, most;
    bool to_even;
} formats[] = {
    [STAR_FACTORS_TF32] = {11, -126, 128, false},
    [STAR_FACTORS_BFLOAT16] = {8, -126, 128, true},
    [STAR_FACTORS_FLOAT16] = {11, -14, 16, true},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static float rounded(float x, struct format format) {
    int exponent;
    frexp(x, &exponent);
    int last = (exponent > format.least ? exponent : format.least + 1) - format.bits;
    double whole = ldexp(x, -last), nearest = ldexp(format.to_even ? nearbyint(whole) : round(whole), last);
    return fabs(nearest) >= ldexp(1, format.most) ? copysignf(INFINITY, x) : (float)nearest;
}

static void round_all(float *values, int count, struct format format) {
    for (int i = 0; i < count; i++)
        values[i] = rounded(values[i], format);
}

static cl_mem upload(struct device *device, const float *values, int elements) {
    cl_mem buffer;
    assert_ok(device_buffer_create(device, (size_t)elements * sizeof *values, &buffer));
    assert_ok(device_write(device, buffer, 0, values, (size_t)elements * sizeof *values));
    return buffer;
}

/* Whether `result` is C = 0.5 op(A) op(B) + 2 C, a member of a batch; A and B are as units have them. */
static void check_member(const struct gemm *p, const float *a, const float *b, const float *c, const float *result,
                         const char *words) {
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++) {
            double expected = 2.0 * c[i * p->n + j];
            for (int k = 0; k < p->k; k++)
                expected += 0.5 * a[p->transpose_a ? k * p->m + i : i * p->k + k] *
                            b[p->transpose_b ? j * p->k + k : k * p->n + j];
            if (!(fabs(result[i * p->n + j] - expected) < 1e-6 * p->k + 1e-5))
                fail_test("%s, %d x %d x %d, transposed %d %d, at %d %d: %g, not %g", words, p->m, p->n, p->k,
                          p->transpose_a, p->transpose_b, i, j, result[i * p->n + j], expected);
        }
    }
}

/* m, n, k, and members of a batch; every third number of A is in the middle between two that the units have. */
static void check_product(struct device *device, const struct gemm_unit *unit, const int *size, int transposes) {
    int of_a = size[0] * size[2], of_b = size[2] * size[1], of_c = size[0] * size[1], batch = size[3];
    struct gemm product = {.m = size[0],
                           .n = size[1],
                           .k = size[2],
                           .transpose_a = transposes & 1,
                           .transpose_b = transposes & 2,
                           .alpha = 0.5f,
                           .beta = 2,
                           .batch = batch,
                           .a_step = of_a,
                           .b_step = of_b,
                           .c_step = of_c};
    struct random_stream random = random_open(7, 1);
    struct format format = formats[unit->factors], longer = format;
    float *a = memory_allocate((size_t)(batch * of_a), sizeof *a);
    float *b = memory_allocate((size_t)(batch * of_b), sizeof *b);
    float *c = memory_allocate((size_t)(batch * of_c), sizeof *c);
    float *result = memory_allocate((size_t)(batch * of_c), sizeof *c);
    char words[64];
    random_normal(&random, a, (size_t)(batch * of_a), 1);
    random_normal(&random, b, (size_t)(batch * of_b), 1);
    random_normal(&random, c, (size_t)(batch * of_c), 1);
    longer.bits++;
    for (int i = 0; i < batch * of_a; i += 3)
        a[i] = rounded(a[i], longer);
    product.a = upload(device, a, batch * of_a);
    product.b = upload(device, b, batch * of_b);
    product.c = upload(device, c, batch * of_c);
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, result, (size_t)(batch * of_c) * sizeof *result));
    round_all(a, batch * of_a, format);
    round_all(b, batch * of_b, format);
    for (int i = 0; i < batch; i++) {
        snprintf(words, sizeof words, "%s in %s, member %d", unit->name, gemm_factors_name(unit->factors), i);
        check_member(&product, a + i * of_a, b + i * of_b, c + i * of_c, result + i * of_c, words);
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
static void check_units(int factors) {
    static const int even[] = {36, 40, 52, 1}, odd[] = {33, 27, 19, 1}, many[] = {72, 68, 24, 1};
    static const int members[] = {18, 10, 23, 3};
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = "tiles", .shape = lanes}, &device));
    for (int i = 0; i < gemm_unit_count; i++) {
        struct gemm_unit unit = gemm_units[i];
        if (unit.factors != factors)
            continue;
        unit.options = ""; /* of Intel's compiler */
        gemm_unit_set(device, &unit);
        use_tiles(device, PRODUCT_TILES - 1);
        check_product(device, &unit, odd, 0);
        check_product(device, &unit, members, 2);
        for (int transposes = 0; transposes < 4; transposes++)
            check_product(device, &unit, even, transposes);
        for (int which = 0; which < PRODUCT_TILES - 1; which++) {
            use_tiles(device, which);
            check_product(device, &unit, many, 0);
        }
    }
    device_close(device);
}

static void test_tf32(void **unused) {
    (void)unused;
    check_units(STAR_FACTORS_TF32);
}

static void test_bfloat16(void **unused) {
    (void)unused;
    check_units(STAR_FACTORS_BFLOAT16);
}

static void test_float16(void **unused) {
    (void)unused;
    check_units(STAR_FACTORS_FLOAT16);
}

/* What `count` numbers are as factors: each times one. */
static void as_factors(int factors, const float *values, int count, float *results) {
    const float one = 1;
    struct device *device;
    struct device_options options = {.gemm = "tiles", .products = gemm_factors_name(factors), .shape = lanes};
    assert_ok(device_open_choice(NULL, &options, &device));
    struct gemm product = {.a = upload(device, values, count),
                           .b = upload(device, &one, 1),
                           .c = upload(device, values, count),
                           .m = count,
                           .n = 1,
                           .k = 1,
                           .alpha = 1};
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, results, (size_t)count * sizeof *results));
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    device_close(device);
}

/* All numbers that there are can be asked for, and an error names them all. */
static void test_names(void **unused) {
    (void)unused;
    char all[128] = "";
    for (int factors = 0; factors < FORMATS; factors++) {
        assert_int_equal(gemm_factors_find(gemm_factors_name(factors)), factors);
        strcat(strcat(all, factors ? ", " : ""), gemm_factors_name(factors));
    }
    assert_string_equal(gemm_products_names(), all);
    assert_int_equal(gemm_factors_find("float8"), -1);
}

/* What overflows, or is no number, is so in the product. */
static void test_no_numbers(void **unused) {
    (void)unused;
    float a[3] = {NAN, INFINITY, -3.4028235e38f}, c[3];
    uint32_t whole = 0x7fffffff; /* all bits of a number that is none: rounding it up would make it -0 */
    memcpy(a, &whole, sizeof whole);
    for (int factors = STAR_FACTORS_TF32; factors < FORMATS; factors++) {
        as_factors(factors, a, 3, c);
        assert_true(isnan(c[0]));
        assert_true(isinf(c[1]) && c[1] > 0);
        assert_true(isinf(c[2]) && c[2] < 0);
    }
}

/*
 * Exactly: numbers with two bits too many, of which every fourth is in the middle of two, in all sizes from below
 * the smallest of 16 bits to above the largest.
 */
static void test_rounding(void **unused) {
    (void)unused;
    enum { LEAST = -30, SIZES = 50, EACH = 48, COUNT = SIZES * EACH };
    static float values[COUNT], results[COUNT];
    for (int factors = STAR_FACTORS_TF32; factors < FORMATS; factors++) {
        int bits = formats[factors].bits + 2;
        for (int i = 0; i < COUNT; i++) {
            int significand = (1 << (bits - 1)) + (i % EACH * 47 + i / EACH) % (1 << (bits - 1));
            values[i] = ldexpf(i % 5 < 2 ? -(float)significand : (float)significand, LEAST + i / EACH - bits);
        }
        as_factors(factors, values, COUNT, results);
        for (int i = 0; i < COUNT; i++)
            if (results[i] != rounded(values[i], formats[factors]))
                fail_test("%a in %s is %a, not %a", (double)values[i], gemm_factors_name(factors), (double)results[i],
                          (double)rounded(values[i], formats[factors]));
    }
}

/* The ends of float16, by hand: about the largest number, the smallest one, and the smallest that has all its bits. */
static void test_ends_of_float16(void **unused) {
    (void)unused;
    static const float pairs[][2] = {
        {65504, 65504},
        {0x1.ffdffep15f, 65504},
        {65520, INFINITY},
        {-65519, -65504},
        {-70000, -INFINITY},
        {0x1p-24f, 0x1p-24f},
        {0x1.8p-24f, 0x1p-23f},
        {0x1.000002p-25f, 0x1p-24f},
        {-0x1p-25f, 0},
        {1e-40f, 0},
        {0x1.ff8p-15f, 0x1.ff8p-15f},
        {0x1.ffbp-15f, 0x1.ff8p-15f},
        {-0x1.ffcp-15f, -0x1p-14f},
        {2049, 2048},
        {2051, 2052},
    };
    enum { COUNT = sizeof pairs / sizeof *pairs };
    float values[COUNT], results[COUNT];
    for (int i = 0; i < COUNT; i++)
        values[i] = pairs[i][0];
    as_factors(STAR_FACTORS_FLOAT16, values, COUNT, results);
    for (int i = 0; i < COUNT; i++)
        if (results[i] != pairs[i][1])
            fail_test("%a is %a, not %a", (double)values[i], (double)results[i], (double)pairs[i][1]);
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
    expect_unit("float16", lanes, "tiles, float16 by mma.sync");
    expect_unit("float16", wrong_mma, "tiles, float16 by mfma");
    expect_unit("float32", lanes, "clblast");
    /* Too few lanes for a wave. */
    expect_unit("tf32", (struct device_shape){8, 1, 4, 1, 16}, "clblast");
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tf32),
        cmocka_unit_test(test_bfloat16),
        cmocka_unit_test(test_float16),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_ends_of_float16),
        cmocka_unit_test(test_probe),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
