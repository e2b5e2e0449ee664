#include "ops/op.h"

static status infer(struct op *op) {
    struct shape a = op->inputs[0], b = op->inputs[1];
    TRY(op_require(op, a.rows == b.rows && a.columns == b.columns, "both inputs must have one shape"));
    return op_add_output(op, a.rows, a.columns);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->outputs[0]);
    return LAUNCH(device, ((struct kernel_name){"elementwise", "add_forward", NULL}), groups_flat(op->device, count),
                  argument_buffer(buffers->inputs[0]), argument_buffer(buffers->inputs[1]),
                  argument_buffer(buffers->outputs[0]), argument_int((int)count));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    TRY(op_pass_gradient(device, op, buffers, 0));
    return op_pass_gradient(device, op, buffers, 1);
}

static double flops(const struct op *op) {
    return (double)shape_elements(op->outputs[0]);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    for (size_t i = 0; i < shape_elements(op->outputs[0]); i++)
        outputs[0][i] = inputs[0][i] + inputs[1][i];
}

const struct op_type op_add = {
    .name = "add",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .passed_inputs = 1u << 0 | 1u << 1,
    .flops = flops,
    .reference = reference,
};
