/*
 * Token by token with caches against whole sequences, causality, and what the caches occupy: for every class, every
 * sharing strategy, and every operator genome that the rules allow; and every class in other shapes of kernels.
 */
#include "model/model_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "genome/rules.h"
#include "model/decoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST_ERROR = 1e-4, LARGEST_HALF_ERROR = 1e-2;
enum { TOKENS = 200, BATCH = 2, VOCABULARY = 29, LOGITS = BATCH * TOKENS * VOCABULARY };

static struct graph *build_batch(const struct genome *genome, int context, int batch) {
    struct model_settings settings = {.width = 32,
                                      .context = context,
                                      .reach = TOKENS,
                                      .head_channels = 8,
                                      .vocabulary = VOCABULARY,
                                      .window = 48,
                                      .block = 36,
                                      .cache_context = TOKENS,
                                      .embedding_deviation = 1};
    return build_graph(genome, &settings, batch);
}

static struct graph *build(const struct genome *genome, int context) {
    return build_batch(genome, context, BATCH);
}

static void random_tokens(uint64_t seed, int32_t *tokens) {
    struct random_stream random = random_open(seed, 0);
    for (int i = 0; i < BATCH * TOKENS; i++)
        tokens[i] = (int32_t)random_below(&random, VOCABULARY);
}

static void forward(struct model *model, const int32_t *tokens, float *logits) {
    const struct graph *graph = model_graph(model);
    assert_ok(device_write(device, model_value(model, graph->tokens), 0, tokens, BATCH * TOKENS * sizeof *tokens));
    assert_ok(device_write(device, model_value(model, graph->targets), 0, tokens, BATCH * TOKENS * sizeof *tokens));
    assert_ok(model_forward(model));
    assert_ok(device_read(device, model_value(model, graph->logits), 0, logits, LOGITS * sizeof *logits));
}

static void copy_parameters(struct model *from, struct model *to) {
    const struct graph *graph = model_graph(from);
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        float *values = memory_allocate(shape_elements(graph->values[v].shape), sizeof *values);
        int place = graph_find_parameter(model_graph(to), graph->values[v].name);
        assert_true(place >= 0);
        assert_ok(model_read_parameter(from, v, values));
        assert_ok(model_write_parameter(to, place, values));
        free(values);
    }
}

/* Logits of one sequence after another, [batch, tokens, vocabulary], token by token. */
static void decode(struct decoder *decoder, const int32_t *tokens, float *logits) {
    float row[BATCH * VOCABULARY];
    assert_ok(decoder_start(decoder));
    for (int t = 0; t < TOKENS; t++) {
        int32_t now[BATCH];
        for (int sequence = 0; sequence < BATCH; sequence++)
            now[sequence] = tokens[sequence * TOKENS + t];
        assert_ok(decoder_step(decoder, now, row));
        for (int sequence = 0; sequence < BATCH; sequence++)
            memcpy(logits + (sequence * TOKENS + t) * VOCABULARY, row + sequence * VOCABULARY,
                   VOCABULARY * sizeof *row);
    }
    int32_t now[BATCH] = {0};
    assert_fails(decoder_step(decoder, now, NULL), STATUS_FAILED, "the sequence is full");
}

static double difference(const float *a, const float *b) {
    double largest = 0, distance = 0;
    for (int i = 0; i < LOGITS; i++) {
        double here = fabs((double)a[i] - b[i]);
        largest = fmax(largest, fabs(a[i]));
        distance = here > distance || isnan(here) ? here : distance;
    }
    return distance / largest;
}

/* Whether a long convolution works by transforms, where all positions of a sequence share their rounding errors. */
static bool shares_rounding(const struct graph *graph) {
    for (int n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].op.type == &op_long_convolution && graph->nodes[n].op.forward_scratch > 0)
            return true;
    return false;
}

/* Logits before `place` differ by no more than rounding: up to 1.3e-6 was seen. */
static void assert_past_alike(const float *logits, const float *changed, int place) {
    double largest = 0, distance = 0;
    for (int i = 0; i < place * VOCABULARY; i++) {
        largest = fmax(largest, fabs(logits[i]));
        distance = fmax(distance, isnan(changed[i]) ? INFINITY : fabs((double)logits[i] - changed[i]));
    }
    assert_true(distance < 5e-6 * largest);
}

