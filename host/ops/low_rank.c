/*
 * Attention: low-rank token mixing, T_ij = s(C_i . B_j), with any mask and nonlinearity and shared heads of B and V. A
 * causal one without nonlinearity is better off as op_linear_attention.
 */
#include "base/memory.h"
#include "device/shape.h"
#include "ops/op.h"
#include "ops/reduce.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { C, B, V };
enum { Y, LOG_SUM };

static int dot_columns(const struct op *op) {
    return op->inputs[C].columns / op->attributes.heads;
}

static int out_columns(const struct op *op) {
    return op->inputs[V].columns / op->attributes.v_heads;
}

static bool is_softmax(const struct op *op) {
    return op->attributes.nonlinearity == STAR_NONLINEARITY_SOFTMAX;
}

/* Floats of a row of `columns` in local memory, as cl/gpu/low_rank_tiles.cl lays it out. */
static int tile_stride(int columns, int across) {
    return (int)divide_up((size_t)columns, (size_t)across) * across + 1;
}

/*
 * Rows of the tiles that cl/gpu/low_rank_tiles.cl works by: the shape's or half as many, with which four of a head, two of
 * weights and a number fit into the local memory that every device has. 0: no tiles, for other shapes than that of
 * GPUs, and for heads of which not even half as many rows fit.
 */
static int tile_of(const struct op *op) {
    enum { LOCAL_FLOATS = 32768 / sizeof(float) };
    struct attention_blocks blocks = shape_attention_blocks(op->device);
    int least = blocks.tile / 2;
    if (least == 0 || op->device.width != 1 || op->device.lanes != least * blocks.across)
        return 0;
    int heads = tile_stride(dot_columns(op), blocks.across) + tile_stride(out_columns(op), blocks.across);
    for (int tile = blocks.tile; tile >= least; tile /= 2)
        if (tile * (2 * (heads + tile + 1) + 2) < LOCAL_FLOATS)
            return tile;
    return 0;
}

/*
 * Work-groups of low_rank_backward that share the keys of a head. Only as many as keep a CPU's cores busy, because each
 * has a dC of its own. 0: the two kernels, for devices whose work-groups are many lanes.
 */
static int parts_of(const struct op *op) {
    struct attention_blocks blocks = shape_attention_blocks(op->device);
    int parts = (int)divide_up((size_t)blocks.groups, (size_t)op->batch * (size_t)op->attributes.heads);
    int most = groups_over_columns(op->device, op->context);
    most = most > blocks.parts ? blocks.parts : most;
    return parts > most ? most : parts;
}

/* Places in the scratch of backward, in floats: what is summed over parts, and over heads that share. */
struct layout {
    size_t means, parts_C, heads_B, heads_V, end;
};

static struct layout layout_of(const struct op *op) {
    struct op_attributes a = op->attributes;
    size_t tokens = (size_t)op->inputs[C].rows * (size_t)a.heads, dot = (size_t)dot_columns(op);
    size_t parts = (size_t)parts_of(op), out = (size_t)out_columns(op);
    struct layout layout = {0};
    layout.parts_C = layout.means + tokens * (parts ? parts : 1);
    layout.heads_B = layout.parts_C + (parts > 1 ? parts * tokens * dot : 0);
    layout.heads_V = layout.heads_B + (a.b_heads < a.heads ? tokens * dot : 0);
    layout.end = layout.heads_V + (a.v_heads < a.heads ? tokens * out : 0);
    return layout;
}

