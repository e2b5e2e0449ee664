#include "model/decoder.h"

#include "base/memory.h"
#include "model/token_tables.h"

#include <stdlib.h>
#include <string.h>

struct decoder {
    struct device *device;
    const struct graph *graph;
    struct model *model;
    struct token_tables *tables;
    int position;
    bool started;             /* the float16 weights and the tables are made */
    bool cleared;             /* decoder_seek() has zeroed the caches */
    bool *constant;           /* by node: computed once, does not depend on tokens */
    int *cache_rows;          /* by value: past rows that are kept, 0: none */
    cl_mem *caches;           /* by value */
    cl_mem *states;           /* by node */
    cl_mem *halves;           /* by value: the weight in float16, NULL: none */
    int *left;                /* by value: the node that is left to who reads the value; -1: none */
    int *halved_for;          /* by value: the first node that reads `halves` */
    struct op_memory *memory; /* by node */
    size_t cache_bytes;
};

static size_t state_floats(const struct op *op) {
    return op->type->state ? op->type->state(op) : 0;
}

/* Whether a step has nothing to do for the node. */
static bool is_made(const struct decoder *decoder, int n) {
    return decoder->constant[n] || token_tables_decide(decoder->tables, n);
}

/* Exactly so many bytes, zeroed by decoder_start(). */
static status allocate(struct decoder *decoder, size_t floats, cl_mem *buffer) {
    size_t bytes = floats * (size_t)decoder->graph->batch * sizeof(float);
    if (bytes == 0)
        return STATUS_OK;
    TRY(device_buffer_create(decoder->device, bytes, buffer));
    decoder->cache_bytes += bytes;
    return STATUS_OK;
}

static size_t cache_floats(const struct decoder *decoder, int value) {
    return (size_t)decoder->cache_rows[value] * (size_t)decoder->graph->values[value].shape.columns;
}

/* Whether the node reads its weight in float16: the copy is in the order that the first node to read it wants. */
static bool reads_half(const struct decoder *decoder, int n) {
    const struct graph *graph = decoder->graph;
    const struct op *op = &graph->nodes[n].op;
    int weight = graph->nodes[n].inputs[1];
    if (!op->type->halve_weight || !decoder->halves[weight])
        return false;
    const struct op *first = &graph->nodes[decoder->halved_for[weight]].op;
    return op->type == first->type && memcmp(&op->attributes, &first->attributes, sizeof op->attributes) == 0;
}

static status create_halves(struct decoder *decoder) {
    const struct graph *graph = decoder->graph;
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *op = &graph->nodes[n].op;
        int weight = graph->nodes[n].inputs[1];
        if (!op->type->halve_weight || is_made(decoder, n) || graph->values[weight].role != VALUE_PARAMETER ||
            decoder->halves[weight])
            continue;
        decoder->halved_for[weight] = n;
        TRY(device_buffer_create(decoder->device, shape_elements(op->inputs[1]) * sizeof(cl_half),
                                 &decoder->halves[weight]));
    }
    return STATUS_OK;
}

static status create(struct decoder *decoder, const struct decoder_options *options) {
    const struct graph *graph = decoder->graph;
    TRY(model_create(decoder->device, graph, &(struct model_options){.inference = true}, &decoder->model));
    TRY(token_tables_create(decoder->model, &decoder->tables));
    graph_constant_nodes(graph, decoder->constant);
    graph_find_inside(graph, decoder->left);
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *op = &graph->nodes[n].op;
        for (int i = 0; op->type->past_rows && i < op->input_count; i++) {
            int rows = op->type->past_rows(op, i), value = graph->nodes[n].inputs[i];
            if (rows > decoder->cache_rows[value])
                decoder->cache_rows[value] = rows;
        }
        TRY(allocate(decoder, state_floats(op), &decoder->states[n]));
    }
    for (int v = 0; v < graph->value_count; v++)
        TRY(allocate(decoder, cache_floats(decoder, v), &decoder->caches[v]));
    for (int n = 0; n < graph->node_count; n++) {
        decoder->memory[n].state = decoder->states[n];
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            decoder->memory[n].caches[i] = decoder->caches[graph->nodes[n].inputs[i]];
    }
    return options && options->half_weights ? create_halves(decoder) : STATUS_OK;
}

