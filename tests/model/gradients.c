/* Whole two-LIV models of each class, and of shared weights and features, against the double-precision reference. */
#include "model/model_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST_ERROR = 1e-3;
enum { WIDTH_OF_MODEL = 32, CONTEXT = 19, BATCH = 2, VOCABULARY = 23, SAMPLES = 6 };

static struct graph *build(const char *genome_text, bool encodes) {
    struct model_settings settings = {.width = WIDTH_OF_MODEL,
                                      .context = CONTEXT,
                                      .head_channels = 16,
                                      .vocabulary = VOCABULARY,
                                      .window = 7,
                                      .block = 5,
                                      .cache_context = CONTEXT,
                                      .embedding_deviation = 1,
                                      .encodes = encodes};
    struct genome genome;
    assert_ok(genome_parse(genome_text, &genome));
    return build_graph(&genome, &settings, BATCH);
}

/* Random tokens to both, the device's parameters to the reference. */
static void fill(struct model *model, struct reference *reference) {
    const struct graph *graph = model_graph(model);
    struct random_stream random = random_open(3, 0);
    for (int v = 0; v < graph->value_count; v++) {
        size_t elements = shape_elements(graph->values[v].shape);
        if (graph->values[v].role == VALUE_TOKENS) {
            int32_t *ids = memory_allocate(elements, sizeof *ids);
            for (size_t e = 0; e < elements; e++)
                reference->values[v][e] = ids[e] = (int32_t)random_below(&random, VOCABULARY);
            assert_ok(device_write(device, model_value(model, v), 0, ids, elements * sizeof *ids));
            free(ids);
        } else if (graph->values[v].role == VALUE_PARAMETER) {
            float *floats = memory_allocate(elements, sizeof *floats);
            assert_ok(model_read_parameter(model, v, floats));
            for (size_t e = 0; e < elements; e++)
                reference->values[v][e] = floats[e];
            free(floats);
        }
    }
}

/* The largest error of sampled elements of each parameter's gradient, relative to the largest of that parameter. */
static double gradient_error(struct model *model, struct reference *reference) {
    const struct graph *graph = model_graph(model);
    struct random_stream random = random_open(4, 0);
    double worst = 0;
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        size_t elements = shape_elements(graph->values[v].shape);
        float *gradient = memory_allocate(elements, sizeof *gradient);
        assert_ok(device_read(device, model_gradient(model, v), 0, gradient, elements * sizeof *gradient));
        double largest = 0, difference = 0;
        for (size_t e = 0; e < elements; e++)
            largest = fmax(largest, fabs(gradient[e]));
        for (int sample = 0; sample < SAMPLES; sample++) {
            size_t element = random_below(&random, (uint32_t)elements);
            double distance = fabs(gradient[element] - reference_gradient(reference, v, element));
            difference = isnan(distance) ? distance : fmax(difference, distance);
        }
        double error = difference / largest;
        if (!(error < LARGEST_ERROR))
            print_error("%s: %.2e\n", graph->values[v].name, error);
        worst = isnan(error) ? error : fmax(worst, error);
        free(gradient);
    }
    return worst;
}

static void check_graph(const char *title, const char *genome_text, bool encodes) {
    struct graph *graph = build(genome_text, encodes);
    struct model *model;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &model));
    struct reference *reference = reference_create(graph);
    fill(model, reference);
    float loss;
    assert_ok(model_forward(model));
    assert_ok(model_read_loss(model, &loss));
    assert_ok(model_backward(model));
    double expected = reference_forward(reference), loss_error = fabs(loss - expected) / expected;
    double error = gradient_error(model, reference);
    printf("  %-40s %-24s loss %.1e  gradients %.1e\n", title, genome_text, loss_error, error);
    assert_true(loss_error < 1e-5);
    assert_true(error < LARGEST_ERROR);
    reference_destroy(reference);
    model_destroy(model);
    graph_destroy(graph);
}

static void check_genome(const char *title, const char *genome_text) {
    check_graph(title, genome_text, false);
}

/* The decoder behind an encoder, from which gradients go through the last rows alone. */
static void test_encoders(void **unused) {
    (void)unused;
    check_graph("encoder of attention", "11111-81111", true);
    check_graph("encoder of recurrences", "41111-81111~32", true);
}