/*
 * Changing the token at `place` must leave every logit before it as it was, bit for bit where no rounding is shared,
 * and change one at it.
 */
static void check_causality(struct model *model, int32_t *tokens, const float *logits, int place) {
    float *changed = memory_allocate(LOGITS, sizeof *changed);
    int32_t kept = tokens[place];
    tokens[place] = (kept + 1) % VOCABULARY;
    forward(model, tokens, changed);
    tokens[place] = kept;
    if (shares_rounding(model_graph(model)))
        assert_past_alike(logits, changed, place);
    else
        assert_memory_equal(logits, changed, (size_t)place * VOCABULARY * sizeof *logits);
    assert_memory_not_equal(logits + place * VOCABULARY, changed + place * VOCABULARY, VOCABULARY * sizeof *logits);
    /* The other sequence of the batch knows nothing of it. */
    assert_memory_equal(logits + TOKENS * VOCABULARY, changed + TOKENS * VOCABULARY,
                        TOKENS * VOCABULARY * sizeof *logits);
    free(changed);
}

/* A model that runs whole sequences and a decoder with the same parameters. */
struct comparison {
    struct graph *whole, *single;
    struct model *model;
    struct decoder *decoder;
    size_t decoder_bytes; /* on the device */
    int32_t tokens[BATCH * TOKENS];
    float *expected, *got;
};

static void open_comparison(struct graph *whole, struct graph *single, const struct decoder_options *options,
                            struct comparison *both) {
    *both = (struct comparison){.whole = whole,
                                .single = single,
                                .expected = memory_allocate(LOGITS, sizeof(float)),
                                .got = memory_allocate(LOGITS, sizeof(float))};
    random_tokens(9, both->tokens);
    assert_ok(model_create(device, whole, &(struct model_options){.seed = 5, .inference = true}, &both->model));
    size_t before = device_allocated_bytes(device);
    assert_ok(decoder_create(device, single, options, &both->decoder));
    both->decoder_bytes = device_allocated_bytes(device) - before;
    copy_parameters(both->model, decoder_model(both->decoder));
}

static void close_comparison(struct comparison *both) {
    decoder_destroy(both->decoder);
    model_destroy(both->model);
    graph_destroy(both->single);
    graph_destroy(both->whole);
    free(both->expected);
    free(both->got);
}

/* How far the logits of decoding are from those of whole sequences. */
static double compare(struct comparison *both) {
    forward(both->model, both->tokens, both->expected);
    decode(both->decoder, both->tokens, both->got);
    double error = difference(both->expected, both->got);
    /* A second sequence finds nothing of the first. */
    decode(both->decoder, both->tokens, both->expected);
    assert_memory_equal(both->expected, both->got, LOGITS * sizeof *both->got);
    return error;
}

static void check_genome(const char *title, const struct genome *genome) {
    struct comparison both;
    char text[GENOME_TEXT_BYTES];
    open_comparison(build(genome, TOKENS), build(genome, 1), NULL, &both);
    double error = compare(&both);
    size_t cache = decoder_cache_bytes(both.decoder);
    printf("  %-44s %s\n    decoding %.1e, cache %zu bytes\n", title, genome_print(genome, text), error, cache);
    if (!(error < LARGEST_ERROR))
        fail_test("%s: decoding differs by %g", text, error);

    /* The caches are as large as every architecture says they are, and they are really allocated. */
    assert_int_equal(cache, BATCH * graph_cost(both.whole, TOKENS).cache_bytes);
    assert_int_equal(cache, BATCH * graph_cost(both.single, TOKENS).cache_bytes);
    const struct plan *plan = model_plan(decoder_model(both.decoder));
    assert_int_equal(both.decoder_bytes, cache + plan->parameter_bytes + plan->working_bytes);
    forward(both.model, both.tokens, both.expected);
    check_causality(both.model, both.tokens, both.expected, 97);
    close_comparison(&both);
}

