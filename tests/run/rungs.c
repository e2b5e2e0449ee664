/*
 * Trainings in parts, stopped early, and begun with inherited weights: what the evaluator makes of such jobs, on tiny
 * models.
 */
#include "test.h"

#include "base/file.h"
#include "run/evaluator.h"
#include "train/tensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 60, WIDTH = 32 };

static struct catalogue catalogue;
static struct run_config config;
static struct task_list tasks;
static struct evaluator *evaluator;
static char folder[TEST_PATH_BYTES];

static const char *file(const char *name, char path[TEST_PATH_BYTES]) {
    snprintf(path, TEST_PATH_BYTES, "%.200s/%s", folder, name);
    return path;
}

/* A text with something to learn: words of two letters that follow each other by a rule. */
static int set_up(void **unused) {
    (void)unused;
    static const char sizes[] =
        "run = { seed = 3; };"
        "data = { validation = 0.2; test = 0.1; };"
        "model = { width = 32; context = 16; head_channels = 16; depth = 2; };"
        "train = { steps = 60; batch = 4; warmup = 6; learning_rate = 1e-2; validation_batches = 2;"
        "schedule = \"stable\"; };";
    char path[TEST_PATH_BYTES], assignment[TEST_PATH_BYTES + 16], text[20000];
    assert_int_equal(test_make_folder(folder), 0);
    for (int i = 0; i < (int)sizeof text; i++)
        text[i] = (char)('a' + i * i / 3 % 11 + i % 2);
    assert_ok(file_write(file("text", path), text, sizeof text));
    snprintf(assignment, sizeof assignment, "data.path=%s", path);
    const char *assignments[] = {assignment};
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(config_load_text("sizes", sizes, assignments, 1, true, &config));
    assert_ok(config_open_tasks(&config, &tasks));
    assert_ok(evaluator_create(&config, "", &catalogue, &tasks, &evaluator));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
    return test_remove_folder(folder);
}

static struct evaluation evaluate(const char *text, struct job job) {
    struct genome genome;
    struct evaluation evaluation;
    assert_ok(genome_parse(text, &genome));
    job.genome = &genome;
    job.seed = 3;
    assert_ok(evaluator_evaluate(evaluator, &job, &evaluation));
    if (evaluation.failed)
        fail_test("the evaluation failed: %s", evaluation.reason);
    return evaluation;
}

static void assert_same_file(const char *a, const char *b) {
    char *a_bytes, *b_bytes;
    size_t a_length, b_length;
    assert_ok(file_read(a, &a_bytes, &a_length));
    assert_ok(file_read(b, &b_bytes, &b_length));
    assert_int_equal(a_length, b_length);
    assert_memory_equal(a_bytes, b_bytes, a_length);
    free(a_bytes);
    free(b_bytes);
}

static void assert_same_quality(const struct evaluation *a, const struct evaluation *b) {
    static const enum metric metrics[] = {METRIC_BITS_PER_BYTE, METRIC_TEST_BITS_PER_BYTE, METRIC_PARAMETERS};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        assert_true(a->metrics.values[metrics[i]] == b->metrics.values[metrics[i]]);
}

/* ---- rungs ---- */

/*
 * 6, 18 and 60 of 60 steps, the first two with a decay on the side, are one training of 60: weights, state (moments and
 * curve) and measurements, bit for bit.
 */
