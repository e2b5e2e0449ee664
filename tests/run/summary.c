/* Means, standard errors and what is within noise, worked out by hand; and the direction of objectives. */
#include "test.h"

#include "run/evaluator.h"
#include "run/summary.h"

#include <math.h>
#include <string.h>

static struct evaluation evaluation(unsigned long long seed, long long steps, double bits) {
    struct evaluation result = {.seed = seed, .steps = steps, .seconds = 2};
    result.metrics = result.low = result.high = metrics_absent();
    result.metrics.values[METRIC_BITS_PER_BYTE] = bits;
    result.metrics.values[METRIC_PARAMETERS] = 1000;
    return result;
}

static bool near(double a, double b) {
    return fabs(a - b) < 1e-12;
}

static void test_means(void **unused) {
    (void)unused;
    /* Seed 1 was evaluated on two devices, and one evaluation is of another length. */
    struct evaluation all[] = {evaluation(1, 10, 2.0), evaluation(1, 10, 9.0), evaluation(2, 10, 2.3),
                               evaluation(3, 10, 2.6), evaluation(1, 40, 1.5)};
    struct summary summary = summarise(all, 5, 10);
    assert_int_equal(summary.seeds, 3);
    assert_false(summary.failed);
    assert_true(near(summary.seconds, 6));
    assert_true(near(summary.mean.values[METRIC_BITS_PER_BYTE], 2.3));
    /* sqrt((0.09 + 0 + 0.09) / 2) / sqrt(3) */
    assert_true(near(summary.errors.values[METRIC_BITS_PER_BYTE], sqrt(0.03)));
    assert_true(near(summary.mean.values[METRIC_PARAMETERS], 1000));
    assert_true(summary.errors.values[METRIC_PARAMETERS] == 0);
    assert_true(isnan(summary.mean.values[METRIC_PEAK_BYTES]));
    struct summary longer = summarise(all, 5, 40);
    assert_int_equal(longer.seeds, 1);
    assert_true(near(longer.mean.values[METRIC_BITS_PER_BYTE], 1.5));
    assert_true(isnan(longer.errors.values[METRIC_BITS_PER_BYTE]));
    assert_int_equal(summarise(all, 5, 20).seeds, 0);
}

static void test_failures(void **unused) {
    (void)unused;
    struct evaluation all[] = {evaluation(1, 10, 2.0), evaluation(2, 10, 2.3)};
    all[1].failed = true;
    strcpy(all[1].reason, "diverged");
    struct summary summary = summarise(all, 2, 10);
    assert_true(summary.failed);
    assert_string_equal(summary.reason, "diverged");
    assert_true(isnan(summary.mean.values[METRIC_BITS_PER_BYTE]));
}

static struct summary summary_of(double mean, double error) {
    struct summary summary = {.seeds = 3};
    summary.mean.values[METRIC_BITS_PER_BYTE] = mean;
    summary.errors.values[METRIC_BITS_PER_BYTE] = error;
    return summary;
}

/* The standard error of a difference of means with errors 0.3 and 0.4 is 0.5; t is 2.776 with 3 + 3 seeds, 12.706 with
 * 2 + 1, and between the rows for 10 and 15 that for 10, 2.228, with 8 + 8. */
static void test_noise(void **unused) {
    (void)unused;
    struct summary a = summary_of(2, 0.3), inside = summary_of(3.38, 0.4), outside = summary_of(3.39, 0.4);
    struct summary unknown = summary_of(2, NAN), exact = summary_of(2, 0);
    assert_true(within_noise(&a, &inside, METRIC_BITS_PER_BYTE));
    assert_true(within_noise(&inside, &a, METRIC_BITS_PER_BYTE));
    assert_false(within_noise(&a, &outside, METRIC_BITS_PER_BYTE));
    assert_false(within_noise(&a, &unknown, METRIC_BITS_PER_BYTE));
    assert_false(within_noise(&exact, &exact, METRIC_BITS_PER_BYTE));
    a.seeds = 2;
    outside.seeds = 1;
    assert_true(within_noise(&a, &outside, METRIC_BITS_PER_BYTE));
    a.seeds = inside.seeds = 8;
    inside.mean.values[METRIC_BITS_PER_BYTE] = 3.11;
    assert_true(within_noise(&a, &inside, METRIC_BITS_PER_BYTE));
    inside.mean.values[METRIC_BITS_PER_BYTE] = 3.12;
    assert_false(within_noise(&a, &inside, METRIC_BITS_PER_BYTE));
}

