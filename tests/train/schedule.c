/* The rates of the stable schedule, by hand; those of the cosine are in training.c. */
#include "test.h"

#include "train/schedule.h"

#include <math.h>

static void assert_share(const struct schedule *schedule, int64_t step, double expected) {
    double share = schedule_share(schedule, step);
    if (fabs(share - expected) > 1e-12)
        fail_test("step %lld has %.15g of the peak rate, not %.15g", (long long)step, share, expected);
}

/* 10 steps of warm-up, 70 stable ones, and 20 that decay: the 5th of these is a quarter of the way, whose root is 1/2.
 */
static void test_stable(void **unused) {
    (void)unused;
    struct schedule schedule = {.shape = SCHEDULE_STABLE, .steps = 100, .warmup = 10, .decay = 0.2, .final_rate = 0.1};
    assert_int_equal(schedule_decay_start(&schedule), 80);
    assert_share(&schedule, 0, 0.1);
    assert_share(&schedule, 9, 1);
    for (int step = 10; step < 80; step++)
        assert_share(&schedule, step, 1);
    assert_share(&schedule, 80, 0.1 + 0.9 * (1 - sqrt(1.0 / 20)));
    assert_share(&schedule, 84, 0.1 + 0.9 * 0.5);
    assert_share(&schedule, 99, 0.1);
    for (int step = 80; step < 99; step++)
        assert_true(schedule_share(&schedule, step) > schedule_share(&schedule, step + 1));
}

/* Before decay begins, a training of 100 steps and one of 1,000 are the same. */
static void test_total_is_not_known(void **unused) {
    (void)unused;
    struct schedule shorter = {.shape = SCHEDULE_STABLE, .steps = 100, .warmup = 10, .decay = 0.2},
                    longer = {.shape = SCHEDULE_STABLE, .steps = 1000, .warmup = 10, .decay = 0.2};
    for (int step = 0; step < schedule_decay_start(&shorter); step++)
        assert_true(schedule_share(&shorter, step) == schedule_share(&longer, step));
    assert_true(schedule_share(&shorter, 80) < schedule_share(&longer, 80));
    assert_int_equal(schedule_decay_start(&longer), 800);
    /* Of the cosine every step behind the warm-up knows. */
    shorter.shape = SCHEDULE_COSINE;
    assert_int_equal(schedule_decay_start(&shorter), 10);
}

/* Decay does not reach into the warm-up, and may be all or nothing of the rest. */
static void test_ends(void **unused) {
    (void)unused;
    struct schedule schedule = {.shape = SCHEDULE_STABLE, .steps = 10, .warmup = 6, .decay = 1, .final_rate = 0};
    assert_int_equal(schedule_decay_start(&schedule), 6);
    assert_share(&schedule, 5, 1);
    assert_share(&schedule, 6, 0.5); /* the first of 4: the root of 1/4 is gone */
    assert_share(&schedule, 9, 0);
    schedule.decay = 0;
    assert_int_equal(schedule_decay_start(&schedule), 10);
    assert_share(&schedule, 9, 1);
    /* One step, without a warm-up: it is the last. */
    schedule = (struct schedule){.shape = SCHEDULE_STABLE, .steps = 1, .decay = 1, .final_rate = 0.25};
    assert_share(&schedule, 0, 0.25);
    /* All of it is warm-up. */
    schedule = (struct schedule){.shape = SCHEDULE_STABLE, .steps = 4, .warmup = 4, .decay = 0.5};
    assert_share(&schedule, 1, 0.5);
    assert_share(&schedule, 3, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stable),
        cmocka_unit_test(test_total_is_not_known),
        cmocka_unit_test(test_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