static void test_parts(void **unused) {
    (void)unused;
    static const char genome[] = "11111-41111";
    char straight_weights[TEST_PATH_BYTES], straight_state[TEST_PATH_BYTES], weights[TEST_PATH_BYTES],
        state[TEST_PATH_BYTES];
    struct evaluation straight =
        evaluate(genome, (struct job){.steps = STEPS,
                                      .weights_path = file("straight.safetensors", straight_weights),
                                      .state_path = file("straight.state", straight_state)});
    assert_true(straight.trained_steps == STEPS);
    struct job job = {.steps = 6,
                      .schedule_steps = STEPS,
                      .side_steps = 3,
                      .weights_path = file("weights.safetensors", weights),
                      .state_path = file("state", state)};
    struct evaluation first = evaluate(genome, job);
    assert_true(first.trained_steps == 6 + 3);
    job.resume_path = state;
    job.steps = 18;
    struct evaluation second = evaluate(genome, job);
    assert_true(second.trained_steps == 12 + 3);
    job.steps = STEPS;
    struct evaluation last = evaluate(genome, job);
    assert_true(last.trained_steps == STEPS - 18);
    assert_int_equal(last.steps, STEPS);
    assert_same_file(weights, straight_weights);
    assert_same_file(state, straight_state);
    assert_same_quality(&last, &straight);
    /* What its curve led to at half of the way is known of a whole training alone. */
    double bias = straight.metrics.values[METRIC_CURVE_BIAS];
    assert_true(isfinite(bias) && last.metrics.values[METRIC_CURVE_BIAS] == bias);
    assert_true(isnan(second.metrics.values[METRIC_CURVE_BIAS]));
    /* It learned meanwhile, and the rate of a rung is not that of a training that ends there. */
    assert_true(first.metrics.values[METRIC_BITS_PER_BYTE] > last.metrics.values[METRIC_BITS_PER_BYTE]);
    struct evaluation alone = evaluate(genome, (struct job){.steps = 18}),
                      rung = evaluate(genome, (struct job){.steps = 18, .schedule_steps = STEPS});
    assert_true(alone.metrics.values[METRIC_BITS_PER_BYTE] != rung.metrics.values[METRIC_BITS_PER_BYTE]);
}

/* A decay on the side is what its rates say: 30 steps at the peak, then 10 that fall, are 40 of a schedule of 40. */
static void test_side_decay(void **unused) {
    (void)unused;
    static const char genome[] = "11111-81111";
    config.train.decay = 0.25;
    config.train.warmup = 0; /* of a training of 40 steps it would be another share */
    struct evaluation whole = evaluate(genome, (struct job){.steps = 40}),
                      side = evaluate(genome, (struct job){.steps = 30, .schedule_steps = STEPS, .side_steps = 10});
    assert_same_quality(&whole, &side);
    config.train.decay = 0.2;
    config.train.warmup = 6;
}

/*
 * In the warm-up the rate decays from where it is. 3 of 6 steps of warm-up end at half of the peak, and 3 of decay
 * follow: a whole training of 6 steps, half of them warm-up, with half the peak.
 */
static void test_side_decay_in_warm_up(void **unused) {
    (void)unused;
    static const char genome[] = "11111-81111";
    struct evaluation side = evaluate(genome, (struct job){.steps = 3, .schedule_steps = STEPS, .side_steps = 3});
    config.train.learning_rate /= 2;
    config.train.final_rate *= 2;
    config.train.decay = 0.5;
    config.train.warmup = 30; /* of 60 */
    struct evaluation whole = evaluate(genome, (struct job){.steps = 6});
    config.train.learning_rate *= 2;
    config.train.final_rate /= 2;
    config.train.decay = 0.2;
    config.train.warmup = 6;
    double difference = side.metrics.values[METRIC_BITS_PER_BYTE] - whole.metrics.values[METRIC_BITS_PER_BYTE];
    assert_true(fabs(difference) < 1e-5);
}

/* A state that is cut off, of another genome, or further on: training is done anew, and gives the same. */
static void test_bad_states(void **unused) {
    (void)unused;
    static const char genome[] = "11111-81111";
    char state[TEST_PATH_BYTES], *bytes;
    size_t length;
    struct evaluation straight = evaluate(genome, (struct job){.steps = 12, .schedule_steps = STEPS});
    struct job job = {.steps = 12, .schedule_steps = STEPS, .resume_path = file("bad", state)};
    assert_ok(file_write(state, "damaged", 7));
    struct evaluation again = evaluate(genome, job);
    assert_same_quality(&again, &straight);
    assert_true(again.trained_steps == 12);
    (void)evaluate("81111-11111", (struct job){.steps = 6, .schedule_steps = STEPS, .state_path = state});
    again = evaluate(genome, job);
    assert_same_quality(&again, &straight);
    (void)evaluate(genome, (struct job){.steps = 13, .schedule_steps = STEPS, .state_path = state});
    again = evaluate(genome, job);
    assert_same_quality(&again, &straight);
    /* Cut off in the middle of the tensors, the header is good. */
    (void)evaluate(genome, (struct job){.steps = 6, .schedule_steps = STEPS, .state_path = state});
    assert_ok(file_read(state, &bytes, &length));
    assert_ok(file_write(state, bytes, length - 5000));
    free(bytes);
    again = evaluate(genome, job);
    assert_same_quality(&again, &straight);
    assert_true(again.trained_steps == 12);
}

