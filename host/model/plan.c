#include "model/plan.h"

#include "base/memory.h"
#include "model/lifetimes.h"

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
    struct lifetime *lifetimes; /* by value */
    int *shares;       /* by value: the value whose gradient its own is one with (op_type.passed_inputs), or -1 */
    bool *overwritten; /* by value: whether its gradient lies where it does (op_type.overwritten_inputs) */
};

static size_t round_up(size_t bytes, size_t multiple) {
    return (bytes + multiple - 1) / multiple * multiple;
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

static void demand_bytes(struct planner *planner, struct place *place, size_t bytes, int first, int last) {
    if (bytes == 0)
        return;
    place->bytes = round_up(bytes, planner->limits->alignment);
    planner->demands = memory_resize(planner->demands, (size_t)planner->demand_count + 1, sizeof *planner->demands);
    planner->demands[planner->demand_count] =
        (struct demand){.place = place, .first = first, .last = last, .order = planner->demand_count};
    planner->demand_count++;
}

static void demand(struct planner *planner, struct place *place, size_t elements, int first, int last) {
    demand_bytes(planner, place, tensor_bytes(elements), first, last);
}

/*
 * The value that input i of node n shares its gradient with: the node's output, where it is the first in backward to
 * touch the input's gradient, so that others only add to it.
 */
static int shared_gradient(const struct planner *planner, int n, int i) {
    const struct graph *graph = planner->graph;
    const struct node *node = &graph->nodes[n];
    int v = node->inputs[i], uses = 0;
    for (int other = 0; other < node->op.input_count; other++)
        uses += node->inputs[other] == v;
    bool passed = node->op.type->passed_inputs >> i & 1;
    bool fits =
        passed && uses == 1 && planner->lifetimes[v].last_consumer == n && graph->values[v].role == VALUE_ACTIVATION;
    return fits ? node->outputs[0] : -1;
}

static void share_gradients(struct planner *planner) {
    const struct graph *graph = planner->graph;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        int shared = -1;
        for (int i = 0; i < node->op.input_count && shared < 0; i++)
            shared = planner->shares[node->inputs[i]] = shared_gradient(planner, n, i);
    }
}

/* The value that has the place of v's gradient. */
static int gradient_owner(const struct planner *planner, int v) {
    while (planner->shares[v] >= 0)
        v = planner->shares[v];
    return v;
}

/*
 * Whether v's gradient may lie where v does: where only one operator reads v, and nobody does behind that operator's
 * backward.
 */
static bool may_be_overwritten(const struct planner *planner, int v) {
    const struct graph *graph = planner->graph;
    const struct lifetime *lifetime = &planner->lifetimes[v];
    if (planner->limits->without_reuse || lifetime->uses != 1)
        return false;
    const struct node *consumer = &graph->nodes[lifetime->last_consumer];
    int backward = time_backward(graph, planner->plan->turns, lifetime->last_consumer);
    for (int i = 0; i < consumer->op.input_count; i++)
        if (consumer->inputs[i] == v)
            return consumer->op.type->overwritten_inputs >> i & 1 && lifetime->last == backward;
    return false;
}

/*
 * Gradients are needed from the last consumer of the owner to the earliest producer of those who share it. One that
 * overwrites its value has no place of its own, and the value's lasts.
 */
static void demand_gradients(struct planner *planner) {
    const struct graph *graph = planner->graph;
    const int *turns = planner->plan->turns;
    int *last = memory_allocate((size_t)graph->value_count, sizeof *last);
    for (int v = 0; v < graph->value_count; v++) {
        int owner = gradient_owner(planner, v), produced = time_backward(graph, turns, graph->values[v].producer);
        last[owner] = produced > last[owner] ? produced : last[owner];
    }
    for (int v = 0; v < graph->value_count; v++) {
        bool has_gradient = graph->values[v].role == VALUE_ACTIVATION && planner->shares[v] < 0;
        int first = time_backward(graph, turns, planner->lifetimes[v].last_consumer);
        if (v == graph->loss)
            first = 0, last[v] = time_end(graph);
        planner->overwritten[v] = has_gradient && may_be_overwritten(planner, v);
        if (planner->overwritten[v])
            planner->lifetimes[v].last = last[v];
        else if (has_gradient)
            demand(planner, &planner->plan->gradients[v], shape_elements(graph->values[v].shape), first, last[v]);
    }
    free(last);
}

static void demand_scratch(struct planner *planner) {
    const struct graph *graph = planner->graph;
    struct plan *plan = planner->plan;
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *op = &graph->nodes[n].op;
        int forward = time_forward(plan->turns, n), backward = time_backward(graph, plan->turns, n);
        demand(planner, &plan->forward_scratch[n], op->forward_scratch, forward, forward);
        if (!planner->limits->forward_only)
            demand(planner, &plan->backward_scratch[n], op->backward_scratch, backward, backward);
    }
}

