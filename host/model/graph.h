/*
 * A graph of operators: values (tensors) and nodes (uses of operators) in execution order.
 *
 * Building it needs no device; costs are computed from it, the memory plan and the device model are made from it. All
 * of it belongs to the graph.
 */
#ifndef STARCL_MODEL_GRAPH_H
#define STARCL_MODEL_GRAPH_H

#include "ops/narrow.h"
#include "ops/op.h"

#include <stdbool.h>
#include <stdint.h>

enum value_role {
    VALUE_TOKENS,     /* int32 ids that the caller writes */
    VALUE_PARAMETER,  /* trained */
    VALUE_ACTIVATION, /* computed, has a gradient */
    VALUE_KEPT,       /* computed in forward for backward, has none */
};

/* How a parameter starts. */
enum parameter_start {
    START_NORMAL, /* mean 0, `deviation` */
    START_ONES,
    START_HALVES,
    START_DELTA_BIAS, /* softplus of it is log-uniform in 0.001 .. 0.1, as in Mamba */
};

/* How a parameter starts, and its learning rate as a multiple of the optimiser's; scaling.h has the rules. */
struct parameter_rule {
    enum parameter_start start;
    double deviation; /* of START_NORMAL */
    double rate;
};

struct value {
    const char *name; /* parameters: as in checkpoints, "liv.03.C.weight" */
    enum value_role role;
    struct shape shape;
    int producer; /* node, -1 for tokens and parameters */
    int liv;      /* the LIV that it belongs to, -1: embedding and output */
    struct parameter_rule rule;
    bool decays; /* weight decay applies: matrices, not gains and biases */
};

struct node {
    struct op op;
    int liv;
    int inputs[OP_MAX_INPUTS], outputs[OP_MAX_OUTPUTS]; /* values */
};

struct graph {
    struct arena *arena;
    struct device_shape device;
    int batch, context, reach; /* reach: the most tokens of a sequence, which decoding graphs of context 1 need */
    int value_count, node_count;
    struct value *values;
    struct node *nodes;
    enum dtype waits_as;               /* activations between forward and backward (lifetimes.h); float32 is 0 */
    int tokens, targets, logits, loss; /* values */
    int liv;                           /* while building: what new values and nodes belong to */
};

/* An empty graph for `context` tokens of `batch` sequences at once, on devices of this shape. A reach of 0 is context.
 */
struct graph *graph_create(int batch, int context, int reach, struct device_shape device);
void graph_destroy(struct graph *graph);

/* Values; the name is copied. Each returns the new value. */
int graph_add_tokens(struct graph *graph, const char *name);
int graph_add_parameter(struct graph *graph, const char *name, struct shape shape, struct parameter_rule rule);
/* The parameter of this name, or -1. */
int graph_find_parameter(const struct graph *graph, const char *name);

/* Adds a node; *output becomes its first output, named `name`. Fails if the inputs do not fit the operator. */
status graph_apply(struct graph *graph, const struct op_type *type, struct op_attributes attributes, const int *inputs,
                   int input_count, const char *name, int *output) MUST_CHECK;

/*
 * Whether the operators of two nodes may run together (op_type.forward_together) where all that they read is there, and
 * moving those that read the same next to each other, once the graph is complete.
 */
bool graph_together(const struct graph *graph, int node, int other);
void graph_gather(struct graph *graph);

/*
 * What a decoding step leaves to who reads it (op_type.makes_inside), because a launch would take longer than the work:
 * left[value_count] is the node that makes the value and need not run, or -1. What that node reads must be there until
 * the last reader of the value.
 */
void graph_find_inside(const struct graph *graph, int *left);

/* Marks the nodes (constant[node_count]) that no token reaches: they compute from parameters alone. */
void graph_constant_nodes(const struct graph *graph, bool *constant);

struct cost {
    int64_t parameters;
    double flops_per_token; /* forward */
    int64_t cache_bytes;    /* what decoding keeps for one sequence of `cache_context` tokens */
};

/* Of the whole graph, and with `liv` >= 0 only what belongs to that LIV. Shared tensors count once, with their owner.
 */
struct cost graph_cost(const struct graph *graph, int cache_context);
struct cost graph_liv_cost(const struct graph *graph, int cache_context, int liv);

#endif
