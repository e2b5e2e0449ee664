/* The rules by which trainings are given up, by hand. */
#include "test.h"

#include "run/stopping.h"

#include <math.h>

static const enum metric objectives[] = {METRIC_BITS_PER_BYTE, METRIC_PARAMETERS, METRIC_CACHE_BYTES};

static struct metrics measured(double nats, double parameters, double cache, double bias) {
    struct metrics metrics = metrics_absent();
    metrics.values[METRIC_BITS_PER_BYTE] = nats / log(2);
    metrics.values[METRIC_PARAMETERS] = parameters;
    metrics.values[METRIC_CACHE_BYTES] = cache;
    metrics.values[METRIC_CURVE_BIAS] = bias;
    return metrics;
}

static void tell(struct stopping *stopping, double nats, double parameters, double cache, double bias) {
    struct metrics metrics = measured(nats, parameters, cache, bias);
    stopping_tell(stopping, &metrics);
}

static struct stop_rule rule_of(const struct stopping *stopping, double parameters, double cache) {
    struct metrics metrics = measured(NAN, parameters, cache, NAN);
    return stopping_rule(stopping, &metrics);
}

/* Biases 0.1, 0.2, 0.3, 0.4, 0.5: mean 0.3, variance 0.025, of the next one six fifths of that. */
static void test_rule(void **unused) {
    (void)unused;
    struct stopping *stopping = stopping_create(objectives, 3);
    tell(stopping, 2.0, 100, 10, 0.1);
    tell(stopping, 1.8, 200, 10, 0.2);
    tell(stopping, 1.5, 300, 5, 0.3);
    tell(stopping, 1.9, 100, 20, 0.4);
    assert_true(isnan(rule_of(stopping, 1000, 1000).above)); /* four curves are too few */
    tell(stopping, 1.4, 300, 30, 0.5);
    struct stop_rule rule = rule_of(stopping, 1000, 1000);
    assert_true(fabs(rule.above - 1.4) < 1e-12);
    assert_true(fabs(rule.bias - 0.3) < 1e-12);
    assert_true(fabs(rule.spread - sqrt(0.03)) < 1e-12);
    /* Those that are no worse in both; equal is no worse. */
    assert_true(fabs(rule_of(stopping, 250, 15).above - 1.8) < 1e-12);
    assert_true(fabs(rule_of(stopping, 250, 20).above - 1.8) < 1e-12);
    assert_true(fabs(rule_of(stopping, 100, 20).above - 1.9) < 1e-12);
    assert_true(fabs(rule_of(stopping, 100, 10).above - 2.0) < 1e-12);
    assert_true(fabs(rule_of(stopping, 300, 29).above - 1.5) < 1e-12);
    assert_true(isnan(rule_of(stopping, 99, 1000).above));
    assert_true(isnan(rule_of(stopping, 1000, 4).above));
    /* One without a curve is known for its loss alone. */
    tell(stopping, 1.0, 50, 50, NAN);
    assert_true(fabs(rule_of(stopping, 1000, 1000).above - 1.0) < 1e-12);
    assert_true(fabs(rule_of(stopping, 1000, 1000).bias - 0.3) < 1e-12);
    stopping_destroy(stopping);
}

static bool applies(const enum metric *metrics, int count) {
    struct stopping *stopping = stopping_create(metrics, count);
    for (int i = 0; i < 9; i++)
        tell(stopping, 1 + i, 100, 10, 0.1);
    bool gives = rule_of(stopping, 100, 10).above > 0;
    stopping_destroy(stopping);
    return gives;
}

/* What is timed, or another quality, is not known before training: such a candidate may be wanted for it. */
static void test_objectives(void **unused) {
    (void)unused;
    assert_true(applies(objectives, 3));
    assert_true(applies(objectives, 1));
    assert_true(applies((enum metric[]){METRIC_PARAMETERS, METRIC_PERPLEXITY}, 2));
    assert_false(applies((enum metric[]){METRIC_BITS_PER_BYTE, METRIC_DECODE_US}, 2));
    assert_false(applies((enum metric[]){METRIC_ACCURACY, METRIC_PARAMETERS}, 2));
    assert_false(applies((enum metric[]){METRIC_PARAMETERS, METRIC_CACHE_BYTES}, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rule),
        cmocka_unit_test(test_objectives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
