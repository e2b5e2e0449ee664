/* Who goes on to the next rung: sequences worked by hand, and random ones against sorting everything each time. */
#include "test.h"

#include "base/random.h"
#include "evolve/halving.h"

#include <math.h>
#include <string.h>
#include <time.h>

static struct halving *create(int rungs, double promoted, int objectives) {
    return halving_create(&(struct halving_settings){rungs, promoted, objectives});
}

static void tell(struct halving *halving, int id, int rung, double a, double b) {
    struct individual individual = {.id = id, .rung = rung, .objectives = {a, b}};
    halving_tell(halving, &individual);
}

static void assert_next(struct halving *halving, int id, int rung) {
    int got_id = 0, got_rung = -1;
    if (!halving_next(halving, &got_id, &got_rung))
        fail_test("nobody is promoted, where %d was expected", id);
    assert_int_equal(got_id, id);
    assert_int_equal(got_rung, rung);
}

static void assert_nobody(struct halving *halving) {
    int id = 0, rung = -1;
    if (halving_next(halving, &id, &rung))
        fail_test("%d is promoted from rung %d, where nobody was expected", id, rung);
}

/* One objective, a third: with the third result the best of three, with the sixth a second one. No rung is waited for.
 */
static void test_one_objective(void **unused) {
    (void)unused;
    struct halving *halving = create(3, 1.0 / 3, 1);
    assert_nobody(halving);
    tell(halving, 1, 0, 5, 0);
    assert_nobody(halving);
    tell(halving, 2, 0, 3, 0);
    assert_nobody(halving);
    tell(halving, 3, 0, 4, 0);
    assert_next(halving, 2, 0);
    assert_nobody(halving);
    /* A better one comes as the fourth: the best 1 of 4 is now another, who was not taken yet. */
    tell(halving, 4, 0, 1, 0);
    assert_next(halving, 4, 0);
    assert_nobody(halving);
    tell(halving, 5, 0, 9, 0);
    assert_nobody(halving);
    /* The best 2 of 6, 4 and 2, have gone. The best 3 of 9 are 4, 2 and 3. */
    tell(halving, 6, 0, 8, 0);
    assert_nobody(halving);
    tell(halving, 7, 0, 7, 0);
    tell(halving, 8, 0, 6, 0);
    assert_nobody(halving);
    tell(halving, 9, 0, 6.5, 0);
    assert_next(halving, 3, 0);
    assert_nobody(halving);
    /* Rung 1 has three results: its best goes before anybody of rung 0. */
    tell(halving, 2, 1, 2, 0);
    tell(halving, 4, 1, 2.5, 0);
    tell(halving, 3, 1, 3, 0);
    tell(halving, 10, 0, 0, 0);
    assert_next(halving, 2, 1);
    assert_next(halving, 10, 0);
    assert_nobody(halving);
    /* From the last rung nobody goes anywhere. */
    for (int id = 1; id <= 9; id++)
        tell(halving, id, 2, id, 0);
    assert_nobody(halving);
    halving_destroy(halving);
}

/*
 *     b | 5 . . .      front 0: 5, 1, 2, of which 5 and 1 are the ends
 *       | . 2 . 4      front 1: 3, 4
 *       | . . 3 .
 *       | . . 1 .      1 = (2, 0), 2 = (1, 2), 3 = (2, 1), 4 = (3, 2), 5 = (0, 3)
 */
static void test_two_objectives(void **unused) {
    (void)unused;
    struct halving *halving = create(2, 0.4, 2);
    tell(halving, 1, 0, 2, 0);
    tell(halving, 3, 0, 2, 1);
    tell(halving, 4, 0, 3, 2);
    assert_next(halving, 1, 0); /* floor(0.4 * 3) */
    assert_nobody(halving);
    tell(halving, 2, 0, 1, 2);
    tell(halving, 5, 0, 0, 3);
    /* Two of five: the ends of the first front, 1 and 5, of which 1 went. */
    assert_next(halving, 5, 0);
    assert_nobody(halving);
    /* Three of eight make 2, the fourth of ten is 3 or 4; both are ends of their front, and 3 is older. */
    for (int id = 6; id <= 8; id++)
        tell(halving, id, 0, 10 + id, 10 + id);
    assert_next(halving, 2, 0);
    assert_nobody(halving);
    tell(halving, 9, 0, 20, 20);
    tell(halving, 10, 0, 21, 21);
    assert_next(halving, 3, 0);
    assert_nobody(halving);
    halving_destroy(halving);
}

