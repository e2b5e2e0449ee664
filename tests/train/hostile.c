/*
 * architecture.json from anyone: each hostile file is refused with words, or gives a graph that is planned and runs
 * without touching memory that is not its own.
 *
 * Some files are written by hand, one a rule, with the words that refuse them. The others are made: valid files of
 * genomes that use every operator, in which every attribute, index, shape and role becomes each of a list of evil
 * values, every key is deleted, and bytes are changed at random. What is accepted runs in double precision on the host,
 * whose arrays have exactly the sizes of the graph, under the sanitizers; a sample decodes on the device as well.
 */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/decoder.h"
#include "model/plan.h"
#include "model/reference.h"
#include "train/checkpoint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, CONTEXT = 6, REACH = 9 };

static const char *const genomes[] = {
    "11111-21111-31111-71111-81111~31",
    "41111-51111-12.1.1.1.1-14.1.1.1.1~12",
    "61111-21111-11111|6:3313.B1331.C1331.V1331,2:3312.B1131.C1231.V2331,1:2312.B1332.C1331.V1334",
};
enum { GENOMES = sizeof genomes / sizeof *genomes };

static struct catalogue catalogue;
static struct device *device;
static char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 20];
static cJSON *valid[GENOMES];

static struct graph *build(const char *text, struct genome *genome, struct model_settings *settings) {
    struct genome_space space = genome_space_of(&catalogue);
    struct graph *graph;
    *settings = (struct model_settings){.width = 32,
                                        .context = CONTEXT,
                                        .head_channels = 8,
                                        .vocabulary = CORPUS_VOCABULARY,
                                        .window = 4,
                                        .block = 3,
                                        .cache_context = CONTEXT,
                                        .embedding_deviation = 1};
    assert_ok(genome_parse(text, genome));
    assert_ok(genome_validate(genome, &space));
    assert_ok(architecture_build(genome, &catalogue, settings, BATCH, device_shape(device), &graph));
    return graph;
}

static cJSON *parse(const char *name) {
    char *text;
    size_t length;
    assert_ok(file_read(name, &text, &length));
    cJSON *json = cJSON_ParseWithLength(text, length);
    assert_non_null(json);
    free(text);
    return json;
}

static int set_up(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(path, sizeof path, "%s/architecture.json", folder);
    bool used[64] = {false};
    for (int i = 0; i < GENOMES; i++) {
        struct genome genome;
        struct model_settings settings;
        struct graph *graph = build(genomes[i], &genome, &settings);
        assert_ok(checkpoint_write_architecture(graph, &genome, &catalogue, &settings, path));
        valid[i] = parse(path);
        for (int n = 0; n < graph->node_count; n++)
            for (int type = 0; op_types[type]; type++)
                used[type] |= op_types[type] == graph->nodes[n].op.type;
        graph_destroy(graph);
    }
    for (int type = 0; op_types[type]; type++)
        if (!used[type])
            fail_test("no genome of this test uses the operator %s", op_types[type]->name);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    for (int i = 0; i < GENOMES; i++)
        cJSON_Delete(valid[i]);
    device_close(device);
    return test_remove_folder(folder);
}

/* Not cJSON_Duplicate(), whose arrays some versions of cJSON cannot insert into. */
static cJSON *copy_of(int g) {
    char *text = cJSON_PrintUnformatted(valid[g]);
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    cJSON_free(text);
    return json;
}

