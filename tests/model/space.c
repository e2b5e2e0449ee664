/*
 * Random genomes at each level: all of them build; what an architecture reports is what its tensors are; and a sample
 * of them trains.
 */
#include "model/model_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/decoder.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GENOMES = 10000, TRAINED = 34, STEPS = 20, BATCH = 2, CONTEXT = 24, VOCABULARY = 31, CACHE_CONTEXT = 96 };

enum level { BACKBONE, OPERATOR, FEATURIZER, LEVELS };
static const char *const names[LEVELS] = {"backbone", "operator", "featurizer"};

/* A random genome of a level; the other levels are a random backbone of the catalogue's classes. */
static struct genome draw(enum level level, int depth_most, struct random_stream *random) {
    struct genome_space backbones = genome_space_of(&catalogue), space;
    struct genome fixed, genome;
    backbones.depth_least = 1;
    backbones.depth_most = depth_most;
    backbones.operators = backbones.featurizers = false;
    genome_random(&fixed, &backbones, random);
    if (level == BACKBONE)
        return fixed;
    space = backbones;
    space.backbone = false;
    space.operators = level == OPERATOR;
    space.featurizers = level == FEATURIZER;
    space.depth_least = space.depth_most = fixed.depth;
    space.fixed = &fixed;
    genome_random(&genome, &space, random);
    assert_ok(genome_validate(&genome, &space));
    return genome;
}

static struct graph *build(const struct genome *genome, int width, int context) {
    struct model_settings settings = {.width = width,
                                      .context = context,
                                      .reach = CACHE_CONTEXT,
                                      .head_channels = width / 4,
                                      .vocabulary = VOCABULARY,
                                      .window = 10,
                                      .block = 12,
                                      .cache_context = CACHE_CONTEXT,
                                      .embedding_deviation = 1};
    struct graph *graph;
    char text[GENOME_TEXT_BYTES];
    if (architecture_build(genome, &catalogue, &settings, BATCH, device_shape(device), &graph) != STATUS_OK)
        fail_test("%s does not build: %s", genome_print(genome, text), status_message());
    return graph;
}

/* Counted from the tensors themselves: every parameter once, whatever uses it. */
static void check_reported(const struct graph *graph, int depth) {
    int64_t parameters = 0;
    struct cost cost = graph_cost(graph, CACHE_CONTEXT), sum = graph_liv_cost(graph, CACHE_CONTEXT, -1);
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_PARAMETER)
            parameters += (int64_t)shape_elements(graph->values[v].shape);
    for (int liv = 0; liv < depth; liv++) {
        struct cost part = graph_liv_cost(graph, CACHE_CONTEXT, liv);
        sum.parameters += part.parameters;
        sum.cache_bytes += part.cache_bytes;
    }
    assert_int_equal(cost.parameters, parameters);
    assert_int_equal(sum.parameters, cost.parameters);
    assert_int_equal(sum.cache_bytes, cost.cache_bytes);
}

/* Device memory of caches and of parameters is what the architecture reports. */
static void check_allocated(const struct genome *genome) {
    struct graph *graph = build(genome, 32, 1);
    struct decoder *decoder;
    struct cost cost = graph_cost(graph, CACHE_CONTEXT);
    assert_ok(decoder_create(device, graph, NULL, &decoder));
    int64_t parameters = 0;
    for (int v = 0; v < graph->value_count; v++) {
        size_t bytes;
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        assert_int_equal(
            clGetMemObjectInfo(model_value(decoder_model(decoder), v), CL_MEM_SIZE, sizeof bytes, &bytes, NULL),
            CL_SUCCESS);
        assert_int_equal(bytes, tensor_bytes(shape_elements(graph->values[v].shape)));
        parameters += (int64_t)shape_elements(graph->values[v].shape);
    }
    assert_int_equal(cost.parameters, parameters);
    assert_int_equal(decoder_cache_bytes(decoder), BATCH * cost.cache_bytes);
    decoder_destroy(decoder);
    graph_destroy(graph);
}

static void check_builds(enum level level) {
    struct random_stream random = random_open(41, (uint64_t)level);
    for (int i = 0; i < GENOMES; i++) {
        struct genome genome = draw(level, 8, &random);
        struct graph *graph = build(&genome, i % 2 ? 64 : 96, CONTEXT);
        check_reported(graph, genome.depth);
        graph_destroy(graph);
        check_allocated(&genome);
    }
}

static void test_all_build(void **unused) {
    (void)unused;
    for (int level = 0; level < LEVELS; level++)
        check_builds((enum level)level);
}

static void check_training(const struct genome *genome) {
    struct graph *graph = build(genome, 32, CONTEXT);
    struct model *model;
    struct optimiser *optimiser;
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    struct random_stream random = random_open(42, 0);
    int32_t tokens[BATCH * CONTEXT], targets[BATCH * CONTEXT];
    char text[GENOME_TEXT_BYTES];
    float first = 0, loss = 0;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 1}, &model));
    assert_ok(optimiser_create(model, &adamw, &optimiser));
    for (int i = 0; i < BATCH * CONTEXT; i++) {
        tokens[i] = (int32_t)random_below(&random, VOCABULARY);
        targets[i] = (tokens[i] + 1) % VOCABULARY;
    }
    assert_ok(device_write(device, model_value(model, graph->tokens), 0, tokens, sizeof tokens));
    assert_ok(device_write(device, model_value(model, graph->targets), 0, targets, sizeof targets));
    for (int step = 0; step <= STEPS; step++) {
        assert_ok(model_forward(model));
        assert_ok(model_read_loss(model, &loss));
        first = step ? first : loss;
        assert_ok(model_backward(model));
        assert_ok(optimiser_step(optimiser, 3e-3));
    }
    if (!isfinite(loss) || loss > first)
        fail_test("%s: loss %g after %g", genome_print(genome, text), loss, first);
    optimiser_destroy(optimiser);
    model_destroy(model);
    graph_destroy(graph);
}

static void test_samples_train(void **unused) {
    (void)unused;
    for (int level = 0; level < LEVELS; level++) {
        struct random_stream random = random_open(43, (uint64_t)level);
        for (int i = 0; i < TRAINED; i++) {
            struct genome genome = draw((enum level)level, 4, &random);
            check_training(&genome);
        }
        printf("  %s: %d genomes trained %d steps\n", names[level], TRAINED, STEPS);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_build),
        cmocka_unit_test(test_samples_train),
    };
    return cmocka_run_group_tests(tests, open_catalogue_and_device, close_device);
}
