/* Learning curves: bins by hand, where curves of a known law lead, and what divergence is. */
#include "test.h"

#include "base/random.h"
#include "train/curve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double uniform = 5.545; /* ln 256 */

/* ---- bins ---- */

/* 300 losses: bins of 1 until 128 are there, of 2 until 256, then of 4, of which the last is not full. */
static void test_bins(void **unused) {
    (void)unused;
    struct curve curve = {0};
    for (int i = 0; i < 127; i++)
        curve_add(&curve, i % 7, uniform);
    assert_int_equal(curve.width, 1);
    assert_true(curve.sums[9] == 2);
    for (int i = 127; i < 302; i++)
        curve_add(&curve, i % 7, uniform);
    assert_int_equal(curve.width, 4);
    assert_int_equal(curve.steps, 302);
    assert_true(curve.sums[0] == 0 + 1 + 2 + 3);
    assert_true(curve.sums[1] == 4 + 5 + 6 + 0);
    assert_true(curve.sums[75] == 300 % 7 + 301 % 7);
    assert_true(curve.sums[76] == 0);
}

/* Saved and read at any step, it goes on as if it had not been; what it led to at half of the way is kept. */
static void test_text(void **unused) {
    (void)unused;
    struct random_stream random = random_open(1, 1);
    struct curve straight = {.first = 5}, saved = {.first = 5}, read;
    for (int i = 0; i < 700; i++) {
        double loss = 3 + random_uniform(&random);
        if (i == 350) {
            straight.has_halfway = saved.has_halfway = true;
            straight.halfway = saved.halfway = (struct prediction){1 / 3.0, 1e-3};
        }
        curve_add(&straight, loss, uniform);
        curve_add(&saved, loss, uniform);
        char *text = curve_print(&saved);
        assert_ok(curve_parse(text, &read));
        free(text);
        assert_memory_equal(&read, &saved, sizeof saved);
        saved = read;
    }
    assert_memory_equal(&straight, &saved, sizeof saved);
    static const char *const damaged[] = {"",
                                          "0 1 1 0 3 3 0 0 0",
                                          "0 1 1 0 3 3 0 0 0 3 3",
                                          "0 3 3 0 3 3 0 0 0 9",
                                          "0 1 0 0 3 3 0 0 0 3",
                                          "0 -1 1 0 3 3 0 0 0 3",
                                          "0 1.5 1 0 3 3 0 0 0 3 3",
                                          "0 1 1 0 nan 3 0 0 0 3",
                                          "0 1 1 0 3 3 0 0 0 inf",
                                          "0 129 1 0 3 3 0 0 0",
                                          "0 1e300 1 0 3 3 0 0 0",
                                          "0 1 1 0 3 3 0 0 0 x",
                                          "0 1 1 0 3 3 2 0 0 3",
                                          "0 1 1 0 3 3 0 0 inf 3"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        assert_fails(curve_parse(damaged[i], &read), STATUS_FAILED, "its learning curve is damaged");
}

/* ---- where it leads ---- */

struct law {
    double a, b, c;
};

static double loss_at(const struct law *law, double step) {
    return law->a + law->b * pow(step, -law->c);
}

/* The first `steps` losses of the law, with normal noise; behind a warm-up of 20 that does not follow it. */
static struct curve curve_of(const struct law *law, int steps, double noise, uint64_t seed) {
    struct random_stream random = random_open(seed, 4);
    struct curve curve = {0};
    for (int step = 1; step <= steps; step++) {
        float deviation;
        random_normal(&random, &deviation, 1, noise);
        curve_add(&curve, step <= 20 ? uniform - step * 0.05 : loss_at(law, step) + deviation, uniform);
    }
    return curve;
}

static void test_exact_laws(void **unused) {
    (void)unused;
    static const struct law laws[] = {{1.5, 4, 0.4}, {0, 5, 0.1}, {2, 6, 1}, {3, 0, 0.5}};
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        struct curve curve = curve_of(&laws[i], 500, 0, 1);
        struct prediction prediction;
        assert_true(curve_predict(&curve, 20, 500, 2000, &prediction));
        double expected = loss_at(&laws[i], 2000);
        if (fabs(prediction.loss - expected) > 0.01)
            fail_test("law %zu leads to %.4f, not %.4f", i, prediction.loss, expected);
        assert_true(prediction.error < 0.01);
    }
}

/*
 * Of 400 noisy curves some 5 %, 20 with a standard deviation of 4.4, end below loss - 1.645 error; and the error is not
 * just large.
 */
