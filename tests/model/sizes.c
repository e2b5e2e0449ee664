/*
 * What is too large to count is refused with numbers, and what is large but countable is counted in 64 bits. Building
 * and planning a graph allocates none of its tensors, so the sizes here are those of real, huge models.
 */
#include "test.h"

#include "model/architecture.h"
#include "model/plan.h"

#include <limits.h>
#include <string.h>

static struct catalogue catalogue;
static const struct device_shape shape = {1, 16, 64, 8, 64};
static const size_t endless = (size_t)1 << 50;

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

static status build(const char *text, int width, int batch, int context, struct graph **graph) {
    struct model_settings settings = {.width = width,
                                      .context = context,
                                      .head_channels = 16,
                                      .vocabulary = 256,
                                      .cache_context = 1 << 20,
                                      .embedding_deviation = 1};
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    return architecture_build(&genome, &catalogue, &settings, batch, shape, graph);
}

static status make_plan(const struct graph *graph, bool forward_only, struct plan **plan) {
    struct plan_limits limits = {.alignment = 128, .largest_buffer = endless, .forward_only = forward_only};
    return plan_create(graph, &limits, plan);
}

static void test_tokens(void **unused) {
    (void)unused;
    struct graph *graph;
    assert_fails(build("81111", 16, 65536, 65536, &graph), STATUS_FAILED,
                 "65536 sequences of 65536 tokens are 4294967296 tokens at once; kernels count at most 2147418112");
    assert_fails(build("81111", 16, 65537, 65536, &graph), STATUS_FAILED, "4295032832 tokens at once");
    assert_fails(build("81111", 16, INT_MAX, INT_MAX, &graph), STATUS_FAILED, "4611686014132420609 tokens at once");
    assert_null(graph);
}

/* 2^31 elements of logits, and the most that is allowed: 2^31 - 2^16. */
static void test_elements(void **unused) {
    (void)unused;
    struct graph *graph;
    struct plan *plan;
    assert_fails(build("81111", 16, 128, 65536, &graph), STATUS_FAILED,
                 "a result of the operator linear is 8388608 x 256; kernels count at most 2147418112 elements");
    assert_fails(build("81111", 16, 1, 8388353, &graph), STATUS_FAILED, "8388353 x 256");
    assert_ok(build("81111", 16, 1, 8388352, &graph));
    assert_ok(make_plan(graph, true, &plan));
    assert_int_equal(plan->values[graph->logits].bytes, 8589672448);
    assert_true(plan->working_bytes >= 8589672448);
    plan_destroy(plan);
    /* 8388352 tokens, each 2 x (256 x 16) + 3 x (16 x 48) and the norms and the loss: by hand for the two products. */
    double products = 2.0 * 16 * 256 + 3 * 2.0 * 16 * 48;
    double flops = graph_cost(graph, 1).flops_per_token;
    assert_true(flops >= products && flops < 1.2 * products);
    graph_destroy(graph);
    assert_fails(build("81111", 16384, 2, 65536, &graph), STATUS_FAILED, "131072 x 16384; kernels count at most");
}

/* The taps of a dense Toeplitz operator: 3 x 65536 rows of 65536 columns. */
static void test_one_parameter(void **unused) {
    (void)unused;
    struct graph *graph;
    assert_fails(build("61111|6:3113.B1361.C1361.V1361", 16384, 1, 16, &graph), STATUS_FAILED,
                 "an input of the operator linear is 196608 x 65536; kernels count at most");
}

/* The gradients of B and C of a recurrence, one for each vector of channels: 1024 x 2 x 65536 x 16. */
static void test_scratch(void **unused) {
    (void)unused;
    struct graph *graph;
    assert_fails(build("41111", 16384, 1, 65536, &graph), STATUS_FAILED,
                 "the operator semiseparable needs scratch of 2147500032 floats; kernels count at most 2147418112");
}

/*
 * Two SwiGLU of width 16384 have 2 x 3 x 16384 x 45056 weights of products (44 channels a head of 16), more than 2^32:
 * the optimiser cannot count them, but each operator can its own.
 */
static void test_parameter_block(void **unused) {
    (void)unused;
    struct graph *graph;
    struct plan *plan;
    const int64_t width = 16384, gated = 1024 * 44;
    const int64_t parameters = 2 * (width + 3 * width * gated) + 2 * 256 * width + width;
    assert_ok(build("81111-81111", 16384, 1, 16, &graph));
    assert_true(graph_cost(graph, 1).parameters == parameters);
    assert_fails(make_plan(graph, false, &plan), STATUS_FAILED, "the optimiser counts at most 2147418112");
    assert_null(plan);
    assert_ok(make_plan(graph, true, &plan));
    assert_true(plan->parameter_bytes == (size_t)parameters * sizeof(float));
    size_t last = 0;
    for (int v = 0; v < graph->value_count; v++)
        last = graph->values[v].role == VALUE_PARAMETER && plan->parameter_offsets[v] > last
                   ? plan->parameter_offsets[v]
                   : last;
    assert_true(last > UINT32_MAX);
    plan_destroy(plan);
    graph_destroy(graph);
}

/* Keys and values of 2^20 tokens: 2 x 2^20 x 16384 floats in each of two LIVs. */
static void test_cache(void **unused) {
    (void)unused;
    struct graph *graph;
    assert_ok(build("11111-11111", 16384, 1, 16, &graph));
    assert_true(graph_cost(graph, 1 << 20).cache_bytes == (int64_t)2 * 2 * (1 << 20) * 16384 * 4);
    graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),  cmocka_unit_test(test_elements),        cmocka_unit_test(test_one_parameter),
        cmocka_unit_test(test_scratch), cmocka_unit_test(test_parameter_block), cmocka_unit_test(test_cache),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
