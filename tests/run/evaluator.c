/*
 * What an evaluation measures, on texts that are made so that the answer is known: which part of the text each number
 * is of, that all candidates see the same batches, and that changed text stops a run where a bad candidate does not.
 */
#include "test.h"

#include "base/file.h"
#include "run/evaluator.h"
#include "train/checkpoint.h"
#include "train/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 20000, CONTEXT = 16 };

static struct catalogue catalogue;
static struct run_config config;
static char folder[TEST_PATH_BYTES], text_path[TEST_PATH_BYTES + 8], weights_path[TEST_PATH_BYTES + 24],
    architecture_path[TEST_PATH_BYTES + 24];

static int set_up(void **unused) {
    (void)unused;
    int outcome = test_make_folder(folder);
    snprintf(text_path, sizeof text_path, "%s/text", folder);
    snprintf(weights_path, sizeof weights_path, "%s/weights.safetensors", folder);
    snprintf(architecture_path, sizeof architecture_path, "%s/weights.json", folder);
    assert_ok(catalogue_read(NULL, &catalogue));
    return outcome;
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

static void read_config(void) {
    static const char sizes[] =
        "run = { seed = 3; };"
        "data = { validation = 0.2; test = 0.1; };"
        "model = { width = 32; context = 16; head_channels = 16; depth = 2; };"
        "train = { steps = 20; batch = 4; warmup = 1; learning_rate = 3e-3; validation_batches = 2; };";
    char path[sizeof text_path + 16];
    snprintf(path, sizeof path, "data.path=%s", text_path);
    const char *assignment = path;
    assert_ok(config_load_text("sizes", sizes, &assignment, 1, true, &config));
}

/* One period: 14,000 bytes of this pattern for training, 4,000 of c for validation, 2,000 of d for the test. */
static void write_parts(int (*letter)(int place)) {
    char text[LENGTH];
    for (int i = 0; i < LENGTH; i++)
        text[i] = (char)(i >= 18000 ? 'd' : i >= 14000 ? 'c' : letter(i));
    assert_ok(file_write(text_path, text, sizeof text));
}

static int two_letters(int place) {
    return place * place / 7 % 5 < 2 ? 'a' : 'b';
}

/* Runs of 1,000 bytes of one of four letters. */
static int long_runs(int place) {
    return "kmnpnkmppkmnkp"[place / 1000];
}

static struct task_list open_tasks(void) {
    struct task_list tasks;
    assert_ok(config_open_tasks(&config, &tasks));
    return tasks;
}

static status evaluate(struct evaluator *evaluator, const char *text, const struct train_observer *observer,
                       struct evaluation *evaluation) {
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    struct job job = {.genome = &genome,
                      .seed = config_seed(&config, 0),
                      .steps = config.train.steps,
                      .weights_path = weights_path,
                      .architecture_path = architecture_path,
                      .observer = observer};
    return evaluator_evaluate(evaluator, &job, evaluation);
}

/* ---- which part ---- */

/* Nats a token of the written weights on sequences of one letter. */
static double loss_of_letter(struct device *device, const char *text, char letter) {
    struct model_settings settings = config_model_settings(&config);
    struct genome genome;
    struct graph *graph;
    struct model *model;
    int32_t tokens[4 * CONTEXT];
    float loss;
    for (int i = 0; i < 4 * CONTEXT; i++)
        tokens[i] = letter;
    assert_ok(genome_parse(text, &genome));
    assert_ok(fit_graph(device, &genome, &catalogue, &settings, 4, &graph));
    assert_int_equal(graph->batch, 4);
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 0}, &model));
    assert_ok(checkpoint_read_weights(model, weights_path));
    assert_ok(device_write(device, model_value(model, graph->tokens), 0, tokens, sizeof tokens));
    assert_ok(device_write(device, model_value(model, graph->targets), 0, tokens, sizeof tokens));
    assert_ok(model_forward(model));
    assert_ok(model_read_loss(model, &loss));
    model_destroy(model);
    graph_destroy(graph);
    return loss;
}

