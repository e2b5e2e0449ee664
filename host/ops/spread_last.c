#include "ops/op.h"

enum { X, POSITIONS };

static status infer(struct op *op) {
    struct shape x = op->inputs[X], positions = op->inputs[POSITIONS];
    TRY(op_require_sequences(op, 1));
    TRY(op_require(op, positions.rows == op->context && positions.columns == x.columns,
                   "one position a token of a sequence is needed, as wide as x"));
    return op_add_output(op, x.rows, x.columns);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape y = op->outputs[0];
    return LAUNCH(device, ((struct kernel_name){"spread_last", "spread_last_forward", NULL}),
                  groups_rows(op->device, y.rows), argument_buffer(buffers->inputs[X]),
                  argument_buffer(buffers->inputs[POSITIONS]), argument_buffer(buffers->outputs[0]),
                  argument_int(y.rows), argument_int(op->context), argument_int(y.columns));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape y = op->outputs[0];
    TRY(LAUNCH(device, ((struct kernel_name){"spread_last", "spread_last_backward", NULL}),
               groups_rows(op->device, y.rows), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->input_gradients[X]), argument_int(y.rows), argument_int(op->context),
               argument_int(y.columns), argument_int(buffers->accumulate[X])));
    return LAUNCH(device, ((struct kernel_name){"spread_last", "spread_last_backward_positions", NULL}),
                  groups_rows(op->device, op->context), argument_buffer(buffers->output_gradient),
                  argument_buffer(buffers->input_gradients[POSITIONS]), argument_int(op->batch),
                  argument_int(op->context), argument_int(y.columns), argument_int(buffers->accumulate[POSITIONS]));
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int columns = op->outputs[0].columns, context = op->context;
    for (int b = 0; b < op->batch; b++)
        for (int t = 0; t < context; t++)
            for (int c = 0; c < columns; c++)
                outputs[0][((size_t)b * context + t) * columns + c] =
                    inputs[X][((size_t)b * context + context - 1) * columns + c] +
                    inputs[POSITIONS][(size_t)t * columns + c];
}

const struct op_type op_spread_last = {
    .name = "spread_last",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .reference = reference,
};
