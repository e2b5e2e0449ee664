/* y[rows, out] = x[rows, in] weight[in, out]: dense channel mixing. */
#include "device/gemm.h"
#include "ops/op.h"

enum { X, WEIGHT };

static status infer(struct op *op) {
    TRY(op_require(op, op->inputs[X].columns == op->inputs[WEIGHT].rows, "weight rows must equal x columns"));
    op->output_count = 1;
    op->outputs[0] = (struct shape){op->inputs[X].rows, op->inputs[WEIGHT].columns};
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    return gemm(device, &(struct gemm){.a = buffers->inputs[X],
                                       .b = buffers->inputs[WEIGHT],
                                       .c = buffers->outputs[0],
                                       .m = op->inputs[X].rows,
                                       .n = op->inputs[WEIGHT].columns,
                                       .k = op->inputs[X].columns,
                                       .alpha = 1});
}

/* dx = dy weight^T, dweight = x^T dy. */
static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    int rows = op->inputs[X].rows, in = op->inputs[X].columns, out = op->inputs[WEIGHT].columns;
    TRY(gemm(device, &(struct gemm){.a = buffers->output_gradient,
                                    .b = buffers->inputs[WEIGHT],
                                    .transpose_b = true,
                                    .c = buffers->input_gradients[X],
                                    .m = rows,
                                    .n = in,
                                    .k = out,
                                    .alpha = 1,
                                    .beta = buffers->accumulate[X] ? 1 : 0}));
    return gemm(device, &(struct gemm){.a = buffers->inputs[X],
                                       .transpose_a = true,
                                       .b = buffers->output_gradient,
                                       .c = buffers->input_gradients[WEIGHT],
                                       .m = in,
                                       .n = out,
                                       .k = rows,
                                       .alpha = 1,
                                       .beta = buffers->accumulate[WEIGHT] ? 1 : 0});
}

static double flops(const struct op *op) {
    return 2.0 * (double)shape_elements(op->inputs[X]) * op->inputs[WEIGHT].columns;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int rows = op->inputs[X].rows, in = op->inputs[X].columns, out = op->inputs[WEIGHT].columns;
    for (int row = 0; row < rows; row++) {
        for (int o = 0; o < out; o++) {
            double sum = 0;
            for (int i = 0; i < in; i++)
                sum += inputs[X][(size_t)row * in + i] * inputs[WEIGHT][(size_t)i * out + o];
            outputs[0][(size_t)row * out + o] = sum;
        }
    }
}

const struct op_type op_linear = {
    .name = "linear",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 1u << X | 1u << WEIGHT,
    .flops = flops,
    .reference = reference,
};