static void test_confidence(void **unused) {
    (void)unused;
    enum { CURVES = 400 };
    int below = 0;
    double off = 0, error = 0;
    for (int i = 0; i < CURVES; i++) {
        struct random_stream random = random_open((uint64_t)i, 8);
        struct law law = {1 + 2 * random_uniform(&random), 2 + 6 * random_uniform(&random),
                          0.15 + 0.7 * random_uniform(&random)};
        struct curve curve = curve_of(&law, 150, 0.08, (uint64_t)i);
        struct prediction prediction;
        assert_true(curve_predict(&curve, 20, 150, 600, &prediction));
        double truth = loss_at(&law, 600);
        below += truth < prediction.loss - 1.645 * prediction.error;
        off += fabs(truth - prediction.loss) / CURVES;
        error += prediction.error / CURVES;
    }
    print_message("  %d of %d ended below the bound; on average off by %.3f nats, error %.3f\n", below, CURVES, off,
                  error);
    assert_true(below <= 33);
    assert_true(error < 2 * off);
}

/* Three spikes of several nats move the prediction by less than a fifth of what they move a plain mean by. */
static void test_outliers(void **unused) {
    (void)unused;
    struct law law = {1.5, 4, 0.4};
    struct curve plain = {0}, spiked = {0};
    struct random_stream random = random_open(2, 2);
    for (int step = 1; step <= 120; step++) {
        float noise;
        random_normal(&random, &noise, 1, 0.03);
        double loss = loss_at(&law, step) + noise;
        curve_add(&plain, loss, uniform);
        curve_add(&spiked, loss + (step == 50 || step == 90 || step == 115 ? 3 : 0), uniform);
    }
    struct prediction a, b;
    assert_true(curve_predict(&plain, 10, 120, 400, &a));
    assert_true(curve_predict(&spiked, 10, 120, 400, &b));
    assert_true(fabs(a.loss - b.loss) < 3 * 3.0 / 110 / 5 + 0.5 * a.error);
}

/* Only whole bins of the steps that are asked for, and at least 8. */
static void test_too_little(void **unused) {
    (void)unused;
    struct law law = {1.5, 4, 0.4};
    struct curve curve = curve_of(&law, 60, 0.01, 3);
    struct prediction prediction, other;
    assert_false(curve_predict(&curve, 20, 27, 100, &prediction));
    assert_true(curve_predict(&curve, 20, 28, 100, &prediction));
    assert_false(curve_predict(&curve, 60, 100, 100, &prediction));
    /* What lies before or behind does not matter. */
    struct curve changed = curve;
    changed.sums[19] = 100;
    changed.sums[50] = 100;
    assert_true(curve_predict(&curve, 20, 50, 100, &prediction));
    assert_true(curve_predict(&changed, 20, 50, 100, &other));
    assert_true(prediction.loss == other.loss && prediction.error == other.error);
    /* A loss that only rises follows no law. */
    struct curve rising = {0};
    for (int step = 0; step < 60; step++)
        curve_add(&rising, 2 + 0.01 * step, uniform);
    assert_false(curve_predict(&rising, 0, 60, 100, &prediction));
}

/* ---- divergence ---- */

static bool diverges_after(double before, int calm, double then, int steps) {
    struct curve curve = {0};
    for (int i = 0; i < calm; i++)
        curve_add(&curve, before, uniform);
    for (int i = 0; i < steps; i++)
        curve_add(&curve, then, uniform);
    return curve_diverges(&curve);
}

/*
 * From 2 to 5 nats: the smoothed loss has gone 1 - (15/16)^n of the 3 nats after n steps, and is 1.109 above, a fifth
 * of 5.545, when n is 8; 20 steps of that are complete at n = 27.
 */
static void test_divergence(void **unused) {
    (void)unused;
    assert_false(diverges_after(2, 100, 5, 26));
    assert_true(diverges_after(2, 100, 5, 27));
    /* After 2,000 steps a twentieth of them, 100: 8 - 1 + 105 or so. */
    assert_false(diverges_after(2, 2000, 5, 100));
    assert_true(diverges_after(2, 2000, 5, 120));
    /* A little higher is not divergence, and one spike is none. */
    assert_false(diverges_after(2, 100, 3, 500));
    assert_false(diverges_after(2, 100, 20, 1));
    struct curve curve = {0};
    for (int i = 0; i < 500; i++) {
        curve_add(&curve, i % 50 == 49 ? 8 : 2, uniform);
        assert_false(curve_diverges(&curve));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bins),       cmocka_unit_test(test_text),     cmocka_unit_test(test_exact_laws),
        cmocka_unit_test(test_confidence), cmocka_unit_test(test_outliers), cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_divergence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
