/*
 * y = w x (scale) and y = a + w b or a - w b (scaled_add), with a factor w a channel: diagonal channel mixing, skip
 * connections, and the difference of two operators.
 */
#include "ops/op.h"
#include "ops/reduce.h"

/* Inputs of scaled_add; scale has the last two alone. */
enum { BASE, X, FACTORS };

struct scaled {
    bool has_base;
    int x, factors; /* inputs */
    float sign;
};

static struct scaled scaled_of(const struct op *op) {
    bool has_base = op->type == &op_scaled_add;
    return (struct scaled){has_base, has_base ? X : 0, has_base ? FACTORS : 1, op->attributes.negative ? -1 : 1};
}

static status infer(struct op *op) {
    struct scaled scaled = scaled_of(op);
    struct shape x = op->inputs[scaled.x], factors = op->inputs[scaled.factors];
    TRY(op_require(op, factors.rows == 1 && factors.columns == x.columns, "the factors must be 1 x channels"));
    if (scaled.has_base)
        TRY(op_require(op, op->inputs[BASE].rows == x.rows && op->inputs[BASE].columns == x.columns,
                       "both addends must have one shape"));
    TRY(op_require(op, op->attributes.negative == 0 || op->attributes.negative == 1, "negative is 0 or 1"));
    TRY(op_add_output(op, x.rows, x.columns));
    op->backward_scratch = (size_t)groups_of_reduction(op->device, x.rows) * (size_t)x.columns;
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct scaled scaled = scaled_of(op);
    struct shape x = op->inputs[scaled.x];
    cl_mem base = buffers->inputs[scaled.has_base ? BASE : scaled.x];
    return LAUNCH(device, ((struct kernel_name){"elementwise", "scale_forward", NULL}), groups_rows(op->device, x.rows),
                  argument_buffer(base), argument_buffer(buffers->inputs[scaled.x]),
                  argument_buffer(buffers->inputs[scaled.factors]), argument_buffer(buffers->outputs[0]),
                  argument_int(x.rows), argument_int(x.columns), argument_float(scaled.sign),
                  argument_int(scaled.has_base));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct scaled scaled = scaled_of(op);
    struct shape x = op->inputs[scaled.x];
    int parts = groups_of_reduction(op->device, x.rows);
    if (scaled.has_base)
        TRY(op_pass_gradient(device, op, buffers, BASE));
    TRY(LAUNCH(device, ((struct kernel_name){"elementwise", "scale_backward", NULL}), groups_rows(op->device, x.rows),
               argument_buffer(buffers->inputs[scaled.factors]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->input_gradients[scaled.x]), argument_int(x.rows), argument_int(x.columns),
               argument_float(scaled.sign), argument_int(buffers->accumulate[scaled.x])));
    TRY(LAUNCH(device, ((struct kernel_name){"elementwise", "scale_factors", NULL}),
               ((struct launch_groups){(size_t)parts, 1, 1}), argument_buffer(buffers->inputs[scaled.x]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch), argument_int(x.rows),
               argument_int(x.columns), argument_float(scaled.sign)));
    return reduce_columns(device, buffers->scratch, 0, (size_t)x.columns, parts, x.columns,
                          buffers->input_gradients[scaled.factors], buffers->accumulate[scaled.factors]);
}

static double flops(const struct op *op) {
    return (scaled_of(op).has_base ? 2.0 : 1.0) * (double)shape_elements(op->outputs[0]);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct scaled scaled = scaled_of(op);
    int columns = op->outputs[0].columns;
    for (size_t i = 0; i < shape_elements(op->outputs[0]); i++) {
        double value = scaled.sign * inputs[scaled.x][i] * inputs[scaled.factors][i % (size_t)columns];
        outputs[0][i] = value + (scaled.has_base ? inputs[BASE][i] : 0);
    }
}

const struct op_type op_scale = {
    .name = "scale",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 3,
    .flops = flops,
    .reference = reference,
};

const struct op_type op_scaled_add = {
    .name = "scaled_add",
    .inputs_least = 3,
    .inputs_most = 3,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 1u << X | 1u << FACTORS,
    .passed_inputs = 1u << BASE,
    .flops = flops,
    .reference = reference,
};