/* They count among the n and are never promoted, however good their numbers are. */
static void test_failures(void **unused) {
    (void)unused;
    struct halving *halving = create(2, 0.25, 2);
    struct individual individual = {.id = 1, .failed = true};
    halving_tell(halving, &individual);
    individual = (struct individual){.id = 2, .violation = 0.1};
    halving_tell(halving, &individual);
    individual = (struct individual){.id = 3, .objectives = {NAN, 0}};
    halving_tell(halving, &individual);
    assert_nobody(halving);
    tell(halving, 4, 0, 7, 7); /* the best of four */
    assert_next(halving, 4, 0);
    for (int id = 5; id <= 8; id++) {
        individual = (struct individual){.id = id, .failed = true};
        halving_tell(halving, &individual);
    }
    assert_nobody(halving);
    halving_destroy(halving);
}

/* With one rung there is nowhere to go; with a share of 1 everybody goes. */
static void test_ends(void **unused) {
    (void)unused;
    struct halving *halving = create(1, 1, 2);
    tell(halving, 1, 0, 1, 1);
    assert_nobody(halving);
    halving_destroy(halving);
    halving = create(2, 1, 2);
    for (int id = 1; id <= 3; id++) {
        tell(halving, id, 0, 10 - id, 10 - id);
        assert_next(halving, id, 0);
        assert_nobody(halving);
    }
    halving_destroy(halving);
}

/* ---- against sorting everything ---- */

enum { RESULTS = 150, OBJECTIVES = 3 };

static int objective_now;

static int reference_by_objective(const void *a, const void *b) {
    const struct individual *x = *(struct individual *const *)a, *y = *(struct individual *const *)b;
    double difference = x->objectives[objective_now] - y->objectives[objective_now];
    return difference != 0 ? (difference < 0 ? -1 : 1) : x->id - y->id;
}

static int reference_by_crowding(const void *a, const void *b) {
    const struct individual *x = *(struct individual *const *)a, *y = *(struct individual *const *)b;
    return x->crowding != y->crowding ? (x->crowding > y->crowding ? -1 : 1) : x->id - y->id;
}

static bool reference_dominates(const struct individual *a, const struct individual *b) {
    int worse = 0, better = 0;
    for (int o = 0; o < OBJECTIVES; o++) {
        worse += a->objectives[o] > b->objectives[o];
        better += a->objectives[o] < b->objectives[o];
    }
    return better > 0 && worse == 0;
}

/* All individuals by front, peeled off one after the other, and crowding distance (Deb et al. 2002) within it. */
static void reference_order(struct individual *individuals, int count, struct individual **order) {
    bool placed[RESULTS + 1] = {false};
    for (int done = 0; done < count;) {
        struct individual **front = order + done;
        int size = 0;
        for (int i = 0; i < count; i++) {
            bool dominated = placed[i];
            for (int j = 0; j < count && !dominated; j++)
                dominated = !placed[j] && reference_dominates(&individuals[j], &individuals[i]);
            if (!dominated)
                front[size++] = &individuals[i];
        }
        for (int i = 0; i < size; i++) {
            placed[front[i] - individuals] = true;
            front[i]->crowding = 0;
        }
        for (objective_now = 0; objective_now < OBJECTIVES; objective_now++) {
            int o = objective_now;
            qsort(front, (size_t)size, sizeof *front, reference_by_objective);
            double range = front[size - 1]->objectives[o] - front[0]->objectives[o];
            front[0]->crowding = front[size - 1]->crowding = INFINITY;
            for (int i = 1; i + 1 < size && range > 0; i++)
                front[i]->crowding += (front[i + 1]->objectives[o] - front[i - 1]->objectives[o]) / range;
        }
        qsort(front, (size_t)size, sizeof *front, reference_by_crowding);
        done += size;
    }
}

