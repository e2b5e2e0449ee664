/*
 * architecture.json from anyone: each hostile file is refused with words, or gives a graph that is planned and runs
 * without touching memory that is not its own.
 *
 * The files are made: valid files of genomes that use every operator, in which every attribute, index, shape and role
 * becomes each of a list of evil values, every key is deleted, and bytes are changed at random. What is accepted runs
 * in double precision on the host, whose arrays have exactly the sizes of the graph, under the sanitizers; a sample
 * decodes on the device as well. hostile_rules.c has files written by hand, one a rule.
 */
#include "train/architecture_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/decoder.h"
#include "model/plan.h"
#include "model/reference.h"

#include <limits.h>

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
    write_bytes(text, strlen(text));
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
        write_bytes(text, round % 50 == 0 ? random_below(&random, (uint32_t)length) : length);
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
        write_bytes(text, strlen(text));
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

/* A file is for decoding, and an encoder has no decoding steps. */
static void test_encoder(void **unused) {
    (void)unused;
    struct genome genome;
    struct model_settings settings;
    struct graph *graph;
    graph_destroy(build(genomes[0], &genome, &settings));
    settings.encodes = true;
    assert_ok(architecture_build(&genome, &catalogue, &settings, BATCH, device_shape(device), &graph));
    assert_ok(checkpoint_write_architecture(graph, &genome, &catalogue, &settings, path));
    graph_destroy(graph);
    assert_fails(checkpoint_read_graph(path, BATCH, CONTEXT, 0, device_shape(device), &graph), STATUS_FAILED,
                 "it encodes sequences");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attributes),   cmocka_unit_test(test_indices), cmocka_unit_test(test_values),
        cmocka_unit_test(test_random_bytes), cmocka_unit_test(test_valid),   cmocka_unit_test(test_encoder),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
