#include "train/checkpoint.h"

#include "base/file.h"
#include "base/memory.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "safetensors files are little endian, and so must this host be"
#endif

/* ---- weights ---- */

static cJSON *describe_tensor(const struct value *value, size_t offset) {
    cJSON *tensor = cJSON_CreateObject();
    cJSON_AddStringToObject(tensor, "dtype", "F32");
    cJSON *shape = cJSON_AddArrayToObject(tensor, "shape");
    if (value->shape.rows > 1)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber(value->shape.rows));
    cJSON_AddItemToArray(shape, cJSON_CreateNumber(value->shape.columns));
    cJSON *offsets = cJSON_AddArrayToObject(tensor, "data_offsets");
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)offset));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(offset + shape_elements(value->shape) * sizeof(float))));
    return tensor;
}

/* The JSON header, padded with spaces to 8 bytes as the format wants; sets the bytes of all tensors. */
static char *make_header(const struct graph *graph, size_t *data_bytes) {
    cJSON *header = cJSON_CreateObject();
    size_t offset = 0;
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        if (value->role != VALUE_PARAMETER)
            continue;
        cJSON_AddItemToObject(header, value->name, describe_tensor(value, offset));
        offset += shape_elements(value->shape) * sizeof(float);
    }
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    char *result = memory_allocate(padded + 1, 1);
    memset(result, ' ', padded);
    memcpy(result, text, length);
    cJSON_free(text);
    *data_bytes = offset;
    return result;
}

status checkpoint_write_weights(struct model *model, const char *path) {
    const struct graph *graph = model_graph(model);
    size_t data_bytes;
    char *header = make_header(graph, &data_bytes);
    uint64_t header_bytes = strlen(header);
    size_t bytes = sizeof header_bytes + header_bytes + data_bytes;
    char *file = memory_allocate(bytes, 1), *tensor = file + sizeof header_bytes + header_bytes;
    memcpy(file, &header_bytes, sizeof header_bytes);
    memcpy(file + sizeof header_bytes, header, header_bytes);
    status outcome = STATUS_OK;
    for (int v = 0; outcome == STATUS_OK && v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        size_t elements = shape_elements(graph->values[v].shape);
        float *values = memory_allocate(elements, sizeof *values);
        outcome = model_read_parameter(model, v, values);
        memcpy(tensor, values, elements * sizeof *values);
        tensor += elements * sizeof *values;
        free(values);
    }
    if (outcome == STATUS_OK)
        outcome = file_write(path, file, bytes);
    free(file);
    free(header);
    return outcome;
}

/* ---- architecture ---- */

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
    static const char *const roles[] = {"tokens", "parameter", "activation", "kept"};
    cJSON *values = cJSON_CreateArray();
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        cJSON *json = cJSON_CreateObject();
        cJSON_AddStringToObject(json, "name", value->name);
        cJSON_AddStringToObject(json, "role", roles[value->role]);
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

cJSON *checkpoint_architecture(const struct graph *graph, const struct genome *genome,
                               const struct catalogue *catalogue, const struct model_settings *settings) {
    char text[GENOME_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "genome", genome_print(genome, text));
    cJSON *model = cJSON_AddObjectToObject(json, "model");
    cJSON_AddNumberToObject(model, "width", settings->width);
    cJSON_AddNumberToObject(model, "depth", genome->depth);
    cJSON_AddNumberToObject(model, "context", settings->context);
    cJSON_AddNumberToObject(model, "head_channels", settings->head_channels);
    cJSON_AddNumberToObject(model, "vocabulary", settings->vocabulary);
    cJSON_AddNumberToObject(json, "batch", graph->batch);
    cJSON *livs = cJSON_AddArrayToObject(json, "livs");
    for (int liv = 0; liv < genome->depth; liv++)
        cJSON_AddItemToArray(livs, describe_liv(genome, catalogue, liv));
    cJSON_AddItemToObject(json, "values", describe_values(graph));
    cJSON_AddItemToObject(json, "nodes", describe_nodes(graph));
    return json;
}

status checkpoint_write_architecture(const struct graph *graph, const struct genome *genome,
                                     const struct catalogue *catalogue, const struct model_settings *settings,
                                     const char *path) {
    cJSON *json = checkpoint_architecture(graph, genome, catalogue, settings);
    char *text = cJSON_PrintUnformatted(json);
    status outcome = file_write(path, text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(json);
    return outcome;
}
