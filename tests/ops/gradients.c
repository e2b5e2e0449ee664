/* Every operator against its double-precision reference: values, and gradients by central differences. */
#include "test.h"

#include "ops/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST_ERROR = 1e-3;

struct example {
    const char *name;
    struct op op;
    unsigned token_inputs;
    int token_count;
};

/* Channels that fill vectors and channels that do not; contexts that fill chunks and blocks and that do not. */
static const struct example examples[] = {
    {"embedding",
     {.type = &op_embedding, .batch = 2, .context = 9, .input_count = 2, .inputs = {{18, 1}, {11, 20}}},
     1,
     11},
    {"rms_norm",
     {.type = &op_rms_norm, .batch = 2, .context = 35, .input_count = 2, .inputs = {{70, 40}, {1, 40}}},
     0,
     0},
    {"linear", {.type = &op_linear, .batch = 3, .context = 9, .input_count = 2, .inputs = {{27, 37}, {37, 53}}}, 0, 0},
    {"linear, whole panels",
     {.type = &op_linear, .batch = 2, .context = 48, .input_count = 2, .inputs = {{96, 32}, {32, 64}}},
     0,
     0},
    {"add", {.type = &op_add, .batch = 2, .context = 9, .input_count = 2, .inputs = {{18, 37}, {18, 37}}}, 0, 0},
    {"convolution",
     {.type = &op_convolution, .batch = 2, .context = 37, .input_count = 2, .inputs = {{74, 20}, {4, 20}}},
     0,
     0},
    {"rotary",
     {.type = &op_rotary,
      .attributes = {.heads = 3, .head_columns = 20},
      .batch = 2,
      .context = 9,
      .input_count = 1,
      .inputs = {{18, 60}}},
     0,
     0},
    {"low_rank",
     {.type = &op_low_rank,
      .attributes = {.heads = 2, .b_heads = 2, .v_heads = 2},
      .batch = 2,
      .context = 21,
      .input_count = 3,
      .inputs = {{42, 32}, {42, 32}, {42, 24}}},
     0,
     0},
    {"low_rank, one token",
     {.type = &op_low_rank,
      .attributes = {.heads = 2, .b_heads = 2, .v_heads = 2},
      .batch = 2,
      .context = 1,
      .input_count = 3,
      .inputs = {{2, 32}, {2, 32}, {2, 24}}},
     0,
     0},
    {"low_rank, shared heads",
     {.type = &op_low_rank,
      .attributes = {.heads = 4, .b_heads = 2, .v_heads = 1},
      .batch = 2,
      .context = 40,
      .input_count = 3,
      .inputs = {{80, 32}, {80, 16}, {80, 8}}},
     0,
     0},
    {"toeplitz",
     {.type = &op_toeplitz,
      .batch = 2,
      .context = 37,
      .input_count = 4,
      .inputs = {{74, 20}, {74, 20}, {74, 20}, {3, 20}}},
     0,
     0},
    {"semiseparable",
     {.type = &op_semiseparable,
      .attributes = {.state = 16},
      .batch = 2,
      .context = 37,
      .input_count = 6,
      .inputs = {{74, 20}, {74, 16}, {74, 16}, {74, 20}, {1, 20}, {1, 20}}},
     0,
     0},
    {"semiseparable, one token",
     {.type = &op_semiseparable,
      .attributes = {.state = 4},
      .batch = 3,
      .context = 1,
      .input_count = 6,
      .inputs = {{3, 70}, {3, 4}, {3, 4}, {3, 70}, {1, 70}, {1, 70}}},
     0,
     0},
    {"gate", {.type = &op_gate, .batch = 2, .context = 9, .input_count = 2, .inputs = {{18, 37}, {18, 37}}}, 0, 0},
    {"cross_entropy",
     {.type = &op_cross_entropy, .batch = 2, .context = 9, .input_count = 2, .inputs = {{18, 37}, {18, 1}}},
     2,
     37},
};

static void check_all(const char *title, const struct device_options *options) {
    struct device *device;
    assert_ok(device_open_choice(NULL, options, &device));
    printf("%s on %s\n", title, device_information(device)->name);
    bool good = true;
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *example = &examples[i];
        struct op op = example->op;
        struct op_error error;
        assert_ok(op_check(device, &op, example->token_inputs, example->token_count, 60, 1, &error));
        printf("  %-26s forward %.1e  gradients", example->name, error.forward);
        good = good && error.forward < LARGEST_ERROR;
        for (int input = 0; input < op.input_count; input++) {
            printf(" %.1e", error.backward[input]);
            good = good && error.backward[input] < LARGEST_ERROR;
        }
        printf("\n");
    }
    device_close(device);
    assert_true(good);
}

static void test_default_shape(void **unused) {
    (void)unused;
    check_all("default shape", NULL);
}

/* The widest shape that CPUs get, so that machines with narrower vectors test it too. */
static void test_wide_shape(void **unused) {
    (void)unused;
    struct device_options options = {.shape = {.lanes = 1, .width = 16, .items = 2, .rows = 3, .reduction_rows = 16}};
    check_all("one lane of 16 floats", &options);
}

/* The shape that GPUs get, so that machines without one test it too. */
static void test_gpu_shape(void **unused) {
    (void)unused;
    struct device_options options = {.shape = {.lanes = 64, .width = 1, .items = 4, .rows = 1, .reduction_rows = 64}};
    check_all("64 lanes of one float", &options);
}

static void test_narrow_shape(void **unused) {
    (void)unused;
    struct device_options options = {.shape = {.lanes = 4, .width = 4, .items = 2, .rows = 2, .reduction_rows = 8}};
    check_all("4 lanes of four floats", &options);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_shape),
        cmocka_unit_test(test_wide_shape),
        cmocka_unit_test(test_gpu_shape),
        cmocka_unit_test(test_narrow_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
