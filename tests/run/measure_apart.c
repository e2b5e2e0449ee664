/*
 * Measuring in several processes. The processes are this program, which then plays starcl: called with "show", it
 * prints the next of the values in a file, or does what the file says.
 */
#include "test.h"

#include "base/file.h"
#include "base/process.h"
#include "run/measure_apart.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES];

/* ---- the part of starcl ---- */

/* The script has a line a process, the first of which is taken off; the call is appended to `calls`. */
static int play(int count, char **words) {
    char line[256] = "", rest[4096];
    FILE *script = fopen("script", "r"), *calls = fopen("calls", "a");
    if (!script || !calls || !fgets(line, sizeof line, script))
        return 3;
    rest[fread(rest, 1, sizeof rest - 1, script)] = '\0';
    fclose(script);
    script = fopen("script", "w");
    fputs(rest, script);
    fclose(script);
    for (int i = 1; i < count; i++)
        fprintf(calls, "%s ", words[i]);
    fclose(calls);
    double value = atof(line);
    if (strncmp(line, "fails", 5) == 0)
        return fprintf(stderr, "starcl: the device has no memory\n"), 1;
    if (strncmp(line, "refuses", 7) == 0)
        return fprintf(stderr, "starcl: no such run\n"), 2;
    if (strncmp(line, "dies", 4) == 0)
        return raise(SIGKILL);
    if (strncmp(line, "stops", 5) == 0)
        return 130;
    if (strncmp(line, "babbles", 7) == 0)
        return puts("{}"), 0;
    printf("{\"measured\": {\"decode_us\": {\"value\": %.17g, \"low\": 1, \"high\": 2}, "
           "\"prefill_tokens_per_s\": {\"value\": %.17g}}}",
           value, 10 * value);
    return 0;
}

/* ---- tests ---- */

static struct run_config config;

static status measure(const char *script, struct evaluation *evaluation) {
    bool wanted[METRICS] = {
        [METRIC_DECODE_US] = true, [METRIC_PREFILL_TOKENS_PER_S] = true, [METRIC_PARAMETERS] = true};
    assert_ok(file_write("script", script, strlen(script)));
    assert_ok(file_write("calls", "", 0));
    *evaluation = (struct evaluation){.seconds = 0};
    return measure_apart("runs/a", 7, &config, "0.1/2:1", wanted, evaluation);
}

static void test_interval(void **unused) {
    (void)unused;
    struct evaluation evaluation;
    char *calls;
    size_t length;
    /* Mean 210; t is 3.182 with 4 values. */
    assert_ok(measure("200\n205\n215\n220\n999\n", &evaluation));
    const double deviation = sqrt((100 + 25 + 25 + 100) / 3.0), half = 3.182 * deviation / 2;
    assert_false(evaluation.failed);
    assert_true(fabs(evaluation.metrics.values[METRIC_DECODE_US] - 210) < 1e-9);
    assert_true(fabs(evaluation.low.values[METRIC_DECODE_US] - (210 - half)) < 1e-9);
    assert_true(fabs(evaluation.high.values[METRIC_DECODE_US] - (210 + half)) < 1e-9);
    assert_true(fabs(evaluation.metrics.values[METRIC_PREFILL_TOKENS_PER_S] - 2100) < 1e-9);
    assert_true(isnan(evaluation.metrics.values[METRIC_PARAMETERS]) && isnan(evaluation.low.values[METRIC_PARAMETERS]));
    assert_ok(file_read("calls", &calls, &length));
    static const char call[] = "show --measure --json --set search.measure.seconds=0.5 --device 0.1/2:1 "
                               "--only decode_us --only prefill_tokens_per_s -- runs/a:7 ";
    assert_int_equal(length, 4 * strlen(call)); /* four processes, which share two seconds */
    assert_memory_equal(calls, call, strlen(call));
    free(calls);
}

/* 1 and 100 may be of a mean below 0, as far as Student can tell; times are not. */
static void test_wide(void **unused) {
    (void)unused;
    struct evaluation evaluation;
    assert_ok(measure("1\n100\n1\n1\n", &evaluation));
    assert_true(evaluation.low.values[METRIC_DECODE_US] == 0 && evaluation.high.values[METRIC_DECODE_US] > 100);
}

static void test_nothing(void **unused) {
    (void)unused;
    static const bool wanted[METRICS] = {[METRIC_BITS_PER_BYTE] = true, [METRIC_TRAIN_TOKENS_PER_S] = true};
    struct evaluation evaluation = {.seconds = 0};
    assert_ok(file_write("calls", "", 0));
    assert_ok(measure_apart("runs/a", 7, &config, "0.1/2:1", wanted, &evaluation));
    char *calls;
    size_t length;
    assert_ok(file_read("calls", &calls, &length));
    assert_int_equal(length, 0);
    free(calls);
    assert_true(isnan(evaluation.metrics.values[METRIC_TRAIN_TOKENS_PER_S]));
}

static void test_failures(void **unused) {
    (void)unused;
    struct evaluation evaluation;
    assert_ok(measure("200\nfails\n200\n", &evaluation));
    assert_true(evaluation.failed);
    assert_string_equal(evaluation.reason, "the device has no memory");
    assert_true(isnan(evaluation.metrics.values[METRIC_DECODE_US]));
    assert_ok(measure("dies\n", &evaluation));
    assert_true(evaluation.failed);
    assert_string_equal(evaluation.reason, "the process that measured it was ended by signal 9");
    assert_fails(measure("refuses\n", &evaluation), STATUS_FAILED, "a process that measures ended with 2: no such run");
    assert_fails(measure("babbles\n", &evaluation), STATUS_FAILED,
                 "a process that measures printed no measurement: {}");
    assert_int_equal(measure("200\nstops\n", &evaluation), STATUS_INTERRUPTED);
}

static void test_whether(void **unused) {
    (void)unused;
    assert_true(measures_apart(&config));
    config.search.measure.processes = 1;
    assert_false(measures_apart(&config));
    config.search.measure.processes = 4;
}

static int set_up(void **unused) {
    (void)unused;
    assert_ok(config_load_text("processes", "search = { measure = { seconds = 2.0; processes = 4; }; };", NULL, 0,
                               false, &config));
    assert_false(measures_apart(&config)); /* nobody has said that this is a program */
    process_set_own("starcl");
    if (test_make_folder(folder) != 0)
        return -1;
    return chdir(folder);
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interval), cmocka_unit_test(test_wide),    cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_whether),
    };
    if (count > 1 && strcmp(words[1], "show") == 0)
        return play(count, words);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