static status infer(struct op *op) {
    struct op_attributes a = op->attributes;
    TRY(op_require(
        op, a.heads > 0 && a.b_heads > 0 && a.v_heads > 0 && a.heads % a.b_heads == 0 && a.heads % a.v_heads == 0,
        "the heads of B and of V must divide the heads of C"));
    TRY(op_require(op,
                   op->inputs[C].columns % a.heads == 0 && op->inputs[V].columns % a.v_heads == 0 &&
                       op->inputs[B].columns == (int64_t)dot_columns(op) * a.b_heads,
                   "C and B need equal channels a head"));
    TRY(op_require(op, dot_columns(op) <= OP_MOST_HEAD_COLUMNS && out_columns(op) <= OP_MOST_HEAD_COLUMNS,
                   "a head has more than 1024 channels"));
    TRY(op_require(op, a.nonlinearity >= STAR_NONLINEARITY_NONE && a.nonlinearity <= STAR_NONLINEARITY_SILU,
                   "the nonlinearity is not known"));
    TRY(op_require_mask(op));
    TRY(op_require_sequences(op, V + 1));
    int rows = op->inputs[C].rows;
    TRY(op_add_output(op, rows, (int64_t)a.heads * out_columns(op)));
    if (is_softmax(op))
        TRY(op_add_output(op, rows, a.heads));
    op->backward_scratch = layout_of(op).end;
    return STATUS_OK;
}

static struct launch_groups groups(const struct op *op) {
    size_t tile = (size_t)tile_of(op), context = (size_t)op->context;
    size_t along = tile ? divide_up(context, tile) : (size_t)groups_over_columns(op->device, op->context);
    return (struct launch_groups){along, (size_t)op->attributes.heads, (size_t)op->batch};
}

enum { OPTION_BYTES = 96 };

static struct kernel_name kernel(const struct op *op, const char *name, char *options) {
    snprintf(options, OPTION_BYTES, "-DDOT=%d -DOUT=%d -DNONLINEARITY=%d", dot_columns(op), out_columns(op),
             op->attributes.nonlinearity);
    return (struct kernel_name){"low_rank", name, options};
}

/* Of those that are there by tiles, too. */
static struct kernel_name tiled_kernel(const struct op *op, const char *name, char *options) {
    int tile = tile_of(op);
    struct kernel_name chosen = kernel(op, name, options);
    if (tile == 0)
        return chosen;
    size_t length = strlen(options);
    snprintf(options + length, OPTION_BYTES - length, " -DTILE=%d", tile);
    chosen.program = "low_rank_tiles";
    return chosen;
}

static float scale(const struct op *op) {
    return 1.0f / sqrtf((float)dot_columns(op));
}

static struct attention_sizes sizes_of(const struct op *op) {
    struct op_attributes a = op->attributes;
    return (struct attention_sizes){.heads = a.heads,
                                    .b_heads = a.b_heads,
                                    .v_heads = a.v_heads,
                                    .context = op->context,
                                    .mask = a.mask,
                                    .span = a.span,
                                    .scale = scale(op)};
}

/* The kept log sum, or where there is none any buffer, which is not touched. */
static cl_mem log_sum(const struct op *op, const struct op_buffers *buffers) {
    return buffers->outputs[is_softmax(op) ? LOG_SUM : Y];
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    struct attention_sizes sizes = sizes_of(op);
    return LAUNCH(device, tiled_kernel(op, "low_rank_forward", options), groups(op),
                  argument_buffer(buffers->inputs[C]), argument_buffer(buffers->inputs[B]),
                  argument_buffer(buffers->inputs[V]), argument_buffer(buffers->outputs[Y]),
                  argument_buffer(log_sum(op, buffers)), argument_struct(&sizes, sizeof sizes));
}

/* A gradient that is first made in parts, in scratch, or else in the input's own buffer. */
struct target {
    cl_mem buffer;
    int offset;
    bool accumulate;
};

static struct target target_of(const struct op_buffers *buffers, int input, bool in_parts, size_t place) {
    if (in_parts)
        return (struct target){buffers->scratch, (int)place, false};
    return (struct target){buffers->input_gradients[input], 0, buffers->accumulate[input]};
}