status decoder_create(struct device *device, const struct graph *graph, const struct decoder_options *options,
                      struct decoder **result) {
    struct decoder *decoder = memory_allocate(1, sizeof *decoder);
    size_t nodes = (size_t)graph->node_count, values = (size_t)graph->value_count;
    decoder->device = device;
    decoder->graph = graph;
    decoder->constant = memory_allocate(nodes, sizeof *decoder->constant);
    decoder->cache_rows = memory_allocate(values, sizeof *decoder->cache_rows);
    decoder->caches = memory_allocate(values, sizeof *decoder->caches);
    decoder->states = memory_allocate(nodes, sizeof *decoder->states);
    decoder->memory = memory_allocate(nodes, sizeof *decoder->memory);
    decoder->halves = memory_allocate(values, sizeof *decoder->halves);
    decoder->left = memory_allocate(values, sizeof *decoder->left);
    decoder->halved_for = memory_allocate(values, sizeof *decoder->halved_for);
    status outcome = create(decoder, options);
    if (outcome != STATUS_OK) {
        decoder_destroy(decoder);
        decoder = NULL;
    }
    *result = decoder;
    return outcome;
}

void decoder_destroy(struct decoder *decoder) {
    if (!decoder)
        return;
    for (int v = 0; v < decoder->graph->value_count; v++) {
        device_buffer_destroy(decoder->device, decoder->caches[v]);
        device_buffer_destroy(decoder->device, decoder->halves[v]);
    }
    for (int n = 0; n < decoder->graph->node_count; n++)
        device_buffer_destroy(decoder->device, decoder->states[n]);
    token_tables_destroy(decoder->tables);
    model_destroy(decoder->model);
    free(decoder->constant);
    free(decoder->cache_rows);
    free(decoder->caches);
    free(decoder->states);
    free(decoder->memory);
    free(decoder->halves);
    free(decoder->left);
    free(decoder->halved_for);
    free(decoder);
}

struct model *decoder_model(struct decoder *decoder) {
    return decoder->model;
}

size_t decoder_cache_bytes(const struct decoder *decoder) {
    return decoder->cache_bytes;
}

/* Whether others than those whose results are in tables read the value. */
static bool is_read(const struct decoder *decoder, int value) {
    const struct graph *graph = decoder->graph;
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            if (graph->nodes[n].inputs[i] == value && !token_tables_decide(decoder->tables, n))
                return true;
    return false;
}

size_t decoder_weight_bytes(const struct decoder *decoder) {
    const struct graph *graph = decoder->graph;
    size_t bytes = 0;
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_PARAMETER && is_read(decoder, v))
            bytes += shape_elements(graph->values[v].shape) * (decoder->halves[v] ? sizeof(cl_half) : sizeof(float));
    return bytes;
}

static status fill_halves(struct decoder *decoder) {
    const struct graph *graph = decoder->graph;
    for (int v = 0; v < graph->value_count; v++) {
        const struct op *op = &graph->nodes[decoder->halved_for[v]].op;
        if (decoder->halves[v])
            TRY(op->type->halve_weight(decoder->device, op, model_value(decoder->model, v), decoder->halves[v]));
    }
    return STATUS_OK;
}

status decoder_start(struct decoder *decoder) {
    const struct graph *graph = decoder->graph;
    if (!decoder->started)
        TRY(fill_halves(decoder));
    decoder->position = 0;
    for (int n = 0; n < graph->node_count; n++) {
        size_t bytes = state_floats(&graph->nodes[n].op) * (size_t)graph->batch * sizeof(float);
        if (decoder->states[n])
            TRY(device_fill_zero(decoder->device, decoder->states[n], 0, bytes));
        if (decoder->constant[n])
            TRY(model_forward_node(decoder->model, n));
    }
    if (!decoder->started)
        TRY(token_tables_fill(decoder->tables));
    decoder->started = true;
    return STATUS_OK;
}

