/*
 * Reading the graph of an architecture.json, which may come from anyone.
 *
 * Nodes are read in order and applied to a new graph; values are made when they are first used: tokens and parameters
 * from what the file says of them, all others by the node that lists them as its output. What a node computes is
 * checked by op_infer(), and by graph_apply() that ids are where ids belong. This file sees to the rest: that every
 * number is whole and in range, that every index names a value that exists and is made before it is used, and made
 * once, that nothing is said twice or is unknown, and that the whole is a language model over bytes: embeddings with a
 * row for every byte read the tokens, one cross-entropy of the logits, a column a byte, and the targets is the loss,
 * and nothing that is computed lies idle. Every refusal says which node or value and what.
 */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/checkpoint.h"
#include "train/corpus.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The deepest genomes have some thousands of nodes; the time of planning grows with the square. */
enum { MOST_NODES = 1 << 14, MOST_VALUES = 1 << 16, NAME_BYTES = 128 };

struct reader {
    struct graph *graph;
    const cJSON **values; /* by value of the file */
    int count;
    int *made; /* by value of the file: the value of the graph, -1: not yet */
    int tokens, targets, logits, loss;
};

/* ---- what JSON says ---- */

/* A text as it may be shown: cut to the buffer's bytes, and without anything that a terminal obeys. */
static const char *shown_in(const char *text, char *buffer, size_t bytes) {
    size_t length = 0, most = bytes - sizeof "...";
    for (; text[length] && length < most; length++)
        buffer[length] = (char)(text[length] >= ' ' && text[length] <= '~' ? text[length] : '?');
    strcpy(buffer + length, text[length] ? "..." : "");
    return buffer;
}

/* The same in a message, where it is short. */
static const char *shown(const char *text, char buffer[48]) {
    return shown_in(text, buffer, 44);
}

static status read_whole(const cJSON *item, const char *what, int least, int most, int *value) {
    if (!item)
        return fail("%s is missing", what);
    double number = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (!(number >= least && number <= most && number == (double)(int)number))
        return fail("%s must be a whole number from %d to %d", what, least, most);
    *value = (int)number;
    return STATUS_OK;
}

static status read_member(const cJSON *object, const char *key, int least, int most, int *value) {
    char what[48];
    snprintf(what, sizeof what, "'%s'", key);
    return read_whole(cJSON_GetObjectItemCaseSensitive(object, key), what, least, most, value);
}

static bool is_known(const char *key, const char *const *known, int count, int *index) {
    for (*index = 0; *index < count; ++*index)
        if (strcmp(key, known[*index]) == 0)
            return true;
    return false;
}

/* It is an object that has none of the known keys twice; unknown ones are allowed or not. At most 32 are known. */
static status check_keys(const cJSON *object, const char *const *known, int count, bool allow_unknown) {
    unsigned seen = 0;
    char buffer[48];
    int index;
    if (!cJSON_IsObject(object))
        return fail("it is not an object");
    for (const cJSON *item = object->child; item; item = item->next) {
        if (!is_known(item->string, known, count, &index)) {
            if (!allow_unknown)
                return fail("'%s' is not known to this version of starcl", shown(item->string, buffer));
            continue;
        }
        if (seen >> index & 1)
            return fail("'%s' is there twice", known[index]);
        seen |= 1u << index;
    }
    return STATUS_OK;
}

/* ---- values ---- */

static const char *role_of(const struct reader *reader, int index) {
    return json_text(reader->values[index], "role");
}

static bool has_role(const struct reader *reader, int index, const char *role) {
    return strcmp(role_of(reader, index), role) == 0;
}

