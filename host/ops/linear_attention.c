/*
 * Attention without a nonlinearity, with or without a decay a head, in linear time: cl/linear_attention.cl gives the
 * equations. Low-rank token mixing without nonlinearity, and semi-separable mixing with one decay a head.
 */
#include "base/memory.h"
#include "device/shape.h"
#include "ops/op.h"
#include "ops/reduce.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { C, B, V, A, BIAS };

static bool has_decay(const struct op *op) {
    return op->input_count == 5;
}

static int dot_columns(const struct op *op) {
    return op->inputs[C].columns / op->attributes.c_heads;
}

static int out_columns(const struct op *op) {
    return op->inputs[V].columns / op->attributes.v_heads;
}

/* Chunks of a sequence. */
static int chunks_of(const struct op *op) {
    size_t chunk = (size_t)shape_attention_blocks(op->device).chunk, segment = (size_t)op_segment(op);
    size_t whole = (size_t)op->context / segment, rest = (size_t)op->context % segment;
    return (int)(whole * divide_up(segment, chunk) + divide_up(rest, chunk));
}

/* Places in scratch, in floats. */
struct layout {
    size_t delta, cumulative, u;      /* with a decay */
    size_t states;                    /* of one call of the primitive */
    size_t du, changes, dot_v, bias;  /* backward with a decay */
    size_t heads_B, heads_C, heads_V; /* gradients of shared heads before they are summed */
    size_t forward_end, backward_end;
};

static size_t take(size_t *end, size_t floats) {
    size_t place = *end;
    *end += (floats + OP_ROUND_FLOATS - 1) / OP_ROUND_FLOATS * OP_ROUND_FLOATS;
    return place;
}

static struct layout layout_of(const struct op *op) {
    struct op_attributes a = op->attributes;
    struct layout layout = {0};
    size_t end = 0, rows = (size_t)op->inputs[C].rows, heads = (size_t)a.heads;
    size_t dot = (size_t)dot_columns(op), out = (size_t)out_columns(op), outputs = rows * heads * out;
    if (has_decay(op)) {
        layout.delta = take(&end, rows * heads);
        layout.cumulative = take(&end, rows * heads);
        layout.u = take(&end, outputs);
    }
    layout.states = take(&end, (size_t)op->batch * (size_t)chunks_of(op) * heads * dot * out);
    layout.forward_end = end;
    if (has_decay(op)) {
        layout.du = take(&end, outputs);
        layout.changes = take(&end, rows * heads);
        layout.dot_v = take(&end, rows * heads);
        layout.bias = take(&end, (size_t)op->batch * heads);
    }
    layout.heads_B = take(&end, a.b_heads < a.heads ? rows * heads * dot : 0);
    layout.heads_C = take(&end, a.c_heads < a.heads ? rows * heads * dot : 0);
    layout.heads_V = take(&end, a.v_heads < a.heads && !has_decay(op) ? outputs : 0);
    layout.backward_end = end;
    return layout;
}

static status infer(struct op *op) {
    struct op_attributes a = op->attributes;
    TRY(op_require(op, op->input_count == 3 || has_decay(op), "C, B and V, or these with A and bias, are needed"));
    TRY(op_require(op,
                   a.heads > 0 && a.b_heads > 0 && a.c_heads > 0 && a.v_heads > 0 && a.heads % a.b_heads == 0 &&
                       a.heads % a.c_heads == 0 && a.heads % a.v_heads == 0,
                   "the heads of B, C and V must divide the heads"));
    TRY(op_require(op,
                   op->inputs[C].columns % a.c_heads == 0 && op->inputs[V].columns % a.v_heads == 0 &&
                       op->inputs[B].columns == (int64_t)dot_columns(op) * a.b_heads,
                   "C and B need equal channels a head"));
    TRY(op_require(op, dot_columns(op) <= OP_MOST_HEAD_COLUMNS && out_columns(op) <= OP_MOST_HEAD_COLUMNS,
                   "a head has more than 1024 channels"));
    TRY(op_require(op, a.mean == 0 || a.mean == 1, "mean is 0 or 1"));
    TRY(op_require_sequences(op, has_decay(op) ? BIAS : A));
    TRY(op_require_mask(op));
    TRY(op_require(op, a.mask != STAR_MASK_BANDED, "a state has no window"));
    if (has_decay(op))
        TRY(op_require(
            op, op->inputs[A].columns == a.heads && op->inputs[BIAS].rows == 1 && op->inputs[BIAS].columns == a.heads,
            "A and bias need a column a head"));
    TRY(op_add_output(op, op->inputs[C].rows, (int64_t)a.heads * out_columns(op)));
    struct layout layout = layout_of(op);
    op->forward_scratch = layout.forward_end;
    op->backward_scratch = layout.backward_end;
    return STATUS_OK;
}