/* Without waiting for the disk. */
static void write_text(const char *text, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* ---- what is accepted must run ---- */

struct tally {
    int refused, accepted, ran, decoded;
};

static size_t elements_of(const struct graph *graph) {
    size_t elements = 0;
    for (int v = 0; v < graph->value_count; v++)
        elements += shape_elements(graph->values[v].shape);
    for (int n = 0; n < graph->node_count; n++)
        elements += graph->nodes[n].op.forward_scratch;
    return elements;
}

static void plan(const struct graph *graph, bool forward_only) {
    struct plan_limits limits = {.alignment = 128, .largest_buffer = (size_t)1 << 34, .forward_only = forward_only};
    struct plan *made;
    status outcome = plan_create(graph, &limits, &made);
    if (outcome == STATUS_OK)
        plan_destroy(made);
    else
        assert_true(strlen(status_message()) > 0);
}

/* Every id that there is, over the tokens of all sequences. */
static void run_on_host(const struct graph *graph) {
    struct reference *reference = reference_create(graph);
    for (int i = 0; i < graph->batch * graph->context; i++) {
        reference->values[graph->tokens][i] = i % 2 ? CORPUS_VOCABULARY - 1 : i;
        reference->values[graph->targets][i] = i % 2 ? i : CORPUS_VOCABULARY - 1;
    }
    (void)reference_forward(reference);
    reference_destroy(reference);
}

static void decode(const struct graph *graph) {
    struct decoder *decoder;
    float logits[CORPUS_VOCABULARY];
    assert_ok(decoder_create(device, graph, NULL, &decoder));
    assert_ok(decoder_start(decoder));
    for (int32_t i = 0; i < 5; i++)
        assert_ok(decoder_step(decoder, &(int32_t){i % 2 ? i : 255 - i}, logits));
    decoder_destroy(decoder);
}

enum { MOST_ELEMENTS = 400000 };

/* Reads the file as for training or as for decoding. */
static void check_file(struct tally *tally, bool decoding, bool on_device) {
    struct graph *graph;
    status outcome = decoding ? checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph)
                              : checkpoint_read_graph(path, BATCH, CONTEXT, 0, device_shape(device), &graph);
    if (outcome != STATUS_OK) {
        assert_null(graph);
        assert_non_null(strstr(status_message(), path));
        tally->refused++;
        return;
    }
    tally->accepted++;
    plan(graph, false);
    plan(graph, true);
    if (elements_of(graph) < MOST_ELEMENTS) {
        run_on_host(graph);
        tally->ran++;
        if (on_device && decoding) {
            decode(graph);
            tally->decoded++;
        }
    }
    graph_destroy(graph);
}

/* In turn, so that a list of evil values meets both. */
static void check_json(const cJSON *json, struct tally *tally) {
    char *text = cJSON_PrintUnformatted(json);
    write_text(text, strlen(text));
    cJSON_free(text);
    check_file(tally, (tally->refused + tally->accepted) % 2, false);
}

/* ---- evil values ---- */

static const char *const evil[] = {
    "-1",         "0",          "1",           "3",     "8",   "33",    "65",   "16777217", "1073741823",
    "2147483647", "2147483648", "-2147483648", "1e300", "0.5", "\"4\"", "null", "[]",
};
enum { EVIL = sizeof evil / sizeof *evil };

/*
 * Adds a member to an object, or an element to an array at its place; cJSON_InsertItemInArray() of some versions
 * crashes after something was detached.
 */
static void put(cJSON *parent, const char *name, int place, cJSON *item) {
    cJSON *behind = cJSON_CreateArray();
    if (name) {
        cJSON_AddItemToObject(parent, name, item);
    } else {
        while (cJSON_GetArraySize(parent) > place)
            cJSON_AddItemToArray(behind, cJSON_DetachItemFromArray(parent, place));
        cJSON_AddItemToArray(parent, item);
        while (behind->child)
            cJSON_AddItemToArray(parent, cJSON_DetachItemFromArray(behind, 0));
    }
    cJSON_Delete(behind);
}

/* Puts every `stride`th evil value, and its deletion, in the place of a member of an object or an element of an array.
 */
static void spoil(cJSON *root, cJSON *parent, cJSON *item, int stride, struct tally *tally) {
    int place = 0;
    for (cJSON *child = parent->child; child != item; child = child->next)
        place++;
    char *name = item->string ? memory_copy_text(item->string) : NULL;
    cJSON *kept = cJSON_DetachItemViaPointer(parent, item);
    check_json(root, tally);
    for (int i = 0; i < EVIL; i += stride) {
        cJSON *other = cJSON_Parse(evil[i]);
        put(parent, name, place, other);
        check_json(root, tally);
        cJSON_Delete(cJSON_DetachItemViaPointer(parent, other));
    }
    put(parent, name, place, kept);
    free(name);
}