/* ---- early stopping ---- */

static void test_stopping(void **unused) {
    (void)unused;
    static const char genome[] = "11111-41111";
    char weights[TEST_PATH_BYTES], state[TEST_PATH_BYTES];
    struct job job = {.steps = STEPS, .weights_path = file("stopped.safetensors", weights)};
    struct evaluation whole = evaluate(genome, job);
    double loss = whole.metrics.values[METRIC_BITS_PER_BYTE] * log(2);
    remove(weights);
    /* What it reaches is not above a nat more than that, so it is left to go on. */
    job.stop = (struct stop_rule){.above = loss + 1};
    struct evaluation reached = evaluate(genome, job);
    assert_false(reached.stopped);
    assert_same_quality(&reached, &whole);
    remove(weights);
    /* What others' curves led too high by is taken off: nothing is left to be above. */
    job.stop = (struct stop_rule){.above = 0.01, .bias = 100};
    assert_false(evaluate(genome, job).stopped);
    job.stop = (struct stop_rule){.above = 0.01, .spread = 100};
    assert_false(evaluate(genome, job).stopped);
    remove(weights);
    job.stop = (struct stop_rule){0};
    /* A hundredth of a nat is out of reach. */
    job.stop.above = 0.01;
    struct evaluation stopped = evaluate(genome, job);
    assert_true(stopped.stopped);
    assert_false(stopped.failed);
    assert_false(file_exists(weights));
    assert_true(stopped.trained_steps == STEPS / 2);
    int step;
    double predicted, error, needed;
    assert_int_equal(sscanf(stopped.reason, "stopped early at step %d: predicted %lf +- %lf nats, needs %lf", &step,
                            &predicted, &error, &needed),
                     4);
    assert_int_equal(step, (int)stopped.trained_steps);
    assert_true(predicted - 1.645 * error > 0.01 - 1e-3 && needed == 0.01);
    assert_true(fabs(stopped.metrics.values[METRIC_BITS_PER_BYTE] * log(2) - predicted) < 1e-3);
    assert_true(isnan(stopped.metrics.values[METRIC_TEST_BITS_PER_BYTE]));
    assert_true(stopped.metrics.values[METRIC_PARAMETERS] == whole.metrics.values[METRIC_PARAMETERS]);
    /* At the same step, to the digit, also where it was gone on with in between. */
    struct job part = {.steps = step - 2, .schedule_steps = STEPS, .state_path = file("stopping.state", state)};
    (void)evaluate(genome, part);
    job.resume_path = state;
    struct evaluation again = evaluate(genome, job);
    assert_string_equal(again.reason, stopped.reason);
    assert_true(again.trained_steps == 2);
}

/* A rate that throws the weights about: it ends as a failure long before its last step. */
static void last_step(void *context, int64_t step, int64_t steps, double loss) {
    (void)steps;
    (void)loss;
    *(int64_t *)context = step;
}

static void test_divergence(void **unused) {
    (void)unused;
    struct genome genome;
    struct evaluation evaluation;
    int64_t reached = 0;
    struct train_observer observer = {.tell = last_step, .context = &reached};
    struct job job = {.genome = &genome, .seed = 3, .steps = 2000, .observer = &observer};
    assert_ok(genome_parse("11111-81111", &genome));
    config.train.learning_rate = 1;
    config.train.warmup = 60;
    assert_ok(evaluator_evaluate(evaluator, &job, &evaluation));
    config.train.learning_rate = 1e-2;
    config.train.warmup = 6;
    print_message("  %s\n", evaluation.reason);
    assert_true(evaluation.failed);
    assert_non_null(strstr(evaluation.reason, "diverged"));
    assert_true(reached < 2000);
}

