/* The parts of a convolution kernel as long as the sequence, made by a small net of the lag: cl/implicit_kernel.cl. */
#include "ops/op.h"
#include "ops/reduce.h"

#include <math.h>

#define KERNEL(name) ((struct kernel_name){"implicit_kernel", name, NULL})

/* ---- lag_features ---- */

static status infer_features(struct op *op) {
    int limit = op->attributes.lags;
    TRY(op_require(op, limit >= 0, "lags cannot be negative"));
    return op_add_output(op, limit > 0 && limit < op->reach ? limit : op->reach, STAR_LAG_FEATURES);
}

static status forward_features(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    return LAUNCH(device, KERNEL("lag_features"), groups_rows(op->device, op->outputs[0].rows),
                  argument_buffer(buffers->outputs[0]), argument_int(op->outputs[0].rows));
}

/* Nothing came in, so nothing goes back. */
static status backward_features(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    (void)device;
    (void)op;
    (void)buffers;
    return STATUS_OK;
}

static void reference_features(const struct op *op, const double *const inputs[], double *const outputs[]) {
    (void)inputs;
    for (int t = 0; t < op->outputs[0].rows; t++) {
        for (int f = 0; f < STAR_LAG_FEATURES; f++) {
            double angle = 3.14159265358979323846 * t / (1 << (f / 2));
            outputs[0][(size_t)t * STAR_LAG_FEATURES + f] = f % 2 ? cos(angle) : sin(angle);
        }
    }
}

const struct op_type op_lag_features = {
    .name = "lag_features",
    .inputs_least = 0,
    .inputs_most = 0,
    .infer = infer_features,
    .forward = forward_features,
    .backward = backward_features,
    .reference = reference_features,
};

/* ---- sine ---- */

static status infer_sine(struct op *op) {
    return op_add_output(op, op->inputs[0].rows, op->inputs[0].columns);
}

static status forward_sine(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->inputs[0]);
    return LAUNCH(device, KERNEL("sine_forward"), groups_flat(op->device, count), argument_buffer(buffers->inputs[0]),
                  argument_buffer(buffers->outputs[0]), argument_int((int)count));
}

static status backward_sine(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->inputs[0]);
    return LAUNCH(device, KERNEL("sine_backward"), groups_flat(op->device, count), argument_buffer(buffers->inputs[0]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[0]),
                  argument_int((int)count), argument_int(buffers->accumulate[0]));
}

static void reference_sine(const struct op *op, const double *const inputs[], double *const outputs[]) {
    for (size_t i = 0; i < shape_elements(op->inputs[0]); i++)
        outputs[0][i] = sin(inputs[0][i]);
}

const struct op_type op_sine = {
    .name = "sine",
    .inputs_least = 1,
    .inputs_most = 1,
    .infer = infer_sine,
    .forward = forward_sine,
    .backward = backward_sine,
    .backward_inputs = 1,
    .reference = reference_sine,
};

/* ---- fade ---- */

enum { X, RATE };

static status infer_fade(struct op *op) {
    struct shape x = op->inputs[X];
    TRY(op_require(op, op->inputs[RATE].rows == 1 && op->inputs[RATE].columns == x.columns,
                   "the rates must be 1 x channels"));
    TRY(op_add_output(op, x.rows, x.columns));
    op->backward_scratch = (size_t)groups_of_reduction(op->device, x.rows) * (size_t)x.columns;
    return STATUS_OK;
}

static status fade(struct device *device, const struct op *op, const struct op_buffers *buffers, cl_mem from, cl_mem to,
                   bool accumulate) {
    struct shape x = op->inputs[X];
    return LAUNCH(device, KERNEL("fade"), groups_rows(op->device, x.rows), argument_buffer(from),
                  argument_buffer(buffers->inputs[RATE]), argument_buffer(to), argument_int(x.rows),
                  argument_int(x.columns), argument_int(accumulate));
}

static status forward_fade(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    return fade(device, op, buffers, buffers->inputs[X], buffers->outputs[0], false);
}

static status backward_fade(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[X];
    int parts = groups_of_reduction(op->device, x.rows);
    TRY(fade(device, op, buffers, buffers->output_gradient, buffers->input_gradients[X], buffers->accumulate[X]));
    TRY(LAUNCH(device, KERNEL("fade_rates"), ((struct launch_groups){(size_t)parts, 1, 1}),
               argument_buffer(buffers->outputs[0]), argument_buffer(buffers->inputs[RATE]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch), argument_int(x.rows),
               argument_int(x.columns)));
    return reduce_columns(device, buffers->scratch, 0, (size_t)x.columns, parts, x.columns,
                          buffers->input_gradients[RATE], buffers->accumulate[RATE]);
}

static void reference_fade(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int columns = op->inputs[X].columns;
    for (int t = 0; t < op->inputs[X].rows; t++) {
        for (int c = 0; c < columns; c++) {
            outputs[0][(size_t)t * columns + c] =
                inputs[X][(size_t)t * columns + c] * exp(-t * op_softplus(inputs[RATE][c]));
        }
    }
}

const struct op_type op_fade = {
    .name = "fade",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer_fade,
    .forward = forward_fade,
    .backward = backward_fade,
    .backward_inputs = 1u << RATE,
    .backward_outputs = 1,
    .reference = reference_fade,
};
