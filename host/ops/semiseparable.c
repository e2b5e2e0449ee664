/* Recurrence with an input-dependent diagonal decay: cl/semiseparable.cl gives the equations. */
#include "base/memory.h"
#include "ops/op.h"
#include "ops/reduce.h"
#include "starcl/constants.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { A, B, C, V, BIAS };
enum { Y, STATES };
enum { LARGEST_STATE = 64 };

static int chunks(const struct op *op) {
    return (op->context + STAR_SCAN_CHUNK - 1) / STAR_SCAN_CHUNK;
}

static status infer(struct op *op) {
    struct shape v = op->inputs[V];
    int state = op->attributes.state;
    TRY(op_require(op, state > 0 && state <= LARGEST_STATE, "the state must be 1 to 64"));
    TRY(op_require(op, op->inputs[A].rows == v.rows && op->inputs[A].columns == v.columns,
                   "A and V must have one shape"));
    for (int i = B; i <= C; i++)
        TRY(op_require(op, op->inputs[i].rows == v.rows && op->inputs[i].columns == state,
                       "B and C must have as many columns as the state"));
    TRY(op_require(op, op->inputs[BIAS].rows == 1 && op->inputs[BIAS].columns == v.columns,
                   "the bias must be 1 x channels"));
    TRY(op_require_mask(op));
    TRY(op_require(op, op->attributes.mask != STAR_MASK_BANDED, "a recurrence has no window"));
    TRY(op_require_sequences(op, V + 1));
    TRY(op_add_output(op, v.rows, v.columns));
    TRY(op_add_output(op, (int64_t)op->batch * chunks(op) * state, v.columns));
    size_t blocks = (size_t)groups_over_columns(op->device, v.columns);
    op->backward_scratch = blocks * 2 * (size_t)v.rows * (size_t)state + (size_t)op->batch * (size_t)v.columns;
    return STATUS_OK;
}

enum { OPTION_BYTES = 64 };

static struct kernel_name kernel(const struct op *op, const char *name, char *options) {
    snprintf(options, OPTION_BYTES, "-DSTATE=%d", op->attributes.state);
    return (struct kernel_name){"semiseparable", name, options};
}

static struct launch_groups groups(const struct op *op) {
    return (struct launch_groups){(size_t)groups_over_columns(op->device, op->inputs[V].columns), (size_t)op->batch, 1};
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    return LAUNCH(device, kernel(op, "semiseparable_forward", options), groups(op), argument_buffer(buffers->inputs[A]),
                  argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[C]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[BIAS]),
                  argument_buffer(buffers->outputs[Y]), argument_buffer(buffers->outputs[STATES]),
                  argument_int(op->inputs[V].columns), argument_int(op->context), argument_int(op->attributes.mask),
                  argument_int(op->attributes.span));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    int channels = op->inputs[V].columns, rows = op->inputs[V].rows;
    TRY(LAUNCH(device, kernel(op, "semiseparable_backward", options), groups(op), argument_buffer(buffers->inputs[A]),
               argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[C]),
               argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[BIAS]),
               argument_buffer(buffers->outputs[STATES]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->input_gradients[A]), argument_buffer(buffers->input_gradients[V]),
               argument_buffer(buffers->scratch), argument_int(rows), argument_int(channels), argument_int(op->context),
               argument_int(op->attributes.mask), argument_int(op->attributes.span),
               argument_int(buffers->accumulate[A]), argument_int(buffers->accumulate[V])));
    int blocks = groups_over_columns(op->device, channels), state_columns = rows * op->attributes.state;
    size_t stride = 2 * (size_t)state_columns, channel_offset = (size_t)blocks * stride;
    TRY(reduce_columns(device, buffers->scratch, 0, stride, blocks, state_columns, buffers->input_gradients[B],
                       buffers->accumulate[B]));
    TRY(reduce_columns(device, buffers->scratch, (size_t)state_columns, stride, blocks, state_columns,
                       buffers->input_gradients[C], buffers->accumulate[C]));
    return reduce_columns(device, buffers->scratch, channel_offset, (size_t)channels, op->batch, channels,
                          buffers->input_gradients[BIAS], buffers->accumulate[BIAS]);
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    char options[OPTION_BYTES];
    return LAUNCH(device, kernel(op, "semiseparable_step", options), groups(op), argument_buffer(buffers->inputs[A]),
                  argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[C]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[BIAS]),
                  argument_buffer(memory->state), argument_buffer(buffers->outputs[Y]),
                  argument_int(op->inputs[V].columns), argument_int(position == op_first_visible(op, position)));
}

static double flops(const struct op *op) {
    return (double)shape_elements(op->inputs[V]) * (6.0 * op->attributes.state + 8);
}

static size_t state(const struct op *op) {
    return (size_t)op->attributes.state * (size_t)op->inputs[V].columns;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int channels = op->inputs[V].columns, size = op->attributes.state;
    double *h = memory_allocate((size_t)channels * (size_t)size, sizeof *h);
    for (int row = 0; row < op->inputs[V].rows; row++) {
        int t = row % op->context;
        for (int c = 0; c < channels; c++) {
            size_t place = (size_t)row * channels + c;
            double delta = op_softplus(inputs[A][place] + inputs[BIAS][c]), v = inputs[V][place];
            double sum = 0;
            for (int n = 0; n < size; n++) {
                double *state_n = &h[(size_t)c * size + n];
                *state_n = t == op_first_visible(op, t) ? 0 : *state_n;
                if (t % STAR_SCAN_CHUNK == 0) {
                    size_t chunk = (size_t)(row / op->context) * chunks(op) + t / STAR_SCAN_CHUNK;
                    outputs[STATES][(chunk * size + n) * channels + c] = *state_n;
                }
                *state_n = exp(-(n + 1) * delta) * *state_n + delta * v * inputs[B][(size_t)row * size + n];
                sum += inputs[C][(size_t)row * size + n] * *state_n;
            }
            outputs[Y][place] = sum;
        }
    }
    free(h);
}

const struct op_type op_semiseparable = {
    .name = "semiseparable",
    .inputs_least = 5,
    .inputs_most = 5,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .backward_inputs = 1u << A | 1u << B | 1u << C | 1u << V | 1u << BIAS,
    .backward_outputs = 1u << STATES,
    .flops = flops,
    .state = state,
    .reference = reference,
};