/* A token that is taken again at its place has the same logits; at another place attention sees more of the caches. */
static void test_seek(void **unused) {
    (void)unused;
    struct comparison both;
    struct genome genome;
    float first[BATCH * VOCABULARY], again[BATCH * VOCABULARY];
    int32_t now[BATCH] = {3, 4};
    assert_ok(genome_parse("11111-81111", &genome));
    open_comparison(build(&genome, TOKENS), build(&genome, 1), NULL, &both);
    assert_ok(decoder_start(both.decoder));
    assert_ok(decoder_seek(both.decoder, 60));
    assert_ok(decoder_step(both.decoder, now, first));
    assert_ok(decoder_seek(both.decoder, 60));
    assert_ok(decoder_step(both.decoder, now, again));
    assert_memory_equal(first, again, sizeof first);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        assert_true(isfinite(first[i]));
    assert_ok(decoder_seek(both.decoder, 2));
    assert_ok(decoder_step(both.decoder, now, again));
    assert_memory_not_equal(first, again, sizeof first);
    assert_fails(decoder_seek(both.decoder, TOKENS), STATUS_FAILED, "there is no token behind 200 others");
    assert_ok(decoder_seek(both.decoder, TOKENS - 1));
    assert_ok(decoder_step(both.decoder, now, NULL));
    assert_fails(decoder_step(both.decoder, now, NULL), STATUS_FAILED, "the sequence is full");
    close_comparison(&both);
}

/* With weights in float16 the logits are near those with float32, but not the same; the copies are what is said. */
static void check_halves(const char *title, const char *text) {
    struct comparison both;
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    open_comparison(build(&genome, TOKENS), build(&genome, 1), &(struct decoder_options){.half_weights = true}, &both);
    const struct plan *plan = model_plan(decoder_model(both.decoder));
    size_t halves =
        both.decoder_bytes - decoder_cache_bytes(both.decoder) - plan->parameter_bytes - plan->working_bytes;
    assert_int_equal(decoder_weight_bytes(both.decoder) + halves,
                     graph_cost(both.single, 1).parameters * sizeof(float));
    double error = compare(&both);
    printf("  %-44s %s\n    decoding with float16 weights %.1e\n", title, text, error);
    if (!(error < LARGEST_HALF_ERROR && error > LARGEST_ERROR / 10))
        fail_test("%s: decoding with float16 weights differs by %g", text, error);
    close_comparison(&both);
}

static void check_text(const char *title, const char *text) {
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    check_genome(title, &genome);
}

static void test_classes_and_strategies(void **unused) {
    (void)unused;
    for (int i = 0; i < catalogue.class_count; i++) {
        const struct liv_class *liv_class = &catalogue.classes[i];
        char text[64], title[96], set[48];
        snprintf(text, sizeof text, "%d.1.1.1.1-%d.2.1.2.1", i + 1, i + 1);
        check_text(liv_class->name, text);
        check_halves(liv_class->name, text);
        for (int strategy = 2; strategy <= liv_class->featurizer_strategy_count; strategy++) {
            snprintf(text, sizeof text, "%d.1.%d.1.1-%d.1.%d.2.1", i + 1, strategy, i + 1, strategy);
            snprintf(title, sizeof title, "%s, weights of %s", liv_class->name,
                     feature_set_text(liv_class->featurizer_strategies[strategy - 1], set, sizeof set));
            check_text(title, text);
        }
        for (int strategy = 2; strategy <= liv_class->feature_strategy_count; strategy++) {
            snprintf(text, sizeof text, "%d.1.1.1.%d-%d.2.1.1.%d", i + 1, strategy, i + 1, strategy);
            snprintf(title, sizeof title, "%s, features %s", liv_class->name,
                     feature_set_text(liv_class->feature_strategies[strategy - 1], set, sizeof set));
            check_text(title, text);
        }
    }
    check_text("norms behind, residuals scaled", "11111-81111~22");
    check_text("norms before and behind", "41111-81111~31");
    check_text("grouped features", "11111-21111|1:2122.B1231.C1231.V1331");
    check_text("grouped and diagonal features", "11111-21111|1:2122.B1231.C1231.V1131");
}

