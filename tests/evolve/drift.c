/*
 * Variation without drift: over 20 generations of random parents, nothing being selected, shares stay those of random
 * genomes. Every genome is a first parent once and a second parent once, which keeps the noise of a finite population
 * small. What is compared: LIVs that share weights, and features; LIVs of each class; each value of each gene.
 */
#include "test.h"

#include "base/memory.h"
#include "evolve/variation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A share may differ by a tenth of what it was. Where it is below 3 %, as large group numbers are, that is less than
 * the noise of these populations, and it may differ by 0.3 % of all LIVs.
 */
static const double limit = 0.1, least_limit = 0.003;

enum { GENERATIONS = 20, LARGEST_VALUE = 32 };

struct shares {
    double values[LIV_GENES][LARGEST_VALUE]; /* by gene and value */
    double weights, features;
};

static struct shares measure(const struct genome *genomes, int count) {
    struct shares shares = {0};
    double each = 1.0 / count / genomes->depth;
    for (int i = 0; i < count; i++) {
        for (int liv = 0; liv < genomes[i].depth; liv++) {
            const short *genes = genomes[i].livs[liv].genes;
            for (int gene = 0; gene < LIV_GENES; gene++)
                shares.values[gene][genes[gene]] += each;
            shares.weights += genes[LIV_FEATURIZER_STRATEGY] > 1 ? each : 0;
            shares.features += genes[LIV_FEATURE_STRATEGY] > 1 ? each : 0;
        }
    }
    return shares;
}

/* How far a share has drifted, 1 being the limit. */
static double drifted(double before, double now) {
    return fabs(now - before) / fmax(limit * before, least_limit);
}

static double check_drift(const struct shares *before, const struct shares *now, int generation) {
    double most = fmax(drifted(before->weights, now->weights), drifted(before->features, now->features));
    for (int gene = 0; gene < LIV_GENES; gene++) {
        for (int value = 1; value < LARGEST_VALUE; value++) {
            double share = drifted(before->values[gene][value], now->values[gene][value]);
            if (share > 1)
                fail_test("generation %d: value %d of gene %d had a share of %.2f %% and now has %.2f %%", generation,
                          value, gene + 1, 100 * before->values[gene][value], 100 * now->values[gene][value]);
            most = fmax(most, share);
        }
    }
    printf("    %2d: %.1f %% of the LIVs share weights, %.1f %% features; most drift %.2f of the limit\n", generation,
           100 * now->weights, 100 * now->features, most);
    return most;
}

static void shuffle(int *numbers, int count, struct random_stream *random) {
    for (int i = count - 1; i > 0; i--) {
        int other = (int)random_below(random, (uint32_t)i + 1), moved = numbers[i];
        numbers[i] = numbers[other];
        numbers[other] = moved;
    }
}

static void breed_all(const struct genome *parents, struct genome *children, int count,
                      const struct genome_space *space, struct random_stream *random) {
    const struct variation variation = {.crossover_points = 2, .mutation = 0.1};
    int *others = memory_allocate((size_t)count, sizeof *others);
    for (int i = 0; i < count; i++)
        others[i] = i;
    shuffle(others, count, random);
    for (int i = 0; i < count; i++)
        breed(&parents[i], &parents[others[i]], &variation, space, random, &children[i], NULL);
    free(others);
}

static void check(const struct catalogue *catalogue, int depth, bool all_classes, int count) {
    static const short quickstart[] = {1, 3, 4, 6, 8, 9, 12};
    struct genome_space space = genome_space_of(catalogue);
    struct random_stream random = random_open(61, (uint64_t)depth * 2 + all_classes);
    space.depth_least = space.depth_most = depth;
    space.operators = space.featurizers = false;
    if (!all_classes) {
        space.class_count = sizeof quickstart / sizeof *quickstart;
        memcpy(space.classes, quickstart, sizeof quickstart);
    }
    struct genome *genomes = memory_allocate((size_t)count, sizeof *genomes);
    struct genome *children = memory_allocate((size_t)count, sizeof *children);
    for (int i = 0; i < count; i++)
        genome_random(&genomes[i], &space, &random);
    struct shares before = measure(genomes, count);
    printf("  depth %d, %d classes, %d genomes\n     0: %.1f %% of the LIVs share weights, %.1f %% features\n", depth,
           space.class_count, count, 100 * before.weights, 100 * before.features);
    assert_true(before.weights > 0.1 && before.features > 0.1);
    for (int generation = 1; generation <= GENERATIONS; generation++) {
        breed_all(genomes, children, count, &space, &random);
        struct genome *moved = genomes;
        genomes = children;
        children = moved;
        struct shares now = measure(genomes, count);
        if (generation == 1 || generation == 3 || generation == 10 || generation == 20)
            assert_true(check_drift(&before, &now, generation) <= 1);
    }
    free(genomes);
    free(children);
}

static void test_drift(void **unused) {
    (void)unused;
    static struct catalogue catalogue;
    assert_ok(catalogue_read(NULL, &catalogue));
    check(&catalogue, 6, false, 8000);
    check(&catalogue, 24, false, 1500);
    check(&catalogue, 6, true, 10000);
    check(&catalogue, 24, true, 2500);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_drift)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
