#include "model/token_tables.h"

#include "base/memory.h"
#include "device/gemm.h"

#include <stdlib.h>

/* More tokens would make the tables larger than the weights that they stand for. */
enum { MOST_TOKENS = 1024 };

struct token_tables {
    struct model *model;
    const struct graph *graph;
    int vocabulary;
    bool any;
    bool *decided;  /* by node */
    cl_mem *tables; /* by value, rows row_step() apart; NULL: none */
    cl_mem *rows;   /* by value and token: parts of the tables, NULL where they were not asked for */
    int32_t token;
};

static bool is_decided(const struct token_tables *tables, int value) {
    int producer = tables->graph->values[value].producer;
    return producer >= 0 && tables->decided[producer];
}

static size_t row_bytes(const struct token_tables *tables, int value) {
    return (size_t)tables->graph->values[value].shape.columns * sizeof(float);
}

/* From one row of a table to the next: each begins where a part of a buffer may. */
static size_t row_step(const struct token_tables *tables, int value) {
    size_t alignment = device_information(model_device(tables->model))->address_alignment_bytes;
    size_t bytes = tensor_bytes(row_bytes(tables, value) / sizeof(float));
    return divide_up(bytes, alignment) * alignment;
}

static bool may_decide(const struct token_tables *tables, int n, const bool *constant) {
    const struct graph *graph = tables->graph;
    const struct node *node = &graph->nodes[n];
    if (constant[n] || node->op.type->step || node->outputs[0] == graph->logits)
        return false;
    for (int i = 0; i < node->op.input_count; i++) {
        int v = node->inputs[i], producer = graph->values[v].producer;
        bool is_constant = graph->values[v].role == VALUE_PARAMETER || (producer >= 0 && constant[producer]);
        if (!is_constant && v != graph->tokens && !is_decided(tables, v))
            return false;
    }
    return true;
}

static int vocabulary_of(const struct graph *graph) {
    return graph->values[graph->logits].shape.columns;
}

static void decide(struct token_tables *tables) {
    const struct graph *graph = tables->graph;
    bool *constant = memory_allocate((size_t)graph->node_count, sizeof *constant);
    graph_constant_nodes(graph, constant);
    for (int n = 0; n < graph->node_count; n++) {
        tables->decided[n] = may_decide(tables, n, constant);
        tables->any = tables->any || tables->decided[n];
    }
    free(constant);
}

/* Of the decided values those that other nodes read. */
static status create_tables(struct token_tables *tables) {
    const struct graph *graph = tables->graph;
    for (int n = 0; n < graph->node_count; n++) {
        for (int i = 0; i < graph->nodes[n].op.input_count && !tables->decided[n]; i++) {
            int v = graph->nodes[n].inputs[i];
            if (is_decided(tables, v) && !tables->tables[v])
                TRY(device_buffer_create(model_device(tables->model), (size_t)tables->vocabulary * row_step(tables, v),
                                         &tables->tables[v]));
        }
    }
    return STATUS_OK;
}

status token_tables_create(struct model *model, struct token_tables **result) {
    const struct graph *graph = model_graph(model);
    struct token_tables *tables = memory_allocate(1, sizeof *tables);
    size_t values = (size_t)graph->value_count;
    *tables = (struct token_tables){.model = model, .graph = graph, .vocabulary = vocabulary_of(graph)};
    tables->decided = memory_allocate((size_t)graph->node_count, sizeof *tables->decided);
    tables->tables = memory_allocate(values, sizeof *tables->tables);
    if (graph->device.lanes > 1 && graph->batch == 1 && tables->vocabulary <= MOST_TOKENS)
        decide(tables);
    if (tables->any)
        tables->rows = memory_allocate(values * (size_t)tables->vocabulary, sizeof *tables->rows);
    status outcome = create_tables(tables);
    if (outcome != STATUS_OK) {
        token_tables_destroy(tables);
        tables = NULL;
    }
    *result = tables;
    return outcome;
}

void token_tables_destroy(struct token_tables *tables) {
    if (!tables)
        return;
    size_t rows = tables->rows ? (size_t)tables->graph->value_count * (size_t)tables->vocabulary : 0;
    for (size_t i = 0; i < rows; i++)
        if (tables->rows[i])
            clReleaseMemObject(tables->rows[i]);
    for (int v = 0; v < tables->graph->value_count; v++)
        device_buffer_destroy(model_device(tables->model), tables->tables[v]);
    free(tables->rows);
    free(tables->tables);
    free(tables->decided);
    free(tables);
}

