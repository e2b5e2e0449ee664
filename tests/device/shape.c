/*
 * Shapes that devices are opened with: PoCL claims the host's vectors whatever it compiles for, and what counts is what
 * it compiles for. PoCL reads its environment once, so each instruction set has a process of its own.
 */
#include "test.h"

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

/* A width between two rows of the table is that of the narrower, and one below all is that of the narrowest. */
static void test_rows(void **unused) {
    (void)unused;
    struct product_blocks eight = shape_product_blocks((struct device_shape){.lanes = 1, .width = 8});
    struct product_blocks between = shape_product_blocks((struct device_shape){.lanes = 1, .width = 12});
    struct product_blocks four = shape_product_blocks((struct device_shape){.lanes = 1, .width = 4});
    struct product_blocks below = shape_product_blocks((struct device_shape){.lanes = 1, .width = 1});
    assert_memory_equal(&eight, &between, sizeof eight);
    assert_memory_equal(&four, &below, sizeof four);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_sub_groups),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
