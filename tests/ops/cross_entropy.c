/*
 * Cross-entropy with targets that are not counted, and the count of those that are right, against formulas in double
 * precision that are written out here. Every example runs on the shapes of CPUs and of GPUs.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "ops/cross_entropy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct run {
    struct device *device;
    struct op op;
    struct op_buffers buffers;
    cl_mem right;
};

static cl_mem buffer(struct device *device, size_t elements, const void *values) {
    cl_mem made;
    assert_ok(device_buffer_create(device, tensor_bytes(elements), &made));
    if (values)
        assert_ok(device_write(device, made, 0, values, elements * sizeof(float)));
    return made;
}

static struct run open_run(struct device *device, int rows, int classes, const float *logits, const int32_t *targets) {
    struct run run = {.device = device,
                      .op = {.type = &op_cross_entropy,
                             .device = device_shape(device),
                             .batch = 1,
                             .context = rows,
                             .input_count = 2,
                             .inputs = {{rows, classes}, {rows, 1}}}};
    size_t elements = (size_t)rows * (size_t)classes;
    assert_ok(op_infer(&run.op));
    run.buffers.inputs[0] = buffer(device, elements, logits);
    run.buffers.inputs[1] = buffer(device, (size_t)rows, targets);
    run.buffers.outputs[0] = buffer(device, 1, NULL);
    run.buffers.outputs[1] = buffer(device, (size_t)rows + 1, NULL);
    run.buffers.scratch = buffer(device, run.op.forward_scratch, NULL);
    run.buffers.output_gradient = buffer(device, 1, NULL);
    run.buffers.input_gradients[0] = buffer(device, elements, NULL);
    run.right = buffer(device, 1, NULL);
    return run;
}

static void close_run(struct run *run) {
    cl_mem all[] = {run->buffers.inputs[0],
                    run->buffers.inputs[1],
                    run->buffers.outputs[0],
                    run->buffers.outputs[1],
                    run->buffers.scratch,
                    run->buffers.output_gradient,
                    run->right,
                    run->buffers.input_gradients[0]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        device_buffer_destroy(run->device, all[i]);
}

static float read_one(const struct run *run, cl_mem from) {
    float value;
    assert_ok(device_read(run->device, from, 0, &value, sizeof value));
    return value;
}

static float forward(struct run *run, float *right) {
    assert_ok(op_cross_entropy.forward(run->device, &run->op, &run->buffers));
    float loss = read_one(run, run->buffers.outputs[0]);
    assert_ok(cross_entropy_count_right(run->device, &run->op, &run->buffers, run->right));
    *right = read_one(run, run->right);
    return loss;
}

/* ---- against double precision ---- */

/* Rows of 3 in 10 are not counted, with different numbers below 0. */
static int32_t draw_target(struct random_stream *random, int classes) {
    static const int32_t uncounted[] = {-1, -100, INT32_MIN};
    uint32_t drawn = random_below(random, 10);
    return drawn < 3 ? uncounted[drawn] : (int32_t)random_below(random, (uint32_t)classes);
}

/* log sum exp of a row, in double precision. */
static double log_sum(const float *row, int classes) {
    double sum = 0;
    for (int c = 0; c < classes; c++)
        sum += exp((double)row[c]);
    return log(sum);
}

