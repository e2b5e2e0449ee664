#include "model/model.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "device/gemm.h"

#include <math.h>
#include <stdlib.h>

struct model {
    struct device *device;
    const struct graph *graph;
    struct plan *plan;
    cl_mem parameters, gradients;
    cl_mem arenas[PLAN_MAX_ARENAS];
    cl_mem *values, *value_gradients; /* by value: parts of the buffers above */
    cl_mem *stored, *restored;        /* by value, NULL for what waits in place: where it waits, and is then */
    cl_mem *forward_scratch, *backward_scratch; /* by node, NULL for none */
    struct op_buffers *buffers;                 /* by node, forward, without scratch */
};

static status make_plan(const struct device *device, const struct graph *graph, const struct model_options *options,
                        struct plan **plan) {
    const struct device_information *information = device_information(device);
    struct plan_limits limits = {.alignment = information->address_alignment_bytes,
                                 .largest_buffer = information->largest_buffer_bytes,
                                 .forward_only = options->inference,
                                 .without_reuse = options->without_reuse};
    return plan_create(graph, &limits, plan);
}

/* What products keep while the graph runs. */
static size_t gemm_bytes(struct device *device, const struct graph *graph, const struct model_options *options) {
    size_t scratch = 0;
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *ops[OP_TOGETHER] = {&graph->nodes[n].op};
        const struct op_type *type = ops[0]->type;
        int count = 1;
        for (; n + count < graph->node_count && count < OP_TOGETHER && graph_together(graph, n, n + count); count++)
            ops[count] = &graph->nodes[n + count].op;
        size_t bytes = type->gemm_scratch ? type->gemm_scratch(device, ops, count, options->inference) : 0;
        scratch = bytes > scratch ? bytes : scratch;
    }
    return scratch;
}

static struct model_memory memory_of(struct device *device, const struct graph *graph,
                                     const struct model_options *options, const struct plan *plan) {
    size_t blocks = options->inference ? 1 : 2, scratch = gemm_bytes(device, graph, options);
    return (struct model_memory){.parameters = plan->parameter_bytes,
                                 .all = blocks * plan->parameter_bytes + plan->working_bytes + scratch};
}

status model_measure(struct device *device, const struct graph *graph, const struct model_options *options,
                     struct model_memory *memory) {
    struct plan *plan;
    TRY(make_plan(device, graph, options, &plan));
    *memory = memory_of(device, graph, options, plan);
    plan_destroy(plan);
    return STATUS_OK;
}

static status check_memory(const struct device *device, size_t needed) {
    const struct device_information *information = device_information(device);
    if (needed + device_allocated_bytes(device) <= information->global_bytes)
        return STATUS_OK;
    char needed_text[TEXT_NUMBER_BYTES], all_text[TEXT_NUMBER_BYTES];
    return fail("the model needs %s on the device, %s has %s; a smaller train.batch, model.context, width or depth "
                "needs less",
                text_bytes(needed_text, (double)needed), information->name,
                text_bytes(all_text, (double)information->global_bytes));
}

static status part_of_arena(struct model *model, const struct place *place, cl_mem *part) {
    if (place->arena < 0)
        return STATUS_OK;
    return device_buffer_part(model->arenas[place->arena], place->offset, place->bytes, part);
}

static status take_parts(struct model *model) {
    const struct graph *graph = model->graph;
    const struct plan *plan = model->plan;
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role == VALUE_PARAMETER) {
            size_t bytes = tensor_bytes(shape_elements(graph->values[v].shape)), offset = plan->parameter_offsets[v];
            TRY(device_buffer_part(model->parameters, offset, bytes, &model->values[v]));
            if (model->gradients)
                TRY(device_buffer_part(model->gradients, offset, bytes, &model->value_gradients[v]));
        } else {
            TRY(part_of_arena(model, &plan->values[v], &model->values[v]));
            TRY(part_of_arena(model, &plan->gradients[v], &model->value_gradients[v]));
            TRY(part_of_arena(model, &plan->stored[v], &model->stored[v]));
            TRY(part_of_arena(model, &plan->restored[v], &model->restored[v]));
        }
    }
    for (int n = 0; n < graph->node_count; n++) {
        TRY(part_of_arena(model, &plan->forward_scratch[n], &model->forward_scratch[n]));
        TRY(part_of_arena(model, &plan->backward_scratch[n], &model->backward_scratch[n]));
    }
    return STATUS_OK;
}

