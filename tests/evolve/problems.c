/*
 * NSGA-II on LOTZ (leading ones, trailing zeros; Laumanns, Thiele and Zitzler, IEEE TEC 8(2), 2004) and OneMinMax
 * (ones, zeros; Giel and Lehre, ECJ 18(3), 2010): 20 LIVs of two classes that share nothing are 20 bits. The front of
 * either has 21 points, and the population is four times that. All of them must be in the population, in 30 of 30 runs,
 * behind no more evaluations than pymoo's NSGA-II needs with the same operators: bench/peers/problems.py has measured
 * these, and reads what this test prints.
 */
#include "test.h"

#include "bits.h"
#include "evolve/algorithm.h"

#include <string.h>

enum { POPULATION = 84, BUDGET = 60000, SEEDS = 30 };

/* pymoo 0.6.2, bench/results/problems.json. */
static const double pymoo_lotz = 5376, pymoo_one_min_max = 3360;

static struct catalogue catalogue;
static struct genome_space space;

static int set_up(void **unused) {
    (void)unused;
    return bit_space(&catalogue, &space);
}

static void one_min_max(const struct genome *genome, double *objectives) {
    int ones = 0;
    for (int i = 0; i < BITS; i++)
        ones += bit(genome, i);
    objectives[0] = -ones;
    objectives[1] = ones - BITS;
}

static bool holds_front(const struct individual *population, int count) {
    bool found[BITS + 1] = {false};
    int different = 0;
    for (int i = 0; i < count; i++) {
        int first = -(int)population[i].objectives[0], second = -(int)population[i].objectives[1];
        if (first + second != BITS || found[first])
            continue;
        found[first] = true;
        different++;
    }
    return different == BITS + 1;
}

/* Evaluations until the population holds the front, or -1. */
static int evaluations(void (*assess)(const struct genome *, double *), uint64_t seed) {
    /* A bit is drawn anew, so it flips with half the probability: 1 / BITS. */
    struct evolve_settings settings = {.algorithm = &algorithm_nsga2,
                                       .space = &space,
                                       .seed = seed,
                                       .population = POPULATION,
                                       .objectives = 2,
                                       .tournament = 2,
                                       .variation = {.crossover_points = 2, .mutation = 2.0 / BITS}};
    struct evolution *evolution = evolution_create(&settings);
    static struct individual children[POPULATION];
    int evaluated = 0, count;
    bool found = false;
    while (!found && evaluated < BUDGET) {
        for (int i = 0; i < POPULATION; i++) {
            assert_true(evolution_ask(evolution, &children[i]));
            assess(&children[i].genome, children[i].objectives);
        }
        for (int i = 0; i < POPULATION; i++)
            evolution_tell(evolution, &children[i]);
        evaluated += POPULATION;
        const struct individual *population = evolution_population(evolution, &count);
        found = holds_front(population, count);
    }
    evolution_destroy(evolution);
    return found ? evaluated : -1;
}

static int by_number(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

static void check(const char *name, void (*assess)(const struct genome *, double *), double most) {
    int needed[SEEDS], missed = 0;
    for (int i = 0; i < SEEDS; i++) {
        needed[i] = evaluations(assess, (uint64_t)i + 1);
        missed += needed[i] < 0;
        if (needed[i] < 0)
            printf("  %s, seed %d: not found\n", name, i + 1);
        else
            printf("  %s, seed %d: %d evaluations\n", name, i + 1, needed[i]);
    }
    qsort(needed, SEEDS, sizeof *needed, by_number);
    double median = (needed[SEEDS / 2 - 1] + needed[SEEDS / 2]) / 2.0;
    printf("  %s: median %g evaluations, at most %g\n", name, median, most);
    assert_int_equal(missed, 0);
    assert_true(median <= most);
}

static void test_lotz(void **unused) {
    (void)unused;
    check("lotz", lotz, pymoo_lotz);
}

static void test_one_min_max(void **unused) {
    (void)unused;
    check("one-min-max", one_min_max, pymoo_one_min_max);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lotz), cmocka_unit_test(test_one_min_max)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
