/*
 * Activations that wait for the backward pass in two bytes an element: forward is what it is in float32, bit for bit,
 * gradients are what rounding allows, and the plan's sharing of memory changes none of them.
 */
#include "model_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/plan.h"

#include <math.h>
#include <stdlib.h>

enum { BATCH = 2, CONTEXT = 37 };

static struct graph *build(const char *text, enum dtype waits_as, bool encodes) {
    struct model_settings settings = {.width = 32,
                                      .context = CONTEXT,
                                      .head_channels = 16,
                                      .vocabulary = 50,
                                      .window = 5,
                                      .block = 8,
                                      .cache_context = CONTEXT,
                                      .embedding_deviation = 1,
                                      .waits_as = waits_as,
                                      .encodes = encodes};
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    return build_graph(&genome, &settings, BATCH);
}

/* The loss and the parameters' gradients, to be freed, of one batch. */
static float *run(const struct graph *graph, bool without_reuse, float *loss, size_t *bytes) {
    struct model_options options = {.seed = 7, .without_reuse = without_reuse};
    struct random_stream random = random_open(5, hash_text(HASH_START, "tokens"));
    int32_t tokens[BATCH * CONTEXT], targets[BATCH * CONTEXT];
    struct model *model;
    for (int i = 0; i < BATCH * CONTEXT; i++) {
        tokens[i] = (int32_t)random_below(&random, 50);
        targets[i] = i % 9 == 0 ? -1 : (int32_t)random_below(&random, 50);
    }
    assert_ok(model_create(device, graph, &options, &model));
    assert_ok(device_write(device, model_value(model, graph->tokens), 0, tokens, sizeof tokens));
    assert_ok(device_write(device, model_value(model, graph->targets), 0, targets, sizeof targets));
    /* Twice: what the first pass leaves where something waits is not what the second must find there. */
    for (int pass = 0; pass < 2; pass++) {
        assert_ok(model_forward(model));
        assert_ok(model_backward(model));
    }
    assert_ok(model_read_loss(model, loss));
    *bytes = model_plan(model)->parameter_bytes;
    float *gradients = memory_allocate(*bytes, 1);
    assert_ok(device_read(device, model_gradients(model), 0, gradients, *bytes));
    model_destroy(model);
    return gradients;
}

static double norm(const float *numbers, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)numbers[i] * numbers[i];
    return sqrt(sum);
}

/* The largest distance between two gradients of a parameter, over the norm of that gradient. */
static double largest_distance(const struct graph *graph, const size_t *offsets, const float *wide, float *narrow) {
    double largest = 0;
    for (int v = 0; v < graph->value_count; v++) {
        size_t first = offsets[v] / sizeof(float), count = shape_elements(graph->values[v].shape);
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        for (size_t i = first; i < first + count; i++)
            narrow[i] -= wide[i];
        double distance = norm(narrow + first, count) / norm(wide + first, count);
        largest = isnan(distance) ? distance : fmax(largest, distance);
    }
    return largest;
}

/*
 * bfloat16 rounds by at most 2^-9 of a number, float16 by 2^-12. Several roundings meet in one gradient, and where much
 * cancels they are some ten times as much. As they are linear, they are about as many units of either.
 */