/* In backward order the first consumer of a value writes its gradient, the others add. */
static void connect_nodes(struct model *model) {
    const struct graph *graph = model->graph;
    bool *written = memory_allocate((size_t)graph->value_count, sizeof *written);
    for (int n = graph->node_count - 1; n >= 0; n--) {
        const struct node *node = &graph->nodes[n];
        struct op_buffers *buffers = &model->buffers[n];
        for (int i = 0; i < node->op.input_count; i++) {
            int v = node->inputs[i];
            bool in_place = plan_passes_in_place(model->plan, node, i);
            buffers->inputs[i] = model->values[v];
            buffers->input_gradients[i] = in_place ? NULL : model->value_gradients[v];
            buffers->accumulate[i] = written[v];
            written[v] = true;
        }
        for (int i = 0; i < node->op.output_count; i++)
            buffers->outputs[i] = model->values[node->outputs[i]];
        buffers->output_gradient = model->value_gradients[node->outputs[0]];
    }
    free(written);
}

static void start_values(const struct value *value, uint64_t seed, float *elements) {
    size_t count = shape_elements(value->shape);
    struct random_stream random = random_open(seed, hash_text(HASH_START, value->name));
    switch (value->rule.start) {
    case START_NORMAL:
        random_normal(&random, elements, count, value->rule.deviation);
        break;
    case START_ONES:
    case START_HALVES:
        for (size_t i = 0; i < count; i++)
            elements[i] = value->rule.start == START_ONES ? 1 : 0.5f;
        break;
    case START_DELTA_BIAS:
        for (size_t i = 0; i < count; i++) {
            double delta = exp(log(1e-3) + random_uniform(&random) * (log(1e-1) - log(1e-3)));
            elements[i] = (float)log(expm1(delta));
        }
        break;
    }
}

static status initialise(struct model *model, uint64_t seed) {
    const struct graph *graph = model->graph;
    char *block = memory_allocate(model->plan->parameter_bytes, 1);
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_PARAMETER)
            start_values(&graph->values[v], seed, (float *)(block + model->plan->parameter_offsets[v]));
    status outcome = device_write(model->device, model->parameters, 0, block, model->plan->parameter_bytes);
    free(block);
    TRY(outcome);
    if (!model->gradients)
        return STATUS_OK;
    /* The gradient block has gaps between tensors that the optimiser reads with the rest. */
    TRY(device_fill_zero(model->device, model->gradients, 0, model->plan->parameter_bytes));
    float one = 1;
    return device_write(model->device, model->value_gradients[graph->loss], 0, &one, sizeof one);
}

static status create(struct model *model, const struct model_options *options) {
    const struct graph *graph = model->graph;
    TRY(make_plan(model->device, graph, options, &model->plan));
    TRY(check_memory(model->device, memory_of(model->device, graph, options, model->plan).all));
    TRY(device_buffer_create(model->device, model->plan->parameter_bytes, &model->parameters));
    if (!options->inference)
        TRY(device_buffer_create(model->device, model->plan->parameter_bytes, &model->gradients));
    for (int arena = 0; arena < model->plan->arena_count; arena++)
        TRY(device_buffer_create(model->device, model->plan->arena_bytes[arena], &model->arenas[arena]));
    TRY(gemm_keep_scratch(model->device, gemm_bytes(model->device, graph, options)));
    model->values = memory_allocate((size_t)graph->value_count, sizeof *model->values);
    model->value_gradients = memory_allocate((size_t)graph->value_count, sizeof *model->value_gradients);
    model->stored = memory_allocate((size_t)graph->value_count, sizeof *model->stored);
    model->restored = memory_allocate((size_t)graph->value_count, sizeof *model->restored);
    model->forward_scratch = memory_allocate((size_t)graph->node_count, sizeof *model->forward_scratch);
    model->backward_scratch = memory_allocate((size_t)graph->node_count, sizeof *model->backward_scratch);
    model->buffers = memory_allocate((size_t)graph->node_count, sizeof *model->buffers);
    TRY(take_parts(model));
    connect_nodes(model);
    return initialise(model, options->seed);
}

