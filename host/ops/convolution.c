#include "ops/op.h"
#include "ops/reduce.h"

enum { X, TAPS };

static status infer(struct op *op) {
    struct shape x = op->inputs[X], taps = op->inputs[TAPS];
    TRY(op_require(op, taps.columns == x.columns, "the taps must be kernel x channels"));
    TRY(op_require_sequences(op, 1));
    TRY(op_add_output(op, x.rows, x.columns));
    op->backward_scratch = (size_t)groups_of_reduction(op->device, x.rows) * shape_elements(taps);
    return STATUS_OK;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[X];
    return LAUNCH(device, ((struct kernel_name){"convolution", "convolution_forward", NULL}),
                  groups_rows(op->device, x.rows), argument_buffer(buffers->inputs[X]),
                  argument_buffer(buffers->inputs[TAPS]), argument_buffer(buffers->outputs[0]), argument_int(x.rows),
                  argument_int(x.columns), argument_int(op->context), argument_int(op->inputs[TAPS].rows));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct shape x = op->inputs[X], taps = op->inputs[TAPS];
    int parts = groups_of_reduction(op->device, x.rows), tap_count = (int)shape_elements(taps);
    TRY(LAUNCH(device, ((struct kernel_name){"convolution", "convolution_backward", NULL}),
               groups_rows(op->device, x.rows), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->inputs[TAPS]), argument_buffer(buffers->input_gradients[X]),
               argument_int(x.rows), argument_int(x.columns), argument_int(op->context), argument_int(taps.rows),
               argument_int(buffers->accumulate[X])));
    TRY(LAUNCH(device, ((struct kernel_name){"convolution", "convolution_taps", NULL}),
               ((struct launch_groups){(size_t)parts, 1, 1}), argument_buffer(buffers->inputs[X]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch), argument_int(x.rows),
               argument_int(x.columns), argument_int(op->context), argument_int(taps.rows)));
    return reduce_columns(device, buffers->scratch, 0, (size_t)tap_count, parts, tap_count,
                          buffers->input_gradients[TAPS], buffers->accumulate[TAPS]);
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    struct shape x = op->inputs[X];
    return LAUNCH(device, ((struct kernel_name){"convolution", "convolution_step", NULL}),
                  ((struct launch_groups){(size_t)groups_over_columns(op->device, x.columns), (size_t)op->batch, 1}),
                  argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[TAPS]),
                  argument_buffer(memory->state), argument_buffer(buffers->outputs[0]), argument_int(x.columns),
                  argument_int(op->inputs[TAPS].rows), argument_int(position));
}

static double flops(const struct op *op) {
    return 2.0 * (double)shape_elements(op->inputs[X]) * op->inputs[TAPS].rows;
}

/* Decoding keeps the rows that the taps before the last one reach. */
static size_t state(const struct op *op) {
    return (size_t)(op->inputs[TAPS].rows - 1) * (size_t)op->inputs[X].columns;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct shape x = op->inputs[X];
    for (int row = 0; row < x.rows; row++) {
        for (int c = 0; c < x.columns; c++) {
            double sum = 0;
            for (int k = 0; k < op->inputs[TAPS].rows && k <= row % op->context; k++)
                sum += inputs[TAPS][(size_t)k * x.columns + c] * inputs[X][(size_t)(row - k) * x.columns + c];
            outputs[0][(size_t)row * x.columns + c] = sum;
        }
    }
}

const struct op_type op_convolution = {
    .name = "convolution",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .backward_inputs = 1u << X | 1u << TAPS,
    .flops = flops,
    .step = step,
    .state = state,
    .reference = reference,
};
