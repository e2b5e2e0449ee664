/*
 * The training loop against what it should do, written out here: the schedule in double precision, the steps by hand,
 * and evaluations on a text whose parts hold nothing of each other.
 */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"
#include "train/fit.h"
#include "train/optimiser.h"
#include "train/text_task.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 16, BATCH = 4, COUNT = BATCH * CONTEXT, LENGTH = 20000 };

static struct catalogue catalogue;
static struct device *device;
static struct task *task;
static char folder[TEST_PATH_BYTES];

/*
 * One period, as train/corpus.h draws it: 14,000 bytes of a and b in no order for training, 4,000 of c for validation
 * and 2,000 of d for the test.
 */
static int set_up(void **unused) {
    (void)unused;
    char path[TEST_PATH_BYTES + 8], text[LENGTH];
    for (int i = 0; i < LENGTH; i++)
        text[i] = i >= 18000 ? 'd' : i >= 14000 ? 'c' : i * i / 7 % 5 < 2 ? 'a' : 'b';
    if (test_make_folder(folder) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/text", folder);
    assert_ok(file_write(path, text, sizeof text));
    assert_ok(text_task_open(path, &(struct corpus_split){.validation = 0.2, .test = 0.1}, CONTEXT, &task));
    assert_ok(catalogue_read(NULL, &catalogue));
    return device_open_choice(NULL, NULL, &device) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **unused) {
    (void)unused;
    device_close(device);
    task_close(task);
    return test_remove_folder(folder);
}

static struct graph *build(const char *text, int context, int batch) {
    struct genome genome;
    struct model_settings settings = {.width = 32,
                                      .context = context,
                                      .head_channels = 16,
                                      .vocabulary = CORPUS_VOCABULARY,
                                      .window = 7,
                                      .block = 5,
                                      .cache_context = 64,
                                      .embedding_deviation = 1};
    struct graph *graph;
    assert_ok(genome_parse(text, &genome));
    assert_ok(architecture_build(&genome, &catalogue, &settings, batch, device_shape(device), &graph));
    return graph;
}

static struct model *create_model(const struct graph *graph) {
    struct model *model;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &model));
    return model;
}

static struct train_settings settings_of(int64_t steps) {
    return (struct train_settings){.steps = steps,
                                   .batch = BATCH,
                                   .learning_rate = 3e-3,
                                   .warmup = 3,
                                   .final_rate = 0.1,
                                   .weight_decay = 0.1,
                                   .clip = 1,
                                   .validation_batches = 3};
}

/* ---- the schedule ---- */

/*
 * A straight line that reaches the peak at the last step of the warm-up, then half a cosine from the peak, at the step
 * behind, to the final share of it at the last step. 1 + cos x is written as 2 cos^2(x / 2).
 */
static double reference_rate(double peak, double final_share, int warmup, int steps, int step) {
    if (step + 1 <= warmup)
        return peak / warmup * (step + 1);
    double way = (double)(step - warmup) / (steps - 1 - warmup), half = cos(acos(-1.0) / 2 * way);
    return peak * final_share + peak * (1 - final_share) * half * half;
}

static void test_schedule(void **unused) {
    (void)unused;
    static const struct {
        double peak, final_share;
        int warmup, steps;
    } schedules[] = {{2, 0.1, 10, 110}, {8e-4, 0, 20, 400}, {1e-3, 1, 0, 50}, {3e-3, 0.5, 49, 51}};
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        struct train_settings settings = {.steps = schedules[i].steps,
                                          .warmup = schedules[i].warmup,
                                          .learning_rate = schedules[i].peak,
                                          .final_rate = schedules[i].final_share};
        for (int step = 0; step < schedules[i].steps; step++) {
            double expected = reference_rate(schedules[i].peak, schedules[i].final_share, schedules[i].warmup,
                                             schedules[i].steps, step);
            assert_true(fabs(train_rate(&settings, step) - expected) < 1e-12 * schedules[i].peak);
        }
    }
    /* By hand: a tenth of the peak first, the peak at the end of the warm-up, half way between at half way. */
    struct train_settings settings = {.steps = 111, .warmup = 10, .learning_rate = 2, .final_rate = 0.1};
    assert_true(fabs(train_rate(&settings, 0) - 0.2) < 1e-12);
    assert_true(fabs(train_rate(&settings, 9) - 2) < 1e-12);
    assert_true(fabs(train_rate(&settings, 60) - 1.1) < 1e-12);
    assert_true(fabs(train_rate(&settings, 110) - 0.2) < 1e-12);
    settings = (struct train_settings){.steps = 1, .warmup = 0, .learning_rate = 2, .final_rate = 0.1};
    assert_true(isfinite(train_rate(&settings, 0)));
}

/* ---- the steps ---- */

static void put_tokens(struct model *model, const int32_t *tokens, const int32_t *targets) {
    const struct graph *graph = model_graph(model);
    assert_ok(device_write(device, model_value(model, graph->tokens), 0, tokens, COUNT * sizeof *tokens));
    assert_ok(device_write(device, model_value(model, graph->targets), 0, targets, COUNT * sizeof *targets));
}

static float *read_parameters(struct model *model, size_t *bytes) {
    *bytes = model_plan(model)->parameter_bytes;
    float *parameters = memory_allocate(*bytes, 1);
    assert_ok(device_read(device, model_parameters(model), 0, parameters, *bytes));
    return parameters;
}

