/* What a search spends, and how its front grows: against numbers worked out here. */
#include "test.h"

#include "base/file.h"
#include "run/trial.h"

#include <math.h>
#include <string.h>

static char folder[TEST_PATH_BYTES];
static const struct individual new_one = {.id = 1};

/* A text to train on, which nothing here does: it says how many tokens a step has. */
static int set_up(void **unused) {
    (void)unused;
    static char text[100000];
    memset(text, 'a', sizeof text);
    return test_make_folder(folder) || chdir(folder) || file_write("text", text, sizeof text) != STATUS_OK;
}

static int tear_down(void **unused) {
    (void)unused;
    return chdir("/") || test_remove_folder(folder);
}

static struct search *open_search(const char *run, const char *assignment) {
    struct search *search = calloc(1, sizeof *search);
    const char *facts[RUN_FACTS];
    for (int f = 0; f < RUN_FACTS; f++)
        facts[f] = "";
    facts[FACT_NAME] = "growth";
    const char *assignments[] = {"data.path=text",
                                 "train.steps=10",
                                 "train.warmup=0",
                                 "search.population=3",
                                 "search.objectives=[\"bits_per_byte\", \"train_tokens_per_s\"]",
                                 assignment};
    assert_ok(config_load(NULL, assignments, 6, true, &search->config));
    search->objective_count = config_objectives(&search->config, search->objectives);
    assert_ok(store_create(run, facts, &search->store));
    assert_ok(config_open_tasks(&search->config, &search->tasks));
    search->growth = growth_create(search);
    return search;
}

static void close_search(struct search *search) {
    growth_destroy(search->growth);
    store_close(search->store);
    task_list_close(&search->tasks);
    free(search);
}

/* Speed is an objective of which more is better: it is told negated. */
static void tell(struct search *search, int id, double bits, double speed, bool last) {
    struct individual individual = {.id = id, .failed = isnan(bits), .objectives = {bits, -speed}};
    struct evaluation evaluation = {.steps = 10, .trained_steps = 10, .seconds = 2};
    budget_spend(search, &individual, &evaluation, 1);
    assert_ok(growth_tell(search, &individual, last));
}

static void check_points(struct search *search, const double *hypervolumes, int expected) {
    struct progress_point *points;
    int count;
    assert_ok(store_progress(search->store, &points, &count));
    assert_int_equal(count, expected);
    for (int i = 0; i < count; i++) {
        assert_int_equal(points[i].place, i + 1);
        assert_int_equal(points[i].candidate, i + 1);
        assert_true(fabs(points[i].hypervolume - hypervolumes[i]) < 1e-9);
        assert_true(points[i].seconds == 2 * (i + 1));
    }
    free(points);
}

static void check_reference(struct search *search, double bits, double speed) {
    double reference[MAX_OBJECTIVES];
    int count;
    assert_ok(store_get_reference(search->store, reference, &count));
    assert_int_equal(count, 2);
    assert_true(fabs(reference[0] - bits) < 1e-12 && fabs(reference[1] - speed) < 1e-12);
}

/*
 * The worst of the first three that did not fail: 4 bits, a speed of 10; a tenth beyond it are 4.4 and 9.
 *     1  (4, 20)    0.4 x 11 = 4.4
 *     2  failed
 *     3  (2, 10)    2.4 x 1 and 0.4 x 10 above it = 6.4
 *     4  (5, 100)   beyond the reference
 *     5  (2, 20)    2.4 x 11 = 26.4
 */
static void test_chosen_reference(void **unused) {
    (void)unused;
    const double expected[] = {4.4, 4.4, 6.4, 6.4, 26.4};
    struct search *search = open_search("chosen", "run.seed=1");
    tell(search, 1, 4, 20, false);
    tell(search, 2, NAN, 0, false);
    assert_true(isnan(growth_hypervolume(search->growth)));
    check_points(search, NULL, 0);
    tell(search, 3, 2, 10, false);
    check_points(search, expected, 3);
    check_reference(search, 4.4, 9);
    tell(search, 4, 5, 100, false);
    tell(search, 5, 2, 20, true);
    check_points(search, expected, 5);
    assert_true(fabs(growth_hypervolume(search->growth) - 26.4) < 1e-9);
    close_search(search);
}

/* Where the whole first generation fails the next one chooses; and where the search ends before, its end does. */
static void test_late_reference(void **unused) {
    (void)unused;
    const double expected[] = {0, 0, 0, 0.1 * 0.1};
    struct search *search = open_search("late", "run.seed=1");
    for (int id = 1; id <= 3; id++)
        tell(search, id, NAN, 0, false);
    tell(search, 4, 1, 1, true);
    check_points(search, expected, 4);
    check_reference(search, 1.1, 0.9);
    close_search(search);
}

static void test_given_reference(void **unused) {
    (void)unused;
    const double expected[] = {2, 2, 6};
    struct search *search = open_search("given", "search.reference=[3.0, 5.0]");
    tell(search, 1, 2, 7, false);
    check_reference(search, 3, 5);
    tell(search, 2, 4, 9, false);
    tell(search, 3, 1, 8, false);
    check_points(search, expected, 3);
    close_search(search);
}

