/*
 * The memory plan: where each tensor of a graph lies while a training step runs.
 *
 * Parameters, and with them gradients, lie behind each other in groups of equal weight decay and learning rate.
 * Activations, their gradients and scratch are placed by liveness over the forward and the backward pass: two that are
 * never needed at the same time may overlap, and the gradient of the residual stream is one place, to which each LIV
 * adds. Arenas are no larger than the device's largest buffer.
 *
 * Nodes that may run together (graph.h) are one turn where the device has many lanes, which a small launch leaves idle:
 * what each of them needs is there while any of them runs. Elsewhere a turn is one node.
 */
#ifndef STARCL_MODEL_PLAN_H
#define STARCL_MODEL_PLAN_H

#include "model/graph.h"

enum { PLAN_MAX_ARENAS = 64 };

/* A place in an arena; arena -1: none. */
struct place {
    int arena;
    size_t offset, bytes;
};

/* Parameters that the optimiser treats alike, behind each other; the groups fill the block. */
struct parameter_group {
    size_t offset, bytes;
    double rate; /* multiple of the learning rate */
    bool decays;
};

struct plan {
    /* Bytes from the start of the parameter block; the gradient block is laid out alike. */
    size_t *parameter_offsets; /* by value; only parameters */
    size_t parameter_bytes;    /* of the block; a multiple of the alignment */
    int group_count;
    struct parameter_group *groups;

    int *turns; /* by node: nodes of one turn, which are next to each other, run at the same time */

    int arena_count;
    size_t arena_bytes[PLAN_MAX_ARENAS];
    struct place *values, *gradients;                 /* by value */
    struct place *stored;                             /* by value: where it waits for backward; mostly none */
    struct place *restored;                           /* by value: where backward reads it then; none: in `values` */
    struct place *forward_scratch, *backward_scratch; /* by node */

    size_t working_bytes; /* sum of the arenas */

    int move_count;
    struct plan_move *moves; /* in the order of their times */
};

/*
 * What is done with a value that waits (lifetimes.h): behind a turn forward it is stored; before a turn backward it is
 * loaded, or made again from what is there by then, which may be what was loaded just before.
 */
enum plan_move_kind { MOVE_STORE, MOVE_LOAD, MOVE_MAKE };
struct plan_move {
    int time;
    enum plan_move_kind kind;
    int value;
};

struct plan_limits {
    size_t alignment;      /* of every place */
    size_t largest_buffer; /* bytes of an arena at most */
    bool forward_only;     /* no gradients; what is constant stays, and so do the logits */
    bool without_reuse;    /* every place for itself: to test the plan, and for tools that watch single buffers */
};

/*
 * Fails if one tensor alone is larger than the largest buffer, or if the parameters are more than the optimiser can
 * count. Everything here is counted in 64 bits; that a tensor has fewer than 2^31 elements is op_infer()'s promise.
 */
status plan_create(const struct graph *graph, const struct plan_limits *limits, struct plan **plan) MUST_CHECK;
void plan_destroy(struct plan *plan);

/* Nodes of the turn that begins with node n. */
int plan_turn_nodes(const struct plan *plan, const struct graph *graph, int n);

/* The moves behind the turn of node n forward, or before it backward; `count` of them from what is returned. */
const struct plan_move *plan_moves_forward(const struct plan *plan, int n, int *count);
const struct plan_move *plan_moves_backward(const struct plan *plan, const struct graph *graph, int n, int *count);

/* Whether the gradient of this input of a node lies where that of its output does (op_type.passed_inputs). */
bool plan_passes_in_place(const struct plan *plan, const struct node *node, int input);

#endif
