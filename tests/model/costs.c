/* Parameters, cache and FLOPs against numbers worked out by hand, and the memory plan's promises. */
#include "test.h"

#include "model/architecture.h"
#include "model/plan.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH_OF_MODEL = 64, VOCABULARY = 256, CACHE_CONTEXT = 100 };

static struct catalogue catalogue;
static const struct device_shape shape = {1, 16, 4, 4, 64};

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

static struct graph *build(const char *text) {
    struct model_settings settings = {.width = WIDTH_OF_MODEL,
                                      .context = 32,
                                      .head_channels = 16,
                                      .vocabulary = VOCABULARY,
                                      .cache_context = CACHE_CONTEXT,
                                      .embedding_deviation = 1};
    struct genome genome;
    struct graph *graph;
    assert_ok(genome_parse(text, &genome));
    assert_ok(architecture_build(&genome, &catalogue, &settings, 2, shape, &graph));
    return graph;
}

static struct cost cost_of(const char *text) {
    struct graph *graph = build(text);
    struct cost cost = graph_cost(graph, CACHE_CONTEXT), sum = graph_liv_cost(graph, CACHE_CONTEXT, -1);
    /* The LIVs and the ends make the whole. */
    for (int liv = 0; liv < 4; liv++) {
        struct cost part = graph_liv_cost(graph, CACHE_CONTEXT, liv);
        sum.parameters += part.parameters;
        sum.cache_bytes += part.cache_bytes;
    }
    assert_int_equal(sum.parameters, cost.parameters);
    assert_int_equal(sum.cache_bytes, cost.cache_bytes);
    graph_destroy(graph);
    return cost;
}

enum { W = WIDTH_OF_MODEL, ENDS = 2 * VOCABULARY * W + W, GATED = 176 /* 64 * 8 / 3, to a multiple of 16 */ };

static void test_parameters(void **unused) {
    (void)unused;
    int attention = W + 4 * W * W, memoryless = W + 3 * W * GATED, gated = W + 4 * W * W + 3 * W;
    /* A by way of 8 channels, B and C of 16, V with 4 taps, gate, skip, bias. */
    int recurrence = W + 2 * W * 8 + W + 2 * W * 16 + W * W + 4 * W + W * W + W + W * W;
    assert_int_equal(cost_of("11111").parameters, ENDS + attention);
    assert_int_equal(cost_of("41111").parameters, ENDS + recurrence);
    assert_int_equal(cost_of("61111").parameters, ENDS + gated);
    assert_int_equal(cost_of("81111").parameters, ENDS + memoryless);
    assert_int_equal(cost_of("11111-81111").parameters, ENDS + attention + memoryless);
    /* Shared weights count once; a LIV that takes features has no weights for them. */
    assert_int_equal(cost_of("11211-11211").parameters, ENDS + 2 * attention - 3 * W * W);
    assert_int_equal(cost_of("11112-11112").parameters, ENDS + 2 * attention - 2 * W * W);
}

static void test_cache(void **unused) {
    (void)unused;
    int attention = 2 * W * CACHE_CONTEXT * 4;
    assert_int_equal(cost_of("11111").cache_bytes, attention);
    assert_int_equal(cost_of("41111").cache_bytes, (16 * W + 3 * W) * 4);
    assert_int_equal(cost_of("61111").cache_bytes, 2 * W * 4);
    assert_int_equal(cost_of("81111").cache_bytes, 0);
    assert_int_equal(cost_of("11111-11111").cache_bytes, 2 * attention);
    assert_int_equal(cost_of("11112-11112").cache_bytes, attention);
    assert_int_equal(cost_of("11113-11113").cache_bytes, attention + attention / 2);
}

/* What both operators of a differential class need is made and kept once: V of SA-1d, A and V of Rec-1d. */
static void test_differential(void **unused) {
    (void)unused;
    struct graph *graph = build("91111");
    int linear = 0;
    for (int n = 0; n < graph->node_count; n++)
        linear += graph->nodes[n].op.type == &op_linear;
    graph_destroy(graph);
    assert_int_equal(linear, 7); /* C, B, V, B2, C2, out and logits */
    assert_int_equal(cost_of("91111").cache_bytes, 3 * W * CACHE_CONTEXT * 4);
    assert_int_equal(cost_of("12.1.1.1.1").cache_bytes, (2 * 16 * W + 3 * W) * 4);
}

static void test_flops(void **unused) {
    (void)unused;
    /* Per token: output projection, three matrices and the gate, and two norms of 4 a channel. */
    double expected = 2.0 * W * VOCABULARY + 3 * 2.0 * W * GATED + 6.0 * GATED + 2 * 4.0 * W + W;
    assert_true(cost_of("81111").flops_per_token == expected);
}

/* ---- the plan ---- */

static bool overlap(const struct place *a, const struct place *b) {
    return a->arena >= 0 && a->arena == b->arena && a->offset < b->offset + b->bytes &&
           b->offset < a->offset + a->bytes;
}

/* Whether the gradient of an input lies where the input does, which only an operator that allows it may be given. */
static bool overwrites(const struct plan *plan, const struct node *node, int input) {
    const struct place *value = &plan->values[node->inputs[input]], *gradient = &plan->gradients[node->inputs[input]];
    return node->op.type->overwritten_inputs >> input & 1 && value->arena >= 0 && value->arena == gradient->arena &&
           value->offset == gradient->offset;
}

/*
 * What a node reads and writes in forward or in backward must not overlap among itself, but for gradients that pass
 * through it in place, and those that overwrite what they are of.
 */