/* Candidates of two seconds: seven tenths of an hour hold 1,260, and the last ends with it. */
static void test_hours(void **unused) {
    (void)unused;
    struct search *search = open_search("hours", "search.budget.hours=0.7");
    struct evaluation evaluation = {.steps = 10, .trained_steps = 10, .seconds = 2};
    int candidates = 0;
    for (; budget_allows(search); candidates++) {
        budget_spend(search, &new_one, &evaluation, 1);
        assert_int_equal(search_candidates(search), 1260);
    }
    assert_int_equal(candidates, 1260);
    close_search(search);
}

static void test_evaluations(void **unused) {
    (void)unused;
    struct search *search = open_search("evaluations", "search.budget.evaluations=5");
    assert_int_equal(search_candidates(search), 5);
    for (int i = 0; i < 5; i++) {
        assert_true(budget_allows(search));
        budget_spend(search, &new_one, NULL, 0);
    }
    assert_false(budget_allows(search));
    close_search(search);
    /* Without a budget: the population, 3, times the default of 18 generations. */
    search = open_search("plain", "run.seed=1");
    for (int i = 0; i < 54; i++) {
        assert_true(budget_allows(search));
        budget_spend(search, &new_one, NULL, 0);
    }
    assert_false(budget_allows(search));
    close_search(search);
}

/* Candidates that cost nothing, as those beyond limits do, end a search of hours all the same. */
static void test_free_candidates(void **unused) {
    (void)unused;
    struct search *search = open_search("free", "search.budget.hours=1.0");
    int candidates = 0;
    for (; budget_allows(search); candidates++)
        budget_spend(search, &new_one, NULL, 0);
    assert_int_equal(candidates, 1000);
    close_search(search);
}

/*
 * Ten steps in all, three on the first rung: what is left must have room for the widest step between two rungs, seven,
 * and for ten where a new candidate begins.
 */
static void test_promotions(void **unused) {
    (void)unused;
    struct search *search = open_search("promotions", "search.rungs=[0.3, 1.0]");
    double step = (double)search->config.train.batch * (double)search->config.model.context;
    struct evaluation evaluation = {.trained_steps = 1};
    search->config.search.budget.tokens = (long long)(20 * step);
    for (int left = 20; left >= 0; left--) {
        assert_true(budget_allows(search) == (left >= 10));
        assert_true(budget_allows_promotion(search) == (left >= 7));
        budget_spend(search, &new_one, &evaluation, 1);
    }
    close_search(search);
}

/* Candidates of ten steps: those in flight count as if they took all of them, and one that goes on is no new one. */
static void test_in_flight(void **unused) {
    (void)unused;
    struct search *search = open_search("flight", "search.budget.evaluations=5");
    double step = (double)search->config.train.batch * (double)search->config.model.context;
    struct trial trials[5] = {{.has_job = true}};
    struct trial *in_flight[5];
    for (int i = 0; i < 5; i++)
        in_flight[i] = &trials[i];
    search->trials = in_flight;
    for (search->trial_count = 0; search->trial_count <= 5; search->trial_count++) {
        search->config.search.budget.tokens = 0;
        assert_true(budget_allows(search) == (search->trial_count < 5));
        search->config.search.budget.tokens = (long long)(35 * step);
        assert_true(budget_allows(search) == (search->trial_count < 3));
    }
    search->config.search.budget.tokens = 0;
    search->trial_count = 5;
    trials[4].individual.rung = 1;
    assert_true(budget_allows(search));
    search->trials = NULL;
    search->trial_count = 0;
    close_search(search);
}

/*
 * Two candidates of ten steps, three of them on the first rung and two of decay on its side, of which one goes on: 2 x
 * 5 + 7 = 17 in all, that take half a second each.
 */
static void test_time_left(void **unused) {
    (void)unused;
    struct search *search = open_search("left", "search.rungs=[0.3, 1.0]");
    search->config.search.rung_decay = 2 / 3.0;
    search->config.search.promoted = 0.5;
    search->config.search.population = 2;
    search->config.search.generations = 1;
    search->steps_trained = 10;
    search->seconds_trained = 5;
    const struct {
        double steps_done;
        int rung;
        int64_t step;
        double left;
    } told[] = {
        {0, 0, 1, 16}, {5, 0, 5, 7}, {10, 1, 4, 6}, {10, 1, 10, 0}, {10, 1, 99, 0},
    };
    struct trial trial = {.has_job = true, .view = {.steps = 10}};
    search->trials = (struct trial *[]){&trial};
    search->trial_count = 1;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
        search->steps_done = told[i].steps_done;
        trial.stage = search_stage(search, told[i].rung);
        trial.view.step = told[i].step;
        struct search_progress one = search_progress(search, 1), two = search_progress(search, 2);
        assert_float_equal(one.seconds_left, told[i].left / 2, 1e-5);
        assert_float_equal(two.seconds_left, told[i].left / 4, 1e-5);
        assert_float_equal(one.share, 1 - told[i].left / 17, 1e-5);
    }
    search->trials = NULL;
    search->trial_count = 0;
    assert_float_equal(stage_steps(&(struct stage){.before = 3, .steps = 10, .side_steps = 2}), 9, 0);
    close_search(search);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chosen_reference), cmocka_unit_test(test_late_reference),
        cmocka_unit_test(test_given_reference),  cmocka_unit_test(test_hours),
        cmocka_unit_test(test_evaluations),      cmocka_unit_test(test_free_candidates),
        cmocka_unit_test(test_promotions),       cmocka_unit_test(test_in_flight),
        cmocka_unit_test(test_time_left),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