static void spoil_elements(cJSON *root, cJSON *array, struct tally *tally) {
    for (int i = 0; i < cJSON_GetArraySize(array); i++)
        spoil(root, array, cJSON_GetArrayItem(array, i), 1, tally);
}

static void print_tally(const char *title, struct tally tally) {
    print_message("  %s: %d refused, %d accepted, %d ran, %d decoded\n", title, tally.refused, tally.accepted,
                  tally.ran, tally.decoded);
}

/* Whether it is the first node of its operator in any of the files. */
static bool is_first(const cJSON *node, bool seen[]) {
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "operator"));
    int type = 0;
    while (op_types[type] && strcmp(op_types[type]->name, name) != 0)
        type++;
    bool first = !seen[type];
    seen[type] = true;
    return first;
}

static void test_attributes(void **unused) {
    (void)unused;
    struct tally tally = {0};
    bool seen[64] = {false};
    for (int g = 0; g < GENOMES; g++) {
        cJSON *root = copy_of(g);
        for (cJSON *node = cJSON_GetObjectItemCaseSensitive(root, "nodes")->child; node; node = node->next) {
            if (!is_first(node, seen))
                continue;
            for (int a = 0; a < OP_ATTRIBUTES; a++) {
                bool has = cJSON_HasObjectItem(node, op_attribute_names[a]);
                if (!has)
                    cJSON_AddNumberToObject(node, op_attribute_names[a], 0);
                spoil(root, node, cJSON_GetObjectItemCaseSensitive(node, op_attribute_names[a]), has ? 1 : 5, &tally);
            }
        }
        cJSON_Delete(root);
    }
    print_tally("attributes", tally);
}

static void test_indices(void **unused) {
    (void)unused;
    static const char *const keys[] = {"tokens", "targets", "logits", "loss", "values", "nodes"};
    struct tally tally = {0};
    bool seen[64] = {false};
    for (int g = 0; g < GENOMES; g++) {
        cJSON *root = copy_of(g);
        for (cJSON *node = cJSON_GetObjectItemCaseSensitive(root, "nodes")->child; node; node = node->next) {
            if (!is_first(node, seen))
                continue;
            spoil_elements(root, cJSON_GetObjectItemCaseSensitive(node, "inputs"), &tally);
            spoil_elements(root, cJSON_GetObjectItemCaseSensitive(node, "outputs"), &tally);
            spoil(root, node, cJSON_GetObjectItemCaseSensitive(node, "inputs"), 3, &tally);
            spoil(root, node, cJSON_GetObjectItemCaseSensitive(node, "outputs"), 3, &tally);
            spoil(root, node, cJSON_GetObjectItemCaseSensitive(node, "operator"), 3, &tally);
        }
        for (int i = 0; i < 6 && g == 0; i++)
            spoil(root, root, cJSON_GetObjectItemCaseSensitive(root, keys[i]), 1, &tally);
        cJSON_Delete(root);
    }
    print_tally("indices", tally);
}

static void test_values(void **unused) {
    (void)unused;
    static const char *const roles[] = {"tokens", "parameter", "activation", "kept", "other"};
    enum { ROLES = sizeof roles / sizeof *roles };
    struct tally tally = {0};
    for (int g = 0; g < GENOMES; g++) {
        cJSON *root = copy_of(g);
        const cJSON *original = cJSON_GetObjectItemCaseSensitive(valid[g], "values")->child;
        int number = 0;
        for (cJSON *value = cJSON_GetObjectItemCaseSensitive(root, "values")->child; value; value = value->next) {
            cJSON *role = cJSON_GetObjectItemCaseSensitive(value, "role");
            if (strcmp(role->valuestring, "parameter") == 0 && number++ % 4 == g)
                spoil_elements(root, cJSON_GetObjectItemCaseSensitive(value, "shape"), &tally);
            for (int i = g; i < ROLES; i += 2) {
                cJSON_ReplaceItemInObjectCaseSensitive(value, "role", cJSON_CreateString(roles[i]));
                check_json(root, &tally);
            }
            cJSON_ReplaceItemInObjectCaseSensitive(
                value, "role", cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(original, "role"), false));
            original = original->next;
        }
        cJSON_Delete(root);
    }
    print_tally("values", tally);
}

