/*
 * Operators: what a graph is made of.
 *
 * An operator family is one file here, one file of kernels under cl/ with the same name, and one row (struct op_type)
 * in the table of op.c. A row says the shapes, how to run forward and backward over whole sequences, how to decode one
 * token and what must be remembered for it, what a token costs, and the same operator once more in double precision on
 * the host, as the reference that the kernels are tested against.
 *
 * Activations are [rows, columns] float32, row-major, rows = batch * context, row = sequence * context + token. Token
 * ids are int32 [rows, 1]. Parameters are [rows, columns] too. The memory of every tensor and of scratch is a multiple
 * of OP_ROUND_FLOATS, so that kernels over flat arrays may handle whole vectors.
 */
#ifndef STARCL_OPS_OP_H
#define STARCL_OPS_OP_H

#include "device/device.h"
#include "starcl/arguments.h"

#include <limits.h>

enum { OP_MAX_INPUTS = 8, OP_MAX_OUTPUTS = 2, OP_ROUND_FLOATS = 16, OP_TOGETHER = 8 };

/*
 * Kernels count the elements of a tensor, and places in scratch, in ints; what is left below 2^31 is for the last
 * work-group of a flat array, which counts past the end. Steps from row to row, and over columns, stay ints too.
 */
enum { OP_MOST_ELEMENTS = INT_MAX - 0xffff, OP_MOST_COLUMNS = 1 << 24 };

/* Tokens of a window or a block; added to a token's number they stay an int. Channels of a head, kept in registers. */
enum { OP_MOST_SPAN = 1 << 24, OP_MOST_HEAD_COLUMNS = 1024 };

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

/*
 * What distinguishes two uses of one operator; each family reads its own fields, the others are 0. The names are those
 * of architecture.json (op_attribute_names).
 */
struct op_attributes {
    int groups;       /* linear: blocks of a block-diagonal weight */
    int heads;        /* low_rank, linear_attention: heads of the output; rotary: heads of x */
    int b_heads;      /* of B, divides heads; output heads h / (heads / b_heads) share one */
    int c_heads;      /* linear_attention: the same for C */
    int v_heads;      /* the same for V */
    int head_columns; /* rotary: channels of a head */
    int state;        /* semiseparable: state of a channel */
    int mask, span;   /* STAR_MASK_...; span: tokens of the window or the block */
    int nonlinearity; /* STAR_NONLINEARITY_... */
    int repeat;       /* repeat_columns: how often */
    int kernel;       /* unfold: rows taken together */
    int mean;         /* linear_attention: divide by the square root of the dot's length and by the tokens seen */
    int negative;     /* scaled_add: subtract */
    int lags;         /* lag_features: at most so many lags, 0: as many as the reach */
};

enum { OP_ATTRIBUTES = sizeof(struct op_attributes) / sizeof(int) };
extern const char *const op_attribute_names[OP_ATTRIBUTES];
int *op_attribute(struct op_attributes *attributes, int index);

struct op_type;

/* One use of an operator: the caller fills the first part, op_infer() the second. */
struct op {
    const struct op_type *type;
    struct op_attributes attributes;
    struct device_shape device; /* where it will run; only scratch sizes and launches depend on it */
    int batch, context;
    int reach; /* the most tokens of a sequence: the context, or for decoding the capacity */
    int input_count;
    struct shape inputs[OP_MAX_INPUTS];

    int output_count; /* outputs[0] carries the gradient; others are kept for backward */
    struct shape outputs[OP_MAX_OUTPUTS];
    size_t forward_scratch, backward_scratch; /* floats */
};

/* What is left to who reads a value: the operator that makes it, and what that reads; NULL: nothing, it is there. */
struct op_inside {
    const struct op *op;
    cl_mem inputs[2];
};

