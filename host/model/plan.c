#include "model/plan.h"

#include "base/memory.h"

#include <stdlib.h>

/* Something that needs a place from time `first` to time `last`. */
struct demand {
    struct place *place;
    int first, last;
    int order; /* of creation, to make sorting stable */
};

struct planner {
    const struct graph *graph;
    const struct plan_limits *limits;
    struct plan *plan;
    struct demand *demands;
    int demand_count;
    int *shares; /* by value: the value whose gradient its own is one with (op_type.passed_inputs), or -1 */
};

static size_t round_up(size_t bytes, size_t multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
}

/* Turn n runs forward at time n and backward at time 2N - 1 - n, where there are N turns at most. */
static int forward_time(const struct planner *planner, int node) {
    return node < 0 ? -1 : planner->plan->turns[node];
}

static int backward_time(const struct planner *planner, int node) {
    return 2 * planner->graph->node_count - 1 - forward_time(planner, node);
}

static int end_time(const struct planner *planner) {
    return 2 * planner->graph->node_count;
}

/* Whether node n may run at the same time as the nodes first .. n - 1. */
static bool joins(const struct planner *planner, int first, int n) {
    bool may = planner->graph->device.lanes > 1 && !planner->limits->forward_only && n - first < OP_TOGETHER;
    for (int other = first; may && other < n; other++)
        may = graph_together(planner->graph, other, n);
    return may;
}

static void take_turns(struct planner *planner) {
    for (int n = 0, first = 0; n < planner->graph->node_count; n++) {
        first = joins(planner, first, n) ? first : n;
        planner->plan->turns[n] = first;
    }
}

int plan_turn_nodes(const struct plan *plan, const struct graph *graph, int n) {
    int count = 1;
    while (n + count < graph->node_count && plan->turns[n + count] == plan->turns[n])
        count++;
    return count;
}

static bool belongs(const struct value *value, const struct parameter_group *group) {
    return value->decays == group->decays && value->rule.rate == group->rate;
}

/* The groups in order of their first parameters. */
static void list_groups(const struct graph *graph, struct plan *plan) {
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        int g = 0;
        while (g < plan->group_count && !belongs(value, &plan->groups[g]))
            g++;
        if (value->role != VALUE_PARAMETER || g < plan->group_count)
            continue;
        plan->groups = memory_resize(plan->groups, (size_t)g + 1, sizeof *plan->groups);
        plan->groups[plan->group_count++] = (struct parameter_group){.rate = value->rule.rate, .decays = value->decays};
    }
}

static void place_parameters(struct planner *planner) {
    struct plan *plan = planner->plan;
    const struct graph *graph = planner->graph;
    list_groups(graph, plan);
    for (int g = 0; g < plan->group_count; g++) {
        struct parameter_group *group = &plan->groups[g];
        group->offset = plan->parameter_bytes;
        for (int v = 0; v < graph->value_count; v++) {
            const struct value *value = &graph->values[v];
            if (value->role != VALUE_PARAMETER || !belongs(value, group))
                continue;
            plan->parameter_offsets[v] = group->offset + group->bytes;
            group->bytes += round_up(tensor_bytes(shape_elements(value->shape)), planner->limits->alignment);
        }
        plan->parameter_bytes += group->bytes;
    }
}

static void demand(struct planner *planner, struct place *place, size_t elements, int first, int last) {
    if (elements == 0)
        return;
    place->bytes = round_up(tensor_bytes(elements), planner->limits->alignment);
    planner->demands = memory_resize(planner->demands, (size_t)planner->demand_count + 1, sizeof *planner->demands);
    planner->demands[planner->demand_count] =
        (struct demand){.place = place, .first = first, .last = last, .order = planner->demand_count};
    planner->demand_count++;
}

/* Values that must stay from first to last: what the caller writes and reads, and constants that are computed once. */
static void mark_lasting(const struct planner *planner, bool *lasts) {
    const struct graph *graph = planner->graph;
    bool *constant = memory_allocate((size_t)graph->node_count, sizeof *constant);
    graph_constant_nodes(graph, constant);
    for (int v = 0; v < graph->value_count; v++) {
        int producer = graph->values[v].producer;
        lasts[v] = graph->values[v].role == VALUE_TOKENS || v == graph->loss;
        if (planner->limits->forward_only)
            lasts[v] = lasts[v] || v == graph->logits || (producer >= 0 && constant[producer]);
    }
    free(constant);
}

/*
 * The value that input i of node n shares its gradient with: the node's output, where it is the first in backward to
 * touch the input's gradient, so that others only add to it.
 */
static int shared_gradient(const struct graph *graph, int n, int i, const int *last_consumer) {
    const struct node *node = &graph->nodes[n];
    int v = node->inputs[i], uses = 0;
    for (int other = 0; other < node->op.input_count; other++)
        uses += node->inputs[other] == v;
    bool passed = node->op.type->passed_inputs >> i & 1;
    bool fits = passed && uses == 1 && last_consumer[v] == n && graph->values[v].role == VALUE_ACTIVATION;
    return fits ? node->outputs[0] : -1;
}

