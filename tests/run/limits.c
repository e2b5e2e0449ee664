/* Metrics and limits: names, units, how values read and print, what exceeds a limit and by how much. */
#include "test.h"

#include "base/text.h"
#include "run/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct run_config config;

/* ---- metrics ---- */

static void test_table(void **unused) {
    (void)unused;
    for (int m = 0; m < METRICS; m++) {
        const struct metric_information *row = &metric_table[m];
        assert_non_null(row->name);
        assert_true(strlen(row->name) < CLASS_NAME_BYTES); /* a config's lists hold them */
        assert_int_equal(metric_find(row->name), m);
        assert_int_equal(row->repeatable, row->kind != METRIC_DEVICE);
        assert_int_equal(metric_varies((enum metric)m), row->kind != METRIC_STATIC);
        bool more_is_worse = metric_objective((enum metric)m, 3) > metric_objective((enum metric)m, 2);
        assert_int_equal(more_is_worse, !row->larger_is_better);
    }
    assert_int_equal(metric_find("parametres"), METRICS);
    assert_true(metric_table[METRIC_PREFILL_TOKENS_PER_S].larger_is_better);
    assert_false(metric_table[METRIC_ENERGY_UJ].larger_is_better);
}

static void check_text(enum metric metric, double value, const char *expected) {
    char buffer[TEXT_NUMBER_BYTES];
    assert_string_equal(metric_text(metric, value, buffer), expected);
}

static void test_text(void **unused) {
    (void)unused;
    check_text(METRIC_DECODE_US, 7.126, "7.13 us");
    check_text(METRIC_DECODE_US, 812.4, "812 us");
    check_text(METRIC_DECODE_US, 999.6, "1.00 ms");
    check_text(METRIC_FIRST_TOKEN_US, 51230, "51.2 ms");
    check_text(METRIC_FIRST_TOKEN_US, 7.5e9, "7500 s");
    check_text(METRIC_ENERGY_UJ, 0.5, "0.50 uJ");
    check_text(METRIC_ENERGY_UJ, 2.5e6, "2.50 J");
    check_text(METRIC_ACCURACY, 0.98765, "0.9877");
    check_text(METRIC_PEAK_BYTES, 65536, "64.0 KiB");
    check_text(METRIC_PREFILL_TOKENS_PER_S, 45200, "45.2k");
    check_text(METRIC_DECODE_US, NAN, "-");
}

/* ---- units ---- */

static double parsed(enum metric metric, const char *text) {
    double value = NAN;
    assert_ok(limit_parse(metric, text, &value));
    return value;
}

static void test_units(void **unused) {
    (void)unused;
    double value;
    assert_true(parsed(METRIC_CACHE_BYTES, "64 KiB") == 65536);
    assert_true(parsed(METRIC_CACHE_BYTES, "64kB") == 64000);
    assert_true(parsed(METRIC_PEAK_BYTES, "0.5 GiB") == 536870912);
    assert_true(parsed(METRIC_DECODE_US, "5 ms") == 5000);
    assert_true(parsed(METRIC_DECODE_P95_US, "5us") == 5);
    assert_true(parsed(METRIC_FIRST_TOKEN_US, "1.5 s") == 1.5e6);
    assert_true(parsed(METRIC_PARAMETERS, "1.5 M") == 1.5e6);
    assert_true(parsed(METRIC_PARAMETERS, "1200") == 1200);
    assert_true(parsed(METRIC_FLOPS_PER_TOKEN, "2 G") == 2e9);
    assert_true(parsed(METRIC_TRAIN_TOKENS_PER_S, "20 k") == 20000);
    assert_true(parsed(METRIC_ENERGY_UJ, "3 mJ") == 3000);
    assert_true(fabs(parsed(METRIC_ACCURACY, "99 %") - 0.99) < 1e-12);
    assert_true(parsed(METRIC_BITS_PER_BYTE, "2.25") == 2.25);
    assert_fails(
        limit_parse(METRIC_CACHE_BYTES, "64 ms", &value), STATUS_USAGE,
        "\"64 ms\": 'ms' is no unit of cache_bytes; allowed: B, KiB, MiB, GiB, TiB, kB, MB, GB, TB, or a number "
        "without quotes");
    assert_fails(limit_parse(METRIC_DECODE_US, "5", &value), STATUS_USAGE, "\"5\" has no unit; allowed: us, ms, s, or");
    assert_fails(limit_parse(METRIC_BITS_PER_BYTE, "2 bits", &value), STATUS_USAGE,
                 "'bits' is no unit of bits_per_byte; allowed: a number alone");
    assert_fails(limit_parse(METRIC_DECODE_US, "fast", &value), STATUS_USAGE, "does not begin with a number");
    assert_fails(limit_parse(METRIC_PARAMETERS, "inf", &value), STATUS_USAGE, "does not begin with a number");
}

/* ---- violation ---- */

