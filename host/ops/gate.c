/*
 * y = s(C) V: the diagonal, memoryless operator (SwiGLU with s = silu), the output gate of recurrences, and with s =
 * none the product of two features.
 */
#include "ops/op.h"

enum { C, V };

static status infer(struct op *op) {
    TRY(op_require(op, op->inputs[C].rows == op->inputs[V].rows && op->inputs[C].columns == op->inputs[V].columns,
                   "C and V must have one shape"));
    int nonlinearity = op->attributes.nonlinearity;
    TRY(op_require(op, nonlinearity >= STAR_NONLINEARITY_NONE && nonlinearity <= STAR_NONLINEARITY_SILU,
                   "the nonlinearity is not known"));
    TRY(op_require(op, nonlinearity != STAR_NONLINEARITY_SOFTMAX, "softmax of one element is 1"));
    return op_add_output(op, op->inputs[C].rows, op->inputs[C].columns);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->outputs[0]);
    return LAUNCH(device, ((struct kernel_name){"elementwise", "gate_forward", NULL}), groups_flat(op->device, count),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->outputs[0]), argument_int((int)count),
                  argument_int(op->attributes.nonlinearity));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->outputs[0]);
    return LAUNCH(device, ((struct kernel_name){"elementwise", "gate_backward", NULL}), groups_flat(op->device, count),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[C]),
                  argument_buffer(buffers->input_gradients[V]), argument_int((int)count),
                  argument_int(buffers->accumulate[C]), argument_int(buffers->accumulate[V]),
                  argument_int(op->attributes.nonlinearity));
}

static double flops(const struct op *op) {
    return 6.0 * (double)shape_elements(op->outputs[0]);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    for (size_t i = 0; i < shape_elements(op->outputs[0]); i++)
        outputs[0][i] = op_nonlinearity(op->attributes.nonlinearity, inputs[C][i]) * inputs[V][i];
}

const struct op_type op_gate = {
    .name = "gate",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 1u << C | 1u << V,
    .cheap = true,
    .flops = flops,
    .reference = reference,
};
