/*
 * A step in parts: how it is divided, that the gradients of the parts are summed one after the other and not otherwise,
 * from what was read while the last part was still computed, and that pieces of a part change nothing but rounding.
 */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"
#include "model/gradient_ranges.h"
#include "train/fit.h"
#include "train/gradient_sum.h"
#include "train/optimiser.h"
#include "train/text_task.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

enum { BATCH = 8, CONTEXT = 16, STEPS = 4 };

static struct catalogue catalogue;
static struct genome genome;
static struct device *device;
static char folder[TEST_PATH_BYTES], text_path[TEST_PATH_BYTES + 8];
static const struct model_settings sizes = {.width = 32,
                                            .context = CONTEXT,
                                            .head_channels = 16,
                                            .vocabulary = CORPUS_VOCABULARY,
                                            .window = 7,
                                            .block = 5,
                                            .cache_context = CONTEXT,
                                            .embedding_deviation = 1};

static int set_up(void **unused) {
    (void)unused;
    char text[20000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (i * i / 7 + i % 11) % 26);
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(text_path, sizeof text_path, "%s/text", folder);
    assert_ok(file_write(text_path, text, sizeof text));
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(genome_parse("11111-41111-11111-81111", &genome));
    assert_ok(device_open_choice(NULL, NULL, &device));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    device_close(device);
    return test_remove_folder(folder);
}

static void test_dividing(void **unused) {
    (void)unused;
    const struct division none = {.count = 0}, unequal = {3, {12, 8, 4}}, wrong = {2, {3, 4}}, empty = {2, {8, 0}};
    assert_ok(division_check(&none, 5));
    assert_ok(division_check(&unequal, 24));
    assert_fails(division_check(&wrong, 8), STATUS_USAGE, "7 sequences together, and a step has 8");
    assert_fails(division_check(&empty, 8), STATUS_USAGE, "1 or more sequences, not 0");
    assert_int_equal(division_parts(&none), 1);
    assert_int_equal(division_sequences(&none, 5, 0, 1), 5);
    assert_int_equal(division_piece_most(&none, 5), 5);
    assert_int_equal(division_sequences(&unequal, 24, 1, 3), 12);
    assert_int_equal(division_piece_most(&unequal, 24), 4);
    /* Parts go to ranks in order, none is left out, and no rank is without. */
    for (int parts = 1; parts <= 12; parts++)
        for (int ranks = 1; ranks <= parts; ranks++) {
            const struct division division = {.count = parts};
            assert_int_equal(division_first(&division, 0, ranks), 0);
            assert_int_equal(division_first(&division, ranks, ranks), parts);
            for (int rank = 0; rank < ranks; rank++)
                assert_true(division_first(&division, rank, ranks) < division_first(&division, rank + 1, ranks));
        }
}

/* ---- the sum ---- */

static struct graph *fit(const struct division *division) {
    struct graph *graph;
    assert_ok(
        fit_graph_pieces(device, &genome, &catalogue, &sizes, BATCH, division_piece_most(division, BATCH), &graph));
    return graph;
}

/* Floats whose sum depends on the order: of one part large, of the next its opposite, of the last small. */
static void fill(float *gradient, size_t count, int part) {
    static const float factors[] = {1e8f, -1e8f, 1};
    for (size_t i = 0; i < count; i++)
        gradient[i] = factors[part] * (float)(i % 17 + 1) / 3;
}

static void test_order_of_the_sum(void **unused) {
    (void)unused;
    const struct division division = {3, {2, 2, 4}}, whole = {.count = 0};
    struct graph *graph = fit(&division);
    struct model *model;
    struct gradient_sum *sum;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 1}, &model));
    size_t bytes = model_plan(model)->parameter_bytes, count = bytes / sizeof(float);
    float *gradient = memory_allocate(count, sizeof *gradient), *expected = memory_allocate(count, sizeof *expected);
    assert_ok(gradient_sum_create(model, &division, NULL, &sum));
    const struct backward_observer *observer = gradient_sum_observer(sum);
    for (int round = 0; round < 2; round++) { /* nothing of one step is left in the next */
        for (int part = 0; part < 3; part++) {
            fill(gradient, count, part);
            for (size_t i = 0; i < count; i++)
                expected[i] = part ? expected[i] + gradient[i] : gradient[i];
            assert_ok(device_write(device, model_gradients(model), 0, gradient, bytes));
            assert_ok(observer->passed(observer->context, 0));
        }
        assert_ok(gradient_sum_give(sum));
        assert_ok(device_read(device, model_gradients(model), 0, gradient, bytes));
        assert_memory_equal(gradient, expected, bytes);
    }
    gradient_sum_destroy(sum);
    assert_ok(gradient_sum_create(model, &whole, NULL, &sum));
    assert_null(sum);
    free(gradient);
    free(expected);
    model_destroy(model);
    graph_destroy(graph);
}

static void put(struct model *model, float *gradient, float number) {
    size_t bytes = model_plan(model)->parameter_bytes;
    for (size_t i = 0; i < bytes / sizeof *gradient; i++)
        gradient[i] = number;
    assert_ok(device_write(device, model_gradients(model), 0, gradient, bytes));
}