/* What the trainer leaves is, bit for bit, what its steps do one after the other at the rates of the reference. */
static void test_steps(void **unused) {
    (void)unused;
    enum { STEPS = 40 };
    struct graph *graph = build("11111-81111", CONTEXT, BATCH);
    struct model *trained = create_model(graph), *stepped = create_model(graph);
    struct train_settings settings = settings_of(STEPS);
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    struct trainer *trainer;
    struct optimiser *optimiser;
    assert_ok(trainer_create(trained, task, &settings, 5, &trainer));
    assert_ok(trainer_run(trainer, STEPS, NULL));
    assert_ok(optimiser_create(stepped, &adamw, &optimiser));
    for (int step = 0; step < STEPS; step++) {
        int32_t tokens[COUNT], targets[COUNT];
        assert_ok(task_training_batch(task, 5, step, BATCH, tokens, targets));
        put_tokens(stepped, tokens, targets);
        assert_ok(model_forward(stepped));
        assert_ok(model_backward(stepped));
        assert_ok(optimiser_step(optimiser, reference_rate(3e-3, 0.1, 3, STEPS, step)));
    }
    size_t bytes;
    float *expected = read_parameters(stepped, &bytes), *got = read_parameters(trained, &bytes);
    double largest = 0;
    for (size_t i = 0; i < bytes / sizeof *got; i++)
        largest = fmax(largest, fabs((double)got[i] - expected[i]));
    printf("  largest difference of a parameter: %.1e\n", largest);
    /* The two formulas of the cosine may differ in the last digit of a rate. */
    assert_true(largest < 1e-6);
    free(expected);
    free(got);
    trainer_destroy(trainer);
    optimiser_destroy(optimiser);
    model_destroy(trained);
    model_destroy(stepped);
    graph_destroy(graph);
}

/* ---- evaluation ---- */

/* The model's loss on sequences of one letter. */
static double loss_of_letter(struct model *model, char letter) {
    int32_t tokens[COUNT];
    float loss;
    for (int i = 0; i < COUNT; i++)
        tokens[i] = letter;
    put_tokens(model, tokens, tokens);
    assert_ok(model_forward(model));
    assert_ok(model_read_loss(model, &loss));
    return loss;
}

/* Each evaluation sees its part and nothing else: its loss is that of the only letter there. */
static void test_evaluation(void **unused) {
    (void)unused;
    struct graph *graph = build("11111-81111", CONTEXT, BATCH);
    struct model *model = create_model(graph);
    struct train_settings settings = settings_of(60);
    struct trainer *trainer;
    assert_ok(trainer_create(model, task, &settings, 5, &trainer));
    assert_ok(trainer_run(trainer, settings.steps, NULL));
    struct train_result result = trainer_statistics(trainer);
    assert_ok(trainer_evaluate(trainer, PART_VALIDATION, &result.validation));
    assert_ok(trainer_evaluate(trainer, PART_TEST, &result.test));
    trainer_destroy(trainer);
    double validation = loss_of_letter(model, 'c'), test = loss_of_letter(model, 'd');
    printf("  training %.3f, validation %.3f (c: %.3f), test %.3f (d: %.3f) nats\n", result.training_loss,
           result.validation.loss, validation, result.test.loss, test);
    assert_true(fabs(result.validation.loss - validation) < 1e-5);
    assert_true(fabs(result.test.loss - test) < 1e-5);
    assert_true(fabs(validation - test) > 1e-2); /* or the two could not be told apart */
    assert_true(result.training_loss < 1 && validation > 3 && test > 3);
    /* And so does one on the training part. */
    struct train_score training;
    assert_ok(trainer_create(model, task, &settings, 5, &trainer));
    assert_ok(trainer_evaluate(trainer, PART_TRAINING, &training));
    assert_true(training.loss < 1);
    trainer_destroy(trainer);
    model_destroy(model);
    graph_destroy(graph);
}

/* ---- counts ---- */

/* 2^31 tokens a step are refused before anything is allocated. */
static void test_too_many_tokens(void **unused) {
    (void)unused;
    enum { TOO_MANY = 1 << 27 };
    static const char words[] = "134217728 sequences of 16 tokens are 2147483648 tokens a step; at most 2147483647";
    struct graph *graph = build("81111", CONTEXT, 1), *fitted;
    struct model *model = create_model(graph);
    struct train_settings settings = settings_of(1);
    struct model_settings sizes = {.width = 32,
                                   .context = CONTEXT,
                                   .head_channels = 16,
                                   .vocabulary = CORPUS_VOCABULARY,
                                   .cache_context = 64,
                                   .embedding_deviation = 1};
    struct genome genome;
    struct trainer *trainer;
    size_t bytes, before = device_allocated_bytes(device);
    settings.batch = TOO_MANY;
    assert_ok(genome_parse("81111", &genome));
    assert_fails(trainer_create(model, task, &settings, 1, &trainer), STATUS_FAILED, words);
    assert_fails(trainer_bytes(device, graph, TOO_MANY, &bytes), STATUS_FAILED, words);
    assert_fails(fit_graph(device, &genome, &catalogue, &sizes, TOO_MANY, &fitted), STATUS_FAILED, words);
    sizes.context = 65536;
    assert_fails(fit_graph(device, &genome, &catalogue, &sizes, 65536, &fitted), STATUS_FAILED,
                 "65536 sequences of 65536 tokens are 4294967296 tokens a step");
    assert_int_equal(device_allocated_bytes(device), before);
    /* One less is only more memory than there is. */
    assert_ok(trainer_bytes(device, graph, TOO_MANY - 1, &bytes));
    assert_true(bytes > (size_t)200 << 30);
    model_destroy(model);
    graph_destroy(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_evaluation),
        cmocka_unit_test(test_too_many_tokens),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
