#include "ops/op.h"
#include "starcl/constants.h"

#include <math.h>

static status infer(struct op *op) {
    struct op_attributes a = op->attributes;
    TRY(op_require(op, a.heads > 0 && a.head_columns > 0 && (int64_t)a.heads * a.head_columns == op->inputs[0].columns,
                   "heads times head_columns must equal x columns"));
    TRY(op_require(op, a.head_columns % 2 == 0, "head_columns must be even"));
    TRY(op_require_sequences(op, 1));
    return op_add_output(op, op->inputs[0].rows, op->inputs[0].columns);
}

static status turn(struct device *device, const struct op *op, cl_mem from, cl_mem to, float direction, bool accumulate,
                   int start) {
    return LAUNCH(device, ((struct kernel_name){"rotary", "rotary", NULL}),
                  ((struct launch_groups){(size_t)op->context, (size_t)op->batch, 1}), argument_buffer(from),
                  argument_buffer(to), argument_int(op->attributes.heads), argument_int(op->attributes.head_columns),
                  argument_int(op->context), argument_float(direction), argument_int(accumulate), argument_int(start));
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    return turn(device, op, buffers->inputs[0], buffers->outputs[0], 1, false, 0);
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    return turn(device, op, buffers->output_gradient, buffers->input_gradients[0], -1, buffers->accumulate[0], 0);
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    (void)memory;
    return turn(device, op, buffers->inputs[0], buffers->outputs[0], 1, false, position);
}

static double flops(const struct op *op) {
    return 3.0 * (double)shape_elements(op->inputs[0]);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int columns = op->inputs[0].columns, half = op->attributes.head_columns / 2;
    for (int row = 0; row < op->inputs[0].rows; row++) {
        for (int head = 0; head < op->attributes.heads; head++) {
            for (int i = 0; i < half; i++) {
                double angle = row % op->context * pow(STAR_ROTARY_BASE, -(double)i / half);
                size_t first = (size_t)row * columns + (size_t)(head * op->attributes.head_columns + i);
                double a = inputs[0][first], b = inputs[0][first + half];
                outputs[0][first] = a * cos(angle) - b * sin(angle);
                outputs[0][first + half] = b * cos(angle) + a * sin(angle);
            }
        }
    }
}

const struct op_type op_rotary = {
    .name = "rotary",
    .inputs_least = 1,
    .inputs_most = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .flops = flops,
    .reference = reference,
};
