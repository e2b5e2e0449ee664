/*
 * Shapes that devices are opened with: PoCL claims the host's vectors whatever it compiles for, and what counts is what
 * it compiles for. PoCL reads its environment once, so each instruction set has a process of its own.
 */
#include "test.h"

#include "base/text.h"
#include "device/shape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the processors that PoCL names its kernel libraries for; 0 for any other. */
static int width_by_name(const char *name) {
    return strstr(name, "skylake-avx512") ? 16 : strstr(name, "haswell") ? 8 : strstr(name, "penryn") ? 4 : 0;
}

/* Exits with 0 where the device has vectors of `width` floats, or of its processor's for 0. */
static void check_in_child(int width) {
    struct device *device;
    if (device_open_choice("cpu", NULL, &device) != STATUS_OK)
        _exit(1);
    const char *name = device_information(device)->name;
    struct device_shape shape = device_shape(device);
    int expected = width ? width : width_by_name(name);
    bool right = shape.lanes == 1 && (expected == 0 || shape.width == expected);
    if (!right)
        fprintf(stderr, "%s: %d lanes of %d floats, not of %d\n", name, shape.lanes, shape.width, expected);
    device_close(device);
    _exit(right ? 0 : 1);
}

/* In a process where this variable has this value, unless it is NULL. */
static void check(const char *variable, const char *value, int width) {
    int outcome;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (variable)
            setenv(variable, value, 1);
        check_in_child(width);
    }
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_int_equal(outcome, 0);
}

static void test_width(void **unused) {
    (void)unused;
    check(NULL, NULL, 0);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.1"))
        check("POCL_KERNELLIB_NAME", "sse41", 0);
    if (__builtin_cpu_supports("avx2"))
        check("POCL_KERNELLIB_NAME", "avx2", 0);
#endif
}

/* A driver that predefines what it does not compile for, as Intel's does, but tells its sub-groups. */
static void test_sub_groups(void **unused) {
    (void)unused;
    setenv("OPENCL_LAYERS", FAILING_LAYER, 1);
    check("SUB_GROUP", "4", 4);
    check("SUB_GROUP", "1", 0);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.1")) {
        setenv("POCL_KERNELLIB_NAME", "sse41", 1);
        check("SUB_GROUP", "8", 4);
        check("SUB_GROUP", "1024", 4);
        unsetenv("POCL_KERNELLIB_NAME");
    }
#endif
    unsetenv("OPENCL_LAYERS");
}

/* Sums, columns of B, a float of A: what a micro-kernel needs at once fits into the registers that such vectors have.
 */
static void test_registers(void **unused) {
    (void)unused;
    for (int width = 4; width <= 16; width *= 2) {
        struct product_blocks blocks = shape_product_blocks((struct device_shape){.lanes = 1, .width = width});
        int registers = width == 16 ? 32 : 16;
        assert_in_range(blocks.micro_rows * blocks.micro_vectors + blocks.micro_vectors + 1, registers / 2, registers);
        assert_int_equal(blocks.block_rows % blocks.micro_rows, 0);
        assert_int_equal(blocks.tile_columns % (blocks.micro_vectors * width), 0);
    }
}

static const struct device_shape shapes[] = {
    {.lanes = 1, .width = 16, .items = 64, .rows = 8, .reduction_rows = 64},
    {.lanes = 1, .width = 8, .items = 64, .rows = 8, .reduction_rows = 64},
    {.lanes = 1, .width = 4, .items = 64, .rows = 8, .reduction_rows = 64},
    {.lanes = 64, .width = 1, .items = 4, .rows = 1, .reduction_rows = 64},
};
enum { SHAPES = sizeof shapes / sizeof *shapes, LANES = SHAPES - 1 };

/* What kernels take for granted of their family's numbers, and host code of both. */
static void test_families(void **unused) {
    (void)unused;
    for (int i = 0; i < SHAPES; i++) {
        struct attention_blocks attention = shape_attention_blocks(shapes[i]);
        struct scan_blocks scan = shape_scan_blocks(shapes[i]);
        struct convolution_blocks convolution = shape_convolution_blocks(shapes[i]);
        assert_true(attention.together > 0 && attention.outputs > 0 && scan.chunk > 0 && convolution.tile > 0);
        /* Blocks are whole vectors of rows, and rows that are made at once. */
        assert_int_equal(attention.chunk % shapes[i].width, 0);
        assert_int_equal(attention.chunk % attention.outputs, 0);
        /* Transforms are of powers of two, by whole passes: the real and imaginary parts fit into half the registers.
         */
        assert_true(convolution.radix == 2 || convolution.radix == 4 || convolution.radix == 8);
        assert_in_range(4 * convolution.radix, 8, shapes[i].width == 16 ? 32 : 16);
        /* A core's loop has both forms of a backward pass at once and of a convolution, many lanes have neither. */
        assert_int_equal(attention.parts > 0 && attention.groups > 0, i < LANES);
        assert_int_equal(convolution.weight > 0 && convolution.groups > 0, i < LANES);
        assert_int_equal(attention.tile > 0 && attention.across > 0, i == LANES);
    }
    struct attention_blocks lanes = shape_attention_blocks(shapes[LANES]);
    assert_int_equal(lanes.tile / 2 * lanes.across, shapes[LANES].lanes);
    assert_int_equal(4 * shape_scan_blocks(shapes[LANES]).chunk, shapes[LANES].lanes);
}

