#include "ops/op.h"
#include "ops/reduce.h"
#include "starcl/constants.h"

#include <math.h>

enum { X, GAIN };
enum { Y, INVERSE };

static status infer(struct op *op) {
    struct shape x = op->inputs[X], gain = op->inputs[GAIN];
    TRY(op_require(op, gain.rows == 1 && gain.columns == x.columns, "the gain must be 1 x channels"));
    TRY(op_add_output(op, x.rows, x.columns));
    TRY(op_add_output(op, x.rows, 1));
    if (op->device.lanes == 1)
        op->backward_scratch = (size_t)groups_of_reduction(op->device, x.rows) * (size_t)x.columns;
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[X];
    return LAUNCH(device, ((struct kernel_name){"rms_norm", "rms_norm_forward", NULL}), groups_rows(op->device, x.rows),
                  argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[GAIN]),
                  argument_buffer(buffers->outputs[Y]), argument_buffer(buffers->outputs[INVERSE]),
                  argument_int(x.rows), argument_int(x.columns));
}

/* Both gradients at once; cl/rms_norm.cl says how. */
static status backward_at_once(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[X];
    int lanes = op->device.lanes, across = lanes < STAR_NORM_COLUMNS ? lanes : STAR_NORM_COLUMNS;
    struct launch_groups groups = groups_rows(op->device, x.rows);
    groups.x += divide_up((size_t)x.columns, (size_t)across);
    return LAUNCH(device, ((struct kernel_name){"rms_norm", "rms_norm_gradients", NULL}), groups,
                  argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[GAIN]),
                  argument_buffer(buffers->outputs[INVERSE]), argument_buffer(buffers->output_gradient),
                  argument_buffer(buffers->input_gradients[X]), argument_buffer(buffers->input_gradients[GAIN]),
                  argument_int(x.rows), argument_int(x.columns), argument_int(buffers->accumulate[X]),
                  argument_int(buffers->accumulate[GAIN]));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[X];
    int parts = groups_of_reduction(op->device, x.rows);
    if (op->device.lanes > 1)
        return backward_at_once(device, op, buffers);
    TRY(LAUNCH(device, ((struct kernel_name){"rms_norm", "rms_norm_backward", NULL}), groups_rows(op->device, x.rows),
               argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[GAIN]),
               argument_buffer(buffers->outputs[INVERSE]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->input_gradients[X]), argument_int(x.rows), argument_int(x.columns),
               argument_int(buffers->accumulate[X])));
    TRY(LAUNCH(device, ((struct kernel_name){"rms_norm", "rms_norm_gain", NULL}),
               ((struct launch_groups){(size_t)parts, 1, 1}), argument_buffer(buffers->inputs[X]),
               argument_buffer(buffers->outputs[INVERSE]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->scratch), argument_int(x.rows), argument_int(x.columns)));
    return reduce_columns(device, buffers->scratch, 0, (size_t)x.columns, parts, x.columns,
                          buffers->input_gradients[GAIN], buffers->accumulate[GAIN]);
}

static double flops(const struct op *op) {
    return 4.0 * (double)shape_elements(op->inputs[X]);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct shape x = op->inputs[X];
    for (int row = 0; row < x.rows; row++) {
        const double *from = inputs[X] + (size_t)row * x.columns;
        double squares = 0;
        for (int c = 0; c < x.columns; c++)
            squares += from[c] * from[c];
        double inverse = 1 / sqrt(squares / x.columns + STAR_RMS_NORM_EPSILON);
        for (int c = 0; c < x.columns; c++)
            outputs[Y][(size_t)row * x.columns + c] = from[c] * inverse * inputs[GAIN][c];
        outputs[INVERSE][row] = inverse;
    }
}

const struct op_type op_rms_norm = {
    .name = "rms_norm",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 1u << X | 1u << GAIN,
    .backward_outputs = 1u << INVERSE,
    .cheap = true,
    .flops = flops,
    .reference = reference,
};