/* Device memory of one call. A NULL input gradient is not wanted (token ids), or is the output's (passed_inputs). */
struct op_buffers {
    cl_mem inputs[OP_MAX_INPUTS], outputs[OP_MAX_OUTPUTS], scratch;
    cl_mem output_gradient;
    cl_mem input_gradients[OP_MAX_INPUTS];
    bool accumulate[OP_MAX_INPUTS]; /* add to the input's gradient instead of writing it */
    bool half_weight;               /* inputs[1] is what halve_weight() made of it */
    struct op_inside inside[OP_MAX_INPUTS];
};

/* What a decoding step remembers of earlier tokens. */
struct op_memory {
    cl_mem caches[OP_MAX_INPUTS]; /* past rows of inputs: [batch, past_rows, columns] */
    cl_mem state;                 /* [batch, state] floats, zero before the first token */
};

struct op_type {
    const char *name;
    int inputs_least, inputs_most;

    /* Checks the inputs and sets outputs and scratch sizes; the message of a failure names what does not fit. */
    status (*infer)(struct op *op);
    status (*forward)(struct device *device, const struct op *op, const struct op_buffers *buffers);
    status (*backward)(struct device *device, const struct op *op, const struct op_buffers *buffers);

    /*
     * One token of each sequence: op->context is 1, `position` counts from 0. It puts this token's rows of cached
     * inputs into their caches, row p at p % past_rows. NULL: rows know nothing of each other, and forward does it.
     */
    status (*step)(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position);

    /*
     * Several uses, none of which reads what another makes, forward at once, and backward; `count` is at most
     * OP_TOGETHER. NULL: one after the other. `together`: whether two uses can; NULL: those that read the same input 0
     * and otherwise parameters.
     */
    bool (*together)(const struct op *op, const struct op *other);
    status (*forward_together)(struct device *device, const struct op *const ops[],
                               const struct op_buffers *const buffers[], int count);
    status (*backward_together)(struct device *device, const struct op *const ops[],
                                const struct op_buffers *const buffers[], int count);

    /*
     * Makes a copy of inputs[1], a parameter, in float16, two bytes an element, that forward and forward_together take
     * in its place. NULL: they take only float32.
     */
    status (*halve_weight)(struct device *device, const struct op *op, cl_mem weight, cl_mem halves);

    /* Whether forward or step of this use can make its input, as `maker` does (op_buffers.inside). NULL: no. */
    bool (*makes_inside)(const struct op *op, int input, const struct op *maker);

    /* Inputs that are token ids, as bits; the others are not. */
    unsigned token_inputs;

    /* Which inputs and outputs backward reads, as bits; the others may be overwritten after their last forward use. */
    unsigned backward_inputs, backward_outputs;

    /*
     * Inputs, as bits, that outputs[0] contains unchanged as an addend, so that their gradient is the output's. Where
     * the plan lets both be one place in memory, backward is given NULL for the input's; see op_pass_gradient().
     */
    unsigned passed_inputs;

    /*
     * Inputs, as bits, whose gradients may lie where they do: backward has read an element when it writes there. Their
     * gradients are written then, not added to.
     */
    unsigned overwritten_inputs;

    /* Forward takes so little that backward may do it again, where outputs[0] is not kept; it has no scratch. */
    bool cheap;

    /*
     * The device memory that the products of several uses which may run together, or those of forward, make the GEMM
     * provider keep (gemm_scratch_bytes), however many of them do; at most OP_TOGETHER. NULL: it has none.
     */
    size_t (*gemm_scratch)(struct device *device, const struct op *const ops[], int count, bool forward_only);

    /* Floating-point operations of the forward pass; a multiply-add counts two. NULL: negligible, counted as none. */
    double (*flops)(const struct op *op);

    /*
     * What decoding keeps for one sequence of op->reach tokens: rows of input i (0: none), and floats of its own. Rows
     * belong to the value, so consumers that share a value share its cache. NULL: nothing.
     */
    int (*past_rows)(const struct op *op, int input);
    size_t (*state)(const struct op *op);