/* All gradients at once; cl/low_rank.cl says when. */
static status backward_at_once(struct device *device, const struct op *op, const struct op_buffers *buffers,
                               struct target dB, struct target dV) {
    char options[OPTION_BYTES];
    struct attention_sizes sizes = sizes_of(op);
    struct layout layout = layout_of(op);
    int parts = parts_of(op), elements = (int)shape_elements(op->inputs[C]);
    struct launch_groups all = {(size_t)parts, (size_t)op->attributes.heads, (size_t)op->batch};
    struct target dC = target_of(buffers, C, parts > 1, layout.parts_C);
    TRY(LAUNCH(device, kernel(op, "low_rank_backward", options), all, argument_buffer(buffers->inputs[C]),
               argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
               argument_buffer(buffers->outputs[Y]), argument_buffer(log_sum(op, buffers)),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch), argument_buffer(dC.buffer),
               argument_buffer(dB.buffer), argument_buffer(dV.buffer), argument_int(dC.offset), argument_int(dB.offset),
               argument_int(dV.offset), argument_struct(&sizes, sizeof sizes), argument_int(dC.accumulate),
               argument_int(dB.accumulate), argument_int(dV.accumulate)));
    if (parts == 1)
        return STATUS_OK;
    return reduce_columns(device, buffers->scratch, layout.parts_C, (size_t)elements, parts, elements,
                          buffers->input_gradients[C], buffers->accumulate[C]);
}

/* First the gradient of the queries, then those of the keys. */
static status backward_in_turn(struct device *device, const struct op *op, const struct op_buffers *buffers,
                               struct target dB, struct target dV) {
    char options[OPTION_BYTES];
    struct attention_sizes sizes = sizes_of(op);
    TRY(LAUNCH(device, tiled_kernel(op, "low_rank_queries", options), groups(op), argument_buffer(buffers->inputs[C]),
               argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
               argument_buffer(buffers->outputs[Y]), argument_buffer(log_sum(op, buffers)),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[C]),
               argument_buffer(buffers->scratch), argument_struct(&sizes, sizeof sizes),
               argument_int(buffers->accumulate[C])));
    return LAUNCH(device, tiled_kernel(op, "low_rank_keys", options), groups(op), argument_buffer(buffers->inputs[C]),
                  argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(log_sum(op, buffers)), argument_buffer(buffers->output_gradient),
                  argument_buffer(buffers->scratch), argument_buffer(dB.buffer), argument_buffer(dV.buffer),
                  argument_int(dB.offset), argument_int(dV.offset), argument_struct(&sizes, sizeof sizes),
                  argument_int(dB.accumulate), argument_int(dV.accumulate));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct op_attributes a = op->attributes;
    struct layout layout = layout_of(op);
    int rows = op->inputs[C].rows;
    bool share_b = a.b_heads < a.heads, share_v = a.v_heads < a.heads;
    struct target dB = target_of(buffers, B, share_b, layout.heads_B);
    struct target dV = target_of(buffers, V, share_v, layout.heads_V);
    TRY((parts_of(op) ? backward_at_once : backward_in_turn)(device, op, buffers, dB, dV));
    if (share_b)
        TRY(reduce_heads(device, buffers->scratch, layout.heads_B, rows, a.heads, a.b_heads, dot_columns(op),
                         buffers->input_gradients[B], buffers->accumulate[B]));
    if (share_v)
        TRY(reduce_heads(device, buffers->scratch, layout.heads_V, rows, a.heads, a.v_heads, out_columns(op),
                         buffers->input_gradients[V], buffers->accumulate[V]));
    return STATUS_OK;
}

/* Rotary positions of this token's C and B, by tiles. */
static bool makes_inside(const struct op *op, int input, const struct op *maker) {
    return tile_of(op) > 0 && (input == C || input == B) && maker->type == &op_rotary &&
           maker->attributes.head_columns == dot_columns(op);
}

