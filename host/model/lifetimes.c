#include "model/lifetimes.h"

#include "base/memory.h"

#include <stdlib.h>

int time_forward(const int *turns, int node) {
    return node < 0 ? -1 : turns[node];
}

int time_backward(const struct graph *graph, const int *turns, int node) {
    return 2 * graph->node_count - 1 - time_forward(turns, node);
}

int time_end(const struct graph *graph) {
    return 2 * graph->node_count;
}

static int earlier(int time, int other) {
    return time < 0 || other < time ? other : time;
}

static int later(int time, int other) {
    return other > time ? other : time;
}

static void use_backward(struct lifetime *lifetime, int time) {
    lifetime->first_backward = earlier(lifetime->first_backward, time);
    lifetime->last = later(lifetime->last, time);
}

static void find_uses(const struct graph *graph, const int *turns, bool forward_only, struct lifetime *lifetimes) {
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        int backward = time_backward(graph, turns, n);
        for (int i = 0; i < node->op.input_count; i++) {
            struct lifetime *lifetime = &lifetimes[node->inputs[i]];
            lifetime->last_forward = later(lifetime->last_forward, time_forward(turns, n));
            lifetime->last = later(lifetime->last, lifetime->last_forward);
            lifetime->last_consumer = n;
            lifetime->uses++;
            if (!forward_only && node->op.type->backward_inputs >> i & 1)
                use_backward(lifetime, backward);
        }
        for (int i = 0; i < node->op.output_count; i++)
            if (!forward_only && node->op.type->backward_outputs >> i & 1)
                use_backward(&lifetimes[node->outputs[i]], backward);
    }
}

/* What is left to who reads a value is made from what the value is made from. */
static void keep_for_readers(const struct graph *graph, struct lifetime *lifetimes) {
    int *left = memory_allocate((size_t)graph->value_count, sizeof *left);
    graph_find_inside(graph, left);
    for (int v = 0; v < graph->value_count; v++) {
        const struct node *maker = left[v] < 0 ? NULL : &graph->nodes[left[v]];
        for (int i = 0; maker && i < maker->op.input_count; i++) {
            struct lifetime *read = &lifetimes[maker->inputs[i]];
            read->last = read->last_forward = later(read->last, lifetimes[v].last);
        }
    }
    free(left);
}

/* What the caller writes and reads, and constants that are computed once. */
static void find_lasting(const struct graph *graph, bool forward_only, struct lifetime *lifetimes) {
    bool *constant = memory_allocate((size_t)graph->node_count, sizeof *constant);
    graph_constant_nodes(graph, constant);
    for (int v = 0; v < graph->value_count; v++) {
        int producer = graph->values[v].producer;
        bool lasts = graph->values[v].role == VALUE_TOKENS || v == graph->loss;
        if (forward_only)
            lasts = lasts || v == graph->logits || (producer >= 0 && constant[producer]);
        if (lasts)
            lifetimes[v].made = 0, lifetimes[v].last = time_end(graph);
    }
    free(constant);
}

/*
 * Whether v's producer can run again for backward: what it reads is a parameter, or is there for its own backward,
 * which comes behind that of v's readers, and is not made again itself.
 */
static bool can_be_made_again(const struct graph *graph, const struct lifetime *lifetimes, int v) {
    const struct node *producer = &graph->nodes[graph->values[v].producer];
    const struct op *op = &producer->op;
    bool can = op->type->cheap && op->forward_scratch == 0 && v == producer->outputs[0];
    for (int i = 0; can && i < op->input_count; i++) {
        bool is_parameter = graph->values[producer->inputs[i]].role == VALUE_PARAMETER;
        bool is_there = op->type->backward_inputs >> i & 1 && lifetimes[producer->inputs[i]].waits != WAITS_UNMADE;
        can = is_parameter || is_there;
    }
    return can;
}

/* Whether something else runs between a value's last use forward and its first one backward. */
static bool waits(const struct graph *graph, const struct lifetime *lifetimes, int v) {
    const struct lifetime *lifetime = &lifetimes[v];
    return graph->values[v].role == VALUE_ACTIVATION && v != graph->loss && lifetime->first_backward >= 0 &&
           lifetime->first_backward > lifetime->last_forward + 1;
}

/* Producers come before what they make, so that it is known of what they read. */
static void find_waiting(const struct graph *graph, struct lifetime *lifetimes) {
    for (int v = 0; v < graph->value_count; v++)
        if (waits(graph, lifetimes, v) && can_be_made_again(graph, lifetimes, v))
            lifetimes[v].waits = WAITS_UNMADE;
    for (int v = 0; v < graph->value_count; v++) {
        const struct node *producer =
            lifetimes[v].waits == WAITS_UNMADE ? &graph->nodes[graph->values[v].producer] : NULL;
        for (int i = 0; producer && i < producer->op.input_count; i++)
            use_backward(&lifetimes[producer->inputs[i]], lifetimes[v].first_backward);
    }
    for (int v = 0; v < graph->value_count; v++)
        if (waits(graph, lifetimes, v) && lifetimes[v].waits == WAITS_IN_PLACE)
            lifetimes[v].waits = WAITS_STORED;
}

struct lifetime *lifetimes_find(const struct graph *graph, const int *turns, bool forward_only) {
    struct lifetime *lifetimes = memory_allocate((size_t)graph->value_count, sizeof *lifetimes);
    for (int v = 0; v < graph->value_count; v++) {
        int producer = graph->values[v].producer, made = time_forward(turns, producer);
        lifetimes[v] = (struct lifetime){
            .made = made, .last_forward = made, .first_backward = -1, .last = made, .last_consumer = producer};
    }
    find_uses(graph, turns, forward_only, lifetimes);
    if (forward_only)
        keep_for_readers(graph, lifetimes);
    find_lasting(graph, forward_only, lifetimes);
    if (graph->waits_as != DTYPE_FLOAT32 && !forward_only)
        find_waiting(graph, lifetimes);
    return lifetimes;
}