    /* The operator in double precision. Token ids are doubles here. Fills outputs[0] and, where kept, outputs[1]. */
    void (*reference)(const struct op *op, const double *const inputs[], double *const outputs[]);
};

extern const struct op_type op_embedding;        /* tokens, table -> table[token] */
extern const struct op_type op_rms_norm;         /* x, gain -> x / rms(x) * gain */
extern const struct op_type op_linear;           /* x, weight [, residual] -> x weight + residual */
extern const struct op_type op_add;              /* a, b -> a + b */
extern const struct op_type op_scale;            /* x, w -> x * w, a factor a channel */
extern const struct op_type op_scaled_add;       /* a, b, w -> a + w * b or a - w * b, a factor a channel */
extern const struct op_type op_repeat_columns;   /* x -> each column several times */
extern const struct op_type op_convolution;      /* x, taps -> short causal depthwise convolution */
extern const struct op_type op_unfold;           /* x -> x[t], x[t - 1], ... side by side */
extern const struct op_type op_rotary;           /* x -> x with rotary positions */
extern const struct op_type op_gate;             /* C, V -> s(C) * V */
extern const struct op_type op_low_rank;         /* C, B, V -> sum over visible j of s(C_i . B_j) V_j a head */
extern const struct op_type op_linear_attention; /* C, B, V [, A, bias] -> the same without s, in linear time */
extern const struct op_type op_toeplitz;         /* C, B, V, taps -> C * conv(B * V) */
extern const struct op_type op_lag_features;     /* nothing -> sines and cosines of every lag */
extern const struct op_type op_sine;             /* x -> sin(x) */
extern const struct op_type op_fade;             /* x, rate -> x * exp(-lag * softplus(rate)) */
extern const struct op_type op_long_convolution; /* x, kernel of every lag -> causal convolution */
extern const struct op_type op_semiseparable;    /* A, B, C, V, bias -> recurrence with a decay a channel */
extern const struct op_type op_spread_last;      /* x, positions -> the last row of its sequence + position */
extern const struct op_type op_cross_entropy;    /* logits, targets -> mean loss of targets >= 0, nats */

/* All families, in the order above; ends with NULL. */
extern const struct op_type *const op_types[];
/* The family of this name, or NULL. */
const struct op_type *op_type_find(const char *name);

/*
 * Completes `op` from its first part. Whatever attributes and shapes it is given: it fails, with a message that names
 * what does not fit, or the kernels and the reference touch nothing but the tensors and the scratch that it tells.
 */
status op_infer(struct op *op) MUST_CHECK;

/*
 * For infer functions: the next output has this shape. Fails where that is empty or more than kernels can count; the
 * numbers may be products of two ints that are positive.
 */
status op_add_output(struct op *op, int64_t rows, int64_t columns) MUST_CHECK;

/* For infer functions: fails with `requirement` unless `holds`. */
status op_require(const struct op *op, bool holds, const char *requirement) MUST_CHECK;
/* For infer functions: the mask is one of STAR_MASK_... and has a span where it needs one. */
status op_require_mask(const struct op *op) MUST_CHECK;
/* For infer functions of operators that mix tokens: the first `count` inputs have a row a token. */
status op_require_sequences(const struct op *op, int count) MUST_CHECK;

/* For backward functions: the gradient of an input of passed_inputs. */
status op_pass_gradient(struct device *device, const struct op *op, const struct op_buffers *buffers,
                        int input) MUST_CHECK;

/* The first token that token t sees, and how many rows a cache of all that a token may see has. */
int op_first_visible(const struct op *op, int t);
int op_visible_rows(const struct op *op);

/* Tokens of a sequence that see each other where nothing has a window: the context, or a block. */
int op_segment(const struct op *op);

/* For references: log(1 + exp(x)) without overflow. */
double op_softplus(double x);
/* s(x) in double precision; softmax is not elementwise and not known here. */
double op_nonlinearity(int nonlinearity, double x);

#endif