static void test_violation(void **unused) {
    (void)unused;
    struct limit_list limits = {.count = 3,
                                .limits = {{.metric = METRIC_CACHE_BYTES, .value = 1000},
                                           {.metric = METRIC_DECODE_US, .value = 500},
                                           {.metric = METRIC_ACCURACY, .value = 0.9}}};
    struct metrics metrics = metrics_absent();
    assert_true(limits_violation(&limits, &metrics) == 0); /* nothing is known yet */
    metrics.values[METRIC_CACHE_BYTES] = 1000;
    metrics.values[METRIC_DECODE_US] = 499;
    metrics.values[METRIC_ACCURACY] = 0.95;
    assert_true(limits_violation(&limits, &metrics) == 0); /* a limit itself is met */
    metrics.values[METRIC_CACHE_BYTES] = 1500;
    assert_true(fabs(limits_violation(&limits, &metrics) - 0.5) < 1e-12);
    metrics.values[METRIC_ACCURACY] = 0.45; /* half of what it must be: 100 % short */
    assert_true(fabs(limits_violation(&limits, &metrics) - 1.5) < 1e-12);
    metrics.values[METRIC_DECODE_US] = 600;
    assert_true(fabs(limits_violation(&limits, &metrics) - 1.7) < 1e-12);
    metrics.values[METRIC_PARAMETERS] = 1e12; /* no limit is on it */
    assert_true(fabs(limits_violation(&limits, &metrics) - 1.7) < 1e-12);
    metrics.values[METRIC_ACCURACY] = 0;
    assert_true(fabs(limits_violation(&limits, &metrics) - 0.7 - LIMIT_MOST_EXCESS) < 1e-3);
    assert_true(limits_any(&limits, METRIC_STATIC) && limits_any(&limits, METRIC_DEVICE));
    limits.count = 2;
    assert_false(limits_any(&limits, METRIC_TRAINED));
}

/* ---- in a config ---- */

static status load(const char *text, const char *assignment) {
    return config_load_text("the test", text, &assignment, assignment ? 1 : 0, false, &config);
}

static void test_config(void **unused) {
    (void)unused;
    assert_ok(load("", NULL));
    assert_int_equal(config.search.limits.count, 0);
    assert_int_equal(config_measure_context(&config), 128);
    assert_ok(load("search = { limits = { cache_bytes = \"64 KiB\"; decode_us = 812.5; parameters = 100000; };"
                   " objectives = [ \"bits_per_byte\", \"prefill_tokens_per_s\" ]; measure = { context = 77; }; };",
                   "search.limits.peak_bytes=0.5 GiB"));
    const struct limit_list *limits = &config.search.limits;
    assert_int_equal(limits->count, 4);
    assert_int_equal(limits->limits[0].metric, METRIC_CACHE_BYTES);
    assert_true(limits->limits[0].value == 65536 && limits->limits[1].value == 812.5);
    assert_true(limits->limits[2].value == 100000 && limits->limits[3].value == 536870912);
    assert_int_equal(config_measure_context(&config), 77);
    bool wanted[METRICS];
    int count = 0;
    config_wanted_metrics(&config, wanted);
    for (int m = 0; m < METRICS; m++)
        count += wanted[m];
    assert_int_equal(count, 6);
    assert_true(wanted[METRIC_PREFILL_TOKENS_PER_S] && wanted[METRIC_DECODE_US] && !wanted[METRIC_FIRST_TOKEN_US]);

    /* As it was written. */
    struct run_config before = config;
    char *text = config_print(&config), *again;
    assert_non_null(strstr(text, "limits = { cache_bytes = \"64 KiB\"; decode_us = 812.5; parameters = 100000.0; "
                                 "peak_bytes = \"0.5 GiB\"; };"));
    assert_ok(load(text, NULL));
    assert_memory_equal(&before, &config, sizeof config);
    again = config_print(&config);
    assert_string_equal(text, again);
    free(again);
    free(text);
    static const char *const none[] = {NULL};
    assert_ok(load("", "search.limits.cache_bytes=65536"));
    char *differences = config_differences(&before, &config, none);
    assert_string_equal(differences, "search.objectives, search.limits, search.measure.context");
    free(differences);
}

static void refused(const char *limits, const char *words) {
    char text[256];
    snprintf(text, sizeof text, "search = {\n limits = {\n %s\n }; };", limits);
    assert_fails(load(text, NULL), STATUS_USAGE, words);
}

static void test_refusals(void **unused) {
    (void)unused;
    refused("cache_byte = 5;", "the test:3: search.limits.cache_byte: is no metric, did you mean 'cache_bytes'?; "
                               "allowed: bits_per_byte, perplexity, accuracy,");
    refused("cache_bytes = \"5 ms\";",
            "the test:3: search.limits.cache_bytes: \"5 ms\": 'ms' is no unit of cache_bytes");
    refused("test_bits_per_byte = 2.0;", "selection must not see the test part");
    refused("decode_us = 0;", "a limit is above 0, not 0");
    refused("decode_us = \"-5 ms\";", "a limit is above 0, not -5000");
    refused("decode_us = true;", "search.limits.decode_us: must be a number");
    refused("decode_us = \"1.00000000000000000000000000000 ms\";", "longer than 31 characters");
    assert_fails(load("search = { limits = 5; };", NULL), STATUS_USAGE, "search.limits: must be a group: limits = {");
    assert_fails(load("", "search.limits.decode=5"), STATUS_USAGE, "--set search.limits.decode: is no metric");
    assert_fails(load("", "search.objectives=[\"decode_uss\"]"), STATUS_USAGE, "did you mean \"decode_us\"?");
    assert_fails(load("", "search.measure.precision=0"), STATUS_USAGE, "--set search.measure.precision: 0 is out of");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),     cmocka_unit_test(test_text),   cmocka_unit_test(test_units),
        cmocka_unit_test(test_violation), cmocka_unit_test(test_config), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