/* Objectives of few values, so that many are equal, or of sixteenths: sums of them are exact. */
static void draw(struct random_stream *random, int id, uint32_t values, struct individual *individual) {
    *individual = (struct individual){.id = id};
    for (int o = 0; o < OBJECTIVES; o++)
        individual->objectives[o] = random_below(random, values) / 16.0;
}

static void test_random(void **unused) {
    (void)unused;
    static struct individual individuals[RESULTS];
    static struct individual *order[RESULTS];
    bool taken[RESULTS + 1];
    for (int run = 0; run < 12; run++) {
        struct random_stream random = random_open((uint64_t)run, 1);
        struct halving *halving = create(2, 0.3, OBJECTIVES);
        int promoted = 0;
        memset(taken, 0, sizeof taken);
        for (int n = 1; n <= RESULTS; n++) {
            draw(&random, n, run % 2 ? 4096 : 6, &individuals[n - 1]);
            halving_tell(halving, &individuals[n - 1]);
            reference_order(individuals, n, order);
            for (int i = 0; i < n * 3 / 10; i++) {
                if (taken[order[i]->id])
                    continue;
                assert_next(halving, order[i]->id, 0);
                taken[order[i]->id] = true;
                promoted++;
            }
            assert_nobody(halving);
        }
        assert_true(promoted >= RESULTS * 3 / 10);
        halving_destroy(halving);
    }
}

/* The same results in another order, then everybody who can go: the same, in the same order. */
static void test_order(void **unused) {
    (void)unused;
    static struct individual individuals[RESULTS];
    struct random_stream random = random_open(3, 2);
    struct halving *forward = create(2, 0.5, OBJECTIVES), *other = create(2, 0.5, OBJECTIVES);
    for (int i = 0; i < RESULTS; i++)
        draw(&random, i + 1, 40, &individuals[i]);
    for (int i = 0; i < RESULTS; i++) {
        halving_tell(forward, &individuals[i]);
        halving_tell(other, &individuals[(i * 77 + 13) % RESULTS]); /* 77 and 150 have no common factor */
    }
    for (int i = 0; i < RESULTS / 2; i++) {
        int id = 0, rung = -1;
        assert_true(halving_next(forward, &id, &rung));
        assert_next(other, id, rung);
    }
    assert_nobody(forward);
    assert_nobody(other);
    halving_destroy(forward);
    halving_destroy(other);
}

/* ---- cost ---- */

/* How long it takes to tell so many results and promote from them, in milliseconds a result. */
static double cost_of(int results, int objectives, bool falling) {
    struct random_stream random = random_open(5, 9);
    struct halving *halving = create(3, 1.0 / 3, objectives);
    struct timespec start, end;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
    for (int i = 0; i < results; i++) {
        struct individual individual = {.id = i + 1};
        int id, rung;
        for (int o = 0; o < objectives; o++)
            individual.objectives[o] = falling ? results - i : random_uniform(&random);
        halving_tell(halving, &individual);
        while (halving_next(halving, &id, &rung)) {
            individual.id = id;
            individual.rung = rung + 1;
            for (int o = 0; o < objectives; o++)
                individual.objectives[o] = random_uniform(&random);
            halving_tell(halving, &individual);
        }
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
    halving_destroy(halving);
    return ((double)(end.tv_sec - start.tv_sec) * 1e3 + (double)(end.tv_nsec - start.tv_nsec) * 1e-6) / results;
}

/* STARCL_HALVING_RESULTS says how many; the bound is far above what an unoptimised build takes for the default. */
static void test_cost(void **unused) {
    (void)unused;
    const char *words = getenv("STARCL_HALVING_RESULTS");
    int results = words ? atoi(words) : 3000;
    for (int objectives = 1; objectives <= 3; objectives++) {
        double random = cost_of(results, objectives, false), falling = cost_of(results, objectives, true);
        print_message("  %d results, %d objectives: %.4f ms each, and each better than all before: %.4f ms\n", results,
                      objectives, random, falling);
        assert_true(random < 5 && falling < 5);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_objective), cmocka_unit_test(test_two_objectives), cmocka_unit_test(test_failures),
        cmocka_unit_test(test_ends),          cmocka_unit_test(test_random),         cmocka_unit_test(test_order),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