/* Each number is told once, under the family whose struct has it; no two have one name. */
static void test_numbers(void **unused) {
    (void)unused;
    for (int i = 0; i < SHAPES; i++) {
        struct attention_blocks attention = shape_attention_blocks(shapes[i]);
        struct scan_blocks scan = shape_scan_blocks(shapes[i]);
        struct convolution_blocks convolution = shape_convolution_blocks(shapes[i]);
        struct shape_number number, other;
        int sum = 0, count = 0;
        for (; shape_number(shapes[i], count, &number); count++) {
            sum += number.value;
            for (int j = 0; j < count; j++)
                assert_true(shape_number(shapes[i], j, &other) &&
                            (strcmp(other.family, number.family) != 0 || strcmp(other.name, number.name) != 0));
            if (strcmp(number.family, "scan") == 0)
                assert_int_equal(number.value, scan.chunk);
        }
        assert_int_equal(count, (sizeof attention + sizeof scan + sizeof convolution) / sizeof(int));
        assert_int_equal(sum, attention.together + attention.groups + attention.parts + attention.tile +
                                  attention.across + attention.chunk + attention.outputs + scan.chunk +
                                  convolution.tile + convolution.radix + convolution.groups + convolution.weight);
    }
}

/* What kernels of a device are built with is what host code counts on. */
static void test_build_options(void **unused) {
    (void)unused;
    for (int i = 0; i < SHAPES; i++) {
        struct text options = {0};
        char expected[400];
        struct attention_blocks attention = shape_attention_blocks(shapes[i]);
        struct convolution_blocks convolution = shape_convolution_blocks(shapes[i]);
        shape_build_options(shapes[i], &options);
        snprintf(expected, sizeof expected,
                 "-cl-std=CL1.2 -DLANES=%d -DWIDTH=%d -DITEMS=%d -DROWS=%d -DREDUCTION_ROWS=%d -DTOGETHER=%d "
                 "-DTILE_ACROSS=%d -DLINEAR_CHUNK=%d -DOUTPUTS_TOGETHER=%d -DSCAN_CHUNK=%d -DLONG_TILE=%d -DRADIX=%d",
                 shapes[i].lanes, shapes[i].width, shapes[i].items, shapes[i].rows, shapes[i].reduction_rows,
                 attention.together, attention.across, attention.chunk, attention.outputs,
                 shape_scan_blocks(shapes[i]).chunk, convolution.tile, convolution.radix);
        assert_string_equal(options.text, expected);
        text_free(&options);
    }
}

/* A width between two rows of the table is that of the narrower, and one below all is that of the narrowest. */
static void test_rows(void **unused) {
    (void)unused;
    struct product_blocks eight = shape_product_blocks((struct device_shape){.lanes = 1, .width = 8});
    struct product_blocks between = shape_product_blocks((struct device_shape){.lanes = 1, .width = 12});
    struct product_blocks four = shape_product_blocks((struct device_shape){.lanes = 1, .width = 4});
    struct product_blocks below = shape_product_blocks((struct device_shape){.lanes = 1, .width = 1});
    assert_memory_equal(&eight, &between, sizeof eight);
    assert_memory_equal(&four, &below, sizeof four);
    /* Of lanes the number does not matter, and their width neither. */
    struct attention_blocks lanes = shape_attention_blocks(shapes[LANES]);
    struct attention_blocks wide = shape_attention_blocks((struct device_shape){.lanes = 4, .width = 4});
    assert_memory_equal(&lanes, &wide, sizeof lanes);
}

/* With the word `lanes` prints what programs of a device of many lanes are built with, for gpu-compilers.sh. */
int main(int count, char **words) {
    if (count > 1 && strcmp(words[1], "lanes") == 0) {
        struct text options = {0};
        shape_build_options(shapes[LANES], &options);
        puts(options.text);
        text_free(&options);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width),    cmocka_unit_test(test_sub_groups), cmocka_unit_test(test_registers),
        cmocka_unit_test(test_families), cmocka_unit_test(test_numbers),    cmocka_unit_test(test_build_options),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
