/*
 * The long convolution by transforms against its definition in double precision, whatever op_long_convolution would
 * choose: lengths around powers of two, which is where passes change, on the shapes of CPUs and of GPUs.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "ops/spectral_convolution.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the largest value; single precision makes some 3e-7. */
static const double LARGEST_ERROR = 1e-6;

enum { X, KERNEL, CHANGE, TENSORS };

struct example {
    int batch, context, channels, mask, span, kernel_rows;
};

struct run {
    struct device *device;
    struct op op;
    int lags;
    double *values[TENSORS];
    struct op_buffers buffers;
};

/* A buffer of these values, or of NaNs. */
static cl_mem upload(struct device *device, const double *values, size_t elements) {
    cl_mem made;
    size_t bytes = tensor_bytes(elements);
    float *floats = memory_allocate(bytes, 1);
    for (size_t i = 0; i < bytes / sizeof *floats; i++)
        floats[i] = values && i < elements ? (float)values[i] : NAN;
    assert_ok(device_buffer_create(device, bytes, &made));
    assert_ok(device_write(device, made, 0, floats, bytes));
    free(floats);
    return made;
}

static size_t elements_of(const struct run *run, int tensor) {
    return shape_elements(tensor == KERNEL ? run->op.inputs[KERNEL] : run->op.inputs[X]);
}

static struct run open_run(struct device *device, const struct example *example) {
    int rows = example->batch * example->context;
    struct run run = {.device = device,
                      .op = {.type = &op_long_convolution,
                             .attributes = {.mask = example->mask, .span = example->span},
                             .device = device_shape(device),
                             .batch = example->batch,
                             .context = example->context,
                             .input_count = 2,
                             .inputs = {{rows, example->channels}, {example->kernel_rows, example->channels}}}};
    assert_ok(op_infer(&run.op));
    assert_true(spectral_convolution_fits(&run.op));
    spectral_convolution_scratch(&run.op);
    int visible = op_visible_rows(&run.op);
    run.lags = visible < example->kernel_rows ? visible : example->kernel_rows;
    for (int tensor = 0; tensor < TENSORS; tensor++) {
        struct random_stream random = random_open(1, (uint64_t)tensor);
        size_t elements = elements_of(&run, tensor);
        run.values[tensor] = memory_allocate(elements, sizeof(double));
        for (size_t i = 0; i < elements; i++)
            run.values[tensor][i] = (float)(2 * random_uniform(&random) - 1);
    }
    for (int input = 0; input < run.op.input_count; input++) {
        run.buffers.inputs[input] = upload(device, run.values[input], elements_of(&run, input));
        run.buffers.input_gradients[input] = upload(device, NULL, elements_of(&run, input));
    }
    size_t forward = run.op.forward_scratch, backward = run.op.backward_scratch;
    run.buffers.outputs[0] = upload(device, NULL, elements_of(&run, X));
    run.buffers.output_gradient = upload(device, run.values[CHANGE], elements_of(&run, X));
    run.buffers.scratch = upload(device, NULL, forward > backward ? forward : backward);
    return run;
}

static void close_run(struct run *run) {
    for (int input = 0; input < run->op.input_count; input++) {
        device_buffer_destroy(run->device, run->buffers.inputs[input]);
        device_buffer_destroy(run->device, run->buffers.input_gradients[input]);
    }
    device_buffer_destroy(run->device, run->buffers.outputs[0]);
    device_buffer_destroy(run->device, run->buffers.output_gradient);
    device_buffer_destroy(run->device, run->buffers.scratch);
    for (int tensor = 0; tensor < TENSORS; tensor++)
        free(run->values[tensor]);
}

/* What forward and backward are to make: the output, the input's gradient and the kernel's. */
static void reference(const struct run *run, double *expected[]) {
    int channels = run->op.inputs[X].columns, context = run->op.context;
    for (int row = 0; row < run->op.inputs[X].rows; row++) {
        int t = row % context, age = t - op_first_visible(&run->op, t);
        for (int k = 0; k <= age && k < run->lags; k++) {
            for (int c = 0; c < channels; c++) {
                size_t here = (size_t)row * channels + c, there = (size_t)(row - k) * channels + c;
                size_t lag = (size_t)k * channels + c;
                expected[0][here] += run->values[KERNEL][lag] * run->values[X][there];
                expected[1][there] += run->values[KERNEL][lag] * run->values[CHANGE][here];
                expected[2][lag] += run->values[X][there] * run->values[CHANGE][here];
            }
        }
    }
}

/* `times` is how often the values were added up. */
static double error_of(const struct run *run, cl_mem buffer, const double *expected, size_t elements, int times) {
    double largest = 1e-30, difference = 0;
    float *values = memory_allocate(elements, sizeof *values);
    assert_ok(device_read(run->device, buffer, 0, values, elements * sizeof *values));
    for (size_t i = 0; i < elements; i++) {
        double distance = fabs(values[i] - times * expected[i]);
        largest = fmax(largest, fabs(times * expected[i]));
        /* fmax alone would lose a NaN. */
        difference = fmax(difference, isnan(distance) ? INFINITY : distance);
    }
    free(values);
    return difference / largest;
}

