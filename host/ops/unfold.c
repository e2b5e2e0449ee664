/*
 * y[t] = x[t], x[t - 1], ... side by side: with a linear operator behind it, a convolution that mixes all channels.
 */
#include "ops/op.h"

static status infer(struct op *op) {
    TRY(op_require(op, op->attributes.kernel > 0, "kernel must be positive"));
    TRY(op_require_mask(op));
    TRY(op_require_sequences(op, 1));
    return op_add_output(op, op->inputs[0].rows, (int64_t)op->inputs[0].columns * op->attributes.kernel);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[0];
    const struct op_attributes *a = &op->attributes;
    return LAUNCH(device, ((struct kernel_name){"convolution", "unfold_forward", NULL}),
                  groups_rows(op->device, x.rows), argument_buffer(buffers->inputs[0]),
                  argument_buffer(buffers->outputs[0]), argument_int(x.rows), argument_int(x.columns),
                  argument_int(op->context), argument_int(a->kernel), argument_int(a->mask), argument_int(a->span));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[0];
    const struct op_attributes *a = &op->attributes;
    return LAUNCH(device, ((struct kernel_name){"convolution", "unfold_backward", NULL}),
                  groups_rows(op->device, x.rows), argument_buffer(buffers->output_gradient),
                  argument_buffer(buffers->input_gradients[0]), argument_int(x.rows), argument_int(x.columns),
                  argument_int(op->context), argument_int(a->kernel), argument_int(a->mask), argument_int(a->span),
                  argument_int(buffers->accumulate[0]));
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    int columns = op->inputs[0].columns;
    return LAUNCH(device, ((struct kernel_name){"convolution", "unfold_step", NULL}),
                  ((struct launch_groups){(size_t)groups_over_columns(op->device, columns), (size_t)op->batch, 1}),
                  argument_buffer(buffers->inputs[0]), argument_buffer(memory->state),
                  argument_buffer(buffers->outputs[0]), argument_int(columns), argument_int(op->attributes.kernel),
                  argument_int(position), argument_int(position - op_first_visible(op, position)));
}

static size_t state(const struct op *op) {
    return (size_t)(op->attributes.kernel - 1) * (size_t)op->inputs[0].columns;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int columns = op->inputs[0].columns, kernel = op->attributes.kernel;
    for (int row = 0; row < op->inputs[0].rows; row++) {
        int t = row % op->context, age = t - op_first_visible(op, t);
        for (int k = 0; k < kernel; k++)
            for (int c = 0; c < columns; c++)
                outputs[0][((size_t)row * kernel + k) * columns + c] =
                    k <= age ? inputs[0][(size_t)(row - k) * columns + c] : 0;
    }
}

const struct op_type op_unfold = {
    .name = "unfold",
    .inputs_least = 1,
    .inputs_most = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .state = state,
    .reference = reference,
};