static void test_random_bytes(void **unused) {
    (void)unused;
    struct tally tally = {0};
    struct random_stream random = random_open(9, 0);
    for (int round = 0; round < 800; round++) {
        char *text = cJSON_PrintUnformatted(valid[round % GENOMES]);
        size_t length = strlen(text);
        for (unsigned changes = 1 + random_below(&random, 3); changes > 0; changes--) {
            static const char alphabet[] = "0123456789-.,:[]{}\"e";
            bool digit = random_below(&random, 2);
            text[random_below(&random, (uint32_t)length)] =
                digit ? alphabet[random_below(&random, sizeof alphabet - 1)] : (char)random_below(&random, 256);
        }
        write_text(text, round % 50 == 0 ? random_below(&random, (uint32_t)length) : length);
        cJSON_free(text);
        check_file(&tally, round % 2, true);
    }
    print_tally("bytes", tally);
}

/* Untouched files are accepted, and the graph is the one that was written. */
static void test_valid(void **unused) {
    (void)unused;
    struct tally tally = {0};
    for (int g = 0; g < GENOMES; g++) {
        struct genome genome;
        struct model_settings settings;
        struct graph *graph, *built = build(genomes[g], &genome, &settings);
        char *text = cJSON_PrintUnformatted(valid[g]);
        write_text(text, strlen(text));
        cJSON_free(text);
        check_file(&tally, true, true);
        assert_ok(checkpoint_read_graph(path, BATCH, CONTEXT, 0, device_shape(device), &graph));
        assert_int_equal(graph->node_count, built->node_count);
        for (int n = 0; n < graph->node_count; n++) {
            assert_ptr_equal(graph->nodes[n].op.type, built->nodes[n].op.type);
            assert_memory_equal(&graph->nodes[n].op.attributes, &built->nodes[n].op.attributes,
                                sizeof built->nodes[n].op.attributes);
            assert_memory_equal(graph->nodes[n].op.outputs, built->nodes[n].op.outputs,
                                (size_t)built->nodes[n].op.output_count * sizeof(struct shape));
        }
        assert_int_equal(graph_cost(graph, CONTEXT).parameters, graph_cost(built, CONTEXT).parameters);
        graph_destroy(graph);
        graph_destroy(built);
    }
    assert_int_equal(tally.refused, 0);
    assert_int_equal(tally.decoded, GENOMES);
}

/* ---- one rule each ---- */

static cJSON *node_of(cJSON *root, const char *name, int skip) {
    for (cJSON *node = cJSON_GetObjectItemCaseSensitive(root, "nodes")->child; node; node = node->next)
        if (strcmp(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(node, "operator")), name) == 0 && skip-- == 0)
            return node;
    fail_test("there is no operator %s", name);
    return NULL;
}

static int index_of(cJSON *object, const char *key, int place) {
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, key), place)->valueint;
}

static void set_index(cJSON *object, const char *key, int place, double value) {
    cJSON_ReplaceItemInArray(cJSON_GetObjectItemCaseSensitive(object, key), place, cJSON_CreateNumber(value));
}

static void set_number(cJSON *object, const char *key, double value) {
    if (cJSON_HasObjectItem(object, key))
        cJSON_ReplaceItemInObjectCaseSensitive(object, key, cJSON_CreateNumber(value));
    else
        cJSON_AddNumberToObject(object, key, value);
}

static cJSON *value_of(cJSON *root, int index) {
    return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(root, "values"), index);
}

