/*
 * Measuring: when repeating ends, on samples that are made up; that what is asked for is measured and nothing else;
 * that times grow with the context they are measured at; and energy from a counter that a test moves.
 */
#include "test.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "run/evaluator.h"
#include "run/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct catalogue catalogue;
static struct device *device;
static char folder[TEST_PATH_BYTES];

static int set_up(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    return test_make_folder(folder);
}

static int tear_down(void **unused) {
    (void)unused;
    device_close(device);
    return test_remove_folder(folder);
}

/* ---- when it ends ---- */

struct source {
    struct random_stream random;
    double median, spread; /* samples are uniform in median +- spread */
    double seconds;        /* that one takes at least */
    int taken, interrupt_at;
};

static status take(void *context, double *sample) {
    struct source *source = context;
    for (double start = clock_seconds(); clock_seconds() < start + source->seconds;)
        continue;
    double share = random_uniform(&source->random);
    *sample = source->median + source->spread * (2 * share - 1);
    if (source->taken++ == source->interrupt_at)
        interrupt_request();
    return STATUS_OK;
}

static struct source source_of(double spread) {
    return (struct source){.random = random_open(7, 7), .median = 100, .spread = spread, .interrupt_at = -1};
}

static void test_repeating(void **unused) {
    (void)unused;
    const double median = 0.5, quantiles[] = {0.5, 0.95};
    struct interval intervals[2];
    /* Equal samples are known at once, but a tenth of the time is spent. */
    struct source equal = source_of(0);
    equal.seconds = 1e-5;
    double start = clock_seconds();
    assert_ok(measure_repeatedly(&(struct measure_budget){0.02, 2}, take, &equal, &median, 1, intervals));
    double seconds = clock_seconds() - start;
    assert_true(seconds >= 0.2 && seconds < 1.5);
    assert_true(intervals[0].value == 100 && intervals[0].low == 100 && intervals[0].high == 100);
    /* Spread ones narrow down: an interval of n such samples is some 2 * 1.96 * 50 / sqrt(n) wide, 4 % of 100
     * where n is 2401. */
    struct source spread = source_of(50);
    spread.seconds = 1e-4;
    assert_ok(measure_repeatedly(&(struct measure_budget){0.04, 5}, take, &spread, &median, 1, intervals));
    double width = intervals[0].high - intervals[0].low;
    printf("  %d samples of 100 +- 50: %.2f, %.2f to %.2f\n", spread.taken, intervals[0].value, intervals[0].low,
           intervals[0].high);
    assert_true(width <= 0.04 * intervals[0].value && width > 0 && spread.taken > 500 && spread.taken < 40000);
    assert_true(intervals[0].low <= intervals[0].value && intervals[0].value <= intervals[0].high);
    assert_true(fabs(intervals[0].value - 100) < 4);
    /* Two quantiles, each narrow at the end: that of 0.95 is at 145. */
    struct source both = source_of(50);
    both.seconds = 2e-5;
    assert_ok(measure_repeatedly(&(struct measure_budget){0.04, 1}, take, &both, quantiles, 2, intervals));
    assert_true(fabs(intervals[1].value - 145) < 4 &&
                intervals[1].high - intervals[1].low <= 0.04 * intervals[1].value);
    /* The time ends it, with what is known then. */
    struct source wide = source_of(100);
    start = clock_seconds();
    assert_ok(measure_repeatedly(&(struct measure_budget){1e-4, 0.05}, take, &wide, &median, 1, intervals));
    seconds = clock_seconds() - start;
    assert_true(seconds >= 0.05 || wide.taken > 60000);
    assert_true(intervals[0].high - intervals[0].low > 1e-4 * 100);
    /* At least one sample, which has no interval; two before it do not count. */
    struct source one = source_of(100);
    assert_ok(measure_repeatedly(&(struct measure_budget){0.02, 0}, take, &one, &median, 1, intervals));
    assert_int_equal(one.taken, 3);
    assert_true(isfinite(intervals[0].value) && isnan(intervals[0].low) && isnan(intervals[0].high));
}

static void test_interrupt(void **unused) {
    (void)unused;
    const double median = 0.5;
    struct interval interval;
    struct source source = source_of(100);
    source.interrupt_at = 5;
    assert_int_equal(measure_repeatedly(&(struct measure_budget){1e-4, 60}, take, &source, &median, 1, &interval),
                     STATUS_INTERRUPTED);
    interrupt_forget();
    assert_int_equal(source.taken, 6);
}

/*
 * Slow for a third of the time, in long stretches: the median of all samples is known to 0.1, but another hour may have
 * slow stretches for half of its time, and the interval reaches to them.
 */
static status take_by_turns(void *context, double *sample) {
    struct source *source = context;
    TRY(take(context, sample));
    if (source->taken / 8192 % 3 == 2)
        *sample += 30;
    return STATUS_OK;
}

static void test_turns(void **unused) {
    (void)unused;
    const double median = 0.5;
    struct interval interval;
    struct source source = source_of(1);
    assert_ok(measure_repeatedly(&(struct measure_budget){0.02, 60}, take_by_turns, &source, &median, 1, &interval));
    printf("  100 and 130 by turns: %.1f, %.1f to %.1f\n", interval.value, interval.low, interval.high);
    assert_true(fabs(interval.value - 100) < 1);
    assert_true(interval.low <= interval.value && interval.high >= 129);
}

/* ---- on the device ---- */