/* ---- the primitive ---- */

/* A tensor: a buffer, where it starts in it (in floats), and its heads. */
struct operand {
    cl_mem buffer;
    size_t offset;
    int heads;
};

enum { OPTION_BYTES = 80 };

static struct kernel_name kernel(const struct op *op, const char *name, int dot, int out, char *options) {
    snprintf(options, OPTION_BYTES, "-DDOT=%d -DOUT=%d -DDECAY=%d -DMEAN=%d", dot, out, has_decay(op),
             op->attributes.mean);
    return (struct kernel_name){"linear_attention", name, options};
}

static float scale(const struct op *op) {
    return op->attributes.mean ? 1.0f / sqrtf((float)dot_columns(op)) : 1.0f;
}

/* One use of the primitive: out from (Q, K, X), with token weights on the rows (alpha) or on the sources (beta). */
struct use {
    struct operand q, k, x, out;
    int dot, columns; /* of Q and K, and of X and out, a head */
    bool mirrored, alpha, accumulate;
};

static status apply(struct device *device, const struct op *op, const struct op_buffers *buffers,
                    const struct use *use) {
    char options[OPTION_BYTES];
    struct layout layout = layout_of(op);
    int heads = op->attributes.heads, chunks = chunks_of(op);
    struct launch_groups per_chunk = {(size_t)chunks, (size_t)heads, (size_t)op->batch};
    struct launch_groups per_state = {(size_t)groups_over_columns(op->device, use->dot * use->columns), (size_t)heads,
                                      (size_t)op->batch};
    struct chunked_use sizes = {.q_offset = (int)use->q.offset,
                                .k_offset = (int)use->k.offset,
                                .x_offset = (int)use->x.offset,
                                .out_offset = (int)use->out.offset,
                                .cumulative_offset = (int)layout.cumulative,
                                .states_offset = (int)layout.states,
                                .heads = heads,
                                .q_heads = use->q.heads,
                                .k_heads = use->k.heads,
                                .x_heads = use->x.heads,
                                .context = op->context,
                                .segment = op_segment(op),
                                .chunks = chunks,
                                .mirrored = use->mirrored,
                                .weighs_rows = use->alpha,
                                .weighs_sources = !use->alpha,
                                .accumulate = use->accumulate,
                                .scale = scale(op)};
    struct kernel_argument scratch = argument_buffer(buffers->scratch), numbers = argument_struct(&sizes, sizeof sizes);
    TRY(LAUNCH(device, kernel(op, "chunk_states", use->dot, use->columns, options), per_chunk,
               argument_buffer(use->k.buffer), argument_buffer(use->x.buffer), scratch, numbers));
    TRY(LAUNCH(device, kernel(op, "carry_states", use->dot, use->columns, options), per_state, scratch, numbers));
    return LAUNCH(device, kernel(op, "chunk_outputs", use->dot, use->columns, options), per_chunk,
                  argument_buffer(use->q.buffer), argument_buffer(use->k.buffer), argument_buffer(use->x.buffer),
                  scratch, argument_buffer(use->out.buffer), numbers);
}

/* delta, the cumulative decays and u into scratch. */
static status prepare_decays(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    if (!has_decay(op))
        return STATUS_OK;
    char options[OPTION_BYTES];
    struct layout layout = layout_of(op);
    return LAUNCH(device, kernel(op, "decays", dot_columns(op), out_columns(op), options),
                  ((struct launch_groups){(size_t)chunks_of(op), (size_t)op->batch, 1}),
                  argument_buffer(buffers->inputs[A]), argument_buffer(buffers->inputs[BIAS]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->scratch),
                  argument_int((int)layout.delta), argument_int((int)layout.cumulative), argument_int((int)layout.u),
                  argument_int(op->attributes.heads), argument_int(op->attributes.v_heads), argument_int(op->context),
                  argument_int(op_segment(op)));
}

