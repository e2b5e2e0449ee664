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

/*
 * The tensors of a file and where each lies on the device: blocks of parameter layout (parameters or moments), one
 * behind the other. Elements pass through memory for the largest tensor; gaps between tensors are left as they are.
 */
struct state {
    const struct model *model;
    struct state_tensor {
        char *name;
        cl_mem block;
        size_t offset; /* bytes from its start */
        struct shape shape;
    } * tensors;
    int count;
    float *elements;
};

static void add_block(struct state *state, const char *prefix, cl_mem block) {
    const struct graph *graph = model_graph(state->model);
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        if (value->role != VALUE_PARAMETER)
            continue;
        struct text name = {0};
        text_append(&name, "%s%s", prefix, value->name);
        state->tensors = memory_resize(state->tensors, (size_t)state->count + 1, sizeof *state->tensors);
        state->tensors[state->count++] = (struct state_tensor){.name = name.text,
                                                               .block = block,
                                                               .offset = model_plan(state->model)->parameter_offsets[v],
                                                               .shape = value->shape};
    }
}

static void add_numbers(struct state *state, const char *name, cl_mem numbers, int count) {
    struct text copy = {0};
    text_append(&copy, "%s", name);
    state->tensors = memory_resize(state->tensors, (size_t)state->count + 1, sizeof *state->tensors);
    state->tensors[state->count++] =
        (struct state_tensor){.name = copy.text, .block = numbers, .shape = {.rows = 1, .columns = count}};
}

static struct state weights_of(const struct model *model) {
    struct state state = {.model = model};
    add_block(&state, "", model_parameters(model));
    return state;
}

static struct state training_state_of(const struct trainer *trainer) {
    struct state state = {.model = trainer_model(trainer)};
    const struct optimiser *optimiser = trainer_optimiser(trainer);
    add_block(&state, "parameter.", model_parameters(state.model));
    add_block(&state, "mean.", optimiser_mean(optimiser));
    add_block(&state, "variance.", optimiser_variance(optimiser));
    if (trainer_loss_scale(trainer))
        add_numbers(&state, "loss_scale", trainer_loss_scale(trainer), LOSS_SCALE_NUMBERS);
    return state;
}

static void state_free(struct state *state) {
    for (int i = 0; i < state->count; i++)
        free(state->tensors[i].name);
    free(state->tensors);
    free(state->elements);
}

static size_t bytes_of(const struct state_tensor *tensor) {
    return shape_elements(tensor->shape) * sizeof(float);
}

static void allocate_elements(struct state *state) {
    size_t most = 0;
    for (int i = 0; i < state->count; i++)
        most = bytes_of(&state->tensors[i]) > most ? bytes_of(&state->tensors[i]) : most;
    state->elements = memory_allocate(most, 1);
}

static status read_from_device(void *context, int index, const float **elements) {
    struct state *state = context;
    const struct state_tensor *tensor = &state->tensors[index];
    *elements = state->elements;
    return device_read(model_device(state->model), tensor->block, tensor->offset, state->elements, bytes_of(tensor));
}

static status save(struct state *state, struct tensors *tensors, const char *path) {
    allocate_elements(state);
    for (int i = 0; i < state->count; i++)
        tensors_add(tensors, state->tensors[i].name, state->tensors[i].shape);
    return tensors_write(tensors, path, read_from_device, state);
}

/* Nothing is written to the device unless all are there. */
static status load(struct state *state, const struct tensors *tensors) {
    for (int i = 0; i < state->count; i++)
        TRY(tensors_require(tensors, state->tensors[i].name, state->tensors[i].shape));
    allocate_elements(state);
    for (int i = 0; i < state->count; i++) {
        const struct state_tensor *tensor = &state->tensors[i];
        TRY(tensors_read(tensors, tensor->name, tensor->shape, state->elements));
        TRY(device_write(model_device(state->model), tensor->block, tensor->offset, state->elements, bytes_of(tensor)));
    }
    return STATUS_OK;
}

status checkpoint_write_weights(struct model *model, const char *path) {
    struct tensors *tensors = tensors_create();
    struct state state = weights_of(model);
    status outcome = save(&state, tensors, path);
    state_free(&state);
    tensors_destroy(tensors);
    return outcome;
}

status checkpoint_read_weights(struct model *model, const char *path) {
    struct tensors *tensors;
    TRY(tensors_open(path, &tensors));
    struct state state = weights_of(model);
    status outcome = load(&state, tensors);
    state_free(&state);
    tensors_destroy(tensors);
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "%s", path);
}

status checkpoint_write_training(struct trainer *trainer, const char *path) {
    struct tensors *tensors = tensors_create();
    struct state state = training_state_of(trainer);
    char steps[32];
    snprintf(steps, sizeof steps, "%" PRId64, trainer_step(trainer));
    tensors_add_text(tensors, "steps", steps);
    char *curve = curve_print(trainer_curve(trainer));
    tensors_add_text(tensors, "curve", curve);
    free(curve);
    status outcome = save(&state, tensors, path);
    state_free(&state);
    tensors_destroy(tensors);
    return outcome;
}

static status load_training(struct trainer *trainer, const struct tensors *tensors) {
    const char *text = tensors_find_text(tensors, "steps"), *curve_text = tensors_find_text(tensors, "curve");
    struct curve curve;
    int64_t steps;
    if (!text || text_parse_integer(text, &steps) != 0 || steps < 0)
        return fail("it does not say how many steps were done");
    /* States of older programs have none. */
    if (curve_text)
        TRY(curve_parse(curve_text, &curve));
    if (curve_text && curve.first + curve.steps != steps)
        return fail("its learning curve ends at step %" PRId64 ", and %" PRId64 " were done", curve.first + curve.steps,
                    steps);
    struct state state = training_state_of(trainer);
    status outcome = load(&state, tensors);
    state_free(&state);
    if (outcome == STATUS_OK)
        trainer_go_on(trainer, steps, curve_text ? &curve : NULL);
    return outcome;
}

status checkpoint_read_training(struct trainer *trainer, const char *path) {
    struct tensors *tensors;
    TRY(tensors_open(path, &tensors));
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
        if (value->role == VALUE_PARAMETER)
            cJSON_AddNumberToObject(json, "rate", value->rule.rate);
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
    cJSON_AddNumberToObject(json, "version", CHECKPOINT_ARCHITECTURE_VERSION);
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
