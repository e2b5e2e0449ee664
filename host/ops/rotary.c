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

/* What is turned, and where to. */
struct tensor {
    const struct op *op;
    cl_mem from, to;
    bool accumulate;
};

/* Up to STAR_ROTARY_TOGETHER tensors with heads of one size. */
static status turn(struct device *device, const struct tensor *tensors, int count, float direction, int start) {
    const struct op *op = tensors[0].op;
    const struct tensor *a = &tensors[0], *b = &tensors[count - 1];
    return LAUNCH(device, ((struct kernel_name){"rotary", "rotary", NULL}),
                  ((struct launch_groups){(size_t)op->context, (size_t)op->batch, (size_t)count}),
                  argument_buffer(a->from), argument_buffer(a->to), argument_buffer(b->from), argument_buffer(b->to),
                  argument_int(a->op->attributes.heads), argument_int(b->op->attributes.heads),
                  argument_int(op->attributes.head_columns), argument_int(op->context), argument_float(direction),
                  argument_int(a->accumulate), argument_int(b->accumulate), argument_int(start));
}

static struct tensor forward_tensor(const struct op *op, const struct op_buffers *buffers) {
    return (struct tensor){op, buffers->inputs[0], buffers->outputs[0], false};
}

static struct tensor backward_tensor(const struct op *op, const struct op_buffers *buffers) {
    return (struct tensor){op, buffers->output_gradient, buffers->input_gradients[0], buffers->accumulate[0]};
}

static bool together(const struct op *op, const struct op *other) {
    return op->attributes.head_columns == other->attributes.head_columns;
}

static status turn_together(struct device *device, const struct op *const ops[],
                            const struct op_buffers *const buffers[], int count,
                            struct tensor (*tensor_of)(const struct op *op, const struct op_buffers *buffers),
                            float direction) {
    for (int first = 0; first < count; first += STAR_ROTARY_TOGETHER) {
        struct tensor tensors[STAR_ROTARY_TOGETHER];
        int taken = 0;
        for (; taken < STAR_ROTARY_TOGETHER && first + taken < count; taken++)
            tensors[taken] = tensor_of(ops[first + taken], buffers[first + taken]);
        TRY(turn(device, tensors, taken, direction, 0));
    }
    return STATUS_OK;
}

static status forward_together(struct device *device, const struct op *const ops[],
                               const struct op_buffers *const buffers[], int count) {
    return turn_together(device, ops, buffers, count, forward_tensor, 1);
}

static status backward_together(struct device *device, const struct op *const ops[],
                                const struct op_buffers *const buffers[], int count) {
    return turn_together(device, ops, buffers, count, backward_tensor, -1);
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct tensor tensor = forward_tensor(op, buffers);
    return turn(device, &tensor, 1, 1, 0);
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct tensor tensor = backward_tensor(op, buffers);
    return turn(device, &tensor, 1, -1, 0);
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    (void)memory;
    struct tensor tensor = forward_tensor(op, buffers);
    return turn(device, &tensor, 1, 1, position);
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
    .together = together,
    .forward_together = forward_together,
    .backward_together = backward_together,
    .step = step,
    .flops = flops,
    .reference = reference,
};