/* Every operator genome, as genes of the first class, with features as they come. */
static void test_operators(void **unused) {
    (void)unused;
    struct random_stream random = random_open(21, 0);
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++) {
        for (int mask = 1; mask <= 3; mask++) {
            for (int nonlinearity = 1; nonlinearity <= 5; nonlinearity++) {
                if (!(rule->masks >> mask & 1) || !(rule->nonlinearities >> nonlinearity & 1))
                    continue;
                struct liv_class liv_class = catalogue.classes[0];
                liv_class.token_mixing = rule->token_mixing;
                liv_class.channel_mixing = rule->channel_mixing;
                liv_class.mask = (enum mask)mask;
                liv_class.nonlinearity = (enum nonlinearity)nonlinearity;
                class_repair(&liv_class, &random);
                struct genome genome;
                char title[96];
                assert_ok(genome_parse("11111-12121", &genome));
                genome.classes[0] = class_genes_of(&liv_class);
                snprintf(title, sizeof title, "%s, %s, %s, %s",
                         gene_value_name(GENE_TOKEN_MIXING, (int)rule->token_mixing),
                         gene_value_name(GENE_CHANNEL_MIXING, (int)rule->channel_mixing),
                         gene_value_name(GENE_MASK, mask), gene_value_name(GENE_NONLINEARITY, nonlinearity));
                check_genome(title, &genome);
            }
        }
    }
}

/* No residual reads what the norm reads, so that the product behind the norm may be given its memory. */
static struct graph *build_without_residual(int context) {
    enum { COLUMNS = 128 }; /* more than a group makes */
    const struct parameter_rule unit = {START_NORMAL, 1, 1}, ones = {START_ONES, 0, 1};
    struct op_attributes none = {0};
    struct graph *graph = graph_create(BATCH, context, TOKENS, device_shape(device));
    graph->tokens = graph_add_tokens(graph, "tokens");
    graph->targets = graph_add_tokens(graph, "targets");
    int table = graph_add_parameter(graph, "table", (struct shape){VOCABULARY, COLUMNS}, unit);
    int gain = graph_add_parameter(graph, "gain", (struct shape){1, COLUMNS}, ones);
    int weight = graph_add_parameter(graph, "weight", (struct shape){COLUMNS, COLUMNS}, unit);
    int output = graph_add_parameter(graph, "output", (struct shape){COLUMNS, VOCABULARY}, unit), h;
    assert_ok(graph_apply(graph, &op_embedding, none, (int[]){graph->tokens, table}, 2, "embedded", &h));
    assert_ok(graph_apply(graph, &op_rms_norm, none, (int[]){h, gain}, 2, "normed", &h));
    assert_ok(graph_apply(graph, &op_linear, none, (int[]){h, weight}, 2, "mixed", &h));
    assert_ok(graph_apply(graph, &op_linear, none, (int[]){h, output}, 2, "logits", &graph->logits));
    assert_ok(
        graph_apply(graph, &op_cross_entropy, none, (int[]){graph->logits, graph->targets}, 2, "loss", &graph->loss));
    return graph;
}

static void test_memory_of_norm(void **unused) {
    (void)unused;
    struct comparison both;
    open_comparison(build_without_residual(TOKENS), build_without_residual(1), NULL, &both);
    double error = compare(&both);
    if (!(error < LARGEST_ERROR))
        fail_test("without a residual decoding differs by %g", error);
    close_comparison(&both);
}

/* Every class, and attention that is no softmax, in the shapes of kernels that this machine's device may not have. */
static void test_shapes(void **unused) {
    (void)unused;
    static const struct device_shape shapes[] = {{64, 1, 4, 1, 64}, {4, 4, 2, 2, 8}, {1, 8, 4, 4, 16}};
    struct device *usual = device;
    char classes[GENOME_TEXT_BYTES] = "";
    for (int i = 0; i < catalogue.class_count; i++)
        snprintf(classes + strlen(classes), sizeof classes - strlen(classes), "%s%d.1.1.1.1", i ? "-" : "", i + 1);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char title[64];
        snprintf(title, sizeof title, "%d lanes of %d", shapes[i].lanes, shapes[i].width);
        assert_ok(device_open_choice(NULL, &(struct device_options){.shape = shapes[i]}, &device));
        check_text(title, classes);
        check_halves(title, classes);
        check_text(title, "11111|1:2232.B1331.C1331.V1331");
        device_close(device);
    }
    device = usual;
}

