/* Causal softmax attention: low-rank token mixing, T_ij from C_i . B_j, with shared heads of B and V. */
#include "base/memory.h"
#include "ops/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { C, B, V };
enum { Y, LOG_SUM };

/* Largest channels of a head: a lane keeps that many vectors. */
enum { LARGEST_HEAD = 256 };

static int dot_columns(const struct op *op) {
    return op->inputs[C].columns / op->attributes.heads;
}

static int out_columns(const struct op *op) {
    return op->inputs[V].columns / op->attributes.v_heads;
}

static status infer(struct op *op) {
    struct op_attributes a = op->attributes;
    TRY(op_require(
        op, a.heads > 0 && a.b_heads > 0 && a.v_heads > 0 && a.heads % a.b_heads == 0 && a.heads % a.v_heads == 0,
        "the heads of B and of V must divide the heads of C"));
    TRY(op_require(op,
                   op->inputs[C].columns % a.heads == 0 && op->inputs[V].columns % a.v_heads == 0 &&
                       op->inputs[B].columns == dot_columns(op) * a.b_heads,
                   "C and B need equal channels a head"));
    TRY(op_require(op, dot_columns(op) <= LARGEST_HEAD && out_columns(op) <= LARGEST_HEAD,
                   "a head has more than 256 channels"));
    int rows = op->inputs[C].rows;
    op->output_count = 2;
    op->outputs[Y] = (struct shape){rows, a.heads * out_columns(op)};
    op->outputs[LOG_SUM] = (struct shape){rows, a.heads};
    size_t per_row = (size_t)a.heads; /* mean_gradient, then gradients of shared heads before they are summed */
    per_row += a.b_heads < a.heads ? (size_t)(a.heads * dot_columns(op)) : 0;
    per_row += a.v_heads < a.heads ? (size_t)(a.heads * out_columns(op)) : 0;
    op->backward_scratch = per_row * (size_t)rows;
    return STATUS_OK;
}

static struct launch_groups groups(const struct op *op) {
    return (struct launch_groups){(size_t)groups_over_columns(op->device, op->context), (size_t)op->attributes.heads,
                                  (size_t)op->batch};
}

enum { OPTION_BYTES = 64 };

static struct kernel_name kernel(const struct op *op, const char *name, char *options) {
    snprintf(options, OPTION_BYTES, "-DDOT=%d -DOUT=%d", dot_columns(op), out_columns(op));
    return (struct kernel_name){"low_rank", name, options};
}

static float scale(const struct op *op) {
    return 1.0f / sqrtf((float)dot_columns(op));
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    struct op_attributes a = op->attributes;
    return LAUNCH(device, kernel(op, "low_rank_forward", options), groups(op), argument_buffer(buffers->inputs[C]),
                  argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
                  argument_buffer(buffers->outputs[Y]), argument_buffer(buffers->outputs[LOG_SUM]),
                  argument_int(a.heads), argument_int(a.b_heads), argument_int(a.v_heads), argument_int(op->context),
                  argument_float(scale(op)));
}