static void test_classes(void **unused) {
    (void)unused;
    for (int i = 0; i < catalogue.class_count; i++) {
        char genome[32];
        snprintf(genome, sizeof genome, "%d.1.1.1.1-%d.2.1.2.1", i + 1, i + 1);
        check_genome(catalogue.classes[i].name, genome);
    }
}

/* Every sharing strategy of every class. */
static void test_sharing(void **unused) {
    (void)unused;
    for (int i = 0; i < catalogue.class_count; i++) {
        const struct liv_class *liv_class = &catalogue.classes[i];
        char genome[32], title[64], set[32];
        for (int strategy = 2; strategy <= liv_class->featurizer_strategy_count; strategy++) {
            snprintf(genome, sizeof genome, "%d.1.%d.1.1-%d.1.%d.2.1", i + 1, strategy, i + 1, strategy);
            snprintf(title, sizeof title, "%s, weights of %s", liv_class->name,
                     feature_set_text(liv_class->featurizer_strategies[strategy - 1], set, sizeof set));
            check_genome(title, genome);
        }
        for (int strategy = 2; strategy <= liv_class->feature_strategy_count; strategy++) {
            snprintf(genome, sizeof genome, "%d.1.1.1.%d-%d.2.1.1.%d", i + 1, strategy, i + 1, strategy);
            snprintf(title, sizeof title, "%s, features %s", liv_class->name,
                     feature_set_text(liv_class->feature_strategies[strategy - 1], set, sizeof set));
            check_genome(title, genome);
        }
    }
}

/* Tensors that share memory by the plan must compute what tensors of their own compute, bit for bit. */
static void test_plan_changes_nothing(void **unused) {
    (void)unused;
    struct graph *graph = build("11212-42111-61111-81112-11212-82112-71111-51111~32", false);
    float *gradients[2];
    size_t bytes = 0, working[2];
    for (int without_reuse = 0; without_reuse < 2; without_reuse++) {
        struct model *model;
        assert_ok(
            model_create(device, graph, &(struct model_options){.seed = 7, .without_reuse = without_reuse}, &model));
        struct reference *reference = reference_create(graph);
        fill(model, reference);
        reference_destroy(reference);
        assert_ok(model_forward(model));
        assert_ok(model_backward(model));
        bytes = model_plan(model)->parameter_bytes;
        working[without_reuse] = model_plan(model)->working_bytes;
        gradients[without_reuse] = memory_allocate(bytes, 1);
        assert_ok(device_read(device, model_gradients(model), 0, gradients[without_reuse], bytes));
        model_destroy(model);
    }
    assert_memory_equal(gradients[0], gradients[1], bytes);
    printf("  working memory %zu bytes, without reuse %zu\n", working[0], working[1]);
    assert_true(working[0] < working[1]);
    free(gradients[0]);
    free(gradients[1]);
    graph_destroy(graph);
}

/* Where some operators run together, and have other kernels. */
static void test_gpu_shape(void **unused) {
    struct device *own = device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.shape = {64, 1, 4, 1, 64}}, &device));
    check_genome("attention in the shape of GPUs", "11111-21111-31111-81111-9.1.1.1.1");
    test_plan_changes_nothing(unused);
    device_close(device);
    device = own;
}

/* Where products that share what they read or write are one launch, some of whose gradients others have added to. */
static void test_tiles(void **unused) {
    (void)unused;
    struct device *own = device;
    struct device_options options = {.gemm = "tiles", .shape = {64, 1, 4, 1, 64}};
    assert_ok(device_open_choice(NULL, &options, &device));
    check_genome("products by tiles", "11111-81111-9.1.1.1.1");
    check_genome("products by tiles, weights shared", "1.1.2.1.1-1.1.2.2.1");
    device_close(device);
    device = own;
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),   cmocka_unit_test(test_sharing),
        cmocka_unit_test(test_encoders),  cmocka_unit_test(test_plan_changes_nothing),
        cmocka_unit_test(test_gpu_shape), cmocka_unit_test(test_tiles),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, open_catalogue_and_device, close_device);
}