/* ---- inheritance ---- */

static void read_tensor(const char *path, const char *name, struct shape shape, float *elements) {
    struct tensors *tensors;
    assert_ok(tensors_open(path, &tensors));
    assert_ok(tensors_read(tensors, name, shape, elements));
    tensors_destroy(tensors);
}

static bool same_tensor(const char *a, const char *a_name, const char *b, const char *b_name, int rows, int columns) {
    static float x[256 * WIDTH * 4], y[256 * WIDTH * 4];
    struct shape shape = {rows, columns};
    read_tensor(a, a_name, shape, x);
    read_tensor(b, b_name, shape, y);
    return memcmp(x, y, shape_elements(shape) * sizeof *x) == 0;
}

/* Trains the parent, then gives the child its weights without learning anything more: what the child began with. */
static void breed_files(const char *parent, const char *child, const struct liv_source *sources, char *parent_path,
                        char *child_path, char *drawn_path) {
    static struct genome genome;
    assert_ok(genome_parse(parent, &genome));
    struct inheritance inheritance = {.parents = {&genome}, .weights = {parent_path}, .sources = sources};
    (void)evaluate(parent, (struct job){.steps = 10, .weights_path = file("parent", parent_path)});
    config.train.learning_rate = 0;
    (void)evaluate(child, (struct job){.steps = 1, .weights_path = file("drawn", drawn_path)});
    (void)evaluate(child,
                   (struct job){.steps = 1, .weights_path = file("child", child_path), .inheritance = &inheritance});
    config.train.learning_rate = 1e-2;
}

/* A child that is its parent begins at the parent's loss, to the digit. */
static void test_equal_child(void **unused) {
    (void)unused;
    static const char text[] = "11311-11312";
    struct genome genome;
    char path[TEST_PATH_BYTES];
    struct liv_source sources[GENOME_MAX_DEPTH] = {{0, 0}, {0, 1}};
    struct inheritance inheritance = {.parents = {&genome}, .weights = {path}, .sources = sources};
    assert_ok(genome_parse(text, &genome));
    struct evaluation parent = evaluate(text, (struct job){.steps = 20, .weights_path = file("parent", path)});
    config.train.learning_rate = 0;
    struct evaluation child = evaluate(text, (struct job){.steps = 1, .inheritance = &inheritance});
    config.train.learning_rate = 1e-2;
    assert_same_quality(&parent, &child);
    /* It goes on learning from there. */
    struct evaluation trained = evaluate(text, (struct job){.steps = 20, .inheritance = &inheritance});
    assert_true(trained.metrics.values[METRIC_BITS_PER_BYTE] < parent.metrics.values[METRIC_BITS_PER_BYTE]);
}

/* One LIV changed: it alone is as drawn, and everything else is the parent's. */
static void test_changed_liv(void **unused) {
    (void)unused;
    char parent[TEST_PATH_BYTES], child[TEST_PATH_BYTES], drawn[TEST_PATH_BYTES];
    struct liv_source sources[GENOME_MAX_DEPTH] = {{0, 0}, {SOURCE_NEW, 0}};
    breed_files("11111-81111", "11111-11111", sources, parent, child, drawn);
    static const struct {
        const char *name;
        int rows, columns;
        bool inherited;
    } tensors[] = {{"embedding.weight", 256, WIDTH, true},
                   {"output.weight", WIDTH, 256, true},
                   {"norm.gain", 1, WIDTH, true},
                   {"liv.00.norm.gain", 1, WIDTH, true},
                   {"liv.00.C.weight", WIDTH, WIDTH, true},
                   {"liv.00.B.weight", WIDTH, WIDTH, true},
                   {"liv.00.V.weight", WIDTH, WIDTH, true},
                   {"liv.00.out.weight", WIDTH, WIDTH, true},
                   {"liv.01.norm.gain", 1, WIDTH, false},
                   {"liv.01.C.weight", WIDTH, WIDTH, false},
                   {"liv.01.out.weight", WIDTH, WIDTH, false}};
    for (size_t i = 0; i < sizeof tensors / sizeof *tensors; i++) {
        const char *name = tensors[i].name;
        if (!same_tensor(child, name, tensors[i].inherited ? parent : drawn, name, tensors[i].rows, tensors[i].columns))
            fail_test("%s is not %s", name, tensors[i].inherited ? "the parent's" : "as it was drawn");
        if (tensors[i].inherited)
            assert_false(same_tensor(child, name, drawn, name, tensors[i].rows, tensors[i].columns));
    }
}