status decoder_seek(struct decoder *decoder, int position) {
    const struct graph *graph = decoder->graph;
    if (position >= graph->reach)
        return fail("there is no token behind %d others: the decoder was made for %d tokens", position, graph->reach);
    for (int v = 0; v < graph->value_count && !decoder->cleared; v++)
        if (decoder->caches[v])
            TRY(device_fill_zero(decoder->device, decoder->caches[v], 0,
                                 cache_floats(decoder, v) * (size_t)graph->batch * sizeof(float)));
    decoder->cleared = true;
    decoder->position = position;
    return STATUS_OK;
}

/* Where a node finds what it reads: in the model's memory, or in a table. */
static cl_mem place_of(const struct decoder *decoder, int value) {
    cl_mem row = token_tables_row(decoder->tables, value);
    return row ? row : model_value(decoder->model, value);
}

static struct op_buffers buffers_of(struct decoder *decoder, int n) {
    const struct graph *graph = decoder->graph;
    struct op_buffers buffers = *model_node_buffers(decoder->model, n);
    for (int i = 0; i < graph->nodes[n].op.input_count; i++) {
        int value = graph->nodes[n].inputs[i], maker = decoder->left[value];
        buffers.inputs[i] = place_of(decoder, value);
        if (maker < 0 || token_tables_decide(decoder->tables, maker))
            continue;
        const struct node *left = &graph->nodes[maker];
        buffers.inside[i].op = &left->op;
        for (int j = 0; j < 2 && j < left->op.input_count; j++)
            buffers.inside[i].inputs[j] = place_of(decoder, left->inputs[j]);
    }
    if (reads_half(decoder, n)) {
        buffers.inputs[1] = decoder->halves[decoder->graph->nodes[n].inputs[1]];
        buffers.half_weight = true;
    }
    return buffers;
}

static status run_node(struct decoder *decoder, int n) {
    const struct node *node = &decoder->graph->nodes[n];
    const struct op_type *type = node->op.type;
    struct op_buffers buffers = buffers_of(decoder, n);
    if (type->step)
        return type->step(decoder->device, &node->op, &buffers, &decoder->memory[n], decoder->position);
    return type->forward(decoder->device, &node->op, &buffers);
}

/* Nodes from n on that run together, none of which has a step of its own; at least one. */
static int together(const struct decoder *decoder, int n) {
    int count = 1;
    while (!decoder->graph->nodes[n].op.type->step && count < OP_TOGETHER && n + count < decoder->graph->node_count &&
           !is_made(decoder, n + count) && graph_together(decoder->graph, n, n + count))
        count++;
    return count;
}

static status run_together(struct decoder *decoder, int first, int count) {
    const struct op *ops[OP_TOGETHER];
    struct op_buffers buffers[OP_TOGETHER];
    const struct op_buffers *places[OP_TOGETHER];
    for (int i = 0; i < count; i++) {
        ops[i] = &decoder->graph->nodes[first + i].op;
        buffers[i] = buffers_of(decoder, first + i);
        places[i] = &buffers[i];
    }
    return ops[0]->type->forward_together(decoder->device, ops, places, count);
}

status decoder_step(struct decoder *decoder, const int32_t *tokens, float *logits) {
    const struct graph *graph = decoder->graph;
    size_t batch = (size_t)graph->batch;
    if (decoder->position >= graph->reach)
        return fail("the sequence is full: the decoder was made for %d tokens", graph->reach);
    if (token_tables_decide_any(decoder->tables))
        TRY(token_tables_choose(decoder->tables, tokens[0]));
    else
        TRY(device_write(decoder->device, model_value(decoder->model, graph->tokens), 0, tokens,
                         batch * sizeof *tokens));
    for (int n = 0, count; n < graph->node_count; n += count) {
        count = together(decoder, n);
        int output = graph->nodes[n].outputs[0];
        if (is_made(decoder, n) || decoder->left[output] >= 0 || output == graph->loss)
            count = 1;
        else
            TRY(count > 1 ? run_together(decoder, n, count) : run_node(decoder, n));
    }
    decoder->position++;
    if (!logits)
        return STATUS_OK;
    return device_read(decoder->device, model_value(decoder->model, graph->logits), 0, logits,
                       shape_elements(graph->values[graph->logits].shape) * sizeof(float));
}
