/* y = silu(C) V: the diagonal, memoryless operator (SwiGLU), and the output gate of recurrences. */
#include "ops/op.h"

#include <math.h>

enum { C, V };

static status infer(struct op *op) {
    TRY(op_require(op, op->inputs[C].rows == op->inputs[V].rows && op->inputs[C].columns == op->inputs[V].columns,
                   "C and V must have one shape"));
    op->output_count = 1;
    op->outputs[0] = op->inputs[C];
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->outputs[0]);
    return LAUNCH(device, ((struct kernel_name){"elementwise", "gate_forward", NULL}), groups_flat(op->device, count),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->outputs[0]), argument_int((int)count));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    size_t count = shape_elements(op->outputs[0]);
    return LAUNCH(device, ((struct kernel_name){"elementwise", "gate_backward", NULL}), groups_flat(op->device, count),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[C]),
                  argument_buffer(buffers->input_gradients[V]), argument_int((int)count),
                  argument_int(buffers->accumulate[C]), argument_int(buffers->accumulate[V]));
}

static double flops(const struct op *op) {
    return 6.0 * (double)shape_elements(op->outputs[0]);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    for (size_t i = 0; i < shape_elements(op->outputs[0]); i++)
        outputs[0][i] = inputs[C][i] / (1 + exp(-inputs[C][i])) * inputs[V][i];
}

const struct op_type op_gate = {
    .name = "gate",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 1u << C | 1u << V,
    .flops = flops,
    .reference = reference,
};