static void check_genome(const char *text, bool encodes) {
    static const struct {
        enum dtype dtype;
        const char *name;
        double unit;
    } narrow[] = {{DTYPE_BFLOAT16, "bfloat16", 0x1p-9}, {DTYPE_FLOAT16, "float16", 0x1p-12}};
    struct graph *graph = build(text, DTYPE_FLOAT32, encodes);
    struct plan_limits limits = {.alignment = device_information(device)->address_alignment_bytes,
                                 .largest_buffer = SIZE_MAX / 4};
    struct plan *plan;
    double units = 0;
    float loss, other_loss;
    size_t bytes, other_bytes;
    float *wide = run(graph, false, &loss, &bytes);
    assert_ok(plan_create(graph, &limits, &plan));
    for (int i = 0; i < 2; i++) {
        struct graph *other = build(text, narrow[i].dtype, encodes);
        float *shared = run(other, false, &other_loss, &other_bytes);
        assert_int_equal(bytes, other_bytes);
        assert_memory_equal(&loss, &other_loss, sizeof loss);
        float *apart = run(other, true, &other_loss, &other_bytes);
        assert_memory_equal(shared, apart, bytes);
        double distance = largest_distance(graph, plan->parameter_offsets, wide, shared) / narrow[i].unit;
        printf("  %-48s %-9s gradients %.2f units of rounding\n", text, narrow[i].name, distance);
        assert_true(distance > 0.1 && distance < 20);
        assert_true(i == 0 || (distance > units / 4 && distance < 4 * units));
        units = distance;
        free(shared);
        free(apart);
        graph_destroy(other);
    }
    plan_destroy(plan);
    free(wide);
    graph_destroy(graph);
}

static void test_classes(void **unused) {
    (void)unused;
    for (int i = 0; i < catalogue.class_count; i++) {
        char genome[32];
        snprintf(genome, sizeof genome, "%d.1.1.1.1-%d.2.1.2.1", i + 1, i + 1);
        check_genome(genome, false);
    }
}

static void test_sharing_and_encoders(void **unused) {
    (void)unused;
    check_genome("11212-42111-61111-81112-11212-82112-71111-51111~32", false);
    check_genome("11112-11113-11112-11113", false);
    check_genome("41111-81111~32", true);
}

/* What a simulator ends within minutes. */
static void test_few_classes(void **unused) {
    (void)unused;
    check_genome("11111-41111", false);
}

static void test_gpu_shape(void **unused) {
    (void)unused;
    struct device *own = device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.shape = {64, 1, 4, 1, 64}}, &device));
    check_genome("11212-42111-61111-81112-11212-82112-71111-51111~32", false);
    device_close(device);
    device = own;
}

/* The best of the quickstart's search, with its settings: what a step takes on a device, moments included. */
static size_t step_bytes(enum dtype waits_as, bool *has_kept) {
    struct model_settings settings = {.width = 64,
                                      .context = 128,
                                      .head_channels = 16,
                                      .vocabulary = 256,
                                      .window = 64,
                                      .block = 32,
                                      .cache_context = 128,
                                      .embedding_deviation = 1,
                                      .waits_as = waits_as};
    struct genome genome;
    struct plan *plan;
    assert_ok(genome_parse("41111-42121-12.1.1.1.1-43133-11111-44133", &genome));
    struct graph *graph = build_graph(&genome, &settings, 16);
    assert_ok(plan_create(graph, &(struct plan_limits){.alignment = 128, .largest_buffer = SIZE_MAX / 4}, &plan));
    size_t bytes = 4 * plan->parameter_bytes + plan->working_bytes;
    *has_kept = false;
    for (int i = 0; i < plan->move_count; i++)
        *has_kept |= graph->values[plan->moves[i].value].role != VALUE_ACTIVATION;
    plan_destroy(plan);
    graph_destroy(graph);
    return bytes;
}

static void test_memory(void **unused) {
    (void)unused;
    bool has_kept;
    size_t wide = step_bytes(DTYPE_FLOAT32, &has_kept), narrow = step_bytes(DTYPE_BFLOAT16, &has_kept);
    printf("  a step of the quickstart's best: %zu bytes, %zu in float32: %.3f\n", narrow, wide,
           (double)narrow / (double)wide);
    assert_true((double)narrow <= 0.6 * (double)wide);
    assert_false(has_kept); /* states, inverse norms and log sums are float32 */
    assert_int_equal(step_bytes(DTYPE_FLOAT16, &has_kept), narrow);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_classes), cmocka_unit_test(test_sharing_and_encoders),
                                       cmocka_unit_test(test_few_classes), cmocka_unit_test(test_gpu_shape),
                                       cmocka_unit_test(test_memory)};
    test_choose(count, words);
    return cmocka_run_group_tests(tests, open_catalogue_and_device, close_device);
}