status model_create(struct device *device, const struct graph *graph, const struct model_options *options,
                    struct model **result) {
    struct model *model = memory_allocate(1, sizeof *model);
    model->device = device;
    model->graph = graph;
    status outcome = create(model, options);
    if (outcome != STATUS_OK) {
        model_destroy(model);
        model = NULL;
    }
    *result = model;
    return outcome;
}

static void release_parts(cl_mem *parts, int count) {
    for (int i = 0; parts && i < count; i++)
        if (parts[i])
            clReleaseMemObject(parts[i]);
    free(parts);
}

void model_destroy(struct model *model) {
    if (!model)
        return;
    release_parts(model->values, model->graph->value_count);
    release_parts(model->value_gradients, model->graph->value_count);
    release_parts(model->stored, model->graph->value_count);
    release_parts(model->restored, model->graph->value_count);
    release_parts(model->forward_scratch, model->graph->node_count);
    release_parts(model->backward_scratch, model->graph->node_count);
    device_buffer_destroy(model->device, model->parameters);
    device_buffer_destroy(model->device, model->gradients);
    for (int arena = 0; arena < PLAN_MAX_ARENAS; arena++)
        device_buffer_destroy(model->device, model->arenas[arena]);
    free(model->buffers);
    plan_destroy(model->plan);
    free(model);
}

struct device *model_device(const struct model *model) {
    return model->device;
}

const struct graph *model_graph(const struct model *model) {
    return model->graph;
}

const struct plan *model_plan(const struct model *model) {
    return model->plan;
}

cl_mem model_parameters(const struct model *model) {
    return model->parameters;
}

cl_mem model_gradients(const struct model *model) {
    return model->gradients;
}

cl_mem model_value(const struct model *model, int value) {
    return model->values[value];
}

cl_mem model_gradient(const struct model *model, int value) {
    return model->value_gradients[value];
}

status model_forward_node(struct model *model, int node) {
    const struct op *op = &model->graph->nodes[node].op;
    model->buffers[node].scratch = model->forward_scratch[node];
    return op->type->forward(model->device, op, &model->buffers[node]);
}

const struct op_buffers *model_node_buffers(struct model *model, int node) {
    model->buffers[node].scratch = model->forward_scratch[node];
    return &model->buffers[node];
}

/* Nodes n .. n + count - 1, by one of their type's functions for several. */
static status run_together(struct model *model, int n, const struct op_buffers *buffers, int count,
                           status (*run)(struct device *device, const struct op *const ops[],
                                         const struct op_buffers *const buffers[], int count)) {
    const struct op *ops[OP_TOGETHER];
    const struct op_buffers *places[OP_TOGETHER];
    for (int i = 0; i < count; i++) {
        ops[i] = &model->graph->nodes[n + i].op;
        places[i] = &buffers[i];
    }
    return run(model->device, ops, places, count);
}

/* Those of a node whose forward or backward runs in backward: what waited lies elsewhere than it did. */
static struct op_buffers restored_buffers(const struct model *model, int n) {
    const struct node *node = &model->graph->nodes[n];
    struct op_buffers buffers = model->buffers[n];
    for (int i = 0; i < node->op.input_count; i++)
        if (model->restored[node->inputs[i]])
            buffers.inputs[i] = model->restored[node->inputs[i]];
    for (int i = 0; i < node->op.output_count; i++)
        if (model->restored[node->outputs[i]])
            buffers.outputs[i] = model->restored[node->outputs[i]];
    return buffers;
}

/* Runs the producer of a value again. */
static status make_again(struct model *model, int value) {
    int producer = model->graph->values[value].producer;
    const struct op *op = &model->graph->nodes[producer].op;
    struct op_buffers buffers = restored_buffers(model, producer);
    return op->type->forward(model->device, op, &buffers);
}

/* Moves of one kind, which stores or loads. */
static status convert_values(struct model *model, const struct plan_move *moves, int count) {
    enum dtype dtype = model->graph->waits_as;
    struct narrow_pair pairs[NARROW_TOGETHER];
    bool stores = moves->kind == MOVE_STORE;
    for (int i = 0; i < count; i++) {
        int value = moves[i].value;
        pairs[i] = (struct narrow_pair){.wide = stores ? model->values[value] : model->restored[value],
                                        .narrow = model->stored[value],
                                        .elements = shape_elements(model->graph->values[value].shape)};
    }
    return stores ? narrow_store(model->device, dtype, pairs, count) : narrow_load(model->device, dtype, pairs, count);
}

