/*
 * Initial deviations and learning rates of real models against the rule worked out by hand (model/scaling.h): at the
 * reference, at four times its width, and at four times its depth.
 */
#include "test.h"

#include "model/architecture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct catalogue catalogue;
static const struct device_shape shape = {1, 16, 4, 4, 64};

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

/* What changes between models, over the same parameter at width 64 and depth 6. */
struct expected {
    const char *name; /* ends a parameter's name */
    double deviation, rate;
};

static struct graph *build(const char *liv, int width, int depth, double embedding) {
    struct model_settings settings = {.width = width,
                                      .context = 8,
                                      .head_channels = 16,
                                      .vocabulary = 256,
                                      .cache_context = 8,
                                      .embedding_deviation = embedding};
    char text[GENOME_TEXT_BYTES] = "";
    struct genome genome;
    struct graph *graph;
    for (int i = 0; i < depth; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "-" : "", liv);
    assert_ok(genome_parse(text, &genome));
    assert_ok(architecture_build(&genome, &catalogue, &settings, 1, shape, &graph));
    return graph;
}

static const struct parameter_rule *rule_of(const struct graph *graph, const char *name) {
    char full[64];
    int value = graph_find_parameter(graph, name);
    snprintf(full, sizeof full, "liv.00.%s", name);
    value = value >= 0 ? value : graph_find_parameter(graph, full);
    if (value < 0)
        fail_test("there is no parameter %s", name);
    return &graph->values[value].rule;
}

static void check(const char *liv, int width, int depth, double embedding, const struct expected *expected, int count) {
    struct graph *reference = build(liv, 64, 6, 1), *graph = build(liv, width, depth, embedding);
    for (int i = 0; i < count; i++) {
        const struct parameter_rule *a = rule_of(reference, expected[i].name), *b = rule_of(graph, expected[i].name);
        if (a->deviation > 0 && fabs(b->deviation / a->deviation - expected[i].deviation) > 1e-9)
            fail_test("%s of %s: deviation changes by %g, not %g", expected[i].name, liv, b->deviation / a->deviation,
                      expected[i].deviation);
        if (fabs(b->rate / a->rate - expected[i].rate) > 1e-9)
            fail_test("%s of %s: rate changes by %g, not %g", expected[i].name, liv, b->rate / a->rate,
                      expected[i].rate);
    }
    graph_destroy(reference);
    graph_destroy(graph);
}

#define CHECK(liv, width, depth, embedding, ...)                                                                       \
    do {                                                                                                               \
        const struct expected list[] = {__VA_ARGS__};                                                                  \
        check(liv, width, depth, embedding, list, sizeof list / sizeof *list);                                         \
    } while (0)

/* Matrices: deviation 1 / sqrt(fan_in), rate 1 / fan_in; the output 1 / fan_in each; vectors do not change. */
static void test_width(void **unused) {
    (void)unused;
    CHECK("11111", 256, 6, 1, {"embedding.weight", 1, 1}, {"output.weight", 0.25, 0.25}, {"norm.gain", 1, 1},
          {"C.weight", 0.5, 0.25}, {"B.weight", 0.5, 0.25}, {"V.weight", 0.5, 0.25}, {"out.weight", 0.5, 0.25});
    CHECK("41111", 256, 6, 1, {"A.down.weight", 0.5, 0.25}, {"A.up.weight", 0.5, 0.25}, {"V.taps", 1, 1},
          {"A.bias", 1, 1}, {"skip", 1, 1});
    CHECK("61111", 256, 6, 1, {"taps", 1, 1});
    CHECK("71111", 256, 6, 1, {"kernel.first", 1, 1}, {"kernel.second", 1, 1}, {"kernel.rate", 1, 1});
}

/* In depth only what ends a LIV changes: 1 / sqrt(depth) each. */
static void test_depth(void **unused) {
    (void)unused;
    CHECK("11111", 64, 24, 1, {"embedding.weight", 1, 1}, {"output.weight", 1, 1}, {"C.weight", 1, 1},
          {"out.weight", 0.5, 0.5});
}

static void test_embedding(void **unused) {
    (void)unused;
    CHECK("11111", 64, 6, 0.1, {"embedding.weight", 0.1, 0.1}, {"C.weight", 1, 1});
}

/* At the reference: 1 / sqrt(64); scores are dot products of 16, so each side is smaller by 16^(1/4) = 2. */
static void test_reference(void **unused) {
    (void)unused;
    struct graph *graph = build("11111", 64, 6, 1);
    const struct parameter_rule *v = rule_of(graph, "V.weight"), *c = rule_of(graph, "C.weight");
    assert_true(fabs(v->deviation - 0.125) < 1e-12 && fabs(v->rate - 1) < 1e-12);
    assert_true(fabs(c->deviation - 0.0625) < 1e-12 && fabs(c->rate - 0.5) < 1e-12);
    assert_true(fabs(rule_of(graph, "out.weight")->deviation - 0.125 / sqrt(6)) < 1e-12);
    assert_true(fabs(rule_of(graph, "embedding.weight")->deviation - 1) < 1e-12);
    assert_true(fabs(rule_of(graph, "output.weight")->deviation - 1.0 / 64) < 1e-12);
    graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_width),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_embedding),
        cmocka_unit_test(test_reference),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
