/*
 * Operators: what a graph is made of.
 *
 * An operator family is one file here, one file of kernels under cl/ with the same name, and one row (struct op_type)
 * in the table of op.c. A row says the shapes, how to run forward and backward on a device, what one token costs, what
 * decoding must remember, and the same operator once more in double precision on the host, as the reference that the
 * kernels are tested against.
 *
 * Activations are [rows, columns] float32, row-major, rows = batch * context, row = sequence * context + token. Token
 * ids are int32 [rows, 1]. Parameters are [rows, columns] too. The memory of every tensor and of scratch is a multiple
 * of OP_ROUND_FLOATS, so that kernels over flat arrays may handle whole vectors.
 */
#ifndef STARCL_OPS_OP_H
#define STARCL_OPS_OP_H

#include "device/device.h"

enum { OP_MAX_INPUTS = 8, OP_MAX_OUTPUTS = 2, OP_ROUND_FLOATS = 16 };

struct shape {
    int rows, columns;
};

static inline size_t shape_elements(struct shape shape) {
    return (size_t)shape.rows * (size_t)shape.columns;
}

/* Bytes that `elements` floats or ids take. */
static inline size_t tensor_bytes(size_t elements) {
    return (elements + OP_ROUND_FLOATS - 1) / OP_ROUND_FLOATS * OP_ROUND_FLOATS * sizeof(float);
}

/* What distinguishes two uses of one operator; each family reads its own fields. */
struct op_attributes {
    int heads;        /* low_rank: heads of C; rotary: heads of x */
    int b_heads;      /* low_rank: heads of B, divides heads; query heads h / (heads / b_heads) share one */
    int v_heads;      /* low_rank: the same for V */
    int head_columns; /* rotary: channels of a head */
    int state;        /* semiseparable: state of a channel */
};

struct op_type;

/* One use of an operator: the caller fills the first part, op_infer() the second. */
struct op {
    const struct op_type *type;
    struct op_attributes attributes;
    struct device_shape device; /* where it will run; only scratch sizes and launches depend on it */
    int batch, context;
    int input_count;
    struct shape inputs[OP_MAX_INPUTS];

    int output_count; /* outputs[0] carries the gradient; others are kept for backward */
    struct shape outputs[OP_MAX_OUTPUTS];
    size_t forward_scratch, backward_scratch; /* floats */
};

/* Device memory of one call. A NULL input gradient is not wanted (token ids, or a frozen input). */
struct op_buffers {
    cl_mem inputs[OP_MAX_INPUTS], outputs[OP_MAX_OUTPUTS], scratch;
    cl_mem output_gradient;
    cl_mem input_gradients[OP_MAX_INPUTS];
    bool accumulate[OP_MAX_INPUTS]; /* add to the input's gradient instead of writing it */
};

struct op_type {
    const char *name;
    int inputs_least, inputs_most;

    /* Checks the inputs and sets outputs and scratch sizes; the message of a failure names what does not fit. */
    status (*infer)(struct op *op);
    status (*forward)(struct device *device, const struct op *op, const struct op_buffers *buffers);
    status (*backward)(struct device *device, const struct op *op, const struct op_buffers *buffers);

    /* Which inputs and outputs backward reads, as bits; the others may be overwritten after their last forward use. */
    unsigned backward_inputs, backward_outputs;

    /* Floating-point operations of the forward pass; a multiply-add counts two. NULL: negligible, counted as none. */
    double (*flops)(const struct op *op);

    /*
     * What decoding keeps for one sequence, in floats: how many past rows of input i (0: none), and state of its own.
     * NULL: nothing. Past rows belong to the value, so consumers that share a value share its cache.
     */
    int (*past_rows)(const struct op *op, int input);
    size_t (*state)(const struct op *op);

    /* The operator in double precision. Token ids are doubles here. Fills outputs[0] and, where kept, outputs[1]. */
    void (*reference)(const struct op *op, const double *const inputs[], double *const outputs[]);
};

extern const struct op_type op_embedding;     /* tokens, table -> table[token] */
extern const struct op_type op_rms_norm;      /* x, gain -> x / rms(x) * gain */
extern const struct op_type op_linear;        /* x, weight -> x weight */
extern const struct op_type op_add;           /* a, b -> a + b */
extern const struct op_type op_convolution;   /* x, taps -> short causal depthwise convolution */
extern const struct op_type op_rotary;        /* x -> x with rotary positions */
extern const struct op_type op_low_rank;      /* C, B, V -> causal softmax attention a head */
extern const struct op_type op_toeplitz;      /* C, B, V, taps -> C * conv(B * V) */
extern const struct op_type op_semiseparable; /* A, B, C, V, bias, skip -> input-dependent recurrence */
extern const struct op_type op_gate;          /* C, V -> silu(C) * V */
extern const struct op_type op_cross_entropy; /* logits, targets -> mean negative log likelihood, nats */

/* All families, in the order above; ends with NULL. */
extern const struct op_type *const op_types[];

/* Completes `op` from its first part. */
status op_infer(struct op *op) MUST_CHECK;

/* For infer functions: fails with `requirement` unless `holds`. */
status op_require(const struct op *op, bool holds, const char *requirement) MUST_CHECK;

#endif