static void share_gradients(struct planner *planner, const int *last_consumer) {
    const struct graph *graph = planner->graph;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        int shared = -1;
        for (int i = 0; i < node->op.input_count && shared < 0; i++)
            shared = planner->shares[node->inputs[i]] = shared_gradient(graph, n, i, last_consumer);
    }
}

/* The value that has the place of v's gradient. */
static int gradient_owner(const struct planner *planner, int v) {
    while (planner->shares[v] >= 0)
        v = planner->shares[v];
    return v;
}

/* From the last consumer of the owner to the earliest producer of those who share it. */
static void demand_gradients(struct planner *planner, const int *last_consumer) {
    const struct graph *graph = planner->graph;
    int *last = memory_allocate((size_t)graph->value_count, sizeof *last), end = end_time(planner);
    for (int v = 0; v < graph->value_count; v++) {
        int owner = gradient_owner(planner, v), produced = backward_time(planner, graph->values[v].producer);
        last[owner] = produced > last[owner] ? produced : last[owner];
    }
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_ACTIVATION && planner->shares[v] < 0)
            demand(planner, &planner->plan->gradients[v], shape_elements(graph->values[v].shape),
                   v == graph->loss ? 0 : backward_time(planner, last_consumer[v]), v == graph->loss ? end : last[v]);
    free(last);
}

/* What is left to who reads a value is made from what the value is made from. */
static void keep_for_readers(const struct planner *planner, int *last_use) {
    const struct graph *graph = planner->graph;
    int *left = memory_allocate((size_t)graph->value_count, sizeof *left);
    graph_find_inside(graph, left);
    for (int v = 0; v < graph->value_count; v++) {
        const struct node *maker = left[v] < 0 ? NULL : &graph->nodes[left[v]];
        for (int i = 0; maker && i < maker->op.input_count; i++)
            if (last_use[v] > last_use[maker->inputs[i]])
                last_use[maker->inputs[i]] = last_use[v];
    }
    free(left);
}

static void demand_everything(struct planner *planner) {
    const struct graph *graph = planner->graph;
    bool forward_only = planner->limits->forward_only;
    int end = end_time(planner);
    bool *lasts = memory_allocate((size_t)graph->value_count, sizeof *lasts);
    mark_lasting(planner, lasts);
    int *last_use = memory_allocate((size_t)graph->value_count, sizeof *last_use);
    int *last_consumer = memory_allocate((size_t)graph->value_count, sizeof *last_consumer);
    for (int v = 0; v < graph->value_count; v++) {
        last_consumer[v] = graph->values[v].producer;
        last_use[v] = forward_time(planner, last_consumer[v]);
    }
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        for (int i = 0; i < node->op.input_count; i++) {
            bool again = !forward_only && node->op.type->backward_inputs >> i & 1;
            int v = node->inputs[i], use = again ? backward_time(planner, n) : forward_time(planner, n);
            last_use[v] = use > last_use[v] ? use : last_use[v];
            last_consumer[v] = n;
        }
        for (int i = 0; i < node->op.output_count; i++)
            if (!forward_only && node->op.type->backward_outputs >> i & 1)
                last_use[node->outputs[i]] = backward_time(planner, n);
        int forward = forward_time(planner, n), backward = backward_time(planner, n);
        demand(planner, &planner->plan->forward_scratch[n], node->op.forward_scratch, forward, forward);
        if (!forward_only)
            demand(planner, &planner->plan->backward_scratch[n], node->op.backward_scratch, backward, backward);
    }
    if (forward_only)
        keep_for_readers(planner, last_use);
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        size_t elements = shape_elements(value->shape);
        if (value->role == VALUE_PARAMETER)
            continue;
        demand(planner, &planner->plan->values[v], elements, lasts[v] ? 0 : forward_time(planner, value->producer),
               lasts[v] ? end : last_use[v]);
    }
    if (!forward_only) {
        if (!planner->limits->without_reuse)
            share_gradients(planner, last_consumer);
        demand_gradients(planner, last_consumer);
    }
    free(lasts);
    free(last_use);
    free(last_consumer);
}

bool plan_passes_in_place(const struct plan *plan, const struct node *node, int input) {
    const struct place *in = &plan->gradients[node->inputs[input]], *out = &plan->gradients[node->outputs[0]];
    bool passed = input < node->op.input_count && node->op.type->passed_inputs >> input & 1;
    return passed && in->arena >= 0 && in->arena == out->arena && in->offset == out->offset;
}

static int larger_first(const void *a, const void *b) {
    const struct demand *x = a, *y = b;
    if (x->place->bytes != y->place->bytes)
        return x->place->bytes < y->place->bytes ? 1 : -1;
    return x->order - y->order;
}