/* Parameters are found in files of weights by their names. */
static status check_name(const struct reader *reader, int index, const char *name) {
    size_t length = strlen(name);
    if (length == 0 || length >= NAME_BYTES || name[0] == '_')
        return fail("value %d: a parameter needs a name of 1 to %d characters that does not begin with _", index,
                    NAME_BYTES - 1);
    for (size_t i = 0; i < length; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return fail("value %d: the name of a parameter is of visible ASCII characters", index);
    if (graph_find_parameter(reader->graph, name) >= 0)
        return fail("value %d: there are two parameters %s", index, name);
    return STATUS_OK;
}

static status make_parameter(struct reader *reader, int index) {
    const cJSON *json = reader->values[index], *shape = cJSON_GetObjectItemCaseSensitive(json, "shape");
    const char *name = json_text(json, "name");
    int rows = 0, columns = 0;
    TRY(check_name(reader, index, name));
    if (!cJSON_IsArray(shape) || cJSON_GetArraySize(shape) != 2)
        return fail("value %d: the parameter %s has no shape of two numbers", index, name);
    status outcome = read_whole(cJSON_GetArrayItem(shape, 0), "its number of rows", 1, OP_MOST_ELEMENTS, &rows);
    if (outcome == STATUS_OK)
        outcome = read_whole(cJSON_GetArrayItem(shape, 1), "its number of columns", 1, OP_MOST_COLUMNS, &columns);
    if (outcome != STATUS_OK)
        return fail_while(outcome, "value %d: the parameter %s", index, name);
    reader->made[index] = graph_add_parameter(reader->graph, name, (struct shape){rows, columns},
                                              (struct parameter_rule){.start = START_ONES, .rate = 1});
    return STATUS_OK;
}

/* The graph's value for a value of the file: made before, or a parameter or token input that is made now. */
static status take_value(struct reader *reader, int index, int *value) {
    char buffer[48];
    if (reader->made[index] < 0 && has_role(reader, index, "parameter"))
        TRY(make_parameter(reader, index));
    if (reader->made[index] < 0 && has_role(reader, index, "tokens")) {
        if (index != reader->tokens && index != reader->targets)
            return fail("value %d has the role 'tokens', but is neither the tokens nor the targets", index);
        reader->made[index] = graph_add_tokens(reader->graph, index == reader->tokens ? "tokens" : "targets");
    }
    if (reader->made[index] < 0)
        return fail("value %d (role '%s') is used before it is computed", index, shown(role_of(reader, index), buffer));
    *value = reader->made[index];
    return STATUS_OK;
}

/* ---- nodes ---- */

static status read_attributes(const cJSON *json, struct op_attributes *attributes) {
    const char *known[OP_ATTRIBUTES + 4] = {"operator", "liv", "inputs", "outputs"};
    memcpy(known + 4, op_attribute_names, sizeof op_attribute_names);
    TRY(check_keys(json, known, OP_ATTRIBUTES + 4, false));
    for (int i = 0; i < OP_ATTRIBUTES; i++) {
        *op_attribute(attributes, i) = 0;
        if (cJSON_GetObjectItemCaseSensitive(json, op_attribute_names[i]))
            TRY(read_member(json, op_attribute_names[i], 0, INT_MAX, op_attribute(attributes, i)));
    }
    return STATUS_OK;
}

/* An array of indices of values: count[0 .. most]. */
static status read_indices(const struct reader *reader, const cJSON *json, const char *key, int most, int *indices,
                           int *count) {
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(json, key);
    if (!cJSON_IsArray(array))
        return fail("'%s' is not an array", key);
    *count = 0;
    for (const cJSON *item = array->child; item; item = item->next) {
        char what[48];
        if (*count == most)
            return fail("'%s' are more than %d", key, most);
        snprintf(what, sizeof what, "number %d of '%s'", *count, key);
        TRY(read_whole(item, what, 0, reader->count - 1, &indices[(*count)++]));
    }
    return STATUS_OK;
}

static status take_outputs(struct reader *reader, const int *outputs, int count) {
    char buffer[NAME_BYTES];
    const struct node *node = &reader->graph->nodes[reader->graph->node_count - 1];
    if (count != node->op.output_count)
        return fail("the operator %s has %d outputs, not %d", node->op.type->name, node->op.output_count, count);
    for (int i = 0; i < count; i++) {
        const char *role = i == 0 ? "activation" : "kept";
        if (reader->made[outputs[i]] >= 0)
            return fail("value %d is computed or used already", outputs[i]);
        if (!has_role(reader, outputs[i], role))
            return fail("its output %d is value %d, which has not the role '%s'", i, outputs[i], role);
        reader->made[outputs[i]] = node->outputs[i];
    }
    const char *name = json_text(reader->values[outputs[0]], "name");
    if (*name)
        reader->graph->values[node->outputs[0]].name =
            arena_text(reader->graph->arena, "%s", shown_in(name, buffer, sizeof buffer));
    return STATUS_OK;
}

static status read_node(struct reader *reader, const cJSON *json) {
    struct op_attributes attributes;
    char buffer[48];
    int inputs[OP_MAX_INPUTS], outputs[OP_MAX_OUTPUTS], input_count, output_count, output;
    const struct op_type *type = op_type_find(json_text(json, "operator"));
    TRY(read_attributes(json, &attributes));
    if (!type)
        return fail("there is no operator '%s'", shown(json_text(json, "operator"), buffer));
    if (type == &op_spread_last)
        return fail("it encodes sequences, for MAD's compression, and has no decoding steps");
    TRY(read_member(json, "liv", -1, GENOME_MAX_DEPTH - 1, &reader->graph->liv));
    TRY(read_indices(reader, json, "inputs", OP_MAX_INPUTS, inputs, &input_count));
    TRY(read_indices(reader, json, "outputs", OP_MAX_OUTPUTS, outputs, &output_count));
    for (int i = 0; i < input_count; i++)
        TRY(take_value(reader, inputs[i], &inputs[i]));
    TRY(graph_apply(reader->graph, type, attributes, inputs, input_count, type->name, &output));
    return take_outputs(reader, outputs, output_count);
}

/* ---- the whole ---- */

static status collect_values(struct reader *reader, const cJSON *values) {
    static const char *const known[] = {"name", "role", "liv", "shape"};
    if (!cJSON_IsArray(values) || !values->child)
        return fail("it has no array 'values'");
    reader->count = cJSON_GetArraySize(values);
    if (reader->count > MOST_VALUES)
        return fail("it has %d values; %d are allowed", reader->count, MOST_VALUES);
    reader->values = memory_allocate((size_t)reader->count, sizeof *reader->values);
    reader->made = memory_allocate((size_t)reader->count, sizeof *reader->made);
    int v = 0;
    for (const cJSON *value = values->child; value; value = value->next, v++) {
        status outcome = check_keys(value, known, 4, true);
        if (outcome != STATUS_OK)
            return fail_while(outcome, "value %d", v);
        reader->values[v] = value;
        reader->made[v] = -1;
    }
    return STATUS_OK;
}

static status read_ends(struct reader *reader, const cJSON *json) {
    int last = reader->count - 1;
    TRY(read_member(json, "tokens", 0, last, &reader->tokens));
    TRY(read_member(json, "targets", 0, last, &reader->targets));
    TRY(read_member(json, "logits", 0, last, &reader->logits));
    TRY(read_member(json, "loss", 0, last, &reader->loss));
    if (!has_role(reader, reader->tokens, "tokens") || !has_role(reader, reader->targets, "tokens"))
        return fail("the tokens (value %d) and the targets (value %d) must have the role 'tokens'", reader->tokens,
                    reader->targets);
    if (reader->tokens == reader->targets)
        return fail("the tokens and the targets are one value, %d", reader->tokens);
    TRY(take_value(reader, reader->tokens, &reader->graph->tokens));
    return take_value(reader, reader->targets, &reader->graph->targets);
}

static status read_nodes(struct reader *reader, const cJSON *nodes) {
    if (!cJSON_IsArray(nodes) || !nodes->child)
        return fail("it has no array 'nodes'");
    if (cJSON_GetArraySize(nodes) > MOST_NODES)
        return fail("it has %d nodes; %d are allowed", cJSON_GetArraySize(nodes), MOST_NODES);
    int n = 0;
    for (const cJSON *node = nodes->child; node; node = node->next, n++) {
        status outcome = read_node(reader, node);
        const struct op_type *type = op_type_find(json_text(node, "operator"));
        if (outcome != STATUS_OK)
            return fail_while(outcome, "node %d (%s)", n, type ? type->name : "unknown");
    }
    return STATUS_OK;
}

/* What ids enter and leave: bytes. */
static status check_vocabulary(const struct graph *graph) {
    int embeddings = 0, columns = graph->values[graph->logits].shape.columns;
    for (int n = 0; n < graph->node_count; n++) {
        const struct node *node = &graph->nodes[n];
        if (node->op.type != &op_embedding)
            continue;
        embeddings++;
        if (node->inputs[0] != graph->tokens)
            return fail("node %d (embedding) reads the targets, which are what the model has to guess", n);
        if (node->op.inputs[1].rows == columns && columns != CORPUS_VOCABULARY)
            return fail("it was trained on a task with a vocabulary of %d, not on text, whose bytes have %d", columns,
                        CORPUS_VOCABULARY);
        if (node->op.inputs[1].rows < CORPUS_VOCABULARY)
            return fail("node %d (embedding): the table has %d rows, but tokens are bytes and need %d", n,
                        node->op.inputs[1].rows, CORPUS_VOCABULARY);
    }
    if (embeddings == 0)
        return fail("no embedding reads the tokens");
    if (columns != CORPUS_VOCABULARY)
        return fail("the logits have %d columns, but tokens are bytes and need %d", columns, CORPUS_VOCABULARY);
    return STATUS_OK;
}

/* One cross-entropy, of logits and targets, is the loss. */
static status check_loss(const struct graph *graph) {
    int losses = 0, producer = graph->values[graph->loss].producer;
    for (int n = 0; n < graph->node_count; n++)
        losses += graph->nodes[n].op.type == &op_cross_entropy;
    if (losses != 1 || producer < 0 || graph->nodes[producer].op.type != &op_cross_entropy ||
        graph->nodes[producer].outputs[0] != graph->loss)
        return fail("the loss must be the result of the only cross_entropy");
    const int *inputs = graph->nodes[producer].inputs;
    if (inputs[0] != graph->logits || inputs[1] != graph->targets ||
        graph->values[graph->logits].role != VALUE_ACTIVATION)
        return fail("node %d (cross_entropy) must compare the logits, which are computed, with the targets", producer);
    return STATUS_OK;
}

/* Everything that is computed is read, up to the loss: a gradient that nobody gives would be whatever memory holds. */
static status check_use(const struct graph *graph) {
    bool *used = memory_allocate((size_t)graph->value_count, sizeof *used);
    status outcome = STATUS_OK;
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            used[graph->nodes[n].inputs[i]] = true;
    for (int n = 0; n < graph->node_count && outcome == STATUS_OK; n++) {
        int value = graph->nodes[n].outputs[0];
        if (used[value] == (value == graph->loss))
            outcome = fail("node %d (%s): %s", n, graph->nodes[n].op.type->name,
                           used[value] ? "the loss is read by a node" : "its result is not used");
    }
    free(used);
    return outcome;
}

/* Files of the first versions of starcl do not say it. */
static status check_version(const cJSON *json) {
    int version = CHECKPOINT_ARCHITECTURE_VERSION;
    if (cJSON_GetObjectItemCaseSensitive(json, "version"))
        TRY(read_member(json, "version", 1, INT_MAX, &version));
    if (version != CHECKPOINT_ARCHITECTURE_VERSION)
        return fail("it has version %d of the format, and this starcl reads version %d: read it with the starcl that "
                    "wrote it, or a newer one",
                    version, CHECKPOINT_ARCHITECTURE_VERSION);
    return STATUS_OK;
}

static status read_all(struct reader *reader, const cJSON *json) {
    static const char *const known[] = {"values", "nodes", "tokens", "targets", "logits", "loss", "version"};
    struct graph *graph = reader->graph;
    TRY(check_keys(json, known, 7, true));
    TRY(check_version(json));
    TRY(collect_values(reader, cJSON_GetObjectItemCaseSensitive(json, "values")));
    TRY(read_ends(reader, json));
    TRY(read_nodes(reader, cJSON_GetObjectItemCaseSensitive(json, "nodes")));
    graph->liv = -1;
    TRY(take_value(reader, reader->logits, &graph->logits));
    TRY(take_value(reader, reader->loss, &graph->loss));
    TRY(check_loss(graph));
    TRY(check_vocabulary(graph));
    return check_use(graph);
}

/* The whole text is one JSON value. */
static cJSON *parse(const char *text, size_t length) {
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(text, length, &end, false);
    while (json && end < text + length && strchr(" \t\r\n", *end) && *end)
        end++;
    if (!json || end == text + length)
        return json;
    cJSON_Delete(json);
    return NULL;
}

static status read_json(const char *path, cJSON **json) {
    char *text;
    size_t length;
    TRY(file_read(path, &text, &length));
    *json = parse(text, length);
    free(text);
    return *json ? STATUS_OK : fail("%s is not JSON", path);
}

static void read_liv_names(const cJSON *liv, struct checkpoint_names *names) {
    struct text words = {0};
    text_append(&words, "%s token mixing, mask %s, nonlinearity %s, %s channel mixing", json_text(liv, "token_mixing"),
                json_text(liv, "mask"), json_text(liv, "nonlinearity"), json_text(liv, "channel_mixing"));
    shown_in(json_text(liv, "class"), names->livs[names->count].title, sizeof names->livs->title);
    shown_in(words.text, names->livs[names->count].operator, sizeof names->livs->operator);
    text_free(&words);
    names->count++;
}

status checkpoint_read_names(const char *path, struct checkpoint_names *names) {
    cJSON *json;
    TRY(read_json(path, &json));
    *names = (struct checkpoint_names){0};
    shown_in(json_text(json, "genome"), names->genome, sizeof names->genome);
    const cJSON *livs = cJSON_GetObjectItemCaseSensitive(json, "livs");
    for (const cJSON *liv = cJSON_IsArray(livs) ? livs->child : NULL; liv && names->count < GENOME_MAX_DEPTH;
         liv = liv->next)
        read_liv_names(liv, names);
    cJSON_Delete(json);
    return STATUS_OK;
}

status checkpoint_read_context(const char *path, int *context) {
    cJSON *json;
    TRY(read_json(path, &json));
    status outcome =
        read_member(cJSON_GetObjectItemCaseSensitive(json, "model"), "context", 1, CHECKPOINT_MOST_CONTEXT, context);
    cJSON_Delete(json);
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "the \"model\" of %s", path);
}

status checkpoint_read_graph(const char *path, int batch, int context, int reach, struct device_shape device,
                             struct graph **graph) {
    cJSON *json;
    *graph = NULL;
    TRY(read_json(path, &json));
    struct reader reader = {.graph = graph_create(batch, context, reach, device)};
    status outcome = read_all(&reader, json);
    free(reader.values);
    free(reader.made);
    cJSON_Delete(json);
    if (outcome == STATUS_OK) {
        *graph = reader.graph;
        return outcome;
    }
    graph_destroy(reader.graph);
    return fail_while(outcome, "%s does not describe an architecture that starcl can run", path);
}
