#include "ops/op.h"

#include "base/text.h"

const struct op_type *const op_types[] = {
    &op_embedding, &op_rms_norm, &op_linear,        &op_add,  &op_convolution,   &op_rotary,
    &op_low_rank,  &op_toeplitz, &op_semiseparable, &op_gate, &op_cross_entropy, NULL,
};

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

status op_infer(struct op *op) {
    op->output_count = 0;
    op->forward_scratch = op->backward_scratch = 0;
    TRY(op_require(op, op->batch > 0 && op->context > 0, "batch and context must be positive"));
    TRY(op_require(op, op->input_count >= op->type->inputs_least && op->input_count <= op->type->inputs_most,
                   "the number of inputs is wrong"));
    for (int i = 0; i < op->input_count; i++)
        TRY(op_require(op, op->inputs[i].rows > 0 && op->inputs[i].columns > 0, "an input is empty"));
    return op->type->infer(op);
}
