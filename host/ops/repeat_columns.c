/* y[row, c] = x[row, c / repeat]: one coefficient for all channels of a head. */
#include "ops/op.h"

static status infer(struct op *op) {
    TRY(op_require(op, op->attributes.repeat > 0, "repeat must be positive"));
    return op_add_output(op, op->inputs[0].rows, (int64_t)op->inputs[0].columns * op->attributes.repeat);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[0];
    return LAUNCH(device, ((struct kernel_name){"elementwise", "repeat_columns", NULL}),
                  groups_rows(op->device, x.rows), argument_buffer(buffers->inputs[0]),
                  argument_buffer(buffers->outputs[0]), argument_int(x.rows), argument_int(x.columns),
                  argument_int(op->attributes.repeat));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[0];
    return LAUNCH(device, ((struct kernel_name){"elementwise", "sum_repeated_columns", NULL}),
                  groups_rows(op->device, x.rows), argument_buffer(buffers->output_gradient),
                  argument_buffer(buffers->input_gradients[0]), argument_int(x.rows), argument_int(x.columns),
                  argument_int(op->attributes.repeat), argument_int(buffers->accumulate[0]));
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    for (size_t i = 0; i < shape_elements(op->outputs[0]); i++)
        outputs[0][i] = inputs[0][i / (size_t)op->attributes.repeat];
}

const struct op_type op_repeat_columns = {
    .name = "repeat_columns",
    .inputs_least = 1,
    .inputs_most = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};
