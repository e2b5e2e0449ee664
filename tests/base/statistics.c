/* Quantiles and their intervals: by hand, against the binomial distribution from Pascal's triangle, and by simulation.
 */
#include "test.h"

#include "base/random.h"
#include "base/statistics.h"

#include <math.h>
#include <stdio.h>

/* 1, 2, ... count: the value of the j-th smallest sample is j. */
static void count_up(double *samples, int count) {
    for (int i = 0; i < count; i++)
        samples[i] = i + 1;
}

static void check_interval(int count, double quantile, double low, double high) {
    double samples[100];
    count_up(samples, count);
    struct interval interval = quantile_interval(samples, count, quantile);
    if (isnan(low))
        assert_true(isnan(interval.low) && isnan(interval.high));
    else if (interval.low != low || interval.high != high)
        fail_test("%d samples: %g to %g instead of %g to %g", count, interval.low, interval.high, low, high);
}

static void test_by_hand(void **unused) {
    (void)unused;
    double samples[] = {5, 1, 4, 2};
    sort_samples(samples, 4);
    assert_true(samples[0] == 1 && samples[1] == 2 && samples[2] == 4 && samples[3] == 5);
    assert_true(sample_quantile(samples, 4, 0.5) == 3);
    assert_true(sample_quantile(samples, 1, 0.95) == 1);
    assert_true(fabs(sample_quantile(samples, 4, 0.9) - 4.7) < 1e-12); /* 0.9 * 3 = 2.7: between 4 and 5 */
    assert_true(isnan(sample_quantile(samples, 0, 0.5)));

    /* The usual table of intervals for a median (David and Nagaraja): 1 of 6 to 8, 2 of 9 to 11, 3 of 12 to 14. */
    check_interval(5, 0.5, NAN, NAN);
    check_interval(6, 0.5, 1, 6);
    check_interval(8, 0.5, 1, 8);
    check_interval(9, 0.5, 2, 8);
    check_interval(11, 0.5, 2, 10);
    check_interval(12, 0.5, 3, 10);
    check_interval(20, 0.5, 6, 15);
    /* 0.95 to the power of 72 is below 0.025 for the first time. */
    check_interval(71, 0.95, NAN, NAN);
    assert_true(pow(0.95, 71) > 0.025 && pow(0.95, 72) < 0.025);
    double all[72];
    count_up(all, 72);
    assert_true(quantile_interval(all, 72, 0.95).high == 72);
}

/* P(low <= number of samples below the quantile < high), the probability that the interval holds it. */
static double coverage(int count, double quantile, int low, int high) {
    static double row[101];
    row[0] = 1;
    for (int n = 1; n <= count; n++) {
        for (int k = n; k > 0; k--)
            row[k] = (k < n ? row[k] * (1 - quantile) : 0) + row[k - 1] * quantile;
        row[0] *= 1 - quantile;
    }
    double sum = 0;
    for (int k = low; k < high; k++)
        sum += row[k];
    return sum;
}

static void test_coverage(void **unused) {
    (void)unused;
    double samples[100];
    count_up(samples, 100);
    for (int count = 6; count <= 100; count++) {
        struct interval interval = quantile_interval(samples, count, 0.5);
        int low = (int)interval.low, high = (int)interval.high;
        assert_true(coverage(count, 0.5, low, high) >= 0.95);
        assert_true(coverage(count, 0.5, low + 1, high - 1) < 0.95); /* none that is narrower at both ends does */
    }
    struct interval interval = quantile_interval(samples, 100, 0.95);
    assert_true(coverage(100, 0.95, (int)interval.low, (int)interval.high) >= 0.95);
}

/* Of samples with a long tail: 1 / u - 1, whose median is 1 and which has no mean. */
static void test_simulation(void **unused) {
    (void)unused;
    enum { TRIALS = 4000, COUNT = 40 };
    struct random_stream random = random_open(1, 2);
    int holds = 0;
    for (int t = 0; t < TRIALS; t++) {
        double samples[COUNT];
        for (int i = 0; i < COUNT; i++)
            samples[i] = 1 / (1 - random_uniform(&random)) - 1;
        sort_samples(samples, COUNT);
        struct interval interval = quantile_interval(samples, COUNT, 0.5);
        holds += interval.low <= 1 && 1 <= interval.high;
    }
    /* 40 samples have 0.9615; three standard errors are 0.009. */
    printf("  the interval holds the median in %.4f of the trials\n", (double)holds / TRIALS);
    assert_true(fabs((double)holds / TRIALS - coverage(COUNT, 0.5, 14, 27)) < 0.01);
}

static void test_narrow(void **unused) {
    (void)unused;
    assert_true(interval_is_narrow(&(struct interval){100, 99, 101}, 0.02));
    assert_false(interval_is_narrow(&(struct interval){100, 98, 101}, 0.02));
    assert_false(interval_is_narrow(&(struct interval){100, NAN, NAN}, 0.02));
    assert_true(interval_is_narrow(&(struct interval){-100, -101, -99}, 0.02));
}

/* 8, 10, 12: mean 10, deviation 2, standard error 2 / sqrt(3), and t is 4.303. */
static void test_mean(void **unused) {
    (void)unused;
    const double values[] = {8, 12, 10}, unknown[] = {8, NAN};
    struct interval interval = mean_interval(values, 3);
    double half = 4.303 * 2 / sqrt(3);
    assert_true(interval.value == 10);
    assert_true(fabs(interval.low - (10 - half)) < 1e-12 && fabs(interval.high - (10 + half)) < 1e-12);
    interval = mean_interval(values, 1);
    assert_true(interval.value == 8 && isnan(interval.low) && isnan(interval.high));
    assert_true(isnan(mean_interval(unknown, 2).value));
    assert_true(student_t(1) == 12.706 && student_t(7) == 2.447 && student_t(1000) == 2.0);
}

/* Wilson's interval of 8 of 10, and of none and all, against the formula worked by hand; ends stay in [0, 1]. */
static void test_share(void **unused) {
    (void)unused;
    struct interval interval = share_interval(8, 10);
    assert_true(interval.value == 0.8 && fabs(interval.low - 0.4901625) < 1e-6 &&
                fabs(interval.high - 0.9433178) < 1e-6);
    interval = share_interval(0, 10);
    assert_true(interval.value == 0 && interval.low == 0 && fabs(interval.high - 0.2775328) < 1e-6);
    interval = share_interval(10, 10);
    assert_true(interval.high == 1 && fabs(interval.low - 0.7224672) < 1e-6);
    interval = share_interval(0, 0);
    assert_true(isnan(interval.value) && interval.low == 0 && interval.high == 1);
}

/* Of three coins, and of 12 trials at 0.1: 1 - 0.9^12 - 12 0.1 0.9^11 - 66 0.01 0.9^10. */
static void test_chance(void **unused) {
    (void)unused;
    assert_true(fabs(chance_of_at_least(2, 3, 0.5) - 0.5) < 1e-12);
    assert_true(fabs(chance_of_at_least(3, 3, 0.5) - 0.125) < 1e-12);
    assert_true(fabs(chance_of_at_least(3, 12, 0.1) - 0.1108700) < 1e-6);
    assert_true(fabs(chance_of_at_least(0, 12, 0.1) - 1) < 1e-12);
    assert_true(chance_of_at_least(13, 12, 0.1) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand), cmocka_unit_test(test_coverage), cmocka_unit_test(test_simulation),
        cmocka_unit_test(test_narrow),  cmocka_unit_test(test_mean),     cmocka_unit_test(test_share),
        cmocka_unit_test(test_chance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
