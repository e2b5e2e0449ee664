#include "train/checkpoint.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/optimiser.h"
#include "train/tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- weights and training state ---- */

/* Adds one block of parameter layout (parameters or moments), each tensor as prefix + name. */
static void add_block(const struct model *model, const char *prefix, const char *block, struct tensors *tensors) {
    const struct graph *graph = model_graph(model);
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        char name[160];
        if (value->role != VALUE_PARAMETER)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, value->name);
        memcpy(tensors_add(tensors, name, value->shape), block + model_plan(model)->parameter_offsets[v],
               shape_elements(value->shape) * sizeof(float));
    }
}

static status find_block(const struct model *model, const char *prefix, const struct tensors *tensors, char *block) {
    const struct graph *graph = model_graph(model);
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        const float *elements;
        char name[160];
        if (value->role != VALUE_PARAMETER)
            continue;
        snprintf(name, sizeof name, "%s%s", prefix, value->name);
        TRY(tensors_find(tensors, name, value->shape, &elements));
        memcpy(block + model_plan(model)->parameter_offsets[v], elements, shape_elements(value->shape) * sizeof(float));
    }
    return STATUS_OK;
}

/* Device memory of parameter layout from and to tensors; gaps of the block stay zero. */
static status save_block(const struct model *model, cl_mem memory, const char *prefix, struct tensors *tensors) {
    size_t bytes = model_plan(model)->parameter_bytes;
    char *block = memory_allocate(bytes, 1);
    status outcome = device_read(model_device(model), memory, 0, block, bytes);
    if (outcome == STATUS_OK)
        add_block(model, prefix, block, tensors);
    free(block);
    return outcome;
}

static status load_block(const struct model *model, cl_mem memory, const char *prefix, const struct tensors *tensors) {
    size_t bytes = model_plan(model)->parameter_bytes;
    char *block = memory_allocate(bytes, 1);
    status outcome = find_block(model, prefix, tensors, block);
    if (outcome == STATUS_OK)
        outcome = device_write(model_device(model), memory, 0, block, bytes);
    free(block);
    return outcome;
}

status checkpoint_write_weights(struct model *model, const char *path) {
    struct tensors *tensors = tensors_create();
    status outcome = save_block(model, model_parameters(model), "", tensors);
    if (outcome == STATUS_OK)
        outcome = tensors_write(tensors, path);
    tensors_destroy(tensors);
    return outcome;
}

status checkpoint_read_weights(struct model *model, const char *path) {
    struct tensors *tensors;
    TRY(tensors_read(path, &tensors));
    status outcome = load_block(model, model_parameters(model), "", tensors);
    tensors_destroy(tensors);
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "%s", path);
}

status checkpoint_write_training(struct trainer *trainer, const char *path) {
    struct model *model = trainer_model(trainer);
    struct optimiser *optimiser = trainer_optimiser(trainer);
    struct tensors *tensors = tensors_create();
    char steps[32];
    snprintf(steps, sizeof steps, "%" PRId64, trainer_step(trainer));
    tensors_add_text(tensors, "steps", steps);
    status outcome = save_block(model, model_parameters(model), "parameter.", tensors);
    if (outcome == STATUS_OK)
        outcome = save_block(model, optimiser_mean(optimiser), "mean.", tensors);
    if (outcome == STATUS_OK)
        outcome = save_block(model, optimiser_variance(optimiser), "variance.", tensors);
    if (outcome == STATUS_OK)
        outcome = tensors_write(tensors, path);
    tensors_destroy(tensors);
    return outcome;
}

static status load_training(struct trainer *trainer, const struct tensors *tensors) {
    struct model *model = trainer_model(trainer);
    struct optimiser *optimiser = trainer_optimiser(trainer);
    const char *text = tensors_find_text(tensors, "steps");
    int64_t steps;
    if (!text || text_parse_integer(text, &steps) != 0 || steps < 0)
        return fail("it does not say how many steps were done");
    TRY(load_block(model, model_parameters(model), "parameter.", tensors));
    TRY(load_block(model, optimiser_mean(optimiser), "mean.", tensors));
    TRY(load_block(model, optimiser_variance(optimiser), "variance.", tensors));
    trainer_set_step(trainer, steps);
    return STATUS_OK;
}

