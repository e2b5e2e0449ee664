/*
 * When the values of a graph are needed while it runs, in the time of its turns (plan.h): turn n runs forward at time n
 * and backward at time 2N - 1 - n, where there are N turns at most.
 *
 * Most of what forward makes waits for a backward pass that is far away. Where the graph says so (graph.waits_as), it
 * waits in two bytes an element, and what costs next to nothing to make (op_type.cheap) does not wait at all:
 *
 *     forward    made ======== last_forward            float32, while operators read it
 *     between                  - - - - - - - -         stored in graph.waits_as, or nothing
 *     backward                  first_backward ===== last     float32 again: loaded, or made again
 *
 * Forward so computes what it computes in float32; what backward multiplies is rounded.
 */
#ifndef STARCL_MODEL_LIFETIMES_H
#define STARCL_MODEL_LIFETIMES_H

#include "model/graph.h"

enum waiting {
    WAITS_IN_PLACE, /* or for nothing, where backward does not read it */
    WAITS_STORED,
    WAITS_UNMADE, /* its producer runs again, from inputs that are there by then */
};

struct lifetime {
    int made, last_forward;
    int first_backward, last; /* first_backward: -1 where backward does not read it; last is last_forward then */
    int uses, last_consumer;  /* inputs that it is; the last node that it is one of, or the producer */
    enum waiting waits;
};

int time_forward(const int *turns, int node); /* -1: before all nodes */
int time_backward(const struct graph *graph, const int *turns, int node);
int time_end(const struct graph *graph);

/*
 * By value, to be freed by the caller. `turns` as in struct plan. What the caller writes or reads, and with
 * `forward_only` what is constant, is needed at all times.
 */
struct lifetime *lifetimes_find(const struct graph *graph, const int *turns, bool forward_only);

#endif
