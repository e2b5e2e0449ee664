/* Evolution on several rungs: who goes on, once, with what was asked for; and that a higher rung brings back whom a
 * lower one had dropped. */
#include "test.h"

#include "evolve/algorithm.h"

#include <math.h>
#include <string.h>

static struct catalogue catalogue;
static struct genome_space space;

static int set_up(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = 8;
    space.class_count = 6;
    space.operators = space.featurizers = false;
    return 0;
}

static struct evolution *create(const char *algorithm, int population, double promoted) {
    struct evolve_settings settings = {.algorithm = algorithm_find(algorithm),
                                       .space = &space,
                                       .seed = 4,
                                       .population = population,
                                       .objectives = 1,
                                       .tournament = 2,
                                       .variation = {.crossover_points = 2, .mutation = 0.1},
                                       .rungs = 2,
                                       .promoted = promoted};
    return evolution_create(&settings);
}

static double arbitrary(uint64_t identity) {
    return (double)(hash_number(identity, 7) >> 40);
}

/* How many of values[0..count) are better than this one. */
static int better_ones(const double *values, int count, double value) {
    int better = 0;
    for (int i = 0; i < count; i++)
        better += values[i] < value;
    return better;
}

/* Every third fails. Whoever is among the best half of those so far has gone on, and nobody else has at that time. */
static void test_the_best_half(void **unused) {
    (void)unused;
    enum { ASKED = 60 };
    static struct individual asked[ASKED + 1];
    struct evolution *evolution = create("nsga2", 6, 0.5);
    double values[ASKED];
    bool promoted[ASKED + 1] = {false};
    for (int n = 1; n <= ASKED; n++) {
        struct individual individual;
        assert_true(evolution_ask(evolution, &individual));
        assert_true(individual.id == n && individual.rung == 0);
        individual.failed = n % 3 == 0;
        individual.objectives[0] = arbitrary(individual.identity);
        values[n - 1] = individual.failed ? INFINITY : individual.objectives[0];
        asked[n] = individual;
        evolution_tell(evolution, &individual);
        while (evolution_promote(evolution, &individual)) {
            int id = individual.id;
            assert_true(id <= n && individual.rung == 1 && !promoted[id]);
            assert_true(genome_equal(&individual.genome, &asked[id].genome));
            assert_memory_equal(individual.sources, asked[id].sources, sizeof individual.sources);
            assert_true(better_ones(values, n, values[id - 1]) < n / 2 && isfinite(values[id - 1]));
            promoted[id] = true;
            evolution_tell(evolution, &individual);
        }
        for (int id = 1; id <= n; id++)
            if (isfinite(values[id - 1]) && better_ones(values, n, values[id - 1]) < n / 2)
                assert_true(promoted[id]);
    }
    evolution_destroy(evolution);
}

static bool is_member(struct evolution *evolution, int id) {
    int count;
    const struct individual *members = evolution_population(evolution, &count);
    for (int i = 0; i < count; i++)
        if (members[i].id == id)
            return true;
    return false;
}

/* Eight are told, each better than the one before, so that the first two are no members; then the first goes on. */
static void check_comes_back(const char *algorithm, bool expected) {
    struct evolution *evolution = create(algorithm, 4, 1);
    struct individual individual, first = {.id = 0};
    for (int n = 1; n <= 8; n++) {
        assert_true(evolution_ask(evolution, &individual));
        individual.objectives[0] = 100 - n;
        if (n == 1)
            first = individual;
        evolution_tell(evolution, &individual);
    }
    assert_false(is_member(evolution, 1));
    first.rung = 1;
    evolution_tell(evolution, &first);
    assert_int_equal(is_member(evolution, 1), expected);
    int count;
    assert_true(!expected || evolution_population(evolution, &count)[0].id == 1);
    (void)evolution_population(evolution, &count);
    assert_int_equal(count, 4);
    evolution_destroy(evolution);
}

static void test_comes_back(void **unused) {
    (void)unused;
    check_comes_back("nsga2", true);
    check_comes_back("nsga2-steady", true);
    check_comes_back("ga", true);
    check_comes_back("random", true);
    check_comes_back("ageing", false); /* the dead stay dead */
}

/* A member that a higher rung shows to be worse than the rest is so from then on; nobody is promoted from one rung. */
static void test_updates(void **unused) {
    (void)unused;
    struct evolution *evolution = create("nsga2-steady", 4, 1);
    struct individual individual;
    int count;
    for (int n = 1; n <= 4; n++) {
        assert_true(evolution_ask(evolution, &individual));
        individual.objectives[0] = n;
        evolution_tell(evolution, &individual);
    }
    for (int n = 1; n <= 4; n++) {
        assert_true(evolution_promote(evolution, &individual));
        individual.objectives[0] = -individual.objectives[0];
        evolution_tell(evolution, &individual);
    }
    assert_false(evolution_promote(evolution, &individual));
    const struct individual *members = evolution_population(evolution, &count);
    for (int i = 0; i < 4; i++)
        assert_int_equal(members[i].id, 4 - i);
    evolution_destroy(evolution);

    struct evolve_settings one = {
        .algorithm = algorithm_find("nsga2"), .space = &space, .population = 2, .objectives = 1, .tournament = 1};
    evolution = evolution_create(&one);
    assert_true(evolution_ask(evolution, &individual));
    evolution_tell(evolution, &individual);
    assert_false(evolution_promote(evolution, &individual));
    evolution_destroy(evolution);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_half),
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_updates),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