static status sum_heads(struct device *device, const struct op *op, const struct op_buffers *buffers, size_t offset,
                        int input, int shared_heads, int columns) {
    char options[OPTION_BYTES];
    return LAUNCH(device, kernel(op, "sum_heads", options), groups_rows(op->device, op->inputs[C].rows),
                  argument_buffer(buffers->scratch), argument_int((int)offset),
                  argument_buffer(buffers->input_gradients[input]), argument_int(op->inputs[C].rows),
                  argument_int(op->attributes.heads), argument_int(shared_heads), argument_int(columns),
                  argument_int(buffers->accumulate[input]));
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    char options[OPTION_BYTES];
    struct op_attributes a = op->attributes;
    bool share_b = a.b_heads < a.heads, share_v = a.v_heads < a.heads;
    size_t rows = (size_t)op->inputs[C].rows;
    size_t b_offset = rows * (size_t)a.heads;
    size_t v_offset = b_offset + (share_b ? rows * (size_t)(a.heads * dot_columns(op)) : 0);
    TRY(LAUNCH(device, kernel(op, "low_rank_queries", options), groups(op), argument_buffer(buffers->inputs[C]),
               argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
               argument_buffer(buffers->outputs[Y]), argument_buffer(buffers->outputs[LOG_SUM]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[C]),
               argument_buffer(buffers->scratch), argument_int(a.heads), argument_int(a.b_heads),
               argument_int(a.v_heads), argument_int(op->context), argument_float(scale(op)),
               argument_int(buffers->accumulate[C])));
    TRY(LAUNCH(
        device, kernel(op, "low_rank_keys", options), groups(op), argument_buffer(buffers->inputs[C]),
        argument_buffer(buffers->inputs[B]), argument_buffer(buffers->inputs[V]),
        argument_buffer(buffers->outputs[LOG_SUM]), argument_buffer(buffers->output_gradient),
        argument_buffer(buffers->scratch), argument_buffer(share_b ? buffers->scratch : buffers->input_gradients[B]),
        argument_buffer(share_v ? buffers->scratch : buffers->input_gradients[V]),
        argument_int(share_b ? (int)b_offset : 0), argument_int(share_v ? (int)v_offset : 0), argument_int(a.heads),
        argument_int(a.b_heads), argument_int(a.v_heads), argument_int(op->context), argument_float(scale(op)),
        argument_int(!share_b && buffers->accumulate[B]), argument_int(!share_v && buffers->accumulate[V])));
    if (share_b)
        TRY(sum_heads(device, op, buffers, b_offset, B, a.b_heads, dot_columns(op)));
    if (share_v)
        TRY(sum_heads(device, op, buffers, v_offset, V, a.v_heads, out_columns(op)));
    return STATUS_OK;
}

/* A query sees (context + 1) / 2 keys in the mean. */
static double flops(const struct op *op) {
    double keys = (op->context + 1) / 2.0;
    return op->inputs[C].rows * (double)op->attributes.heads * keys * 2 * (dot_columns(op) + out_columns(op));
}

/* The cache: every past row of B and V. */
static int past_rows(const struct op *op, int input) {
    return input == B || input == V ? op->context : 0;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    struct op_attributes a = op->attributes;
    int dot = dot_columns(op), out = out_columns(op), context = op->context;
    double *weights = memory_allocate((size_t)context, sizeof *weights);
    for (int row = 0; row < op->inputs[C].rows; row++) {
        int first = row - row % context;
        for (int head = 0; head < a.heads; head++) {
            const double *c = inputs[C] + ((size_t)row * a.heads + head) * dot;
            double largest = -INFINITY, sum = 0;
            for (int key = first; key <= row; key++) {
                const double *b = inputs[B] + ((size_t)key * a.b_heads + head / (a.heads / a.b_heads)) * dot;
                double product = 0;
                for (int d = 0; d < dot; d++)
                    product += c[d] * b[d];
                weights[key - first] = product / sqrt(dot);
                largest = fmax(largest, weights[key - first]);
            }
            double *y = outputs[Y] + ((size_t)row * a.heads + head) * out;
            for (int d = 0; d < out; d++)
                y[d] = 0;
            for (int key = first; key <= row; key++) {
                const double *v = inputs[V] + ((size_t)key * a.v_heads + head / (a.heads / a.v_heads)) * out;
                double weight = exp(weights[key - first] - largest);
                sum += weight;
                for (int d = 0; d < out; d++)
                    y[d] += weight * v[d];
            }
            for (int d = 0; d < out; d++)
                y[d] /= sum;
            size_t place = ((size_t)(row / context) * a.heads + head) * context + row % context;
            outputs[LOG_SUM][place] = largest + log(sum);
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
    .backward_inputs = 1u << C | 1u << B | 1u << V,
    .backward_outputs = 1u << Y | 1u << LOG_SUM,
    .flops = flops,
    .past_rows = past_rows,
    .reference = reference,
};
