/*
 * Recurrence with an input-dependent diagonal decay: cl/semiseparable.cl gives the equations, and walks a sequence;
 * cl/gpu/semiseparable_chunks.cl computes the same for devices of many lanes, all chunks of a sequence at once.
 */
#include "base/memory.h"
#include "device/shape.h"
#include "ops/op.h"
#include "ops/reduce.h"
#include "starcl/constants.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { A, B, C, V, BIAS };
enum { Y, STATES };
enum { LARGEST_STATE = 64 };

/* Tokens from a state that is kept to the next. */
static int chunk_of(const struct op *op) {
    return shape_scan_blocks(op->device).chunk;
}

static int chunks(const struct op *op) {
    return (int)divide_up((size_t)op->context, (size_t)chunk_of(op));
}

/* Whether all chunks are computed at once: for the shape of GPUs, in which a few lanes add up a token's channels. */
static bool is_by_chunks(const struct op *op) {
    return op->device.width == 1 && op->device.lanes == 4 * chunk_of(op);
}

/*
 * Places in the scratch of backward, in floats: parts of the gradients of B and C, a block of channels each, and of the
 * bias, a sequence or a chunk each; then of each chunk its decays, the gradient of the state behind it, and what its
 * second half leaves to its first.
 */
struct layout {
    size_t bias, decays, gradients, middles, end;
    int bias_parts;
};

static struct layout layout_of(const struct op *op) {
    struct shape v = op->inputs[V];
    size_t blocks = (size_t)groups_over_columns(op->device, v.columns), channels = (size_t)v.columns;
    size_t all_chunks = (size_t)op->batch * (size_t)chunks(op), states = all_chunks * (size_t)op->attributes.state;
    struct layout layout = {.bias_parts = is_by_chunks(op) ? op->batch * chunks(op) : op->batch};
    layout.bias = blocks * 2 * (size_t)v.rows * (size_t)op->attributes.state;
    layout.decays = layout.bias + (size_t)layout.bias_parts * channels;
    layout.gradients = layout.decays + (is_by_chunks(op) ? all_chunks * channels : 0);
    layout.middles = layout.gradients + (is_by_chunks(op) ? states * channels : 0);
    layout.end = layout.middles + (is_by_chunks(op) ? states * channels : 0);
    return layout;
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
    op->forward_scratch = is_by_chunks(op) ? (size_t)op->batch * (size_t)chunks(op) * (size_t)v.columns : 0;
    op->backward_scratch = layout_of(op).end;
    return STATUS_OK;
}

enum { OPTION_BYTES = 64 };

static struct kernel_name kernel(const struct op *op, const char *name, char *options) {
    snprintf(options, OPTION_BYTES, "-DSTATE=%d", op->attributes.state);
    return (struct kernel_name){"semiseparable", name, options};
}

static struct kernel_name chunk_kernel(const struct op *op, const char *name, char *options) {
    struct kernel_name chosen = kernel(op, name, options);
    chosen.program = "semiseparable_chunks";
    return chosen;
}

static struct launch_groups groups(const struct op *op) {
    return (struct launch_groups){(size_t)groups_over_columns(op->device, op->inputs[V].columns), (size_t)op->batch, 1};
}

/* The same with `each` in between: all chunks, or all numbers of a state. */
static struct launch_groups groups_each(const struct op *op, int each) {
    return (struct launch_groups){groups(op).x, (size_t)each, (size_t)op->batch};
}

/* From what each chunk makes of a state of zeros to what it makes of the one before it. */
static status carry(struct device *device, const struct op *op, cl_mem states, size_t states_place, cl_mem decays,
                    size_t decays_place, bool backwards) {
    char options[OPTION_BYTES];
    return LAUNCH(device, chunk_kernel(op, "semiseparable_carry", options), groups_each(op, op->attributes.state),
                  argument_buffer(states), argument_int((int)states_place), argument_buffer(decays),
                  argument_int((int)decays_place), argument_int(op->inputs[V].columns), argument_int(op->context),
                  argument_int(op->attributes.mask), argument_int(op->attributes.span), argument_int(backwards));
}