static status run_moves(struct model *model, const struct plan_move *moves, int count) {
    for (int i = 0, together; i < count; i += together) {
        together = 1;
        if (moves[i].kind == MOVE_MAKE) {
            TRY(make_again(model, moves[i].value));
            continue;
        }
        while (i + together < count && together < NARROW_TOGETHER && moves[i + together].kind == moves[i].kind)
            together++;
        TRY(convert_values(model, moves + i, together));
    }
    return STATUS_OK;
}

static status forward(struct model *model, bool backward_follows) {
    const struct graph *graph = model->graph;
    for (int n = 0, count; n < graph->node_count; n += count) {
        struct op_buffers buffers[OP_TOGETHER];
        int move_count;
        count = plan_turn_nodes(model->plan, graph, n);
        for (int i = 0; i < count; i++)
            buffers[i] = *model_node_buffers(model, n + i);
        TRY(count > 1 ? run_together(model, n, buffers, count, graph->nodes[n].op.type->forward_together)
                      : model_forward_node(model, n));
        const struct plan_move *moves = plan_moves_forward(model->plan, n, &move_count);
        TRY(run_moves(model, moves, backward_follows ? move_count : 0));
    }
    return STATUS_OK;
}

status model_forward(struct model *model) {
    return forward(model, true);
}

status model_forward_alone(struct model *model) {
    return forward(model, false);
}

static struct op_buffers backward_buffers(const struct model *model, int n, bool add) {
    const struct graph *graph = model->graph;
    const struct node *node = &graph->nodes[n];
    struct op_buffers buffers = restored_buffers(model, n);
    buffers.scratch = model->backward_scratch[n];
    for (int i = 0; add && i < node->op.input_count; i++)
        if (graph->values[node->inputs[i]].role == VALUE_PARAMETER)
            buffers.accumulate[i] = true;
    return buffers;
}

static status backward_node(struct model *model, int n, bool add) {
    struct op_buffers buffers = backward_buffers(model, n, add);
    const struct op *op = &model->graph->nodes[n].op;
    return op->type->backward(model->device, op, &buffers);
}

status model_backward_node(struct model *model, int node) {
    return backward_node(model, node, false);
}

/* The turn that ends with node `last`; *count: its nodes. */
static status backward_turn(struct model *model, int last, bool add, int *count) {
    int first = model->plan->turns[last];
    const struct op_type *type = model->graph->nodes[first].op.type;
    int move_count;
    const struct plan_move *moves = plan_moves_backward(model->plan, model->graph, first, &move_count);
    *count = last - first + 1;
    TRY(run_moves(model, moves, move_count));
    if (*count == 1 || !type->backward_together) {
        for (int n = last; n >= first; n--)
            TRY(backward_node(model, n, add));
        return STATUS_OK;
    }
    struct op_buffers buffers[OP_TOGETHER];
    for (int i = 0; i < *count; i++)
        buffers[i] = backward_buffers(model, first + i, add);
    return run_together(model, first, buffers, *count, type->backward_together);
}

status model_backward(struct model *model) {
    return model_backward_observed(model, false, NULL);
}

status model_backward_observed(struct model *model, bool adding, const struct backward_observer *observer) {
    for (int n = model->graph->node_count - 1, count; n >= 0; n -= count) {
        TRY(backward_turn(model, n, adding, &count));
        for (int passed = n; observer && passed > n - count; passed--)
            TRY(observer->passed(observer->context, passed));
    }
    return STATUS_OK;
}

status model_read_loss(struct model *model, float *loss) {
    return device_read(model->device, model->values[model->graph->loss], 0, loss, sizeof *loss);
}

status model_read_parameter(struct model *model, int value, float *elements) {
    return device_read(model->device, model->values[value], 0, elements,
                       shape_elements(model->graph->values[value].shape) * sizeof(float));
}

status model_write_parameter(struct model *model, int value, const float *elements) {
    return device_write(model->device, model->values[value], 0, elements,
                        shape_elements(model->graph->values[value].shape) * sizeof(float));
}
