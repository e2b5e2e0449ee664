#include "ops/op.h"

enum { TOKENS, TABLE };

static status infer(struct op *op) {
    TRY(op_require(op, op->inputs[TOKENS].columns == 1, "token ids are one column"));
    return op_add_output(op, op->inputs[TOKENS].rows, op->inputs[TABLE].columns);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape y = op->outputs[0];
    return LAUNCH(device, ((struct kernel_name){"embedding", "embedding_forward", NULL}),
                  groups_rows(op->device, y.rows), argument_buffer(buffers->inputs[TOKENS]),
                  argument_buffer(buffers->inputs[TABLE]), argument_buffer(buffers->outputs[0]), argument_int(y.rows),
                  argument_int(y.columns));
}

/* Rows of the table that a group owns: every group looks at all tokens, which is cheap for a lane and not for a loop.
 */
static int share_of(const struct op *op) {
    enum { GROUPS = 512 };
    return op->device.lanes == 1 ? 1 : (int)divide_up((size_t)op->inputs[TABLE].rows, GROUPS);
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape y = op->outputs[0];
    int share = share_of(op), vocabulary = op->inputs[TABLE].rows;
    struct launch_groups groups = {divide_up((size_t)vocabulary, (size_t)share), 1, 1};
    return LAUNCH(device, ((struct kernel_name){"embedding", "embedding_backward", NULL}), groups,
                  argument_buffer(buffers->inputs[TOKENS]), argument_buffer(buffers->output_gradient),
                  argument_buffer(buffers->input_gradients[TABLE]), argument_int(y.rows), argument_int(vocabulary),
                  argument_int(y.columns), argument_int(share), argument_int(buffers->accumulate[TABLE]));
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct shape y = op->outputs[0];
    for (int row = 0; row < y.rows; row++)
        for (int c = 0; c < y.columns; c++)
            outputs[0][(size_t)row * y.columns + c] = inputs[TABLE][(size_t)inputs[TOKENS][row] * y.columns + c];
}

const struct op_type op_embedding = {
    .name = "embedding",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .token_inputs = 1u << TOKENS,
    .backward_inputs = 1u << TOKENS,
    .reference = reference,
};