static bool check(struct device *device, const struct example *example) {
    struct run run = open_run(device, example);
    size_t elements = elements_of(&run, X), kernel_elements = elements_of(&run, KERNEL);
    double *expected[] = {memory_allocate(elements, sizeof(double)), memory_allocate(elements, sizeof(double)),
                          memory_allocate(kernel_elements, sizeof(double))};
    reference(&run, expected);
    assert_ok(spectral_convolution_forward(device, &run.op, &run.buffers, run.lags));
    double errors[3] = {error_of(&run, run.buffers.outputs[0], expected[0], elements, 1)};
    for (int times = 1; times <= 2; times++) {
        run.buffers.accumulate[X] = run.buffers.accumulate[KERNEL] = times == 2;
        assert_ok(spectral_convolution_backward(device, &run.op, &run.buffers, run.lags));
        errors[1] = fmax(errors[1], error_of(&run, run.buffers.input_gradients[X], expected[1], elements, times));
        errors[2] =
            fmax(errors[2], error_of(&run, run.buffers.input_gradients[KERNEL], expected[2], kernel_elements, times));
    }
    printf("  %2d x %4d tokens, %3d channels, mask %d, %4d lags: forward %.1e  gradients %.1e %.1e\n", example->batch,
           example->context, example->channels, example->mask, run.lags, errors[0], errors[1], errors[2]);
    for (int i = 0; i < 3; i++)
        free(expected[i]);
    close_run(&run);
    return errors[0] < LARGEST_ERROR && errors[1] < LARGEST_ERROR && errors[2] < LARGEST_ERROR;
}

static void check_all(const char *title, const struct device_options *options) {
    struct device *device;
    bool good = true;
    assert_ok(device_open_choice(NULL, options, &device));
    printf("%s on %s\n", title, device_information(device)->name);
    static const int lengths[] = {1, 2, 7, 8, 9, 33, 64, 65, 127, 129, 255, 257, 512, 513};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        good &= check(device, &(struct example){2, lengths[i], 20, STAR_MASK_CAUSAL, 0, lengths[i]});
    static const struct example examples[] = {
        /* One segment, whose kernel is transformed on the way: rows of whole vectors, and others. */
        {1, 100, 32, STAR_MASK_CAUSAL, 0, 100},
        {1, 300, 20, STAR_MASK_CAUSAL, 0, 333},
        {1, 1000, 144, STAR_MASK_CAUSAL, 0, 1000},
        {1, 4096, 16, STAR_MASK_CAUSAL, 0, 4096},
        {1, 200, 16, STAR_MASK_BANDED, 30, 40},
        {1, 100, 20, STAR_MASK_BLOCKED, 128, 100},
        /* Several, in rows of whole vectors. */
        {3, 600, 48, STAR_MASK_CAUSAL, 0, 600},
        {2, 300, 32, STAR_MASK_BLOCKED, 140, 140},
        /* More segments than groups and parts; more channels than a group of lanes has. */
        {37, 40, 4, STAR_MASK_CAUSAL, 0, 40},
        {3, 70, 140, STAR_MASK_CAUSAL, 0, 70},
        /* A kernel of more lags than tokens see. */
        {2, 50, 20, STAR_MASK_CAUSAL, 0, 61},
        {2, 100, 20, STAR_MASK_BANDED, 30, 30},
        {2, 100, 20, STAR_MASK_BANDED, 30, 35},
        {2, 100, 20, STAR_MASK_BANDED, 200, 100},
        /* Blocks, the last of which is shorter, and one block longer than the context. */
        {2, 300, 20, STAR_MASK_BLOCKED, 70, 70},
        {2, 100, 20, STAR_MASK_BLOCKED, 128, 100},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++)
        good &= check(device, &examples[i]);
    device_close(device);
    assert_true(good);
}

static void test_default_shape(void **unused) {
    (void)unused;
    check_all("default shape", NULL);
}

static void test_wide_shape(void **unused) {
    (void)unused;
    struct device_options options = {.shape = {.lanes = 1, .width = 16, .items = 2, .rows = 3, .reduction_rows = 16}};
    check_all("one lane of 16 floats", &options);
}

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

/* Infers a causal long convolution for a device of this shape; nothing runs. */
static struct op inferred(struct device_shape shape, int context, int channels) {
    struct op op = {.type = &op_long_convolution,
                    .attributes = {.mask = STAR_MASK_CAUSAL},
                    .device = shape,
                    .batch = 1,
                    .context = context,
                    .input_count = 2,
                    .inputs = {{context, channels}, {context, channels}}};
    assert_ok(op_infer(&op));
    return op;
}

/* Transforms for long contexts on one lane, as long as kernels can count their scratch; the cost is the same anywhere.
 */
static void test_choice(void **unused) {
    (void)unused;
    struct device_shape cpu = {.lanes = 1, .width = 8}, gpu = {.lanes = 64, .width = 1};
    struct op few = inferred(cpu, 32, 16), many = inferred(cpu, 1024, 16), elsewhere = inferred(gpu, 1024, 16);
    assert_int_equal(few.backward_scratch, 0);
    /* More operations than by the definition, which nevertheless takes twice as long. */
    struct op between = inferred(cpu, 64, 16);
    assert_true(between.backward_scratch > 0 && between.type->flops(&between) == 64 * 65 * 16);
    assert_true(many.backward_scratch > many.forward_scratch && many.forward_scratch > 0);
    assert_int_equal(elsewhere.backward_scratch, 0);
    assert_int_equal(inferred(cpu, 1 << 20, 1024).backward_scratch, 0);
    assert_int_equal(inferred(cpu, (1 << 24) + 1, 1).backward_scratch, 0);
    assert_true(few.type->flops(&few) == 32 * 33 * 16);
    assert_true(many.type->flops(&many) == spectral_convolution_flops(&many));
    assert_true(elsewhere.type->flops(&elsewhere) == many.type->flops(&many));
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),    cmocka_unit_test(test_default_shape), cmocka_unit_test(test_wide_shape),
        cmocka_unit_test(test_gpu_shape), cmocka_unit_test(test_narrow_shape),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
