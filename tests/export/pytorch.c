/*
 * What export writes, as text: every genome has one, with each function that it calls and no other; sharing is seen in
 * it; and nothing in an architecture.json from anyone becomes code. What it computes is compared by
 * bench/peers/export.py, which needs PyTorch.
 */
#include "train/architecture_test.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "export/fragments.h"
#include "export/pytorch.h"
#include "train/tensors.h"

#include <ctype.h>

static char weights_path[TEST_PATH_BYTES + 24];

static status give_zeros(void *context, int index, const float **elements) {
    (void)index;
    *elements = context;
    return STATUS_OK;
}

/* Weights of 0 for every parameter of the graph. */
static void write_weights(const struct graph *graph) {
    struct tensors *tensors = tensors_create();
    size_t most = 1;
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        tensors_add(tensors, graph->values[v].name, graph->values[v].shape);
        most = shape_elements(graph->values[v].shape) > most ? shape_elements(graph->values[v].shape) : most;
    }
    float *zeros = memory_allocate(most, sizeof *zeros);
    assert_ok(tensors_write(tensors, weights_path, give_zeros, zeros));
    free(zeros);
    tensors_destroy(tensors);
}

/* The module of the architecture at `path`, which the caller frees; NULL: it is refused, with words. */
static char *module_of(void) {
    struct checkpoint_files files;
    struct pytorch_export *prepared;
    snprintf(files.weights, sizeof files.weights, "%s", weights_path);
    snprintf(files.architecture, sizeof files.architecture, "%s", path);
    if (pytorch_prepare(&files, &prepared) != STATUS_OK) {
        assert_null(prepared);
        assert_true(strlen(status_message()) > 0);
        return NULL;
    }
    char *text = memory_copy_text(pytorch_module(prepared));
    pytorch_destroy(prepared);
    return text;
}

static char *module_of_genome(const char *words) {
    struct genome genome;
    struct model_settings settings;
    struct graph *graph = build(words, &genome, &settings);
    assert_ok(checkpoint_write_architecture(graph, &genome, &catalogue, &settings, path));
    write_weights(graph);
    graph_destroy(graph);
    char *text = module_of();
    if (!text)
        fail_test("%s: %s", words, status_message());
    return text;
}

static void has(const char *text, const char *line) {
    if (!strstr(text, line))
        fail_test("there is no '%s' in:\n%s", line, text);
}

static void lacks(const char *text, const char *line) {
    if (strstr(text, line))
        fail_test("there is '%s' in:\n%s", line, text);
}

/* Whether it is called somewhere but where it is defined. */
static bool calls(const char *text, const char *name) {
    size_t length = strlen(name);
    for (const char *place = strstr(text, name); place; place = strstr(place + 1, name)) {
        bool begins = place == text || (!isalnum((unsigned char)place[-1]) && !strchr("_.", place[-1]));
        if (begins && place[length] == '(' && (place - text < 4 || strncmp(place - 4, "def ", 4) != 0))
            return true;
    }
    return false;
}

/* Every function of a fragment is there if it is called, and only then; what opens is closed. */
static void check_module(const char *text) {
    int depth = 0;
    for (const struct export_fragment *fragment = export_fragments; fragment->name; fragment++) {
        char definition[64];
        snprintf(definition, sizeof definition, "\ndef %s(", fragment->name);
        bool defined = strstr(text, definition) != NULL;
        if (defined != calls(text, fragment->name))
            fail_test("%s is %s:\n%s", fragment->name, defined ? "not called" : "not there", text);
    }
    for (const char *place = text; *place; place++)
        depth += strchr("([{", *place) ? 1 : strchr(")]}", *place) ? -1 : 0;
    assert_int_equal(depth, 0);
}

static void check_lines(const char *text) {
    for (const char *line = text; line; line = strchr(line, '\n')) {
        size_t columns = strcspn(line += *line == '\n', "\n");
        if (columns > 120)
            fail_test("a line has more than 120 columns: %.*s", (int)columns, line);
    }
}

/* ---- genomes ---- */

static void test_genomes(void **unused) {
    (void)unused;
    enum { RANDOM = 100 };
    struct random_stream random = random_open(1, 0);
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = 1;
    space.depth_most = 5;
    for (int i = 0; i < GENOMES + RANDOM; i++) {
        struct genome genome;
        char words[GENOME_TEXT_BYTES];
        genome_random(&genome, &space, &random);
        char *text = module_of_genome(i < GENOMES ? genomes[i] : genome_print(&genome, words));
        check_module(text);
        check_lines(text);
        free(text);
    }
}

