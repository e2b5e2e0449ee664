#include "model/graph.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct graph *graph_create(int batch, int context, int reach, struct device_shape device) {
    struct graph *graph = memory_allocate(1, sizeof *graph);
    *graph = (struct graph){.arena = arena_create(),
                            .device = device,
                            .batch = batch,
                            .context = context,
                            .reach = reach ? reach : context,
                            .tokens = -1,
                            .targets = -1,
                            .logits = -1,
                            .loss = -1,
                            .liv = -1};
    return graph;
}

void graph_destroy(struct graph *graph) {
    if (!graph)
        return;
    arena_destroy(graph->arena);
    free(graph->values);
    free(graph->nodes);
    free(graph);
}

static int add_value(struct graph *graph, const char *name, enum value_role role, struct shape shape, int producer) {
    graph->values = memory_resize(graph->values, (size_t)graph->value_count + 1, sizeof *graph->values);
    graph->values[graph->value_count] = (struct value){.name = arena_text(graph->arena, "%s", name),
                                                       .role = role,
                                                       .shape = shape,
                                                       .producer = producer,
                                                       .liv = graph->liv};
    return graph->value_count++;
}

/* More tokens than an int counts are refused by the first operator. */
int graph_add_tokens(struct graph *graph, const char *name) {
    int64_t rows = (int64_t)graph->batch * graph->context;
    return add_value(graph, name, VALUE_TOKENS, (struct shape){rows < INT_MAX ? (int)rows : INT_MAX, 1}, -1);
}

int graph_add_parameter(struct graph *graph, const char *name, struct shape shape, struct parameter_rule rule) {
    int added = add_value(graph, name, VALUE_PARAMETER, shape, -1);
    struct value *value = &graph->values[added];
    value->rule = rule;
    value->decays = shape.rows > 1 && shape.columns > 1;
    return added;
}

int graph_find_parameter(const struct graph *graph, const char *name) {
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].role == VALUE_PARAMETER && strcmp(graph->values[i].name, name) == 0)
            return i;
    return -1;
}

status graph_apply(struct graph *graph, const struct op_type *type, struct op_attributes attributes, const int *inputs,
                   int input_count, const char *name, int *output) {
    struct node node = {.op = {.type = type,
                               .attributes = attributes,
                               .device = graph->device,
                               .batch = graph->batch,
                               .context = graph->context,
                               .reach = graph->reach,
                               .input_count = input_count},
                        .liv = graph->liv};
    for (int i = 0; i < input_count; i++) {
        const struct value *input = &graph->values[inputs[i]];
        bool wanted = type->token_inputs >> i & 1;
        if (wanted != (input->role == VALUE_TOKENS) || input->role == VALUE_KEPT)
            return fail("building %s: input %d of the operator %s %s", name, i, type->name,
                        wanted ? "must be token ids" : "must be a parameter or computed from others");
        node.inputs[i] = inputs[i];
        node.op.inputs[i] = input->shape;
    }
    status outcome = op_infer(&node.op);
    if (outcome != STATUS_OK)
        return fail_while(outcome, "building %s", name);
    for (int i = 0; i < node.op.output_count; i++)
        node.outputs[i] =
            add_value(graph, name, i == 0 ? VALUE_ACTIVATION : VALUE_KEPT, node.op.outputs[i], graph->node_count);
    *output = node.outputs[0];
    graph->nodes = memory_resize(graph->nodes, (size_t)graph->node_count + 1, sizeof *graph->nodes);
    graph->nodes[graph->node_count++] = node;
    return STATUS_OK;
}

/* The same input 0, and otherwise parameters. */
static bool reads_the_same(const struct graph *graph, const struct node *a, const struct node *b) {
    bool parameters = true;
    for (int i = 1; i < b->op.input_count; i++)
        parameters = parameters && graph->values[b->inputs[i]].role == VALUE_PARAMETER;
    return a->op.type->forward_together && a->op.type == b->op.type && a->inputs[0] == b->inputs[0] && parameters;
}

/* Whether the later node reads what the earlier one makes, or what it reads, so that both add to one gradient. */
static bool depends(const struct graph *graph, int earlier, int later) {
    const struct node *a = &graph->nodes[earlier], *b = &graph->nodes[later];
    for (int i = 0; i < b->op.input_count; i++) {
        if (graph->values[b->inputs[i]].producer == earlier)
            return true;
        for (int j = 0; j < a->op.input_count; j++)
            if (a->inputs[j] == b->inputs[i])
                return true;
    }
    return false;
}

bool graph_together(const struct graph *graph, int node, int other) {
    const struct node *a = &graph->nodes[node], *b = &graph->nodes[other];
    if (a->op.type->together)
        return a->op.type == b->op.type && a->op.type->together(&a->op, &b->op) && !depends(graph, node, other);
    return reads_the_same(graph, a, b);
}

