/* Dominance, ranking, and NSGA-II on a problem whose front is known. */
#include "test.h"

#include "loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct individual individual(int id, double a, double b) {
    return (struct individual){.id = id, .objectives = {a, b}};
}

static void test_dominance(void **unused) {
    (void)unused;
    struct individual a = individual(1, 1, 2), b = individual(2, 2, 2), c = individual(3, 2, 1);
    struct individual broken = {.id = 4, .failed = true};
    assert_true(dominates(&a, &b, 2));
    assert_false(dominates(&b, &a, 2));
    assert_false(dominates(&a, &c, 2));
    assert_false(dominates(&a, &a, 2));
    assert_true(dominates(&b, &broken, 2));
    assert_false(dominates(&broken, &b, 2));
    assert_false(dominates(&broken, &broken, 2));
}

static void test_ranking(void **unused) {
    (void)unused;
    struct individual all[] = {individual(1, 1, 5), individual(2, 2, 3), individual(3, 4, 1),
                               individual(4, 3, 4), individual(5, 5, 5), {.id = 6, .failed = true}};
    rank_population(all, 6, 2);
    const int ranks[] = {0, 0, 0, 1, 2, 3};
    for (int i = 0; i < 6; i++)
        assert_int_equal(all[i].rank, ranks[i]);
    assert_true(isinf(all[0].crowding) && isinf(all[2].crowding));
    /* (4 - 1) / 3 + (5 - 1) / 4 */
    assert_true(fabs(all[1].crowding - 2) < 1e-12);
    assert_true(compare_individuals(&all[0], &all[1]) < 0);
    assert_true(compare_individuals(&all[3], &all[1]) > 0);
}

/*
 * One front: by the first objective a b e c d, by the second the reverse, by the third d c b a e. So a, d and, for the
 * third alone, e are extremes. Ranges are 10, 8 and 20.
 *     b: (5 - 0) / 10 + (8 - 3) / 8 + (10 - 3) / 20 = 0.5 + 0.625 + 0.35
 *     c: (10 - 5) / 10 + (3 - 0) / 8 + (7 - 0) / 20 = 0.5 + 0.375 + 0.35
 */
static void test_crowding(void **unused) {
    (void)unused;
    struct individual all[] = {{.id = 1, .objectives = {0, 8, 10}},
                               {.id = 2, .objectives = {2, 4, 7}},
                               {.id = 3, .objectives = {6, 2, 3}},
                               {.id = 4, .objectives = {10, 0, 0}},
                               {.id = 5, .objectives = {5, 3, 20}}};
    rank_population(all, 5, 3);
    for (int i = 0; i < 5; i++)
        assert_int_equal(all[i].rank, 0);
    assert_true(isinf(all[0].crowding) && isinf(all[3].crowding) && isinf(all[4].crowding));
    assert_true(fabs(all[1].crowding - 1.475) < 1e-12);
    assert_true(fabs(all[2].crowding - 1.225) < 1e-12);
}

/* What has no finite objectives is behind all others, and does not stretch the ranges that they are compared in. */
static void test_no_numbers(void **unused) {
    (void)unused;
    struct individual all[] = {individual(1, NAN, 0), individual(2, 1, 5),       individual(3, -INFINITY, 0),
                               individual(4, 2, 3),   {.id = 5, .failed = true}, individual(6, 4, 1),
                               individual(7, 0, NAN), individual(8, INFINITY, 9)};
    rank_population(all, 8, 2);
    const int ranks[] = {1, 0, 1, 0, 1, 0, 1, 1};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(all[i].rank, ranks[i]);
        if (ranks[i])
            assert_true(all[i].crowding == 0);
    }
    assert_true(isinf(all[1].crowding) && isinf(all[5].crowding));
    assert_true(fabs(all[3].crowding - 2) < 1e-12);
    assert_false(dominates(&all[0], &all[2], 2));
    assert_true(dominates(&all[1], &all[2], 2));
    /* A range beyond the largest double: both neighbours are the extremes, so 1 + 1. */
    struct individual far[] = {individual(1, -1.5e308, 1), individual(2, 0, 0.5), individual(3, 1.5e308, 0)};
    rank_population(far, 3, 2);
    assert_true(fabs(far[1].crowding - 2) < 1e-12);
}

/* Objectives: LIVs of class 1, and twice the LIVs of class 2; any mixture of class 3 and 4 alone is best. */
struct counting {
    int evaluated, generations;
    double best;
    char last[GENOME_TEXT_BYTES];
};