static struct operand input(const struct op *op, const struct op_buffers *buffers, int index) {
    int heads = index == C ? op->attributes.c_heads : index == B ? op->attributes.b_heads : op->attributes.v_heads;
    return (struct operand){buffers->inputs[index], 0, heads};
}

/* u: scratch with a decay, V without. */
static struct operand values(const struct op *op, const struct op_buffers *buffers) {
    if (!has_decay(op))
        return input(op, buffers, V);
    return (struct operand){buffers->scratch, layout_of(op).u, op->attributes.heads};
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    TRY(prepare_decays(device, op, buffers));
    return apply(device, op, buffers,
                 &(struct use){.q = input(op, buffers, C),
                               .k = input(op, buffers, B),
                               .x = values(op, buffers),
                               .out = {buffers->outputs[0], 0, op->attributes.heads},
                               .dot = dot_columns(op),
                               .columns = out_columns(op),
                               .alpha = true});
}

/* ---- backward ---- */

/* A gradient a head: straight into the input's, or into scratch where heads share. */
static struct operand gradient(const struct op *op, const struct op_buffers *buffers, int index, size_t scratch_place,
                               bool *accumulate) {
    int heads = op->attributes.heads;
    bool shared = input(op, buffers, index).heads < heads;
    *accumulate = !shared && buffers->accumulate[index];
    if (shared)
        return (struct operand){buffers->scratch, scratch_place, heads};
    return (struct operand){buffers->input_gradients[index], 0, heads};
}

static status sum_shared(struct device *device, const struct op *op, const struct op_buffers *buffers, int index,
                         size_t scratch_place, int columns) {
    int shared_heads = input(op, buffers, index).heads;
    if (shared_heads == op->attributes.heads)
        return STATUS_OK;
    return reduce_heads(device, buffers->scratch, scratch_place, op->inputs[C].rows, op->attributes.heads, shared_heads,
                        columns, buffers->input_gradients[index], buffers->accumulate[index]);
}

/* From du in scratch: dV, dA and the bias's gradient. */
static status backward_decays(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    struct layout layout = layout_of(op);
    struct op_attributes a = op->attributes;
    int rows = op->inputs[C].rows, dot = dot_columns(op), out = out_columns(op);
    TRY(LAUNCH(device, kernel(op, "decay_changes", dot, out, options), groups_rows(op->device, rows),
               argument_buffer(buffers->outputs[0]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->inputs[V]), argument_buffer(buffers->scratch), argument_int((int)layout.delta),
               argument_int((int)layout.u), argument_int((int)layout.du), argument_int((int)layout.changes),
               argument_int((int)layout.dot_v), argument_int(rows), argument_int(a.heads), argument_int(a.v_heads)));
    TRY(LAUNCH(device, kernel(op, "decay_gradient", dot, out, options),
               ((struct launch_groups){(size_t)op->batch, 1, 1}), argument_buffer(buffers->inputs[A]),
               argument_buffer(buffers->inputs[BIAS]), argument_buffer(buffers->scratch),
               argument_int((int)layout.changes), argument_int((int)layout.dot_v), argument_int((int)layout.bias),
               argument_buffer(buffers->input_gradients[A]), argument_int(a.heads), argument_int(op->context),
               argument_int(op_segment(op)), argument_int(buffers->accumulate[A])));
    TRY(reduce_columns(device, buffers->scratch, layout.bias, (size_t)a.heads, op->batch, a.heads,
                       buffers->input_gradients[BIAS], buffers->accumulate[BIAS]));
    return reduce_heads(device, buffers->scratch, layout.du, rows, a.heads, a.v_heads, out, buffers->input_gradients[V],
                        buffers->accumulate[V]);
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct layout layout = layout_of(op);
    struct operand c = input(op, buffers, C), b = input(op, buffers, B), u = values(op, buffers);
    struct operand dy = {buffers->output_gradient, 0, op->attributes.heads};
    int dot = dot_columns(op), out = out_columns(op);
    TRY(prepare_decays(device, op, buffers));
    struct use du = {.q = b, .k = c, .x = dy, .dot = dot, .columns = out, .mirrored = true};
    du.out = has_decay(op) ? (struct operand){buffers->scratch, layout.du, op->attributes.heads}
                           : gradient(op, buffers, V, layout.heads_V, &du.accumulate);
    struct use dC = {.q = dy, .k = u, .x = b, .dot = out, .columns = dot, .alpha = true};
    dC.out = gradient(op, buffers, C, layout.heads_C, &dC.accumulate);
    struct use dB = {.q = u, .k = dy, .x = c, .dot = out, .columns = dot, .mirrored = true};
    dB.out = gradient(op, buffers, B, layout.heads_B, &dB.accumulate);
    TRY(apply(device, op, buffers, &du));
    TRY(apply(device, op, buffers, &dC));
    TRY(apply(device, op, buffers, &dB));
    TRY(sum_shared(device, op, buffers, C, layout.heads_C, dot));
    TRY(sum_shared(device, op, buffers, B, layout.heads_B, dot));
    return has_decay(op) ? backward_decays(device, op, buffers)
                         : sum_shared(device, op, buffers, V, layout.heads_V, out);
}

