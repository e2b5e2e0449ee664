#include "ops/cross_entropy.h"
#include "ops/reduce.h"

#include <math.h>

enum { LOGITS, TARGETS };
enum { LOSS, LOG_SUM }; /* log sums, a row each, and behind them the number of counted rows */

static status infer(struct op *op) {
    struct shape logits = op->inputs[LOGITS], targets = op->inputs[TARGETS];
    TRY(op_require(op, targets.rows == logits.rows && targets.columns == 1, "one target id a row is needed"));
    TRY(op_add_output(op, 1, 1));
    TRY(op_add_output(op, (int64_t)logits.rows + 1, 1));
    op->forward_scratch = (size_t)logits.rows;
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape logits = op->inputs[LOGITS];
    TRY(LAUNCH(device, ((struct kernel_name){"cross_entropy", "cross_entropy_forward", NULL}),
               groups_rows(op->device, logits.rows), argument_buffer(buffers->inputs[LOGITS]),
               argument_buffer(buffers->inputs[TARGETS]), argument_buffer(buffers->scratch),
               argument_buffer(buffers->outputs[LOG_SUM]), argument_int(logits.rows), argument_int(logits.columns)));
    return LAUNCH(device, ((struct kernel_name){"cross_entropy", "cross_entropy_mean", NULL}),
                  ((struct launch_groups){1, 1, 1}), argument_buffer(buffers->scratch),
                  argument_buffer(buffers->inputs[TARGETS]), argument_buffer(buffers->outputs[LOG_SUM]),
                  argument_buffer(buffers->outputs[LOSS]), argument_int(logits.rows));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape logits = op->inputs[LOGITS];
    return LAUNCH(device, ((struct kernel_name){"cross_entropy", "cross_entropy_backward", NULL}),
                  groups_rows(op->device, logits.rows), argument_buffer(buffers->inputs[LOGITS]),
                  argument_buffer(buffers->inputs[TARGETS]), argument_buffer(buffers->outputs[LOG_SUM]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[LOGITS]),
                  argument_int(logits.rows), argument_int(logits.columns), argument_int(buffers->accumulate[LOGITS]));
}

status cross_entropy_count_right(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                 cl_mem right) {
    struct shape logits = op->inputs[LOGITS];
    TRY(LAUNCH(device, ((struct kernel_name){"cross_entropy", "cross_entropy_right", NULL}),
               groups_rows(op->device, logits.rows), argument_buffer(buffers->inputs[LOGITS]),
               argument_buffer(buffers->inputs[TARGETS]), argument_buffer(buffers->scratch), argument_int(logits.rows),
               argument_int(logits.columns)));
    return reduce_sum(device, buffers->scratch, logits.rows, 1, right);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct shape logits = op->inputs[LOGITS];
    double losses = 0, counted = 0;
    for (int row = 0; row < logits.rows; row++) {
        const double *from = inputs[LOGITS] + (size_t)row * logits.columns;
        double largest = from[0], sum = 0;
        for (int c = 1; c < logits.columns; c++)
            largest = fmax(largest, from[c]);
        for (int c = 0; c < logits.columns; c++)
            sum += exp(from[c] - largest);
        outputs[LOG_SUM][row] = largest + log(sum);
        if (inputs[TARGETS][row] < 0)
            continue;
        losses += outputs[LOG_SUM][row] - from[(int)inputs[TARGETS][row]];
        counted++;
    }
    outputs[LOG_SUM][logits.rows] = counted;
    outputs[LOSS][0] = counted > 0 ? losses / counted : 0;
}

const struct op_type op_cross_entropy = {
    .name = "cross_entropy",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .token_inputs = 1u << TARGETS,
    .backward_inputs = 1u << LOGITS | 1u << TARGETS,
    .backward_outputs = 1u << LOG_SUM,
    .overwritten_inputs = 1u << LOGITS,
    .reference = reference,
};