static void read_config(struct run_config *config, int context) {
    char assignment[64];
    const char *assignments[] = {assignment};
    snprintf(assignment, sizeof assignment, "search.measure.context=%d", context);
    assert_ok(config_load_text("sizes",
                               "model = { width = 64; context = 16; head_channels = 16; };"
                               "search = { measure = { seconds = 0.2; precision = 0.05; }; };",
                               assignments, 1, false, config));
}

static struct evaluation measure(const char *text, int context, const enum metric *metrics, int count) {
    static struct run_config config;
    struct genome genome;
    struct evaluation evaluation = {.seconds = 0};
    bool wanted[METRICS] = {false};
    evaluation.metrics = evaluation.low = evaluation.high = metrics_absent();
    for (int i = 0; i < count; i++)
        wanted[metrics[i]] = true;
    read_config(&config, context);
    assert_ok(genome_parse(text, &genome));
    size_t before = device_allocated_bytes(device);
    assert_ok(measure_device(device, &genome, &catalogue, &config, wanted, &evaluation));
    assert_int_equal(device_allocated_bytes(device), before);
    return evaluation;
}

static void test_what_is_asked(void **unused) {
    (void)unused;
    static const enum metric all[] = {METRIC_DECODE_US, METRIC_DECODE_P95_US, METRIC_FIRST_TOKEN_US,
                                      METRIC_PREFILL_TOKENS_PER_S, METRIC_PARAMETERS};
    struct evaluation evaluation = measure("11111-41111-81111", 64, all, 5);
    const double *values = evaluation.metrics.values;
    for (int m = 0; m < METRICS; m++) {
        bool measured = false;
        for (int i = 0; i < 4; i++)
            measured = measured || (int)all[i] == m;
        assert_int_equal(measured, !isnan(values[m]));
        if (measured && !isnan(evaluation.low.values[m]))
            assert_true(evaluation.low.values[m] <= values[m] && values[m] <= evaluation.high.values[m]);
        if (!measured)
            assert_true(isnan(evaluation.low.values[m]) && isnan(evaluation.high.values[m]));
    }
    assert_true(values[METRIC_DECODE_US] > 0 && values[METRIC_DECODE_P95_US] >= values[METRIC_DECODE_US]);
    assert_false(isnan(evaluation.low.values[METRIC_DECODE_US]));
    /* The pass over 64 tokens, which the first token waits for. */
    assert_true(values[METRIC_FIRST_TOKEN_US] > 0.5 * 64e6 / values[METRIC_PREFILL_TOKENS_PER_S]);

    static const enum metric median[] = {METRIC_DECODE_US};
    evaluation = measure("11111-41111-81111", 64, median, 1);
    assert_true(isnan(evaluation.metrics.values[METRIC_DECODE_P95_US]));
    assert_true(isnan(evaluation.metrics.values[METRIC_FIRST_TOKEN_US]));
    assert_false(isnan(evaluation.metrics.values[METRIC_DECODE_US]));
    evaluation = measure("11111-41111-81111", 64, NULL, 0);
    assert_true(isnan(evaluation.metrics.values[METRIC_DECODE_US]));
}

/* Attention reads what lies in its cache: 64 tokens' keys and values, or those of 32768, which are 16 MiB. The fastest
 * of some measurements by turns: other programs may take the machine from any of them. */
static void test_context(void **unused) {
    (void)unused;
    static const enum metric median[] = {METRIC_DECODE_US};
    double near = INFINITY, far = INFINITY;
    for (int turn = 0; turn < 3; turn++) {
        near = fmin(near, measure("11111", 64, median, 1).metrics.values[METRIC_DECODE_US]);
        far = fmin(far, measure("11111", 32768, median, 1).metrics.values[METRIC_DECODE_US]);
    }
    printf("  a token of SA-1 behind 64 others: %.0f us, behind 32768: %.0f us\n", near, far);
    assert_true(far > 3 * near);
}

static void put(const char *file, const char *text) {
    char path[TEST_PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/intel-rapl:0", folder);
    assert_ok(file_make_directory(path));
    snprintf(path, sizeof path, "%s/intel-rapl:0/%s", folder, file);
    assert_ok(file_write(path, text, strlen(text)));
}

/* A counter that stands still has used nothing; one that is missing is said before anything is measured. */
static void test_energy(void **unused) {
    (void)unused;
    static const enum metric energy[] = {METRIC_ENERGY_UJ};
    bool wanted[METRICS] = {[METRIC_ENERGY_UJ] = true}, others[METRICS] = {[METRIC_DECODE_US] = true};
    put("name", "package-0\n");
    put("energy_uj", "123456\n");
    put("max_energy_range_uj", "262143328850\n");
    setenv("STARCL_POWERCAP", folder, 1);
    assert_ok(measure_check(wanted));
    struct evaluation evaluation = measure("11111", 16, energy, 1);
    assert_true(evaluation.metrics.values[METRIC_ENERGY_UJ] == 0);
    assert_true(isnan(evaluation.metrics.values[METRIC_DECODE_US]));
    setenv("STARCL_POWERCAP", "/nowhere", 1);
    assert_fails(measure_check(wanted), STATUS_USAGE,
                 "energy_uj cannot be measured here, and search.objectives or search.limits names it: there is no "
                 "energy counter: /nowhere");
    assert_ok(measure_check(others));
    unsetenv("STARCL_POWERCAP");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeating),     cmocka_unit_test(test_turns),   cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_what_is_asked), cmocka_unit_test(test_context), cmocka_unit_test(test_energy),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