static int lower_first(const void *a, const void *b) {
    const struct place *x = *(const struct place *const *)a, *y = *(const struct place *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/*
 * Greedy by size: the largest demands first, each at the lowest offset where nothing that lives at the same time lies
 * (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
 */
static status place_demand(struct planner *planner, int index, const struct place **neighbours) {
    struct plan *plan = planner->plan;
    struct demand *wanted = &planner->demands[index];
    size_t largest = planner->limits->largest_buffer, bytes = wanted->place->bytes;
    if (bytes > largest)
        return fail("a tensor needs %zu bytes, the device allows at most %zu in one buffer; a smaller train.batch, "
                    "model.context or width needs less",
                    bytes, largest);
    for (int arena = 0; arena < PLAN_MAX_ARENAS; arena++) {
        int count = 0;
        for (int i = 0; i < index; i++) {
            const struct demand *other = &planner->demands[i];
            bool together = other->first <= wanted->last && wanted->first <= other->last;
            if (other->place->arena == arena && (together || planner->limits->without_reuse))
                neighbours[count++] = other->place;
        }
        qsort(neighbours, (size_t)count, sizeof *neighbours, lower_first);
        size_t offset = 0;
        for (int i = 0; i < count && neighbours[i]->offset < offset + bytes; i++)
            if (neighbours[i]->offset + neighbours[i]->bytes > offset)
                offset = neighbours[i]->offset + neighbours[i]->bytes;
        if (offset + bytes > largest)
            continue;
        wanted->place->arena = arena;
        wanted->place->offset = offset;
        if (offset + bytes > plan->arena_bytes[arena])
            plan->arena_bytes[arena] = offset + bytes;
        if (arena >= plan->arena_count)
            plan->arena_count = arena + 1;
        return STATUS_OK;
    }
    return fail("the model needs more than %d buffers of %zu bytes", PLAN_MAX_ARENAS, largest);
}

static struct place *places(int count) {
    struct place *result = memory_allocate((size_t)count, sizeof *result);
    for (int i = 0; i < count; i++)
        result[i].arena = -1;
    return result;
}

status plan_create(const struct graph *graph, const struct plan_limits *limits, struct plan **result) {
    struct plan *plan = memory_allocate(1, sizeof *plan);
    plan->parameter_offsets = memory_allocate((size_t)graph->value_count, sizeof *plan->parameter_offsets);
    plan->turns = memory_allocate((size_t)graph->node_count, sizeof *plan->turns);
    plan->values = places(graph->value_count);
    plan->gradients = places(graph->value_count);
    plan->forward_scratch = places(graph->node_count);
    plan->backward_scratch = places(graph->node_count);

    struct planner planner = {.graph = graph, .limits = limits, .plan = plan};
    planner.shares = memory_allocate((size_t)graph->value_count, sizeof *planner.shares);
    for (int v = 0; v < graph->value_count; v++)
        planner.shares[v] = -1;
    take_turns(&planner);
    place_parameters(&planner);
    demand_everything(&planner);
    qsort(planner.demands, (size_t)planner.demand_count, sizeof *planner.demands, larger_first);
    const struct place **neighbours = memory_allocate((size_t)planner.demand_count, sizeof(void *));
    status outcome = STATUS_OK;
    /* The optimiser goes over all of them at once, in ints; forward, each operator has its own. */
    if (!limits->forward_only && plan->parameter_bytes / sizeof(float) > OP_MOST_ELEMENTS)
        outcome = fail("the parameters are %zu numbers; the optimiser counts at most %d, and a smaller model.width or "
                       "depth has fewer",
                       plan->parameter_bytes / sizeof(float), (int)OP_MOST_ELEMENTS);
    else if (plan->parameter_bytes > limits->largest_buffer)
        outcome = fail("the parameters need %zu bytes, the device allows at most %zu in one buffer",
                       plan->parameter_bytes, limits->largest_buffer);
    for (int i = 0; outcome == STATUS_OK && i < planner.demand_count; i++)
        outcome = place_demand(&planner, i, neighbours);
    for (int v = 0; outcome == STATUS_OK && v < graph->value_count; v++)
        plan->gradients[v] = plan->gradients[gradient_owner(&planner, v)];
    free(neighbours);
    free(planner.demands);
    free(planner.shares);
    for (int arena = 0; arena < plan->arena_count; arena++)
        plan->working_bytes += plan->arena_bytes[arena];
    if (outcome != STATUS_OK) {
        plan_destroy(plan);
        plan = NULL;
    }
    *result = plan;
    return outcome;
}

void plan_destroy(struct plan *plan) {
    if (!plan)
        return;
    free(plan->parameter_offsets);
    free(plan->groups);
    free(plan->turns);
    free(plan->values);
    free(plan->gradients);
    free(plan->forward_scratch);
    free(plan->backward_scratch);
    free(plan);
}