static void count_classes(void *context, struct individual *individuals, int count) {
    struct counting *counting = context;
    for (int i = 0; i < count; i++) {
        const struct genome *genome = &individuals[i].genome;
        int classes[5] = {0};
        for (int liv = 0; liv < genome->depth; liv++)
            classes[genome->livs[liv].genes[LIV_CLASS]]++;
        individuals[i].objectives[0] = classes[1] + classes[2];
        individuals[i].objectives[1] = 2 * classes[2] + classes[1];
        individuals[i].failed = classes[3] == genome->depth;
        counting->evaluated++;
        counting->best = fmin(counting->best, individuals[i].objectives[0]);
        genome_print(genome, counting->last);
    }
}

static void count_generations(void *context, int generation, const struct individual *survivors, int count) {
    struct counting *counting = context;
    assert_int_equal(generation, counting->generations++);
    for (int i = 1; i < count; i++)
        assert_true(compare_individuals(&survivors[i - 1], &survivors[i]) < 0);
}

static struct counting count(uint64_t seed, int generations) {
    static struct catalogue catalogue;
    struct counting counting = {.best = INFINITY};
    assert_ok(catalogue_read(NULL, &catalogue));
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = 8;
    space.class_count = 4;
    space.operators = space.featurizers = false;
    struct evolve_settings settings = {.algorithm = &algorithm_nsga2,
                                       .space = &space,
                                       .seed = seed,
                                       .population = 12,
                                       .tournament = 2,
                                       .variation = {.crossover_points = 2, .mutation = 0.1},
                                       .objectives = 2};
    struct problem problem = {.evaluate = count_classes, .generation_done = count_generations, .context = &counting};
    evolve(&settings, generations, &problem);
    assert_int_equal(counting.evaluated, 12 * generations);
    assert_int_equal(counting.generations, generations);
    return counting;
}

static void test_finds_the_optimum(void **unused) {
    (void)unused;
    for (uint64_t seed = 1; seed <= 5; seed++)
        assert_true(count(seed, 25).best == 0);
}

static void test_is_repeatable(void **unused) {
    (void)unused;
    struct counting a = count(3, 6), b = count(3, 6), c = count(4, 6);
    assert_string_equal(a.last, b.last);
    assert_string_not_equal(a.last, c.last);
}

/* The violation is the number of LIVs of class 1, and `always` more. */
static bool measure(void *always, const struct genome *genome, struct measured *measured) {
    measured->violation = *(const double *)always;
    for (int liv = 0; liv < genome->depth; liv++)
        measured->violation += genome->livs[liv].genes[LIV_CLASS] == 1;
    return true;
}

static double mean_violation(double always, bool limited) {
    enum { ASKED = 40 };
    static struct catalogue catalogue;
    struct measured measured;
    double sum = 0;
    assert_ok(catalogue_read(NULL, &catalogue));
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = 8;
    space.class_count = 4;
    space.operators = space.featurizers = false;
    struct evolve_settings settings = {.algorithm = &algorithm_random,
                                       .space = &space,
                                       .seed = 3,
                                       .population = ASKED,
                                       .objectives = 1,
                                       .filter = {.measure = measure, .context = &always},
                                       .limited = limited};
    struct evolution *evolution = evolution_create(&settings);
    for (int i = 0; i < ASKED; i++) {
        struct individual child;
        assert_true(evolution_ask(evolution, &child));
        assert_true(measure(&always, &child.genome, &measured));
        sum += measured.violation - always;
    }
    evolution_destroy(evolution);
    return sum / ASKED;
}

/* A random LIV is of class 1 with probability 1/4; of 50 drawn genomes of 8 LIVs one has none but in one of 150 times.
 */
static void test_limits_are_drawn_to(void **unused) {
    (void)unused;
    assert_true(fabs(mean_violation(0, false) - 2) < 0.8);
    assert_true(mean_violation(0, true) < 0.1);
    /* Nothing meets them: the nearest of all that were drawn is asked for. */
    assert_true(mean_violation(5, true) < 0.1);
}

/* ---- guessing ---- */

/*
 * Asks and tells so many individuals, guessing two ahead before each is told, or not; identities as they were asked.
 * Returns how many of the guesses were of somebody decided.
 */