static void test_direction(void **unused) {
    (void)unused;
    assert_true(metric_objective(METRIC_BITS_PER_BYTE, 2) < metric_objective(METRIC_BITS_PER_BYTE, 3));
    assert_true(metric_objective(METRIC_TRAIN_TOKENS_PER_S, 3) < metric_objective(METRIC_TRAIN_TOKENS_PER_S, 2));
}

/* The first seed is the run's own; no two are equal, of one run or of neighbouring ones. */
static void test_seeds(void **unused) {
    (void)unused;
    static struct run_config one, two;
    one.run.seed = 1;
    two.run.seed = 2;
    uint64_t seeds[8];
    for (int i = 0; i < 4; i++) {
        seeds[i] = config_seed(&one, i);
        seeds[4 + i] = config_seed(&two, i);
    }
    assert_int_equal(seeds[0], 1);
    assert_int_equal(seeds[4], 2);
    for (int i = 0; i < 8; i++) {
        assert_true(seeds[i] < UINT64_C(1) << 53);
        for (int j = 0; j < i; j++)
            assert_int_not_equal(seeds[i], seeds[j]);
    }
}

/* What was measured again takes the place of what the device did then, and of nothing else. */
static void test_measured_again(void **unused) {
    (void)unused;
    struct evaluation evaluations[] = {evaluation(1, 0, NAN), evaluation(1, 100, 2), evaluation(2, 100, 4)};
    evaluations[0].metrics.values[METRIC_DECODE_US] = 700;
    evaluations[0].low.values[METRIC_DECODE_US] = 690;
    evaluations[0].high.values[METRIC_DECODE_US] = 710;
    evaluations[0].metrics.values[METRIC_PARAMETERS] = 1;
    evaluations[1].low.values[METRIC_DECODE_US] = 490;
    evaluations[1].metrics.values[METRIC_DECODE_US] = 500;
    evaluations[2].metrics.values[METRIC_DECODE_US] = 600;
    evaluations[1].metrics.values[METRIC_TRAIN_TOKENS_PER_S] =
        evaluations[2].metrics.values[METRIC_TRAIN_TOKENS_PER_S] = 9;
    struct summary summary = summarise(evaluations, 3, 100);
    assert_true(near(summary.mean.values[METRIC_DECODE_US], 550));
    assert_true(near(summary.judged.values[METRIC_DECODE_US], 550));
    assert_true(isnan(summary.low.values[METRIC_DECODE_US])); /* of two seeds there is an error, and no interval */
    summary_measured_again(evaluations, 3, &summary);
    assert_true(near(summary.mean.values[METRIC_DECODE_US], 700));
    assert_true(isnan(summary.errors.values[METRIC_DECODE_US])); /* of one measurement */
    assert_true(summary.low.values[METRIC_DECODE_US] == 690 && summary.high.values[METRIC_DECODE_US] == 710);
    assert_true(near(summary.judged.values[METRIC_DECODE_US], 710));
    assert_true(near(summary.judged.values[METRIC_PARAMETERS], 1000));
    assert_true(isnan(summary.low.values[METRIC_PARAMETERS]));
    assert_true(near(summary.mean.values[METRIC_BITS_PER_BYTE], 3));
    assert_true(near(summary.mean.values[METRIC_PARAMETERS], 1000));
    assert_true(near(summary.mean.values[METRIC_TRAIN_TOKENS_PER_S], 9));
    assert_int_equal(summary.seeds, 2);
    summary_measured_again(evaluations + 1, 2, &summary); /* none of 0 steps */
    assert_true(near(summary.mean.values[METRIC_DECODE_US], 700));
    assert_false(summary.failed);
    /* What could not be measured again has failed. */
    evaluations[0].failed = true;
    strcpy(evaluations[0].reason, "lost");
    summary_measured_again(evaluations, 3, &summary);
    assert_true(summary.failed);
    assert_string_equal(summary.reason, "lost");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_measured_again), cmocka_unit_test(test_means),     cmocka_unit_test(test_failures),
        cmocka_unit_test(test_noise),          cmocka_unit_test(test_direction), cmocka_unit_test(test_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
