#include "ops/op.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

const struct op_type *const op_types[] = {
    &op_embedding,        &op_rms_norm,    &op_linear,        &op_add,    &op_scale, &op_scaled_add,
    &op_repeat_columns,   &op_convolution, &op_unfold,        &op_rotary, &op_gate,  &op_low_rank,
    &op_linear_attention, &op_toeplitz,    &op_lag_features,  &op_sine,   &op_fade,  &op_long_convolution,
    &op_semiseparable,    &op_spread_last, &op_cross_entropy, NULL,
};

/* In the order of struct op_attributes. */
const char *const op_attribute_names[OP_ATTRIBUTES] = {
    "groups", "heads",        "b_heads", "c_heads", "v_heads", "head_columns", "state", "mask",
    "span",   "nonlinearity", "repeat",  "kernel",  "mean",    "negative",     "lags",
};

int *op_attribute(struct op_attributes *attributes, int index) {
    return (int *)attributes + index;
}

const struct op_type *op_type_find(const char *name) {
    for (int i = 0; op_types[i]; i++)
        if (strcmp(op_types[i]->name, name) == 0)
            return op_types[i];
    return NULL;
}

static void describe_inputs(const struct op *op, struct text *text) {
    for (int i = 0; i < op->input_count; i++)
        text_append(text, "%s%d x %d", i ? ", " : "", op->inputs[i].rows, op->inputs[i].columns);
}

status op_require(const struct op *op, bool holds, const char *requirement) {
    if (holds)
        return STATUS_OK;
    struct text inputs = {0};
    describe_inputs(op, &inputs);
    status outcome = fail("the operator %s does not fit its inputs (%s): %s", op->type->name,
                          inputs.text ? inputs.text : "none", requirement);
    text_free(&inputs);
    return outcome;
}

status op_require_mask(const struct op *op) {
    int mask = op->attributes.mask;
    TRY(op_require(op, mask == STAR_MASK_CAUSAL || mask == STAR_MASK_BANDED || mask == STAR_MASK_BLOCKED,
                   "the mask must be causal, banded or blocked"));
    TRY(op_require(op, op->attributes.span >= 0 && op->attributes.span <= OP_MOST_SPAN,
                   "the span must be at most 16777216 tokens"));
    return op_require(op, mask == STAR_MASK_CAUSAL || op->attributes.span > 0, "the mask needs a span");
}

status op_require_sequences(const struct op *op, int count) {
    for (int i = 0; i < count; i++)
        if (op->inputs[i].rows != op->batch * op->context)
            return fail("the operator %s mixes %d sequences of %d tokens, but its input %d has %d rows", op->type->name,
                        op->batch, op->context, i, op->inputs[i].rows);
    return STATUS_OK;
}

/* A tensor of this shape can be counted by kernels. */
static status require_countable(const struct op *op, const char *what, int64_t rows, int64_t columns) {
    if (columns <= OP_MOST_COLUMNS && rows <= OP_MOST_ELEMENTS && rows * columns <= OP_MOST_ELEMENTS)
        return STATUS_OK;
    return fail("%s of the operator %s is %" PRId64 " x %" PRId64
                "; kernels count at most %d elements and %d columns, and a smaller train.batch, model.context or "
                "model.width makes it smaller",
                what, op->type->name, rows, columns, (int)OP_MOST_ELEMENTS, (int)OP_MOST_COLUMNS);
}

status op_add_output(struct op *op, int64_t rows, int64_t columns) {
    TRY(op_require(op, rows > 0 && columns > 0, "it would make nothing"));
    TRY(require_countable(op, "a result", rows, columns));
    op->outputs[op->output_count++] = (struct shape){(int)rows, (int)columns};
    return STATUS_OK;
}

status op_infer(struct op *op) {
    op->output_count = 0;
    op->forward_scratch = op->backward_scratch = 0;
    op->reach = op->reach ? op->reach : op->context;
    TRY(op_require(op, op->batch > 0 && op->context > 0 && op->reach > 0, "batch and context must be positive"));
    if ((int64_t)op->batch * op->context > OP_MOST_ELEMENTS)
        return fail("%d sequences of %d tokens are %" PRId64 " tokens at once; kernels count at most %d, and a smaller "
                    "train.batch or model.context makes them fewer",
                    op->batch, op->context, (int64_t)op->batch * op->context, (int)OP_MOST_ELEMENTS);
    TRY(op_require(op, op->input_count >= op->type->inputs_least && op->input_count <= op->type->inputs_most,
                   "the number of inputs is wrong"));
    for (int i = 0; i < op->input_count; i++) {
        TRY(op_require(op, op->inputs[i].rows > 0 && op->inputs[i].columns > 0, "an input is empty"));
        TRY(require_countable(op, "an input", op->inputs[i].rows, op->inputs[i].columns));
    }
    TRY(op->type->infer(op));
    size_t scratch = op->forward_scratch > op->backward_scratch ? op->forward_scratch : op->backward_scratch;
    if (scratch > OP_MOST_ELEMENTS)
        return fail("the operator %s needs scratch of %zu floats; kernels count at most %d, and a smaller train.batch, "
                    "model.context or model.width needs less",
                    op->type->name, scratch, (int)OP_MOST_ELEMENTS);
    return STATUS_OK;
}

int op_first_visible(const struct op *op, int t) {
    switch (op->attributes.mask) {
    case STAR_MASK_BANDED:
        return t >= op->attributes.span ? t - op->attributes.span + 1 : 0;
    case STAR_MASK_BLOCKED:
        return t - t % op->attributes.span;
    default:
        return 0;
    }
}

status op_pass_gradient(struct device *device, const struct op *op, const struct op_buffers *buffers, int input) {
    size_t count = shape_elements(op->outputs[0]);
    if (!buffers->input_gradients[input])
        return STATUS_OK;
    return LAUNCH(device, ((struct kernel_name){"elementwise", "pass_gradient", NULL}), groups_flat(op->device, count),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[input]),
                  argument_int((int)count), argument_int(buffers->accumulate[input]));
}

int op_visible_rows(const struct op *op) {
    bool limited = op->attributes.mask != STAR_MASK_CAUSAL && op->attributes.span < op->reach;
    return limited ? op->attributes.span : op->reach;
}

int op_segment(const struct op *op) {
    bool blocked = op->attributes.mask == STAR_MASK_BLOCKED && op->attributes.span < op->context;
    return blocked ? op->attributes.span : op->context;
}

double op_softplus(double x) {
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

double op_nonlinearity(int nonlinearity, double x) {
    switch (nonlinearity) {
    case STAR_NONLINEARITY_SIGMOID:
        return 1 / (1 + exp(-x));
    case STAR_NONLINEARITY_RELU:
        return fmax(x, 0);
    case STAR_NONLINEARITY_SILU:
        return x / (1 + exp(-x));
    default:
        return x;
    }
}