bool token_tables_decide(const struct token_tables *tables, int node) {
    return tables->decided[node];
}

bool token_tables_decide_any(const struct token_tables *tables) {
    return tables->any;
}

/* ---- filling ---- */

/* The node's operator for every token at once. */
static status fill_node(struct token_tables *tables, int n, cl_mem *wide) {
    struct device *device = model_device(tables->model);
    const struct node *node = &tables->graph->nodes[n];
    struct op op = node->op;
    struct op_buffers buffers = {0};
    op.batch = tables->vocabulary;
    for (int i = 0; i < op.input_count; i++) {
        int v = node->inputs[i];
        buffers.inputs[i] = wide[v] ? wide[v] : model_value(tables->model, v);
        op.inputs[i].rows = wide[v] ? tables->vocabulary : op.inputs[i].rows;
    }
    TRY(op_infer(&op));
    for (int i = 0; i < op.output_count; i++) {
        TRY(device_buffer_create(device, tensor_bytes(shape_elements(op.outputs[i])), &wide[node->outputs[i]]));
        buffers.outputs[i] = wide[node->outputs[i]];
    }
    if (op.forward_scratch > 0)
        TRY(device_buffer_create(device, tensor_bytes(op.forward_scratch), &buffers.scratch));
    status outcome = op.type->forward(device, &op, &buffers);
    device_buffer_destroy(device, buffers.scratch);
    return outcome;
}

static status fill_table(struct token_tables *tables, int value, cl_mem wide) {
    size_t bytes = row_bytes(tables, value), step = row_step(tables, value);
    size_t rows = bytes == step ? 1 : (size_t)tables->vocabulary, run = bytes * (size_t)tables->vocabulary / rows;
    for (size_t row = 0; row < rows; row++)
        TRY(device_copy(model_device(tables->model), wide, row * run, tables->tables[value], row * step, run));
    return STATUS_OK;
}

/* wide[value_count]: what each decided value is for all tokens, and all tokens. */
static status fill(struct token_tables *tables, cl_mem *wide) {
    struct device *device = model_device(tables->model);
    int32_t tokens[MOST_TOKENS];
    for (int token = 0; token < tables->vocabulary; token++)
        tokens[token] = token;
    size_t bytes = (size_t)tables->vocabulary * sizeof *tokens;
    TRY(device_buffer_create(device, tensor_bytes((size_t)tables->vocabulary), &wide[tables->graph->tokens]));
    TRY(device_write(device, wide[tables->graph->tokens], 0, tokens, bytes));
    for (int n = 0; n < tables->graph->node_count; n++)
        if (tables->decided[n])
            TRY(fill_node(tables, n, wide));
    for (int v = 0; v < tables->graph->value_count; v++)
        if (tables->tables[v])
            TRY(fill_table(tables, v, wide[v]));
    return STATUS_OK;
}

status token_tables_fill(struct token_tables *tables) {
    struct device *device = model_device(tables->model);
    if (!tables->any)
        return STATUS_OK;
    cl_mem *wide = memory_allocate((size_t)tables->graph->value_count, sizeof *wide);
    status outcome = fill(tables, wide);
    for (int v = 0; v < tables->graph->value_count; v++)
        device_buffer_destroy(device, wide[v]);
    free(wide);
    /* Steps need less of it, or none. */
    gemm_release_scratch(device);
    return outcome;
}

/* ---- rows ---- */

static cl_mem *row_of(const struct token_tables *tables, int value) {
    return &tables->rows[(size_t)value * (size_t)tables->vocabulary + (size_t)tables->token];
}

status token_tables_choose(struct token_tables *tables, int32_t token) {
    if (token < 0 || token >= tables->vocabulary)
        return fail_usage("the token is %d; the model knows 0 to %d", (int)token, tables->vocabulary - 1);
    tables->token = token;
    for (int v = 0; v < tables->graph->value_count; v++) {
        size_t step = row_step(tables, v);
        if (tables->tables[v] && !*row_of(tables, v))
            TRY(device_buffer_part(tables->tables[v], (size_t)token * step, step, row_of(tables, v)));
    }
    return STATUS_OK;
}

cl_mem token_tables_row(const struct token_tables *tables, int value) {
    return tables->tables[value] ? *row_of(tables, value) : NULL;
}