/* ---- the rest of the row ---- */

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    char options[OPTION_BYTES];
    struct op_attributes a = op->attributes;
    int first = op_first_visible(op, position);
    bool blocked = a.mask == STAR_MASK_BLOCKED;
    cl_mem decay = buffers->inputs[has_decay(op) ? A : V], bias = buffers->inputs[has_decay(op) ? BIAS : V];
    return LAUNCH(device, kernel(op, "linear_attention_step", dot_columns(op), out_columns(op), options),
                  ((struct launch_groups){(size_t)a.heads, (size_t)op->batch, 1}), argument_buffer(buffers->inputs[C]),
                  argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]), argument_buffer(decay),
                  argument_buffer(bias), argument_buffer(memory->state), argument_buffer(buffers->outputs[0]),
                  argument_int(a.heads), argument_int(a.b_heads), argument_int(a.c_heads), argument_int(a.v_heads),
                  argument_int(position), argument_int(blocked ? a.span : position + 1),
                  argument_int(position == first), argument_float(scale(op)));
}

/* With blocks of 32 tokens, whichever a device has: the cost of an architecture is the same everywhere. */
static double flops(const struct op *op) {
    enum { COUNTED_CHUNK = 32 };
    double dot = dot_columns(op), out = out_columns(op), inside = (COUNTED_CHUNK + 1) / 2.0;
    return op->inputs[C].rows * (double)op->attributes.heads * (4 * dot * out + 2 * inside * (dot + out));
}

static size_t state(const struct op *op) {
    return (size_t)op->attributes.heads * (size_t)dot_columns(op) * (size_t)out_columns(op);
}

/* One head of one sequence, token by token. */
static void reference_head(const struct op *op, const double *const inputs[], double *y_all, int sequence, int head,
                           double *h) {
    struct op_attributes a = op->attributes;
    int dot = dot_columns(op), out = out_columns(op);
    for (int t = 0; t < op->context; t++) {
        size_t row = (size_t)sequence * op->context + t;
        int first = op_first_visible(op, t);
        const double *c = inputs[C] + (row * a.c_heads + head / (a.heads / a.c_heads)) * dot;
        const double *b = inputs[B] + (row * a.b_heads + head / (a.heads / a.b_heads)) * dot;
        const double *v = inputs[V] + (row * a.v_heads + head / (a.heads / a.v_heads)) * out;
        double delta = has_decay(op) ? op_softplus(inputs[A][row * a.heads + head] + inputs[BIAS][head]) : 1;
        double keep = t == first ? 0 : has_decay(op) ? exp(-delta) : 1;
        double weight = a.mean ? 1 / (sqrt(dot) * (t - first + 1)) : 1;
        for (int d = 0; d < out; d++) {
            double sum = 0;
            for (int n = 0; n < dot; n++) {
                double *state_n = &h[n * out + d];
                *state_n = (keep == 0 ? 0 : keep * *state_n) + b[n] * delta * v[d];
                sum += c[n] * *state_n;
            }
            y_all[(row * a.heads + head) * out + d] = weight * sum;
        }
    }
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    double *h = memory_allocate((size_t)dot_columns(op) * (size_t)out_columns(op), sizeof *h);
    for (int sequence = 0; sequence < op->batch; sequence++)
        for (int head = 0; head < op->attributes.heads; head++)
            reference_head(op, inputs, outputs[0], sequence, head, h);
    free(h);
}

const struct op_type op_linear_attention = {
    .name = "linear_attention",
    .inputs_least = 3,
    .inputs_most = 5,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .backward_inputs = 1u << C | 1u << B | 1u << V | 1u << A | 1u << BIAS,
    .backward_outputs = 1,
    .flops = flops,
    .state = state,
    .reference = reference,
};