static void set_shape(cJSON *value, double rows, double columns) {
    cJSON *shape = cJSON_CreateArray();
    cJSON_AddItemToArray(shape, cJSON_CreateNumber(rows));
    cJSON_AddItemToArray(shape, cJSON_CreateNumber(columns));
    cJSON_ReplaceItemInObjectCaseSensitive(value, "shape", shape);
}

/* Writes the JSON, deletes it, and expects the words. */
static void refused(cJSON *root, const char *words) {
    struct graph *graph;
    char *text = cJSON_PrintUnformatted(root);
    write_text(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(root);
    assert_fails(checkpoint_read_graph(path, BATCH, CONTEXT, 0, device_shape(device), &graph), STATUS_FAILED, words);
    assert_null(graph);
}

static cJSON *copy(void) {
    return copy_of(0);
}

static void test_roles_are_checked(void **unused) {
    (void)unused;
    cJSON *root = copy();
    int tokens = cJSON_GetObjectItemCaseSensitive(root, "tokens")->valueint;
    int targets = cJSON_GetObjectItemCaseSensitive(root, "targets")->valueint;
    int table = index_of(node_of(root, "embedding", 0), "inputs", 1);
    int normed = index_of(node_of(root, "rms_norm", 0), "outputs", 0);
    int inverse = index_of(node_of(root, "rms_norm", 0), "outputs", 1);
    set_number(root, "tokens", table);
    refused(root, "must have the role 'tokens'");
    set_number(root = copy(), "targets", normed);
    refused(root, "must have the role 'tokens'");
    set_number(root = copy(), "targets", tokens);
    refused(root, "the tokens and the targets are one value");
    set_number(root = copy(), "logits", table);
    refused(root, "must compare the logits");
    set_number(root = copy(), "logits", normed);
    refused(root, "must compare the logits");
    set_number(root = copy(), "loss", normed);
    refused(root, "the loss must be the result of the only cross_entropy");
    set_index(node_of(root = copy(), "embedding", 0), "inputs", 0, targets);
    refused(root, "(embedding) reads the targets");
    set_index(node_of(root = copy(), "embedding", 0), "inputs", 0, table);
    refused(root, "(embedding): building embedding: input 0 of the operator embedding must be token ids");
    set_index(node_of(root = copy(), "rms_norm", 0), "inputs", 0, tokens);
    refused(root, "input 0 of the operator rms_norm must be a parameter or computed");
    set_index(node_of(root = copy(), "linear", 0), "inputs", 0, inverse);
    refused(root, "must be a parameter or computed");
    root = copy();
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(root, "values"),
                         cJSON_Duplicate(value_of(root, tokens), true));
    set_index(node_of(root, "embedding", 0), "inputs", 0,
              cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(root, "values")) - 1);
    refused(root, "is neither the tokens nor the targets");
}

static void test_vocabulary_is_checked(void **unused) {
    (void)unused;
    cJSON *root = copy();
    int table = index_of(node_of(root, "embedding", 0), "inputs", 1);
    set_shape(value_of(root, table), 100, 32);
    refused(root, "the table has 100 rows, but tokens are bytes and need 256");
    root = copy();
    cJSON *linear = NULL;
    int logits = cJSON_GetObjectItemCaseSensitive(root, "logits")->valueint;
    for (int i = 0; !linear || index_of(linear, "outputs", 0) != logits; i++)
        linear = node_of(root, "linear", i);
    set_shape(value_of(root, index_of(linear, "inputs", 1)), 32, 300);
    refused(root, "the logits have 300 columns");
}