status checkpoint_read_training(struct trainer *trainer, const char *path) {
    struct tensors *tensors;
    TRY(tensors_read(path, &tensors));
    status outcome = load_training(trainer, tensors);
    tensors_destroy(tensors);
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "%s", path);
}

/* ---- writing the architecture ---- */

static const char *const role_names[] = {"tokens", "parameter", "activation", "kept"};

static cJSON *describe_liv(const struct genome *genome, const struct catalogue *catalogue, int liv) {
    struct liv_class liv_class;
    genome_class(genome, catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "class", liv_class.name);
    cJSON_AddStringToObject(json, "token_mixing", gene_value_name(GENE_TOKEN_MIXING, (int)liv_class.token_mixing));
    cJSON_AddStringToObject(json, "mask", gene_value_name(GENE_MASK, (int)liv_class.mask));
    cJSON_AddStringToObject(json, "nonlinearity", gene_value_name(GENE_NONLINEARITY, (int)liv_class.nonlinearity));
    cJSON_AddStringToObject(json, "channel_mixing",
                            gene_value_name(GENE_CHANNEL_MIXING, (int)liv_class.channel_mixing));
    return json;
}

static cJSON *describe_values(const struct graph *graph) {
    cJSON *values = cJSON_CreateArray();
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "name", value->name);
        cJSON_AddStringToObject(json, "role", role_names[value->role]);
        cJSON_AddNumberToObject(json, "liv", value->liv);
        cJSON_AddItemToObject(json, "shape",
                              cJSON_CreateIntArray((const int[]){value->shape.rows, value->shape.columns}, 2));
        cJSON_AddItemToArray(values, json);
    }
    return values;
}

static cJSON *describe_nodes(const struct graph *graph) {
    cJSON *nodes = cJSON_CreateArray();
    for (int n = 0; n < graph->node_count; n++) {
        struct node node = graph->nodes[n];
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "operator", node.op.type->name);
        cJSON_AddNumberToObject(json, "liv", node.liv);
        for (int i = 0; i < OP_ATTRIBUTES; i++)
            if (*op_attribute(&node.op.attributes, i))
                cJSON_AddNumberToObject(json, op_attribute_names[i], *op_attribute(&node.op.attributes, i));
        cJSON_AddItemToObject(json, "inputs", cJSON_CreateIntArray(node.inputs, node.op.input_count));
        cJSON_AddItemToObject(json, "outputs", cJSON_CreateIntArray(node.outputs, node.op.output_count));
        cJSON_AddItemToArray(nodes, json);
    }
    return nodes;
}

static cJSON *describe_architecture(const struct graph *graph, const struct genome *genome,
                                    const struct catalogue *catalogue, const struct model_settings *settings) {
    char text[GENOME_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "genome", genome_print(genome, text));
    cJSON *model = cJSON_AddObjectToObject(json, "model");
    cJSON_AddNumberToObject(model, "width", settings->width);
    cJSON_AddNumberToObject(model, "depth", genome->depth);
    cJSON_AddNumberToObject(model, "context", settings->context);
    cJSON_AddNumberToObject(model, "head_channels", settings->head_channels);
    cJSON_AddNumberToObject(model, "window", settings->window);
    cJSON_AddNumberToObject(model, "block", settings->block);
    cJSON_AddNumberToObject(model, "vocabulary", settings->vocabulary);
    cJSON_AddNumberToObject(json, "batch", graph->batch);
    cJSON *livs = cJSON_AddArrayToObject(json, "livs");
    for (int liv = 0; liv < genome->depth; liv++)
        cJSON_AddItemToArray(livs, describe_liv(genome, catalogue, liv));
    cJSON_AddItemToObject(json, "values", describe_values(graph));
    cJSON_AddItemToObject(json, "nodes", describe_nodes(graph));
    cJSON_AddNumberToObject(json, "tokens", graph->tokens);
    cJSON_AddNumberToObject(json, "targets", graph->targets);
    cJSON_AddNumberToObject(json, "logits", graph->logits);
    cJSON_AddNumberToObject(json, "loss", graph->loss);
    return json;
}

status checkpoint_write_architecture(const struct graph *graph, const struct genome *genome,
                                     const struct catalogue *catalogue, const struct model_settings *settings,
                                     const char *path) {
    cJSON *json = describe_architecture(graph, genome, catalogue, settings);
    char *text = cJSON_PrintUnformatted(json);
    status outcome = file_write(path, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
    return outcome;
}