/*
 * The parent's LIVs 0 and 1 share the weights of B and V, and 1 hands B and V to 2. A child's LIV that comes from 2 has
 * C and out from 2, and B and V from 0; one that comes from 1 has C from 1.
 */
static void test_shared_weights(void **unused) {
    (void)unused;
    char parent[TEST_PATH_BYTES], child[TEST_PATH_BYTES], drawn[TEST_PATH_BYTES];
    struct liv_source sources[GENOME_MAX_DEPTH] = {{0, 2}, {SOURCE_NEW, 0}, {0, 1}};
    breed_files("11311-11322-12122", "11111-81111-12111", sources, parent, child, drawn);
    static const char *const origins[][2] = {
        {"liv.00.C.weight", "liv.02.C.weight"},     {"liv.00.B.weight", "liv.00.B.weight"},
        {"liv.00.V.weight", "liv.00.V.weight"},     {"liv.00.out.weight", "liv.02.out.weight"},
        {"liv.02.C.weight", "liv.01.C.weight"},     {"liv.02.B.weight", "liv.00.B.weight"},
        {"liv.02.out.weight", "liv.01.out.weight"},
    };
    for (size_t i = 0; i < sizeof origins / sizeof *origins; i++)
        if (!same_tensor(child, origins[i][0], parent, origins[i][1], WIDTH, WIDTH))
            fail_test("%s is not the parent's %s", origins[i][0], origins[i][1]);
}

/* Of two parents each gives its LIVs; a child that shares takes what its first member brings. */
static void test_two_parents(void **unused) {
    (void)unused;
    char first[TEST_PATH_BYTES], second[TEST_PATH_BYTES], child[TEST_PATH_BYTES];
    struct genome a, b;
    struct liv_source sources[GENOME_MAX_DEPTH] = {{1, 1}, {0, 0}};
    struct inheritance inheritance = {.parents = {&a, &b}, .weights = {first, second}, .sources = sources};
    assert_ok(genome_parse("11111-81111", &a));
    assert_ok(genome_parse("41111-11111", &b));
    (void)evaluate("11111-81111", (struct job){.steps = 10, .weights_path = file("first", first)});
    (void)evaluate("41111-11111", (struct job){.steps = 10, .weights_path = file("second", second)});
    config.train.learning_rate = 0;
    (void)evaluate("11311-11311",
                   (struct job){.steps = 1, .weights_path = file("child", child), .inheritance = &inheritance});
    config.train.learning_rate = 1e-2;
    assert_true(same_tensor(child, "liv.00.B.weight", second, "liv.01.B.weight", WIDTH, WIDTH));
    assert_true(same_tensor(child, "liv.01.C.weight", first, "liv.00.C.weight", WIDTH, WIDTH));
    assert_true(same_tensor(child, "embedding.weight", first, "embedding.weight", 256, WIDTH));
    /* A file that is not there is not the candidate's failure: nothing more could be compared with what was. */
    struct job job = {.genome = &a, .seed = 3, .steps = 1, .inheritance = &inheritance};
    struct evaluation evaluation;
    assert_int_equal(remove(second), 0);
    assert_fails(evaluator_evaluate(evaluator, &job, &evaluation), STATUS_FAILED, second);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_side_decay),
        cmocka_unit_test(test_side_decay_in_warm_up),
        cmocka_unit_test(test_bad_states),
        cmocka_unit_test(test_stopping),
        cmocka_unit_test(test_divergence),
        cmocka_unit_test(test_equal_child),
        cmocka_unit_test(test_changed_liv),
        cmocka_unit_test(test_shared_weights),
        cmocka_unit_test(test_two_parents),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
