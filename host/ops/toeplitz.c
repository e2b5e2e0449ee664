/* Gated convolution: y = C conv(B V), the explicit Toeplitz operator of GConv classes. */
#include "ops/op.h"
#include "ops/reduce.h"

enum { C, B, V, TAPS };

static status infer(struct op *op) {
    struct shape c = op->inputs[C];
    for (int i = B; i <= V; i++)
        TRY(op_require(op, op->inputs[i].rows == c.rows && op->inputs[i].columns == c.columns,
                       "C, B and V must have one shape"));
    TRY(op_require(op, op->inputs[TAPS].columns == c.columns, "the taps must be kernel x channels"));
    TRY(op_require_mask(op));
    TRY(op_require_sequences(op, V + 1));
    TRY(op_add_output(op, c.rows, c.columns));
    op->backward_scratch = (size_t)groups_of_reduction(op->device, c.rows) * shape_elements(op->inputs[TAPS]);
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape y = op->outputs[0];
    return LAUNCH(device, ((struct kernel_name){"toeplitz", "toeplitz_forward", NULL}), groups_rows(op->device, y.rows),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[B]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[TAPS]),
                  argument_buffer(buffers->outputs[0]), argument_int(y.rows), argument_int(y.columns),
                  argument_int(op->context), argument_int(op->inputs[TAPS].rows), argument_int(op->attributes.mask),
                  argument_int(op->attributes.span));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape y = op->outputs[0], taps = op->inputs[TAPS];
    int parts = groups_of_reduction(op->device, y.rows), tap_count = (int)shape_elements(taps);
    TRY(LAUNCH(device, ((struct kernel_name){"toeplitz", "toeplitz_backward", NULL}), groups_rows(op->device, y.rows),
               argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[B]),
               argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[TAPS]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[C]),
               argument_buffer(buffers->input_gradients[B]), argument_buffer(buffers->input_gradients[V]),
               argument_int(y.rows), argument_int(y.columns), argument_int(op->context), argument_int(taps.rows),
               argument_int(op->attributes.mask), argument_int(op->attributes.span),
               argument_int(buffers->accumulate[C]), argument_int(buffers->accumulate[B]),
               argument_int(buffers->accumulate[V])));
    TRY(LAUNCH(device, ((struct kernel_name){"toeplitz", "toeplitz_taps", NULL}),
               ((struct launch_groups){(size_t)parts, 1, 1}), argument_buffer(buffers->inputs[C]),
               argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch), argument_int(y.rows),
               argument_int(y.columns), argument_int(op->context), argument_int(taps.rows),
               argument_int(op->attributes.mask), argument_int(op->attributes.span)));
    return reduce_columns(device, buffers->scratch, 0, (size_t)tap_count, parts, tap_count,
                          buffers->input_gradients[TAPS], buffers->accumulate[TAPS]);
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    int columns = op->outputs[0].columns;
    return LAUNCH(device, ((struct kernel_name){"toeplitz", "toeplitz_step", NULL}),
                  ((struct launch_groups){(size_t)groups_over_columns(op->device, columns), (size_t)op->batch, 1}),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[B]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[TAPS]),
                  argument_buffer(memory->state), argument_buffer(buffers->outputs[0]), argument_int(columns),
                  argument_int(op->inputs[TAPS].rows), argument_int(position),
                  argument_int(position - op_first_visible(op, position)));
}

static double flops(const struct op *op) {
    return (double)shape_elements(op->outputs[0]) * (2.0 * op->inputs[TAPS].rows + 2);
}

/* Decoding keeps the last products B V. */
static size_t state(const struct op *op) {
    return (size_t)(op->inputs[TAPS].rows - 1) * (size_t)op->inputs[TAPS].columns;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct shape y = op->outputs[0];
    for (int row = 0; row < y.rows; row++) {
        int t = row % op->context, age = t - op_first_visible(op, t);
        for (int c = 0; c < y.columns; c++) {
            double sum = 0;
            for (int k = 0; k < op->inputs[TAPS].rows && k <= age; k++) {
                size_t from = (size_t)(row - k) * y.columns + c;
                sum += inputs[TAPS][(size_t)k * y.columns + c] * inputs[B][from] * inputs[V][from];
            }
            outputs[0][(size_t)row * y.columns + c] = inputs[C][(size_t)row * y.columns + c] * sum;
        }
    }
}

const struct op_type op_toeplitz = {
    .name = "toeplitz",
    .inputs_least = 4,
    .inputs_most = 4,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .backward_inputs = 1u << C | 1u << B | 1u << V | 1u << TAPS,
    .flops = flops,
    .state = state,
    .reference = reference,
};
