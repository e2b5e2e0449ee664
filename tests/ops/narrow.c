/*
 * float32 in two bytes and back, bit for bit against integers on the host: every bfloat16 and float16, what lies
 * between two of them, and what neither has, on the shapes of CPUs and of GPUs.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "ops/narrow.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The value of a float16: sign, 5 bits of exponent, 10 of mantissa (IEEE 754-2008, binary16). */
static double value_of_half(uint16_t half) {
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double value = exponent == 31 ? (mantissa ? (double)NAN : (double)INFINITY)
                   : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                  : ldexp(mantissa, -24);
    return half >> 15 ? -value : value;
}

static double value_of(enum dtype dtype, uint16_t narrow) {
    return dtype == DTYPE_FLOAT16 ? value_of_half(narrow) : (double)float_of((uint32_t)narrow << 16);
}

/* Positive narrow numbers are in order as integers are; their nearest to x > 0, of two the even one. */
static uint16_t nearest(enum dtype dtype, double x) {
    uint16_t low = 0, high = dtype == DTYPE_FLOAT16 ? 0x7bff : 0x7f80;
    if (dtype == DTYPE_FLOAT16 && x > 65504)
        return high;
    while (high - low > 1) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        *(value_of(dtype, middle) <= x ? &low : &high) = middle;
    }
    double below = x - value_of(dtype, low), above = value_of(dtype, high) - x;
    /* bfloat16's infinity is where the next number would be. */
    if (isinf(above))
        above = ldexp(1, 128) - x;
    return below < above || (below == above && low % 2 == 0) ? low : high;
}

static uint16_t expected(enum dtype dtype, float x) {
    uint16_t sign = (uint16_t)(bits_of(x) >> 31 << 15);
    if (isinf(x))
        return sign | (dtype == DTYPE_FLOAT16 ? 0x7bff : 0x7f80);
    return sign | nearest(dtype, fabs((double)x));
}

/* Every narrow number, the float behind it, the middle to the next and the floats around that; NaNs; and any bits. */
static size_t make_floats(enum dtype dtype, float **floats) {
    enum { EACH = 5, RANDOM = 20000, NANS = 4 };
    static const uint32_t nans[NANS] = {0x7f800001, 0x7fffffff, 0xff800001, 0xffffffff};
    *floats = memory_allocate(EACH * 65536 + RANDOM + NANS, sizeof **floats);
    size_t count = 0;
    for (; count < NANS; count++)
        (*floats)[count] = float_of(nans[count]);
    for (uint32_t narrow = 0; narrow < 65536; narrow++) {
        double value = value_of(dtype, (uint16_t)narrow), next = value_of(dtype, (uint16_t)(narrow + 1));
        if (!isfinite(value) || !isfinite(next))
            continue;
        float middle = (float)((value + next) / 2);
        const float each[EACH] = {(float)value, nextafterf((float)value, INFINITY), middle,
                                  nextafterf(middle, INFINITY), nextafterf(middle, -INFINITY)};
        memcpy(*floats + count, each, sizeof each);
        count += EACH;
    }
    struct random_stream random = random_open(1, hash_text(HASH_START, "bits"));
    for (int i = 0; i < RANDOM; i++)
        (*floats)[count++] = float_of((uint32_t)(random_uniform(&random) * 4294967296.0));
    return count;
}