static void test_parts(void **unused) {
    (void)unused;
    struct evaluator *evaluator;
    struct evaluation evaluation;
    write_parts(two_letters);
    read_config();
    struct task_list tasks = open_tasks();
    assert_ok(evaluator_create(&config, "", &catalogue, &tasks, &evaluator));
    assert_ok(evaluate(evaluator, "11111-81111", NULL, &evaluation));
    assert_false(evaluation.failed);
    const double *values = evaluation.metrics.values;
    double validation = loss_of_letter(evaluator_device(evaluator), "11111-81111", 'c');
    double test = loss_of_letter(evaluator_device(evaluator), "11111-81111", 'd');
    assert_true(fabs(values[METRIC_BITS_PER_BYTE] * log(2) - validation) < 1e-5);
    assert_true(fabs(values[METRIC_PERPLEXITY] / exp(validation) - 1) < 1e-5);
    assert_true(fabs(values[METRIC_TEST_BITS_PER_BYTE] * log(2) - test) < 1e-5);
    assert_true(fabs(validation - test) > 1e-2);
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
}

/* ---- the same batches ---- */

static void keep_loss(void *context, int64_t step, int64_t steps, double loss) {
    (void)step;
    (void)steps;
    *(double *)context = loss;
}

/*
 * With one sequence a step, a text of long runs of letters and no learning, the loss of a step tells which letter its
 * sequence is of: two steps have equal losses exactly where they have equal sequences, whatever the architecture and
 * its weights.
 */
static void test_same_batches(void **unused) {
    (void)unused;
    enum { STEPS = 24 };
    static const char *const genomes[] = {"11111-81111", "41111-61111"};
    double losses[2][STEPS];
    struct evaluator *evaluator;
    write_parts(long_runs);
    read_config();
    config.train.batch = 1;
    config.train.learning_rate = 0;
    config.train.validation_batches = 1;
    struct task_list tasks = open_tasks();
    assert_ok(evaluator_create(&config, "", &catalogue, &tasks, &evaluator));
    for (int genome = 0; genome < 2; genome++) {
        for (int step = 0; step < STEPS; step++) {
            /* What is told last is the loss of the last step. */
            struct train_observer observer = {.tell = keep_loss, .context = &losses[genome][step]};
            struct evaluation evaluation;
            config.train.steps = step + 1;
            assert_ok(evaluate(evaluator, genomes[genome], &observer, &evaluation));
            assert_false(evaluation.failed);
        }
    }
    int equal = 0, different = 0;
    for (int i = 0; i < STEPS; i++) {
        for (int j = 0; j < i; j++) {
            bool first = fabs(losses[0][i] - losses[0][j]) < 1e-6, second = fabs(losses[1][i] - losses[1][j]) < 1e-6;
            assert_int_equal(first, second);
            equal += first;
            different += !first;
        }
    }
    printf("  %d pairs of steps with equal sequences, %d with different ones\n", equal, different);
    assert_true(equal > 20 && different > 100);
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
}

/* ---- failures ---- */

static void cut_text(void *context, int64_t step, int64_t steps, double loss) {
    (void)context;
    (void)step;
    (void)steps;
    (void)loss;
    assert_int_equal(truncate(text_path, 100), 0);
}

static void test_failures(void **unused) {
    (void)unused;
    struct evaluator *evaluator;
    struct evaluation evaluation;
    write_parts(two_letters);
    read_config();
    struct task_list tasks = open_tasks();
    assert_ok(evaluator_create(&config, "", &catalogue, &tasks, &evaluator));
    /* A failure of training alone is an evaluation. */
    config.train.batch = 1 << 27;
    assert_ok(evaluate(evaluator, "11111-81111", NULL, &evaluation));
    assert_true(evaluation.failed);
    assert_non_null(strstr(evaluation.reason, "134217728 sequences of 16 tokens are 2147483648 tokens a step"));
    /* One because the text has changed is none. */
    read_config();
    struct train_observer observer = {.tell = cut_text};
    assert_fails(evaluate(evaluator, "11111-81111", &observer, &evaluation), STATUS_FAILED, text_path);
    assert_non_null(strstr(status_message(), "went from 20000 to 100 bytes while it was in use"));
    assert_false(evaluation.failed);
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_same_batches),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
