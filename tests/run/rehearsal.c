/* Kernels of the next candidates, built while one trains: all of them, and nothing else changes. */
#include "test.h"

#include "base/file.h"
#include "run/evaluator.h"
#include "run/rehearsal.h"

#include <string.h>
#include <unistd.h>

static struct catalogue catalogue;
static struct run_config config;
static char folder[TEST_PATH_BYTES], text_path[TEST_PATH_BYTES + 8];

static int set_up(void **unused) {
    (void)unused;
    char text[8000];
    int outcome = test_make_folder(folder);
    snprintf(text_path, sizeof text_path, "%s/text", folder);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i * i / 7 % 5);
    assert_ok(file_write(text_path, text, sizeof text));
    assert_ok(catalogue_read(NULL, &catalogue));
    return outcome;
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

/* With a cache of its own that is empty. */
static struct evaluator *open_evaluator(const char *assignment, struct task_list *tasks) {
    static int caches;
    struct evaluator *evaluator;
    char path[sizeof text_path + 16], cache[TEST_PATH_BYTES + 16];
    snprintf(cache, sizeof cache, "%s/cache-%d", folder, caches++);
    assert_int_equal(setenv("XDG_CACHE_HOME", cache, 1), 0);
    snprintf(path, sizeof path, "data.path=%s", text_path);
    const char *assignments[] = {path, assignment};
    assert_ok(config_load_text("sizes",
                               "model = { width = 32; context = 16; head_channels = 16; depth = 2; };"
                               "train = { steps = 6; batch = 4; warmup = 1; validation_batches = 2; };"
                               "search = { objectives = [ \"bits_per_byte\", \"decode_us\" ];"
                               "           measure = { context = 16; seconds = 0.1; }; };",
                               assignments, 2, true, &config));
    assert_ok(config_open_tasks(&config, tasks));
    assert_ok(evaluator_create(&config, "", &catalogue, tasks, &evaluator));
    return evaluator;
}

/* Gives the other thread time to begin. */
static void tell(void *context, int64_t step, int64_t steps, double loss) {
    (void)context, (void)steps, (void)loss;
    if (step == 1)
        usleep(100000);
}

static void evaluate(struct evaluator *evaluator, const struct genome *genome, struct evaluation *evaluation) {
    struct train_observer observer = {.tell = tell};
    struct job job = {.genome = genome, .seed = 1, .steps = config.train.steps, .observer = &observer};
    assert_ok(evaluator_evaluate(evaluator, &job, evaluation));
    if (evaluation->failed)
        fail_test("%s", evaluation->reason);
}

static const char *const genomes[] = {"11111-81111", "41111-51111"};

/* What each of them comes to, the second one's kernels being built ahead or not; what was built until the first and in
 * all. */
static void evaluate_both(const char *assignment, struct evaluation evaluations[2], struct build_statistics built[2]) {
    struct task_list tasks;
    struct genome first, second;
    struct evaluator *evaluator = open_evaluator(assignment, &tasks);
    assert_ok(genome_parse(genomes[0], &first));
    assert_ok(genome_parse(genomes[1], &second));
    evaluator_expect(evaluator, &second, 1);
    evaluate(evaluator, &first, &evaluations[0]);
    built[0] = device_build_statistics(evaluator_device(evaluator));
    evaluate(evaluator, &second, &evaluations[1]);
    built[1] = device_build_statistics(evaluator_device(evaluator));
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
}

static void test_builds_ahead(void **unused) {
    (void)unused;
    struct evaluation with[2], without[2];
    struct build_statistics built[2];
    evaluate_both("devices.build_ahead=false", without, built);
    assert_int_equal(built[1].programs_background, 0);
    int first = built[0].programs_waited, second = built[1].programs_waited - first;
    int launches = built[1].launches_waited;
    assert_true(first > 2 && second > 1);
    assert_int_equal(built[1].launches_background, 0);
    evaluate_both("devices.build_ahead=true", with, built);
    /* Measuring waits for the rehearsal, which has measured, too: the first one's decoding is there then. */
    assert_true(built[0].programs_waited <= first);
    assert_int_equal(built[1].programs_waited, built[0].programs_waited);
    assert_int_equal(built[1].programs_waited + built[1].programs_background, first + second);
    assert_int_equal(built[1].launches_waited, built[0].launches_waited);
    assert_int_equal(built[1].launches_waited + built[1].launches_background, launches);
    for (int i = 0; i < 2; i++) {
        const double *a = with[i].metrics.values, *b = without[i].metrics.values;
        assert_memory_equal(&a[METRIC_BITS_PER_BYTE], &b[METRIC_BITS_PER_BYTE], sizeof *a);
        assert_memory_equal(&a[METRIC_TEST_BITS_PER_BYTE], &b[METRIC_TEST_BITS_PER_BYTE], sizeof *a);
    }
}

/* Who waits for a rehearsal finds all that training, its evaluation and measuring need. */
static void test_leaves_nothing(void **unused) {
    (void)unused;
    struct task_list tasks;
    struct genome genome;
    struct evaluation evaluation;
    struct evaluator *evaluator = open_evaluator("devices.build_ahead=false", &tasks);
    struct device *device = evaluator_device(evaluator);
    struct rehearsal *rehearsal = rehearsal_create(device, &config, &catalogue, &tasks);
    assert_non_null(rehearsal);
    assert_ok(genome_parse(genomes[1], &genome));
    rehearsal_expect(rehearsal, &genome, 1);
    rehearsal_go_on(rehearsal);
    for (int i = 0; i < 60000 && device_build_statistics(device).programs_background == 0; i++)
        usleep(1000);
    rehearsal_await(rehearsal, &genome);
    evaluate(evaluator, &genome, &evaluation);
    struct build_statistics built = device_build_statistics(device);
    assert_true(built.launches_background > 0);
    assert_int_equal(built.programs_waited, 0);
    assert_int_equal(built.launches_waited, 0);
    rehearsal_destroy(rehearsal);
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
}

/* A rehearsal that fails, for want of memory here, is nobody's failure. */
static void test_failing_rehearsal(void **unused) {
    (void)unused;
    struct evaluation evaluations[2];
    struct build_statistics built[2];
    evaluate_both("devices.memory=1", evaluations, built);
    assert_int_equal(built[1].programs_background, 0);
    assert_true(built[1].programs_waited > built[0].programs_waited);
}

/* What is timed while training is timed alone. */
static void test_undisturbed(void **unused) {
    (void)unused;
    struct evaluation evaluations[2];
    struct build_statistics built[2];
    evaluate_both("search.objectives=[\"bits_per_byte\", \"train_tokens_per_s\"]", evaluations, built);
    assert_int_equal(built[1].programs_background, 0);
}

/* A build that has begun is waited for at the end, and the rest of the rehearsal is not. */
static void test_closing(void **unused) {
    (void)unused;
    struct task_list tasks;
    struct genome first, second;
    struct evaluation evaluation;
    struct evaluator *evaluator = open_evaluator("search.objectives=[\"bits_per_byte\"]", &tasks);
    assert_ok(genome_parse(genomes[0], &first));
    assert_ok(genome_parse(genomes[1], &second));
    evaluator_expect(evaluator, &second, 1);
    evaluate(evaluator, &first, &evaluation);
    evaluator_destroy(evaluator);
    task_list_close(&tasks);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_builds_ahead),      cmocka_unit_test(test_leaves_nothing),
        cmocka_unit_test(test_failing_rehearsal), cmocka_unit_test(test_undisturbed),
        cmocka_unit_test(test_closing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