static int ask_all(const struct algorithm *algorithm, bool guesses, uint64_t *identities, int count) {
    static struct catalogue catalogue;
    assert_ok(catalogue_read(NULL, &catalogue));
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = 6;
    struct evolve_settings settings = {.algorithm = algorithm,
                                       .space = &space,
                                       .seed = 5,
                                       .population = 8,
                                       .objectives = 1,
                                       .tournament = 2,
                                       .variation = {.mutation = 0.3, .crossover_points = 2},
                                       .elite = 2,
                                       .attraction = 1,
                                       .absorption = 0.1};
    struct evolution *evolution = evolution_create(&settings);
    struct individual child, guess;
    uint64_t *decided = calloc((size_t)count + 3, sizeof *decided);
    int decided_count = 0;
    for (int i = 0; i < count; i++) {
        assert_true(evolution_ask(evolution, &child));
        identities[i] = child.identity;
        if (decided[i])
            assert_true(decided[i] == child.identity);
        for (int ahead = 2; guesses && ahead > 0; ahead--) {
            bool guessed = evolution_guess(evolution, ahead, &guess);
            /* Nobody descends from nobody. */
            assert_true(guessed || i + ahead >= settings.population);
            if (guessed)
                assert_int_equal(guess.id, child.id + ahead);
            if (guessed && evolution_is_decided(evolution, ahead)) {
                decided[i + ahead] = guess.identity;
                decided_count++;
            }
        }
        child.objectives[0] = (double)(child.identity % 1000);
        evolution_tell(evolution, &child);
    }
    free(decided);
    evolution_destroy(evolution);
    return decided_count;
}

static void test_guesses_change_nothing(void **unused) {
    (void)unused;
    enum { ASKED = 28 };
    uint64_t with[ASKED], without[ASKED];
    for (int place = 0; algorithm_at(place); place++) {
        ask_all(algorithm_at(place), false, without, ASKED);
        int decided = ask_all(algorithm_at(place), true, with, ASKED);
        assert_memory_equal(with, without, sizeof with);
        /* Of the first 8 each but the first as the next and each but two as the one after it, and of later generations; of
         * random ones all. */
        if (algorithm_at(place)->blind)
            assert_int_equal(decided, 2 * ASKED);
        else if (algorithm_at(place)->generational)
            assert_int_equal(decided, 3 * (7 + 6) + 4 + 4);
        else
            assert_int_equal(decided, 7 + 6);
    }
}

/*
 * Every child that is drawn counts, also those that were tried before: with free mutation of every other gene nearly
 * all are invalid, of one LIV without mutation none is. What is no child counts none.
 */
static void test_repairs_are_counted(void **unused) {
    (void)unused;
    static struct catalogue catalogue;
    assert_ok(catalogue_read(NULL, &catalogue));
    struct genome_space space = genome_space_of(&catalogue);
    for (int run = 0; algorithm_at(run / 2); run++) {
        bool free = run % 2;
        space.depth_least = space.depth_most = free ? 6 : 1;
        space.operators = space.featurizers = false;
        space.norms = space.residuals = 1u << 1;
        struct evolve_settings settings = {.algorithm = algorithm_at(run / 2),
                                           .space = &space,
                                           .seed = 9,
                                           .population = 8,
                                           .objectives = 1,
                                           .tournament = 2,
                                           .variation = {.mutation = free ? 0.5 : 0, .free = free},
                                           .elite = 2,
                                           .attraction = 1,
                                           .absorption = 0.1};
        struct evolution *evolution = evolution_create(&settings);
        struct repairs all = {0};
        struct individual child;
        for (int i = 0; i < 40; i++) {
            assert_true(evolution_ask(evolution, &child));
            bool bred = child.origin == ORIGIN_CHILD || child.origin == ORIGIN_MUTANT;
            assert_int_equal(child.repairs.children > 0, bred);
            /* Whoever comes of one LIV that does not change was tried: it is drawn again, 50 times. */
            if (bred && !free)
                assert_int_equal(child.repairs.children, 50);
            repairs_add(&all, &child.repairs);
            child.objectives[0] = (double)(child.identity % 1000);
            evolution_tell(evolution, &child);
        }
        evolution_destroy(evolution);
        assert_true(free ? all.invalid >= 0.9 * all.children : all.invalid == 0);
        for (int f = 0; f < DRAFT_FAULTS; f++)
            assert_true(all.faults[f] <= all.invalid);
        /* A strategy that the class does not list. */
        if (free && all.children > 0)
            assert_true(all.faults[1] > 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dominance),
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_crowding),
        cmocka_unit_test(test_no_numbers),
        cmocka_unit_test(test_limits_are_drawn_to),
        cmocka_unit_test(test_finds_the_optimum),
        cmocka_unit_test(test_is_repeatable),
        cmocka_unit_test(test_guesses_change_nothing),
        cmocka_unit_test(test_repairs_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