static status forward_by_chunks(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    TRY(LAUNCH(device, chunk_kernel(op, "semiseparable_chunk_states", options), groups_each(op, chunks(op)),
               argument_buffer(buffers->inputs[A]), argument_buffer(buffers->inputs[B]),
               argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[BIAS]),
               argument_buffer(buffers->outputs[STATES]), argument_buffer(buffers->scratch),
               argument_int(op->inputs[V].columns), argument_int(op->context), argument_int(op->attributes.mask),
               argument_int(op->attributes.span)));
    TRY(carry(device, op, buffers->outputs[STATES], 0, buffers->scratch, 0, false));
    return LAUNCH(device, chunk_kernel(op, "semiseparable_forward", options), groups_each(op, chunks(op)),
                  argument_buffer(buffers->inputs[A]), argument_buffer(buffers->inputs[B]),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->inputs[BIAS]), argument_buffer(buffers->outputs[STATES]),
                  argument_buffer(buffers->outputs[Y]), argument_int(op->inputs[V].columns), argument_int(op->context),
                  argument_int(op->attributes.mask), argument_int(op->attributes.span));
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    if (is_by_chunks(op))
        return forward_by_chunks(device, op, buffers);
    return LAUNCH(device, kernel(op, "semiseparable_forward", options), groups(op), argument_buffer(buffers->inputs[A]),
                  argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[C]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->inputs[BIAS]),
                  argument_buffer(buffers->outputs[Y]), argument_buffer(buffers->outputs[STATES]),
                  argument_int(op->inputs[V].columns), argument_int(op->context), argument_int(op->attributes.mask),
                  argument_int(op->attributes.span));
}

/* dA and dV, and the parts of the other gradients in scratch. */
static status gradients_by_chunks(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    struct layout layout = layout_of(op);
    TRY(LAUNCH(device, chunk_kernel(op, "semiseparable_chunk_gradients", options), groups_each(op, chunks(op)),
               argument_buffer(buffers->inputs[A]), argument_buffer(buffers->inputs[C]),
               argument_buffer(buffers->inputs[BIAS]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->scratch), argument_int((int)layout.gradients), argument_int((int)layout.decays),
               argument_int(op->inputs[V].columns), argument_int(op->context), argument_int(op->attributes.mask),
               argument_int(op->attributes.span)));
    TRY(carry(device, op, buffers->scratch, layout.gradients, buffers->scratch, layout.decays, true));
    return LAUNCH(device, chunk_kernel(op, "semiseparable_backward", options), groups_each(op, chunks(op)),
                  argument_buffer(buffers->inputs[A]), argument_buffer(buffers->inputs[B]),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->inputs[BIAS]), argument_buffer(buffers->outputs[STATES]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch),
                  argument_buffer(buffers->input_gradients[A]), argument_buffer(buffers->input_gradients[V]),
                  argument_buffer(buffers->scratch), argument_int((int)layout.gradients),
                  argument_int((int)layout.middles), argument_int((int)layout.bias), argument_int(op->inputs[V].rows),
                  argument_int(op->inputs[V].columns), argument_int(op->context), argument_int(op->attributes.mask),
                  argument_int(op->attributes.span), argument_int(buffers->accumulate[A]),
                  argument_int(buffers->accumulate[V]));
}

/* The same. */
static status gradients_by_walking(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    return LAUNCH(device, kernel(op, "semiseparable_backward", options), groups(op),
                  argument_buffer(buffers->inputs[A]), argument_buffer(buffers->inputs[B]),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->inputs[BIAS]), argument_buffer(buffers->outputs[STATES]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[A]),
                  argument_buffer(buffers->input_gradients[V]), argument_buffer(buffers->scratch),
                  argument_int(op->inputs[V].rows), argument_int(op->inputs[V].columns), argument_int(op->context),
                  argument_int(op->attributes.mask), argument_int(op->attributes.span),
                  argument_int(buffers->accumulate[A]), argument_int(buffers->accumulate[V]));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    int channels = op->inputs[V].columns, state_columns = op->inputs[V].rows * op->attributes.state;
    int blocks = groups_over_columns(op->device, channels);
    size_t stride = 2 * (size_t)state_columns;
    struct layout layout = layout_of(op);
    TRY(is_by_chunks(op) ? gradients_by_chunks(device, op, buffers) : gradients_by_walking(device, op, buffers));
    TRY(reduce_columns(device, buffers->scratch, 0, stride, blocks, state_columns, buffers->input_gradients[B],
                       buffers->accumulate[B]));
    TRY(reduce_columns(device, buffers->scratch, (size_t)state_columns, stride, blocks, state_columns,
                       buffers->input_gradients[C], buffers->accumulate[C]));
    return reduce_columns(device, buffers->scratch, layout.bias, (size_t)channels, layout.bias_parts, channels,
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
                if (t % chunk_of(op) == 0) {
                    size_t chunk = (size_t)(row / op->context) * chunks(op) + t / chunk_of(op);
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