static void test_features_are_shared(void **unused) {
    (void)unused;
    char *text = module_of_genome("11112-81111-11112-81111");
    has(text, "class SA1Lending(nn.Module):");
    has(text, "class SA1Borrowing(nn.Module):");
    has(text, "h, V, B = self.liv0(h, past[0])\n");
    has(text, "h = self.liv1(h)\n");
    has(text, "h = self.liv2(h, B, V, past[2])\n");
    has(text, "self.liv1 = GMemless()\n");
    has(text, "self.liv3 = GMemless()\n"); /* the same class */
    has(text, "B = remember(B, past, \"B rows\")");
    has(text, "attend(heads(C, 4), heads(B, 4), heads(V, 4), causal(C, B))");
    lacks(text, "class SA1(");
    lacks(text, "# Shared weights.");
    free(text);
}

static void test_weights_are_shared(void **unused) {
    (void)unused;
    char *text = module_of_genome("61211-81111-61211");
    has(text, "        # Shared weights.\n        self.liv2.");
    has(text, "self.liv2.C_weight = self.liv0.C_weight\n");
    has(text, "self.liv2 = GConv1()\n");
    free(text);
}

static void test_masks_limit_what_is_kept(void **unused) {
    (void)unused;
    char *text = module_of_genome("11111|1:2222.B1331.C1331.V1331");
    has(text, "remember(B, past, \"B rows\", 4)");
    has(text, "banded(C, B, 4)");
    free(text);
    text = module_of_genome("11111|1:2322.B1331.C1331.V1331");
    has(text, "remember(V, past, \"V rows\", 3)");
    has(text, "blocked(C, B, 3, past)");
    free(text);
    text = module_of_genome("61111|6:3313.B1331.C1331.V1331");
    has(text, "in_blocks(");
    free(text);
}

static void test_two_operators(void **unused) {
    (void)unused;
    char *text = module_of_genome("14.1.1.1.1");
    has(text, "mixed = C * convolve(B * V, self.taps, past, \"mixed\")");
    has(text, "mixed2 = C2 * convolve(B2 * V, self.taps2, past, \"mixed2\")");
    has(text, "difference = mixed - self.lambda_ * mixed2");
    free(text);
    text = module_of_genome("15.1.1.1.1");
    has(text, "    def kernel2(self, count):");
    has(text, "kernel = kept(self.kernel2, lags_of(B_V, past), past, \"kernel2\")");
    free(text);
}

static void test_norms_and_residuals(void **unused) {
    (void)unused;
    char *text = module_of_genome("81111");
    has(text, "return h + mixed @ self.out_weight  # [batch, time, 32]\n");
    free(text);
    text = module_of_genome("81111~32");
    has(text, "self.norm2_gain = weight(32)\n");
    has(text, "return h + self.residual_factors * normed");
    free(text);
    text = module_of_genome("81111~21");
    has(text, "return F.rms_norm(out, (32,), self.norm_gain, 1e-5)");
    free(text);
}

/* ---- hostile files ---- */

/* Replaces the texts of `key` in all objects of an array. */
static void rename_all(cJSON *root, const char *array, const char *key, const char *format) {
    int i = 0;
    for (cJSON *item = cJSON_GetObjectItem(root, array)->child; item; item = item->next) {
        char name[120];
        snprintf(name, sizeof name, format, i++);
        cJSON_ReplaceItemInObjectCaseSensitive(item, key, cJSON_CreateString(name));
    }
}

static void write_json(cJSON *root) {
    char *text = cJSON_PrintUnformatted(root);
    write_bytes(text, strlen(text));
    cJSON_free(text);
    cJSON_Delete(root);
}

/* Weights for whatever the file at `path` asks for; false where it is refused. */
static bool write_weights_asked_for(void) {
    struct graph *graph;
    if (checkpoint_read_graph(path, 1, 1, 3, device_shape(device), &graph) != STATUS_OK)
        return false;
    write_weights(graph);
    graph_destroy(graph);
    return true;
}