static void compare(struct device *device, int rows, int classes, uint64_t seed) {
    size_t elements = (size_t)rows * (size_t)classes;
    float *logits = memory_allocate(elements, sizeof *logits), *got = memory_allocate(elements, sizeof *got), right;
    int32_t *targets = memory_allocate((size_t)rows, sizeof *targets);
    struct random_stream random = random_open(seed, 1);
    random_normal(&random, logits, elements, 2);
    double loss = 0;
    int counted = 0, expected_right = 0;
    for (int row = 0; row < rows; row++) {
        const float *from = logits + (size_t)row * (size_t)classes;
        targets[row] = row == 0 ? 0 : draw_target(&random, classes);
        if (targets[row] < 0)
            continue;
        int largest = 0;
        for (int c = 1; c < classes; c++)
            largest = from[c] > from[largest] ? c : largest;
        loss += log_sum(from, classes) - (double)from[targets[row]];
        expected_right += largest == targets[row];
        counted++;
    }
    struct run run = open_run(device, rows, classes, logits, targets);
    float upstream = -0.7f;
    float got_loss = forward(&run, &right);
    printf("    %d rows of %d classes: loss %.6f (%.6f), %g right (%d)\n", rows, classes, got_loss, loss / counted,
           (double)right, expected_right);
    assert_true(fabs(got_loss - loss / counted) < 3e-6);
    assert_int_equal((int)right, expected_right);
    assert_ok(device_write(device, run.buffers.output_gradient, 0, &upstream, sizeof upstream));
    for (int times = 1; times <= 2; times++) { /* written, then added to */
        run.buffers.accumulate[0] = times == 2;
        assert_ok(op_cross_entropy.backward(device, &run.op, &run.buffers));
        assert_ok(device_read(device, run.buffers.input_gradients[0], 0, got, elements * sizeof *got));
        for (size_t e = 0; e < elements; e++) {
            int row = (int)(e / (size_t)classes), c = (int)(e % (size_t)classes);
            const float *from = logits + (size_t)row * (size_t)classes;
            double softmax = exp((double)from[c] - log_sum(from, classes));
            double expected = targets[row] < 0 ? 0 : (softmax - (c == targets[row])) * (double)upstream / counted;
            assert_true(fabs(got[e] - times * expected) < 1e-6);
            assert_true(targets[row] >= 0 || got[e] == 0);
        }
    }
    close_run(&run);
    free(logits);
    free(got);
    free(targets);
}

/* ---- by hand ---- */

/*
 * Four rows of two classes. ln(1 + e) = 1.313262 and ln 2 = 0.693147; the third is not counted. Right are the first
 * (2 > 1) and, of two equal logits, the second, whose target is the first class; the fourth is not.
 */
static void by_hand(struct device *device) {
    const float logits[] = {1, 2, 5, 5, 9, 0, 4, 4};
    const int32_t targets[] = {1, 0, -1, 1};
    float right;
    struct run run = open_run(device, 4, 2, logits, targets);
    double expected = (1.3132616875182228 - 1 + 0.6931471805599453 + 0.6931471805599453) / 3;
    assert_true(fabs(forward(&run, &right) - expected) < 1e-6);
    assert_true(right == 2);
    close_run(&run);
}

/* Where no target is counted the loss is 0, and what is not a number is not right. */
static void at_the_edge(struct device *device) {
    const float logits[] = {1, 2, 3, NAN, 1, 0}, some = 1;
    const int32_t none[] = {-1, -7, -100}, first[] = {0, 0, 0};
    float right, gradient[6];
    struct run run = open_run(device, 3, 2, logits, none);
    assert_true(forward(&run, &right) == 0);
    assert_true(right == 0);
    assert_ok(device_write(device, run.buffers.output_gradient, 0, &some, sizeof some));
    assert_ok(op_cross_entropy.backward(device, &run.op, &run.buffers));
    assert_ok(device_read(device, run.buffers.input_gradients[0], 0, gradient, sizeof gradient));
    for (int i = 0; i < 6; i++)
        assert_true(gradient[i] == 0);
    close_run(&run);
    run = open_run(device, 3, 2, logits, first);
    (void)forward(&run, &right);
    assert_true(right == 1); /* 1 against 0; 3 against NaN does not count */
    close_run(&run);
}

static void check_shape(const char *title, const struct device_options *options) {
    struct device *device;
    assert_ok(device_open_choice(NULL, options, &device));
    printf("  %s\n", title);
    compare(device, 18, 37, 1);
    compare(device, 300, 16, 2);
    compare(device, 65, 256, 3);
    compare(device, 1, 3, 4);
    by_hand(device);
    at_the_edge(device);
    device_close(device);
}

static void test_shapes(void **unused) {
    (void)unused;
    struct device_options gpu = {.shape = {.lanes = 64, .width = 1, .items = 4, .rows = 1, .reduction_rows = 64}};
    struct device_options narrow = {.shape = {.lanes = 4, .width = 4, .items = 2, .rows = 2, .reduction_rows = 8}};
    check_shape("default shape", NULL);
    check_shape("64 lanes of one float", &gpu);
    check_shape("4 lanes of four floats", &narrow);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shapes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