void graph_gather(struct graph *graph) {
    struct node *gathered = memory_allocate((size_t)graph->node_count, sizeof *gathered);
    int *place = memory_allocate((size_t)graph->node_count, sizeof *place), count = 0;
    for (int n = 0; n < graph->node_count; n++)
        place[n] = -1;
    for (int n = 0; n < graph->node_count; n++) {
        if (place[n] >= 0)
            continue;
        for (int other = n; other < graph->node_count; other++) {
            if (place[other] >= 0 || (other > n && !reads_the_same(graph, &graph->nodes[n], &graph->nodes[other])))
                continue;
            place[other] = count;
            gathered[count++] = graph->nodes[other];
        }
    }
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].producer >= 0)
            graph->values[v].producer = place[graph->values[v].producer];
    free(place);
    free(graph->nodes);
    graph->nodes = gathered;
}

/* Whether what the node reads is read behind the last reader of what it makes, without anyone keeping it for that. */
static bool outlives(const struct graph *graph, int n, const int *last_reader) {
    const struct node *node = &graph->nodes[n];
    for (int i = 0; i < node->op.input_count; i++)
        if (graph->values[node->inputs[i]].role != VALUE_PARAMETER &&
            last_reader[node->inputs[i]] <= last_reader[node->outputs[0]])
            return false;
    return true;
}

void graph_find_inside(const struct graph *graph, int *left) {
    int *last_reader = memory_allocate((size_t)graph->value_count, sizeof *last_reader);
    bool *constant = memory_allocate((size_t)graph->node_count, sizeof *constant);
    graph_constant_nodes(graph, constant);
    for (int v = 0; v < graph->value_count; v++)
        left[v] = graph->values[v].role == VALUE_ACTIVATION ? graph->values[v].producer : -1;
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *op = &graph->nodes[n].op;
        for (int i = 0; i < op->input_count; i++) {
            int v = graph->nodes[n].inputs[i];
            last_reader[v] = n;
            if (left[v] >= 0 && !(op->type->makes_inside && op->type->makes_inside(op, i, &graph->nodes[left[v]].op)))
                left[v] = -1;
        }
    }
    /* On a CPU a longer life of what is read would be paid with memory, and a launch costs it less. */
    for (int v = 0; v < graph->value_count; v++)
        if (left[v] >= 0 && (constant[left[v]] || (graph->device.lanes == 1 && !outlives(graph, left[v], last_reader))))
            left[v] = -1;
    free(last_reader);
    free(constant);
}

void graph_constant_nodes(const struct graph *graph, bool *constant) {
    for (int n = 0; n < graph->node_count; n++) {
        constant[n] = true;
        for (int i = 0; i < graph->nodes[n].op.input_count; i++) {
            const struct value *input = &graph->values[graph->nodes[n].inputs[i]];
            bool is_constant = input->role == VALUE_PARAMETER || (input->producer >= 0 && constant[input->producer]);
            constant[n] = constant[n] && is_constant;
        }
    }
}

/* Adds what node n must remember of its inputs to `rows`, the most past rows of each value that anyone needs. */
static void note_past_rows(const struct graph *graph, int n, int cache_context, int *rows) {
    struct op op = graph->nodes[n].op;
    if (!op.type->past_rows)
        return;
    op.reach = cache_context;
    for (int i = 0; i < op.input_count; i++) {
        int needed = op.type->past_rows(&op, i), value = graph->nodes[n].inputs[i];
        if (needed > rows[value])
            rows[value] = needed;
    }
}

enum { EVERY_LIV = -2 };

static bool counts(int liv, int of) {
    return liv == EVERY_LIV || liv == of;
}

static struct cost cost_of(const struct graph *graph, int cache_context, int liv) {
    struct cost cost = {0};
    int *rows = memory_allocate((size_t)graph->value_count, sizeof *rows);
    double tokens = (double)graph->batch * graph->context;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        note_past_rows(graph, n, cache_context, rows);
        if (!counts(liv, node->liv))
            continue;
        if (node->op.type->flops)
            cost.flops_per_token += node->op.type->flops(&node->op) / tokens;
        if (node->op.type->state) {
            struct op op = node->op;
            op.reach = cache_context;
            cost.cache_bytes += (int64_t)(node->op.type->state(&op) * sizeof(float));
        }
    }
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        if (!counts(liv, value->liv))
            continue;
        if (value->role == VALUE_PARAMETER)
            cost.parameters += (int64_t)shape_elements(value->shape);
        cost.cache_bytes += (int64_t)rows[v] * value->shape.columns * (int64_t)sizeof(float);
    }
    free(rows);
    return cost;
}

struct cost graph_cost(const struct graph *graph, int cache_context) {
    return cost_of(graph, cache_context, EVERY_LIV);
}

struct cost graph_liv_cost(const struct graph *graph, int cache_context, int liv) {
    return cost_of(graph, cache_context, liv);
}