static void test_names_are_no_code(void **unused) {
    (void)unused;
    for (int g = 0; g < GENOMES; g++) {
        cJSON *root = copy_of(g);
        rename_all(root, "values", "name", "x%d\"\"\");os.system(1)#\\");
        rename_all(root, "livs", "class", "%d\"\"\"\nevil()");
        rename_all(root, "livs", "mask", "\"\"\"\nevil(%d)");
        cJSON_ReplaceItemInObjectCaseSensitive(root, "genome", cJSON_CreateString("\"\"\"\nevil()\\"));
        write_json(root);
        assert_true(write_weights_asked_for());
        char *text = module_of();
        assert_non_null(text);
        has(text, "x2_os_system_1");
        lacks(text, "os.system");
        lacks(text, "\nevil");
        lacks(text, "\"\"\"?evil");
        lacks(text, "\\\"\"\"");
        check_module(text);
        free(text);
    }
}

static void test_names_that_python_keeps(void **unused) {
    (void)unused;
    cJSON *root = copy_of(0);
    int i = 0;
    static const char *const kept[] = {"lambda", "self", "past", "torch", "F", "heads", "forward", "h", "", "1"};
    for (cJSON *item = cJSON_GetObjectItem(root, "values")->child; item; item = item->next, i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%.*d", kept[i % 10], strcmp(json_text(item, "role"), "parameter") ? 0 : 3,
                 strcmp(json_text(item, "role"), "parameter") ? 0 : i);
        cJSON_ReplaceItemInObjectCaseSensitive(item, "name", cJSON_CreateString(name));
    }
    write_json(root);
    assert_true(write_weights_asked_for());
    char *text = module_of();
    assert_non_null(text);
    check_module(text);
    lacks(text, " lambda = ");
    lacks(text, " past = normed");
    lacks(text, " torch = ");
    lacks(text, " heads = ");
    free(text);
}

/* A parameter with as many rows as there are tokens in one reading of the file is no feature. */
static void test_parameters_are_no_sequences(void **unused) {
    (void)unused;
    for (int rows = 1; rows <= 5; rows += 4) {
        char json[160];
        cJSON *root = copy_of(0), *values = cJSON_GetObjectItem(root, "values");
        cJSON *linear = cJSON_GetObjectItem(root, "nodes")->child;
        while (strcmp(json_text(linear, "operator"), "linear") != 0)
            linear = linear->next;
        snprintf(json, sizeof json, "{\"name\":\"liv.00.fixed\",\"role\":\"parameter\",\"shape\":[%d,32]}", rows);
        cJSON_AddItemToArray(values, cJSON_Parse(json));
        cJSON_SetNumberValue(cJSON_GetObjectItem(linear, "inputs")->child, cJSON_GetArraySize(values) - 1);
        write_json(root);
        assert_null(module_of());
        if (!strstr(status_message(), "but its input 0 has"))
            fail_test("%d rows: %s", rows, status_message());
    }
}

/* Graphs that may be none of a genome are written whole or refused. */
static void test_strange_graphs(void **unused) {
    (void)unused;
    enum { TRIALS = 200 };
    struct random_stream random = random_open(2, 0);
    int accepted = 0, refused = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        char *text = cJSON_PrintUnformatted(valid[trial % GENOMES]);
        size_t length = strlen(text);
        for (uint32_t i = 0; i <= random_below(&random, 3); i++) {
            char *place = &text[random_below(&random, (uint32_t)length)];
            if (isdigit((unsigned char)*place))
                *place = (char)('0' + random_below(&random, 10));
        }
        write_bytes(text, length);
        cJSON_free(text);
        if (!write_weights_asked_for())
            continue;
        char *module = module_of();
        accepted += module != NULL;
        refused += module == NULL;
        if (module)
            check_module(module);
        free(module);
    }
    print_message("%d accepted, %d refused\n", accepted, refused);
    assert_true(accepted > 0);
}

static int set_up_paths(void **unused) {
    int outcome = set_up(unused);
    snprintf(weights_path, sizeof weights_path, "%s/weights.safetensors", folder);
    return outcome;
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_genomes),
        cmocka_unit_test(test_features_are_shared),
        cmocka_unit_test(test_weights_are_shared),
        cmocka_unit_test(test_masks_limit_what_is_kept),
        cmocka_unit_test(test_two_operators),
        cmocka_unit_test(test_norms_and_residuals),
        cmocka_unit_test(test_names_are_no_code),
        cmocka_unit_test(test_names_that_python_keeps),
        cmocka_unit_test(test_parameters_are_no_sequences),
        cmocka_unit_test(test_strange_graphs),
    };
    test_choose(argc, argv);
    return cmocka_run_group_tests(tests, set_up_paths, tear_down);
}