/* Whether every range of the sum was read before the second of two parts ended, and those that end it were not. */
static bool reads_early(struct model *model, struct gradient_sum *sum, float *gradient, useconds_t pause) {
    const struct backward_observer *observer = gradient_sum_observer(sum);
    const struct plan *plan = model_plan(model);
    struct gradient_range ranges[GRADIENT_RANGES_MOST];
    int count = gradient_ranges(model_graph(model), plan, ranges), early = 0, right = 0;
    put(model, gradient, 1);
    assert_ok(observer->passed(observer->context, 0));
    put(model, gradient, 2);
    assert_ok(observer->passed(observer->context, 1));
    usleep(pause);
    put(model, gradient, 100);
    assert_ok(observer->passed(observer->context, 0));
    assert_ok(gradient_sum_give(sum));
    assert_ok(device_read(device, model_gradients(model), 0, gradient, plan->parameter_bytes));
    for (int r = 0; r < count; r++) {
        const float *first = gradient + ranges[r].offset / sizeof *gradient;
        const float *last = first + ranges[r].bytes / sizeof *gradient - 1;
        float expected = ranges[r].node > 0 ? 1 + 2 : 1 + 100;
        early += ranges[r].node > 0;
        right += *first == expected && *last == expected;
    }
    assert_true(early > 0 && early < count);
    return right == count;
}

/* What is final is read while the backward pass goes on; as reading takes a while, a slow machine gets longer pauses.
 */
static void test_reading_early(void **unused) {
    (void)unused;
    const struct division division = {2, {1, 1}};
    struct model_settings wide = sizes;
    struct graph *graph;
    struct model *model;
    struct gradient_sum *sum;
    bool seen = false;
    wide.width = 256;
    assert_ok(fit_graph_pieces(device, &genome, &catalogue, &wide, 2, 1, &graph));
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 1}, &model));
    assert_ok(gradient_sum_create(model, &division, NULL, &sum));
    float *gradient = memory_allocate(model_plan(model)->parameter_bytes, 1);
    for (useconds_t pause = 1000; !seen && pause < 1000 * 1000; pause *= 2)
        seen = reads_early(model, sum, gradient, pause);
    assert_true(seen);
    free(gradient);
    gradient_sum_destroy(sum);
    model_destroy(model);
    graph_destroy(graph);
}

/* ---- training ---- */

static void note_loss(void *context, int64_t step, int64_t steps, double loss) {
    (void)steps;
    ((double *)context)[step - 1] = loss;
}

/* The loss of each step, and behind them that of the evaluation. */
static void train(const struct division *division, int piece, double losses[STEPS + 1]) {
    const struct train_settings settings = {.steps = STEPS,
                                            .batch = BATCH,
                                            .division = *division,
                                            .learning_rate = 3e-3,
                                            .final_rate = 0.1,
                                            .weight_decay = 0.1,
                                            .clip = 1,
                                            .validation_batches = 3};
    struct train_observer observer = {.tell = note_loss, .context = losses};
    struct graph *graph;
    struct task *task;
    struct model *model;
    struct trainer *trainer;
    struct train_score score;
    assert_ok(fit_graph_pieces(device, &genome, &catalogue, &sizes, BATCH, piece, &graph));
    assert_ok(text_task_open(text_path, &(struct corpus_split){.validation = 0.3, .test = 0.1}, CONTEXT, &task));
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &model));
    assert_ok(trainer_create(model, task, &settings, 1, &trainer));
    for (int step = 0; step < STEPS; step++)
        assert_ok(trainer_run(trainer, step + 1, &observer));
    assert_ok(trainer_evaluate(trainer, PART_VALIDATION, &score));
    losses[STEPS] = score.loss;
    trainer_destroy(trainer);
    model_destroy(model);
    task_close(task);
    graph_destroy(graph);
}

/* Parts, equal or not, and pieces of them learn what the whole learns. */
static void test_training_in_parts(void **unused) {
    (void)unused;
    static const struct {
        struct division division;
        int piece;
    } ways[] = {{{2, {4, 4}}, 4}, {{2, {4, 4}}, 2}, {{3, {2, 2, 4}}, 2}, {{2, {5, 3}}, 1}};
    const struct division whole = {.count = 0};
    double expected[STEPS + 1], losses[STEPS + 1];
    train(&whole, BATCH, expected);
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
        train(&ways[way].division, ways[way].piece, losses);
        for (int i = 0; i <= STEPS; i++)
            if (!(fabs(losses[i] - expected[i]) < 1e-4))
                fail_test("way %zu, number %d: %.9g instead of %.9g", way, i, losses[i], expected[i]);
    }
}

static void test_what_is_refused(void **unused) {
    (void)unused;
    const struct division uneven = {2, {3, 5}}, short_of = {2, {3, 4}}, good = {2, {4, 4}};
    struct graph *graph = fit(&good);
    struct task *task;
    struct model *model;
    struct trainer *trainer;
    assert_ok(text_task_open(text_path, &(struct corpus_split){.validation = 0.3, .test = 0.1}, CONTEXT, &task));
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &model));
    struct train_settings settings = {.steps = STEPS, .batch = BATCH, .division = uneven};
    assert_fails(trainer_create(model, task, &settings, 1, &trainer), STATUS_FAILED, "cannot be split");
    settings.division = short_of;
    assert_fails(trainer_create(model, task, &settings, 1, &trainer), STATUS_USAGE, "7 sequences together");
    model_destroy(model);
    task_close(task);
    graph_destroy(graph);
}

int main(int count, char **words) {
    test_choose(count, words);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dividing),        cmocka_unit_test(test_order_of_the_sum),
        cmocka_unit_test(test_reading_early),   cmocka_unit_test(test_training_in_parts),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