static void add_move(struct plan *plan, int time, enum plan_move_kind kind, int value) {
    plan->moves = memory_resize(plan->moves, (size_t)plan->move_count + 1, sizeof *plan->moves);
    plan->moves[plan->move_count++] = (struct plan_move){time, kind, value};
}

static void demand_value(struct planner *planner, int v) {
    const struct graph *graph = planner->graph;
    const struct lifetime *lifetime = &planner->lifetimes[v];
    struct plan *plan = planner->plan;
    size_t elements = shape_elements(graph->values[v].shape);
    if (lifetime->waits == WAITS_IN_PLACE) {
        demand(planner, &plan->values[v], elements, lifetime->made, lifetime->last);
        return;
    }
    demand(planner, &plan->values[v], elements, lifetime->made, lifetime->last_forward);
    demand(planner, &plan->restored[v], elements, lifetime->first_backward, lifetime->last);
    if (lifetime->waits == WAITS_UNMADE) {
        add_move(plan, lifetime->first_backward, MOVE_MAKE, v);
        return;
    }
    demand_bytes(planner, &plan->stored[v], dtype_bytes(graph->waits_as, elements), lifetime->last_forward,
                 lifetime->first_backward);
    add_move(plan, lifetime->last_forward, MOVE_STORE, v);
    add_move(plan, lifetime->first_backward, MOVE_LOAD, v);
}

static void demand_everything(struct planner *planner) {
    const struct graph *graph = planner->graph;
    demand_scratch(planner);
    if (!planner->limits->without_reuse && !planner->limits->forward_only)
        share_gradients(planner);
    if (!planner->limits->forward_only)
        demand_gradients(planner);
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role != VALUE_PARAMETER)
            demand_value(planner, v);
}

bool plan_passes_in_place(const struct plan *plan, const struct node *node, int input) {
    const struct place *in = &plan->gradients[node->inputs[input]], *out = &plan->gradients[node->outputs[0]];
    bool passed = input < node->op.input_count && node->op.type->passed_inputs >> input & 1;
    return passed && in->arena >= 0 && in->arena == out->arena && in->offset == out->offset;
}

/* What is loaded comes before what is made from it. */
static int earlier_first(const void *a, const void *b) {
    const struct plan_move *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    return x->value - y->value;
}

static const struct plan_move *moves_at(const struct plan *plan, int time, int *count) {
    int first = 0, end = plan->move_count;
    while (first < end) {
        int middle = (first + end) / 2;
        if (plan->moves[middle].time < time)
            first = middle + 1;
        else
            end = middle;
    }
    *count = 0;
    while (first + *count < plan->move_count && plan->moves[first + *count].time == time)
        ++*count;
    return plan->moves + first;
}

const struct plan_move *plan_moves_forward(const struct plan *plan, int n, int *count) {
    return moves_at(plan, time_forward(plan->turns, n), count);
}

const struct plan_move *plan_moves_backward(const struct plan *plan, const struct graph *graph, int n, int *count) {
    return moves_at(plan, time_backward(graph, plan->turns, n), count);
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
    plan->stored = places(graph->value_count);
    plan->restored = places(graph->value_count);
    plan->forward_scratch = places(graph->node_count);
    plan->backward_scratch = places(graph->node_count);

    struct planner planner = {.graph = graph, .limits = limits, .plan = plan};
    planner.overwritten = memory_allocate((size_t)graph->value_count, sizeof *planner.overwritten);
    planner.shares = memory_allocate((size_t)graph->value_count, sizeof *planner.shares);
    for (int v = 0; v < graph->value_count; v++)
        planner.shares[v] = -1;
    take_turns(&planner);
    planner.lifetimes = lifetimes_find(graph, plan->turns, limits->forward_only);
    place_parameters(&planner);
    demand_everything(&planner);
    if (plan->move_count)
        qsort(plan->moves, (size_t)plan->move_count, sizeof *plan->moves, earlier_first);
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
    for (int v = 0; outcome == STATUS_OK && v < graph->value_count; v++) {
        int owner = gradient_owner(&planner, v);
        bool elsewhere = planner.lifetimes[owner].waits != WAITS_IN_PLACE;
        if (planner.overwritten[owner])
            plan->gradients[v] = elsewhere ? plan->restored[owner] : plan->values[owner];
        else
            plan->gradients[v] = plan->gradients[owner];
    }
    free(neighbours);
    free(planner.demands);
    free(planner.lifetimes);
    free(planner.shares);
    free(planner.overwritten);
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
    free(plan->stored);
    free(plan->restored);
    free(plan->moves);
    free(plan->forward_scratch);
    free(plan->backward_scratch);
    free(plan);
}