static void check_node(const struct graph *graph, const struct plan *plan, int n) {
    const struct node *node = &graph->nodes[n];
    const struct place *places[2 * (OP_MAX_INPUTS + OP_MAX_OUTPUTS) + 1];
    for (int backward = 0; backward < 2; backward++) {
        int count = 0;
        for (int i = 0; i < node->op.input_count; i++) {
            if (!backward || (node->op.type->backward_inputs >> i & 1 && !overwrites(plan, node, i)))
                places[count++] = &plan->values[node->inputs[i]];
            if (backward && !plan_passes_in_place(plan, node, i))
                places[count++] = &plan->gradients[node->inputs[i]];
        }
        for (int i = 0; i < node->op.output_count; i++)
            if (!backward || node->op.type->backward_outputs >> i & 1)
                places[count++] = &plan->values[node->outputs[i]];
        if (backward)
            places[count++] = &plan->gradients[node->outputs[0]];
        places[count++] = backward ? &plan->backward_scratch[n] : &plan->forward_scratch[n];
        for (int i = 0; i < count; i++)
            for (int j = 0; j < i; j++)
                assert_false(overlap(places[i], places[j]));
    }
}

/* A parameter lies in one group, which has its rate and its decay. */
static void check_group(const struct plan *plan, const struct value *value, size_t offset) {
    int within = 0;
    for (int g = 0; g < plan->group_count; g++) {
        const struct parameter_group *group = &plan->groups[g];
        bool inside = offset >= group->offset && offset < group->offset + group->bytes;
        within += inside;
        if (inside)
            assert_true(group->decays == value->decays && group->rate == value->rule.rate);
    }
    assert_int_equal(within, 1);
}

static void test_plan(void **unused) {
    (void)unused;
    struct graph *graph = build("11212-41111-61111-81111-11212-71111");
    struct plan_limits limits = {.alignment = 128, .largest_buffer = 1u << 30};
    struct plan *plan, *split;
    assert_ok(plan_create(graph, &limits, &plan));
    int in_place = 0, overwritten = 0;
    for (int n = 0; n < graph->node_count; n++) {
        check_node(graph, plan, n);
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            in_place += plan_passes_in_place(plan, &graph->nodes[n], i);
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            overwritten += overwrites(plan, &graph->nodes[n], i);
    }
    assert_int_equal(overwritten, 1); /* the logits */
    assert_int_equal(in_place, 7);    /* the residual stream in six LIVs, and y of y + skip V in one */
    for (int v = 0; v < graph->value_count; v++) {
        assert_int_equal(plan->values[v].offset % 128, 0);
        if (graph->values[v].role == VALUE_PARAMETER)
            check_group(plan, &graph->values[v], plan->parameter_offsets[v]);
    }
    assert_int_equal(plan->arena_count, 1);
    /* A device with small buffers gets several arenas, none too large. */
    limits.largest_buffer = plan->parameter_bytes;
    assert_true(limits.largest_buffer < plan->working_bytes);
    assert_ok(plan_create(graph, &limits, &split));
    assert_true(split->arena_count > 1);
    for (int arena = 0; arena < split->arena_count; arena++)
        assert_true(split->arena_bytes[arena] <= limits.largest_buffer);
    for (int n = 0; n < graph->node_count; n++)
        check_node(graph, split, n);
    plan_destroy(split);
    plan_destroy(plan);
    limits.largest_buffer = 1024;
    assert_fails(plan_create(graph, &limits, &plan), STATUS_FAILED, "in one buffer");
    graph_destroy(graph);
}

/* Keys and values that two nodes look back on are remembered once, as far back as the one that needs more of them. */
static void test_two_readers(void **unused) {
    (void)unused;
    enum { COLUMNS = 16, WINDOW = 10 };
    for (int order = 0; order < 2; order++) {
        struct graph *graph = graph_create(1, 8, 0, shape);
        struct op_attributes none = {0};
        int table = graph_add_parameter(graph, "table", (struct shape){VOCABULARY, COLUMNS},
                                        (struct parameter_rule){START_ONES, 0, 1});
        int x, y;
        graph->tokens = graph_add_tokens(graph, "tokens");
        assert_ok(graph_apply(graph, &op_embedding, none, (int[]){graph->tokens, table}, 2, "embedded", &x));
        for (int reader = 0; reader < 2; reader++) {
            bool banded = reader == order;
            struct op_attributes attention = {.heads = 1,
                                              .b_heads = 1,
                                              .v_heads = 1,
                                              .mask = banded ? STAR_MASK_BANDED : STAR_MASK_CAUSAL,
                                              .span = banded ? WINDOW : 0,
                                              .nonlinearity = STAR_NONLINEARITY_SOFTMAX};
            assert_ok(graph_apply(graph, &op_low_rank, attention, (int[]){x, x, x}, 3, "mixed", &y));
        }
        assert_int_equal(graph_cost(graph, CACHE_CONTEXT).cache_bytes, CACHE_CONTEXT * COLUMNS * 4);
        graph_destroy(graph);
    }
}

/* Any expansion at any width has whole heads. */
static void test_head_columns(void **unused) {
    (void)unused;
    struct model_settings settings = {.width = 96, .head_channels = 32};
    assert_int_equal(model_heads(&settings), 3);
    assert_int_equal(head_columns(&settings, EXPANSION_1), 32);
    assert_int_equal(head_columns(&settings, EXPANSION_1_4), 8);
    assert_int_equal(head_columns(&settings, EXPANSION_8_3), 84);
    settings.head_channels = 4;
    assert_int_equal(head_columns(&settings, EXPANSION_1_4), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parameters),  cmocka_unit_test(test_cache), cmocka_unit_test(test_differential),
        cmocka_unit_test(test_flops),       cmocka_unit_test(test_plan),  cmocka_unit_test(test_head_columns),
        cmocka_unit_test(test_two_readers),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