/* ---- what a token alone decides ---- */

/*
 * The largest difference of the logits of one sequence, in their own measure, from those of a batch that has it twice,
 * whose first layers are computed token by token.
 */
static double difference_of_one(struct decoder *one, struct decoder *twice) {
    double largest = 0, distance = 0;
    int32_t tokens[BATCH * TOKENS];
    random_tokens(11, tokens);
    assert_ok(decoder_start(one));
    assert_ok(decoder_start(twice));
    for (int t = 0; t < TOKENS; t++) {
        float logits[VOCABULARY], expected[BATCH * VOCABULARY];
        assert_ok(decoder_step(one, &tokens[t], logits));
        assert_ok(decoder_step(twice, (int32_t[BATCH]){tokens[t], tokens[t]}, expected));
        for (int i = 0; i < VOCABULARY; i++) {
            double here = fabs((double)logits[i] - expected[i]);
            largest = fmax(largest, fabs(expected[i]));
            distance = here > distance || isnan(here) ? here : distance;
        }
    }
    return distance / largest;
}

/* `columns`: of the tables, together; 0: whatever they are. */
static void check_tables(const char *text, int columns, bool half) {
    const struct decoder_options options = {.half_weights = half};
    struct genome genome;
    struct decoder *one, *twice;
    assert_ok(genome_parse(text, &genome));
    struct graph *single = build_batch(&genome, 1, 1), *several = build(&genome, 1);
    size_t before = device_allocated_bytes(device);
    assert_ok(decoder_create(device, single, &options, &one));
    size_t bytes = device_allocated_bytes(device) - before;
    assert_ok(decoder_create(device, several, &options, &twice));
    copy_parameters(decoder_model(twice), decoder_model(one));

    const struct plan *plan = model_plan(decoder_model(one));
    size_t tables = VOCABULARY * (size_t)columns * sizeof(float);
    if (columns && !half)
        assert_int_equal(bytes, decoder_cache_bytes(one) + plan->parameter_bytes + plan->working_bytes + tables);
    double error = difference_of_one(one, twice), again = difference_of_one(one, twice);
    printf("  %-44s tables of %d columns%s: %.1e\n", text, columns, half ? ", float16" : "", error);
    if (!(error < (half ? LARGEST_HALF_ERROR : LARGEST_ERROR)))
        fail_test("%s: decoding with tables differs by %g", text, error);
    assert_true(again == error);
    assert_ok(decoder_start(one));
    assert_fails(decoder_step(one, (int32_t[]){VOCABULARY}, NULL), STATUS_USAGE, "the model knows 0 to 28");
    decoder_destroy(one);
    decoder_destroy(twice);
    graph_destroy(single);
    graph_destroy(several);
}

/* Attention's features; a gated unit with them; a model that looks back nowhere, but for its last product; every class.
 */
static void test_tables(void **unused) {
    (void)unused;
    struct device *usual = device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.shape = {64, 1, 4, 1, 64}}, &device));
    for (int half = 0; half < 2; half++) {
        check_tables("11111-81111", 4 * 32, half);
        check_tables("81111-11111", 4 * 32, half);
        check_tables("81111-81111", 32, half);
        check_tables("11111-81111~22", 4 * 32, half);
    }
    for (int i = 0; i < catalogue.class_count; i++) {
        char text[32];
        snprintf(text, sizeof text, "%d.1.1.1.1-%d.2.1.2.1", i + 1, i + 1);
        check_tables(text, 0, false);
    }
    device_close(device);
    device = usual;
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes_and_strategies), cmocka_unit_test(test_operators), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_memory_of_norm),         cmocka_unit_test(test_seek),      cmocka_unit_test(test_tables),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, open_catalogue_and_device, close_device);
}