static void test_numbers_are_checked(void **unused) {
    (void)unused;
    cJSON *root;
    set_number(node_of(root = copy(), "low_rank", 0), "heads", 1e300);
    refused(root, "(low_rank): 'heads' must be a whole number from 0 to 2147483647");
    set_number(node_of(root = copy(), "low_rank", 0), "heads", 2.5);
    refused(root, "'heads' must be a whole number");
    set_number(node_of(root = copy(), "low_rank", 0), "heads", -4);
    refused(root, "'heads' must be a whole number");
    set_number(node_of(root = copy(), "low_rank", 0), "heads", 0);
    refused(root, "the heads of B and of V must divide the heads of C");
    set_number(node_of(root = copy(), "rotary", 0), "heads", 1073741824);
    refused(root, "heads times head_columns must equal x columns");
    set_number(node_of(root = copy(), "low_rank", 0), "mask", 7);
    refused(root, "the mask must be");
    set_number(node_of(root = copy(), "low_rank", 0), "span", 2147483647);
    refused(root, "the span must be at most");
    set_number(node_of(root = copy(), "gate", 0), "nonlinearity", 99);
    refused(root, "the nonlinearity is not known");
    set_number(node_of(root = copy(), "linear", 0), "groups", 2147483647);
    refused(root, "the groups must divide the columns of x");
    set_number(node_of(root = copy(), "linear", 0), "gruops", 2);
    refused(root, "'gruops' is not known to this version");
    cJSON *linear = node_of(root = copy(), "linear", 0);
    cJSON_AddNumberToObject(linear, "groups", 1);
    cJSON_AddNumberToObject(linear, "groups", 2);
    refused(root, "'groups' is there twice");
    cJSON_AddNumberToObject(root = copy(), "tokens", 1);
    refused(root, "'tokens' is there twice");
    set_index(node_of(root = copy(), "linear", 0), "inputs", 0, 4294967296.0);
    refused(root, "number 0 of 'inputs' must be a whole number from 0");
    root = copy();
    set_shape(value_of(root, index_of(node_of(root, "embedding", 0), "inputs", 1)), 2147483647, 2147483647);
    refused(root, "the parameter embedding.weight: its number of rows must be a whole number from 1");
    root = copy();
    set_shape(value_of(root, index_of(node_of(root, "embedding", 0), "inputs", 1)), 2147418112, 32);
    refused(root, "an input of the operator embedding is 2147418112 x 32; kernels count at most");
}