static cl_mem row_of(const struct op_buffers *buffers, int input) {
    return buffers->inside[input].op ? buffers->inside[input].inputs[0] : buffers->inputs[input];
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    char options[OPTION_BYTES];
    struct op_attributes a = op->attributes;
    int capacity = op_visible_rows(op), count = position - op_first_visible(op, position) + 1;
    struct kernel_name name = tiled_kernel(op, "low_rank_step", options);
    size_t length = strlen(options);
    if (buffers->inside[C].op || buffers->inside[B].op)
        snprintf(options + length, OPTION_BYTES - length, "%s%s", buffers->inside[C].op ? " -DTURNS_C" : "",
                 buffers->inside[B].op ? " -DTURNS_B" : "");
    return LAUNCH(device, name, ((struct launch_groups){(size_t)a.heads, (size_t)op->batch, 1}),
                  argument_buffer(row_of(buffers, C)), argument_buffer(row_of(buffers, B)),
                  argument_buffer(buffers->inputs[V]), argument_buffer(memory->caches[B]),
                  argument_buffer(memory->caches[V]), argument_buffer(buffers->outputs[Y]), argument_int(a.heads),
                  argument_int(a.b_heads), argument_int(a.v_heads), argument_int(capacity), argument_int(count),
                  argument_int(position % capacity), argument_float(scale(op)), argument_int(position));
}

/* Visible keys of all queries of a sequence. */
static double visible_pairs(const struct op *op) {
    double pairs = 0;
    for (int t = 0; t < op->context; t++)
        pairs += t - op_first_visible(op, t) + 1;
    return pairs;
}

static double flops(const struct op *op) {
    return op->batch * (double)op->attributes.heads * visible_pairs(op) * 2 * (dot_columns(op) + out_columns(op));
}

/* The cache: every row of B and V that a later token may see. */
static int past_rows(const struct op *op, int input) {
    return input == B || input == V ? op_visible_rows(op) : 0;
}

/* The weights of one query's visible keys, by their distance from the first; returns the log sum of softmax. */
static double reference_weights(const struct op *op, const double *c, const double *b, int head, int count,
                                double *weights) {
    struct op_attributes a = op->attributes;
    int dot = dot_columns(op);
    double largest = -INFINITY, sum = 0;
    for (int key = 0; key < count; key++) {
        const double *from = b + ((size_t)key * a.b_heads + head / (a.heads / a.b_heads)) * dot;
        double product = 0;
        for (int d = 0; d < dot; d++)
            product += c[d] * from[d];
        weights[key] = product / sqrt(dot);
        largest = fmax(largest, weights[key]);
    }
    for (int key = 0; key < count; key++)
        sum += exp(weights[key] - largest);
    for (int key = 0; key < count; key++)
        weights[key] =
            is_softmax(op) ? exp(weights[key] - largest) / sum : op_nonlinearity(a.nonlinearity, weights[key]) / count;
    return largest + log(sum);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct op_attributes a = op->attributes;
    int dot = dot_columns(op), out = out_columns(op), context = op->context;
    double *weights = memory_allocate((size_t)context, sizeof *weights);
    for (int row = 0; row < op->inputs[C].rows; row++) {
        int t = row % context, count = t - op_first_visible(op, t) + 1, first = row - count + 1;
        for (int head = 0; head < a.heads; head++) {
            double log_sum_of = reference_weights(op, inputs[C] + ((size_t)row * a.heads + head) * dot,
                                                  inputs[B] + (size_t)first * a.b_heads * dot, head, count, weights);
            double *y = outputs[Y] + ((size_t)row * a.heads + head) * out;
            for (int d = 0; d < out; d++)
                y[d] = 0;
            for (int key = 0; key < count; key++) {
                const double *v = inputs[V] + ((size_t)(first + key) * a.v_heads + head / (a.heads / a.v_heads)) * out;
                for (int d = 0; d < out; d++)
                    y[d] += weights[key] * v[d];
            }
            if (is_softmax(op))
                outputs[LOG_SUM][((size_t)(row / context) * a.heads + head) * context + t] = log_sum_of;
        }
    }
    free(weights);
}

const struct op_type op_low_rank = {
    .name = "low_rank",
    .inputs_least = 3,
    .inputs_most = 3,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .makes_inside = makes_inside,
    .backward_inputs = 1u << C | 1u << B | 1u << V,
    .backward_outputs = 1u << Y | 1u << LOG_SUM,
    .flops = flops,
    .past_rows = past_rows,
    .reference = reference,
};
