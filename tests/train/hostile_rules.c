/* architecture.json files written by hand, one for each rule, with the words that refuse them. */
#include "train/architecture_test.h"

#include "base/memory.h"

#include <limits.h>

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
    write_bytes(text, strlen(text));
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
    write_bytes(deep, sizeof deep);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED, "not JSON");
    write_bytes("{} {}", 5);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED, "not JSON");
    write_bytes("", 0);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED, "not JSON");
    write_bytes("[1]", 3);
    assert_fails(checkpoint_read_graph(path, 1, 1, REACH, device_shape(device), &graph), STATUS_FAILED,
                 "it is not an object");
    cJSON *root = copy(), *nodes = cJSON_GetObjectItemCaseSensitive(root, "nodes");
    for (int i = 0; i < 17000; i++)
        cJSON_AddItemToArray(nodes, cJSON_CreateNumber(i));
    refused(root, "nodes; 16384 are allowed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_are_checked),   cmocka_unit_test(test_vocabulary_is_checked),
        cmocka_unit_test(test_numbers_are_checked), cmocka_unit_test(test_structure_is_checked),
        cmocka_unit_test(test_rows_are_checked),    cmocka_unit_test(test_text_is_checked),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