static void test_structure_is_checked(void **unused) {
    (void)unused;
    cJSON *root = copy(), *norm = node_of(root, "rms_norm", 1);
    set_index(norm, "outputs", 0, index_of(node_of(root, "rms_norm", 0), "outputs", 0));
    refused(root, "is computed or used already");
    norm = node_of(root = copy(), "rms_norm", 0);
    set_index(norm, "outputs", 1, index_of(norm, "outputs", 0));
    refused(root, "is computed or used already");
    norm = node_of(root = copy(), "rms_norm", 0);
    cJSON_DeleteItemFromArray(cJSON_GetObjectItemCaseSensitive(norm, "outputs"), 1);
    refused(root, "the operator rms_norm has 2 outputs, not 1");
    norm = node_of(root = copy(), "rms_norm", 0);
    cJSON_DeleteItemFromArray(cJSON_GetObjectItemCaseSensitive(norm, "inputs"), 1);
    refused(root, "the number of inputs is wrong");
    norm = node_of(root = copy(), "rms_norm", 0);
    set_index(norm, "inputs", 0, index_of(norm, "outputs", 0));
    refused(root, "is used before it is computed");
    root = copy();
    cJSON_ReplaceItemInObjectCaseSensitive(root, "nodes", cJSON_CreateArray());
    refused(root, "it has no array 'nodes'");
    root = copy();
    int gain = index_of(node_of(root, "rms_norm", 0), "inputs", 1);
    cJSON_ReplaceItemInObjectCaseSensitive(value_of(root, gain), "name", cJSON_CreateString("embedding.weight"));
    refused(root, "there are two parameters embedding.weight");
    root = copy();
    char long_name[300];
    memset(long_name, 'n', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    cJSON_ReplaceItemInObjectCaseSensitive(value_of(root, gain), "name", cJSON_CreateString(long_name));
    refused(root, "a parameter needs a name of 1 to 127 characters");
    root = copy();
    cJSON_ReplaceItemInObjectCaseSensitive(value_of(root, gain), "name", cJSON_CreateString("\033[2J"));
    refused(root, "of visible ASCII characters");
    root = copy();
    cJSON_DeleteItemFromObjectCaseSensitive(value_of(root, gain), "name");
    refused(root, "a parameter needs a name");
    /* A second loss, and a result that nobody reads. */
    root = copy();
    cJSON *nodes = cJSON_GetObjectItemCaseSensitive(root, "nodes"), *more;
    norm = node_of(root, "rms_norm", 0);
    more = cJSON_Duplicate(norm, true);
    cJSON *values = cJSON_GetObjectItemCaseSensitive(root, "values");
    int count = cJSON_GetArraySize(values);
    cJSON_AddItemToArray(values, cJSON_Duplicate(value_of(root, index_of(norm, "outputs", 0)), true));
    cJSON_AddItemToArray(values, cJSON_Duplicate(value_of(root, index_of(norm, "outputs", 1)), true));
    set_index(more, "outputs", 0, count);
    set_index(more, "outputs", 1, count + 1);
    cJSON_AddItemToArray(nodes, more);
    refused(root, "(rms_norm): its result is not used");
    root = copy();
    nodes = cJSON_GetObjectItemCaseSensitive(root, "nodes");
    values = cJSON_GetObjectItemCaseSensitive(root, "values");
    cJSON *loss = node_of(root, "cross_entropy", 0);
    more = cJSON_Duplicate(loss, true);
    cJSON_AddItemToArray(values, cJSON_Duplicate(value_of(root, index_of(loss, "outputs", 0)), true));
    cJSON_AddItemToArray(values, cJSON_Duplicate(value_of(root, index_of(loss, "outputs", 1)), true));
    set_index(more, "outputs", 0, count);
    set_index(more, "outputs", 1, count + 1);
    cJSON_AddItemToArray(nodes, more);
    refused(root, "the loss must be the result of the only cross_entropy");
}

/* Sequences are as long as batch and context say; a parameter that is shorter must not be read as one. */
static void test_rows_are_checked(void **unused) {
    (void)unused;
    const char *const mixers[] = {"rotary", "convolution", "low_rank", "long_convolution"};
    for (int i = 0; i < 4; i++) {
        cJSON *root = copy(), *values = cJSON_GetObjectItemCaseSensitive(root, "values");
        cJSON *node = node_of(root, mixers[i], 0);
        cJSON *value = cJSON_Duplicate(value_of(root, index_of(node_of(root, "embedding", 0), "inputs", 1)), true);
        int columns = index_of(value_of(root, index_of(node, "outputs", 0)), "shape", 1);
        cJSON_ReplaceItemInObjectCaseSensitive(value, "name", cJSON_CreateString("short"));
        set_shape(value, 2, columns);
        cJSON_AddItemToArray(values, value);
        set_index(node, "inputs", 0, cJSON_GetArraySize(values) - 1);
        refused(root, "mixes 2 sequences of 6 tokens, but its input 0 has 2 rows");
    }
}

static void test_text_is_checked(void **unused) {
    (void)unused;
    struct graph *graph;
    char deep[5000];
    memset(deep, '[', sizeof deep);
    write_text(deep, sizeof deep);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED, "not JSON");
    write_text("{} {}", 5);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED, "not JSON");
    write_text("", 0);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED, "not JSON");
    write_text("[1]", 3);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED,
                 "it is not an object");
    cJSON *root = copy(), *nodes = cJSON_GetObjectItemCaseSensitive(root, "nodes");
    for (int i = 0; i < 17000; i++)
        cJSON_AddItemToArray(nodes, cJSON_CreateNumber(i));
    refused(root, "nodes; 16384 are allowed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),
        cmocka_unit_test(test_roles_are_checked),
        cmocka_unit_test(test_vocabulary_is_checked),
        cmocka_unit_test(test_numbers_are_checked),
        cmocka_unit_test(test_structure_is_checked),
        cmocka_unit_test(test_rows_are_checked),
        cmocka_unit_test(test_text_is_checked),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_random_bytes),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