static void check(struct device *device, enum dtype dtype) {
    float *floats, *back;
    size_t count = make_floats(dtype, &floats), bytes = tensor_bytes(count);
    uint16_t *narrow = memory_allocate(count, sizeof *narrow);
    back = memory_allocate(count, sizeof *back);
    cl_mem wide, stored, loaded;
    assert_int_equal(dtype_bytes(dtype, count), bytes / 2);
    assert_ok(device_buffer_create(device, bytes, &wide));
    assert_ok(device_buffer_create(device, bytes, &loaded));
    assert_ok(device_buffer_create(device, dtype_bytes(dtype, count), &stored));
    assert_ok(device_write(device, wide, 0, floats, count * sizeof *floats));
    assert_ok(narrow_store(device, dtype, &(struct narrow_pair){wide, stored, count}, 1));
    assert_ok(narrow_load(device, dtype, &(struct narrow_pair){loaded, stored, count}, 1));
    assert_ok(device_read(device, stored, 0, narrow, count * sizeof *narrow));
    assert_ok(device_read(device, loaded, 0, back, count * sizeof *back));
    for (size_t i = 0; i < count; i++) {
        float value = floats[i];
        uint16_t wanted = isnan(value) ? 0 : expected(dtype, value);
        if (isnan(value) ? !isnan(back[i]) : narrow[i] != wanted)
            fail_test("%a (%08x) is stored as %04x, not %04x", value, bits_of(value), narrow[i], wanted);
        if (!isnan(value) && (double)back[i] != value_of(dtype, narrow[i]))
            fail_test("%04x is loaded as %a", narrow[i], back[i]);
    }
    device_buffer_destroy(device, wide);
    device_buffer_destroy(device, stored);
    device_buffer_destroy(device, loaded);
    free(floats);
    free(narrow);
    free(back);
}

/* Several at once, of unlike lengths: each is converted, and nothing behind its end. */
static void check_together(struct device *device) {
    enum { LONGEST = 1000, TENSORS = NARROW_TOGETHER };
    static const size_t elements[TENSORS] = {16, LONGEST, 1, 320};
    struct narrow_pair pairs[TENSORS];
    float floats[LONGEST + OP_ROUND_FLOATS];
    for (int i = 0; i < TENSORS; i++) {
        pairs[i].elements = elements[i];
        assert_ok(device_buffer_create(device, sizeof floats, &pairs[i].wide));
        assert_ok(device_buffer_create(device, sizeof floats, &pairs[i].narrow));
        for (int e = 0; e < LONGEST + OP_ROUND_FLOATS; e++)
            floats[e] = (float)(e % 200 + i);
        assert_ok(device_write(device, pairs[i].wide, 0, floats, sizeof floats));
    }
    for (int count = 1; count <= TENSORS; count++)
        assert_ok(narrow_store(device, DTYPE_BFLOAT16, pairs, count));
    for (int i = 0; i < TENSORS; i++)
        assert_ok(device_fill_zero(device, pairs[i].wide, 0, sizeof floats));
    assert_ok(narrow_load(device, DTYPE_BFLOAT16, pairs, TENSORS));
    for (int i = 0; i < TENSORS; i++) {
        size_t padded = tensor_bytes(elements[i]) / sizeof(float);
        assert_ok(device_read(device, pairs[i].wide, 0, floats, sizeof floats));
        for (size_t e = 0; e < LONGEST + OP_ROUND_FLOATS; e++)
            if (e < elements[i] ? floats[e] != (float)(e % 200) + (float)i : e >= padded && floats[e] != 0)
                fail_test("element %zu of tensor %d is %g", e, i, (double)floats[e]);
        device_buffer_destroy(device, pairs[i].wide);
        device_buffer_destroy(device, pairs[i].narrow);
    }
}

static void check_shape(struct device_shape shape) {
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.shape = shape}, &device));
    check(device, DTYPE_BFLOAT16);
    check(device, DTYPE_FLOAT16);
    device_close(device);
}

static void test_default_shape(void **unused) {
    (void)unused;
    check_shape((struct device_shape){0});
}

static void test_shapes(void **unused) {
    (void)unused;
    const int widths[] = {4, 8, 16};
    for (int i = 0; i < 3; i++)
        check_shape((struct device_shape){.lanes = 1, .width = widths[i], .items = 3, .rows = 1, .reduction_rows = 64});
    check_shape((struct device_shape){.lanes = 64, .width = 1, .items = 4, .rows = 1, .reduction_rows = 64});
}

static void test_together(void **unused) {
    (void)unused;
    struct device *device;
    assert_ok(device_open_choice(NULL, NULL, &device));
    check_together(device);
    device_close(device);
    assert_ok(device_open_choice(NULL, &(struct device_options){.shape = {64, 1, 4, 1, 64}}, &device));
    check_together(device);
    device_close(device);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_default_shape), cmocka_unit_test(test_shapes),
                                       cmocka_unit_test(test_together)};
    test_choose(count, words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
