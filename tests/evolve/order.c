/*
 * Evolution that several workers feed: who is asked for while others are not told yet, and that what was told counts,
 * whatever the order in which it came.
 */
#include "test.h"

#include "evolve/algorithm.h"

#include <math.h>
#include <string.h>

enum { POPULATION = 10 };

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

static struct evolve_settings settings_of(const struct algorithm *algorithm) {
    return (struct evolve_settings){.algorithm = algorithm,
                                    .space = &space,
                                    .seed = 11,
                                    .population = POPULATION,
                                    .objectives = algorithm->objectives_most > 1 ? 2 : 1,
                                    .tournament = 2,
                                    .variation = {.crossover_points = 2, .mutation = 0.1},
                                    .elite = 2,
                                    .attraction = 1,
                                    .absorption = 1};
}

/* Numbers that have nothing to do with breeding, many of them equal; one in seven fails. */
static void assess(struct individual *individual) {
    for (int o = 0; o < 2; o++)
        individual->objectives[o] = (double)(hash_number(individual->identity, (uint64_t)o) % 50);
    individual->failed = hash_number(individual->identity, 3) % 7 == 0;
    individual->descriptor = (double)(1 << (individual->identity % 8));
}

static struct individual ask(struct evolution *evolution) {
    struct individual individual;
    assert_true(evolution_ask(evolution, &individual));
    return individual;
}

static void tell(struct evolution *evolution, const struct individual *asked) {
    struct individual told = *asked;
    assess(&told);
    evolution_tell(evolution, &told);
}

static void check_equal_populations(struct evolution *a, struct evolution *b) {
    int a_count, b_count;
    const struct individual *a_members = evolution_population(a, &a_count);
    const struct individual *b_members = evolution_population(b, &b_count);
    assert_int_equal(a_count, b_count);
    for (int i = 0; i < a_count; i++)
        assert_int_equal(a_members[i].id, b_members[i].id);
}

/* ---- a generation at a time ---- */

/* One GMemless with any norms and residuals: six genomes, so that a generation holds some twice. */
static struct genome_space six_genomes(void) {
    struct genome_space six = genome_space_of(&catalogue);
    six.depth_least = six.depth_most = six.class_count = 1;
    six.classes[0] = 8;
    six.operators = six.featurizers = false;
    return six;
}

/* Generations that are told in order, and in any other: the same children and survivors. */
static void check_generations(const struct evolve_settings *settings, uint64_t seed) {
    enum { GENERATIONS = 8 };
    struct evolution *in_order = evolution_create(settings), *shuffled = evolution_create(settings);
    struct random_stream random = random_open(seed, 1);
    for (int generation = 0; generation < GENERATIONS; generation++) {
        struct individual asked[POPULATION], early;
        for (int i = 0; i < POPULATION; i++) {
            struct individual other = ask(in_order);
            asked[i] = ask(shuffled);
            assert_true(asked[i].id == other.id && asked[i].identity == other.identity);
        }
        for (int i = 0; i < POPULATION; i++)
            tell(in_order, &asked[i]);
        for (int left = POPULATION; left > 0; left--) {
            uint32_t drawn = random_below(&random, (uint32_t)left);
            if (!settings->algorithm->blind)
                assert_false(evolution_ask(shuffled, &early));
            tell(shuffled, &asked[drawn]);
            asked[drawn] = asked[left - 1];
        }
        check_equal_populations(in_order, shuffled);
    }
    evolution_destroy(in_order);
    evolution_destroy(shuffled);
}

static void test_generations_in_any_order(void **unused) {
    (void)unused;
    struct genome_space six = six_genomes();
    for (int place = 0; algorithm_at(place); place++) {
        struct evolve_settings settings = settings_of(algorithm_at(place));
        if (!settings.algorithm->generational)
            continue;
        for (uint64_t seed = 1; seed <= 5; seed++) {
            settings.space = &space;
            check_generations(&settings, seed);
            settings.space = &six;
            check_generations(&settings, seed);
        }
    }
}

/* Random individuals are the same however far ahead they are asked for. */
static void test_random_is_blind(void **unused) {
    (void)unused;
    enum { ASKED = 5 * POPULATION };
    struct evolve_settings settings = settings_of(&algorithm_random);
    settings.immigrants = 0.3;
    struct evolution *one_by_one = evolution_create(&settings), *ahead = evolution_create(&settings);
    static struct individual asked[ASKED];
    for (int i = 0; i < ASKED; i++) {
        struct individual guess;
        assert_true(evolution_is_decided(ahead, 1) && evolution_guess(ahead, 1, &guess));
        asked[i] = ask(ahead);
        assert_true(guess.id == asked[i].id && guess.identity == asked[i].identity);
    }
    for (int i = 0; i < ASKED; i++) {
        struct individual individual = ask(one_by_one);
        assert_true(individual.identity == asked[i].identity && individual.origin == asked[i].origin);
        tell(one_by_one, &individual);
        tell(ahead, &asked[i]);
        check_equal_populations(one_by_one, ahead);
    }
    evolution_destroy(one_by_one);
    evolution_destroy(ahead);
}

static void test_who_is_repeatable(void **unused) {
    (void)unused;
    static const char *const repeatable[] = {"nsga2", "ga", "firefly", "random"};
    for (int place = 0; algorithm_at(place); place++) {
        struct evolve_settings settings = settings_of(algorithm_at(place));
        bool expected = false;
        for (size_t i = 0; i < sizeof repeatable / sizeof *repeatable; i++)
            expected = expected || strcmp(algorithm_at(place)->name, repeatable[i]) == 0;
        assert_int_equal(evolution_is_repeatable(&settings), expected);
        settings.rungs = settings.filter.candidates = 1;
        assert_int_equal(evolution_is_repeatable(&settings), expected);
        settings.rungs = 2;
        assert_false(evolution_is_repeatable(&settings));
        settings.rungs = 1;
        settings.filter.candidates = 2;
        assert_false(evolution_is_repeatable(&settings));
    }
}

/* ---- as they come ---- */

enum { WORKERS = 3 * POPULATION, EVALUATIONS = 400 };

/* A search of `WORKERS` of which one or the other is done; `check` sees each individual that is asked for. */
struct crowd {
    struct evolution *evolution;
    struct random_stream random;
    struct individual in_flight[WORKERS];
    int count, told_count;
    bool told[EVALUATIONS + 1];
    uint64_t identities[EVALUATIONS + 1];
};

static void open_crowd(struct crowd *crowd, const struct evolve_settings *settings) {
    *crowd = (struct crowd){.evolution = evolution_create(settings), .random = random_open(5, 5)};
}

static void tell_somebody(struct crowd *crowd) {
    uint32_t drawn = random_below(&crowd->random, (uint32_t)crowd->count);
    tell(crowd->evolution, &crowd->in_flight[drawn]);
    crowd->told[crowd->in_flight[drawn].id] = true;
    crowd->told_count++;
    crowd->in_flight[drawn] = crowd->in_flight[--crowd->count];
}

static struct individual *ask_for_worker(struct crowd *crowd) {
    struct individual *asked = &crowd->in_flight[crowd->count++];
    *asked = ask(crowd->evolution);
    crowd->identities[asked->id] = asked->identity;
    return asked;
}

/* Parents were told. Before as many were as the population has, nobody has any; of more than 40 later ones, some do. */
static void test_nobody_waits(void **unused) {
    (void)unused;
    static struct crowd crowd;
    for (int place = 0; algorithm_at(place); place++) {
        struct evolve_settings settings = settings_of(algorithm_at(place));
        if (settings.algorithm->generational)
            continue;
        open_crowd(&crowd, &settings);
        int children = 0;
        for (int id = 1; id <= EVALUATIONS; id++) {
            struct individual *asked = ask_for_worker(&crowd);
            assert_int_equal(asked->id, id);
            assert_int_equal(asked->generation, (id - 1) / POPULATION);
            for (int earlier = 1; earlier < id; earlier++)
                assert_true(crowd.identities[earlier] != asked->identity);
            for (int p = 0; p < 2; p++)
                assert_true(asked->parents[p] == 0 || crowd.told[asked->parents[p]]);
            assert_true(crowd.told_count >= POPULATION || asked->origin == ORIGIN_RANDOM);
            assert_true(crowd.told_count < POPULATION || asked->origin != ORIGIN_RANDOM);
            children += asked->parents[0] > 0;
            if (crowd.count == WORKERS)
                tell_somebody(&crowd);
        }
        while (crowd.count > 0)
            tell_somebody(&crowd);
        assert_int_equal(children, EVALUATIONS - (WORKERS + POPULATION - 1));
        evolution_destroy(crowd.evolution);
    }
}

/* What is guessed is what is asked for, unless somebody is told meanwhile; and then, too, where it is decided. */
static void test_guesses_among_many(void **unused) {
    (void)unused;
    static struct crowd crowd;
    for (int place = 0; algorithm_at(place); place++) {
        struct evolve_settings settings = settings_of(algorithm_at(place));
        open_crowd(&crowd, &settings);
        for (int id = 1; id <= EVALUATIONS / 4; id++) {
            struct individual guess = {0}, next;
            bool tells = id % 2 == 0 && crowd.count > 0;
            /* Of a generational algorithm the last of a generation are told before the first of the next is asked. */
            bool waits = settings.algorithm->generational && !settings.algorithm->blind;
            while (crowd.count > 0 && ((waits && id % POPULATION == 1) || crowd.count == WORKERS))
                tell_somebody(&crowd);
            tells = tells && crowd.count > 0;
            bool guessed = evolution_guess(crowd.evolution, 1, &guess);
            bool decided = evolution_is_decided(crowd.evolution, 1);
            assert_true(guessed || (!decided && crowd.told_count < POPULATION));
            if (tells)
                tell_somebody(&crowd);
            next = *ask_for_worker(&crowd);
            if (guessed && (decided || !tells))
                assert_true(guess.id == next.id && guess.identity == next.identity);
        }
        evolution_destroy(crowd.evolution);
    }
}

/* The best of all that were told, whichever came first; each counts once, and late ones count as well. */
static void test_the_best_of_all(void **unused) {
    (void)unused;
    struct evolve_settings settings = settings_of(&algorithm_nsga2_steady);
    settings.objectives = 1;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        enum { TOLD = 25 };
        struct evolution *evolution = evolution_create(&settings);
        struct random_stream random = random_open(seed, 2);
        struct individual asked[TOLD];
        int count;
        for (int i = 0; i < TOLD; i++)
            asked[i] = ask(evolution);
        for (int left = TOLD; left > 0; left--) {
            uint32_t drawn = random_below(&random, (uint32_t)left);
            asked[drawn].objectives[0] = (asked[drawn].id * 7) % TOLD; /* all differ */
            evolution_tell(evolution, &asked[drawn]);
            asked[drawn] = asked[left - 1];
        }
        const struct individual *members = evolution_population(evolution, &count);
        assert_int_equal(count, POPULATION);
        for (int i = 0; i < count; i++)
            assert_true(members[i].objectives[0] == i);
        evolution_destroy(evolution);
    }
}

static bool is_member(struct evolution *evolution, int id) {
    int count;
    const struct individual *members = evolution_population(evolution, &count);
    for (int i = 0; i < count; i++)
        if (members[i].id == id)
            return true;
    return false;
}

/* Of ageing the oldest is who came first: the slow first one outlives all that came before it, told again or not. */
static void test_the_slow_one_lives(void **unused) {
    (void)unused;
    struct evolve_settings settings = settings_of(&algorithm_ageing);
    struct evolution *evolution = evolution_create(&settings);
    struct individual slow = ask(evolution), other;
    for (int i = 0; i < 2 * POPULATION; i++) {
        other = ask(evolution);
        tell(evolution, &other);
    }
    tell(evolution, &slow);
    for (int i = 1; i < POPULATION; i++) {
        assert_true(is_member(evolution, slow.id));
        tell(evolution, &slow);
        other = ask(evolution);
        tell(evolution, &other);
    }
    assert_true(is_member(evolution, slow.id));
    other = ask(evolution);
    tell(evolution, &other);
    assert_false(is_member(evolution, slow.id));
    evolution_destroy(evolution);
}

/* An elite of map-elites that is told again keeps its cell: the next one in it takes its place. */
static void test_an_elite_keeps_its_cell(void **unused) {
    (void)unused;
    struct evolve_settings settings = settings_of(&algorithm_map_elites);
    struct evolution *evolution = evolution_create(&settings);
    struct individual first = ask(evolution), second = first;
    int count;
    first.descriptor = second.descriptor = 1024;
    first.objectives[0] = first.objectives[1] = 9;
    evolution_tell(evolution, &first);
    evolution_tell(evolution, &first);
    second.id = ask(evolution).id;
    evolution_tell(evolution, &second);
    assert_int_equal(evolution_population(evolution, &count)[0].id, second.id);
    assert_int_equal(count, 1);
    evolution_destroy(evolution);
}

/* ---- going on ---- */

/* Asked and told again in the order in which it was, a search goes on with the same individuals. */
static void test_going_on(void **unused) {
    (void)unused;
    static struct crowd crowd;
    static struct individual asked[EVALUATIONS + 1];
    enum { HALF = EVALUATIONS / 4 };
    for (int place = 0; algorithm_at(place); place++) {
        struct evolve_settings settings = settings_of(algorithm_at(place));
        int order[HALF], by_then[HALF], told = 0;
        if (settings.algorithm->generational)
            continue;
        open_crowd(&crowd, &settings);
        for (int id = 1; id <= HALF; id++) {
            asked[id] = *ask_for_worker(&crowd);
            if (crowd.count < WORKERS)
                continue;
            uint32_t drawn = random_below(&crowd.random, WORKERS);
            by_then[told] = id;
            order[told++] = crowd.in_flight[drawn].id;
            tell(crowd.evolution, &crowd.in_flight[drawn]);
            crowd.in_flight[drawn] = crowd.in_flight[--crowd.count];
        }
        struct evolution *resumed = evolution_create(&settings);
        for (int i = 0, id = 0; i < told; i++) {
            while (id < by_then[i])
                assert_true(ask(resumed).identity == asked[++id].identity);
            tell(resumed, &asked[order[i]]);
        }
        check_equal_populations(resumed, crowd.evolution);
        for (int i = 0; i < POPULATION; i++) {
            struct individual a = ask(resumed), b = ask(crowd.evolution);
            assert_true(a.id == b.id && a.identity == b.identity);
        }
        evolution_destroy(resumed);
        evolution_destroy(crowd.evolution);
    }
}

/* ---- rungs and filter ---- */

static bool measure(void *context, const struct genome *genome, struct measured *measured) {
    (void)context;
    measured->costs[0] = genome->depth;
    return true;
}

static double steps(void *context, int rung) {
    (void)context;
    return 40.0 * (rung + 1);
}

/* Who goes on was told and goes on once from each rung, and no more of them than the share that is promoted. */
static void test_rungs_and_filter(void **unused) {
    (void)unused;
    static struct crowd crowd;
    for (int place = 0; algorithm_at(place); place++) {
        struct evolve_settings settings = settings_of(algorithm_at(place));
        int promoted[EVALUATIONS + 1] = {0}, promoted_count = 0;
        settings.rungs = 2;
        settings.promoted = 0.5;
        settings.filter = (struct filter_settings){.candidates = 3,
                                                   .warmup = POPULATION,
                                                   .costs = 1,
                                                   .trained = {true, true},
                                                   .measure = measure,
                                                   .steps = steps};
        open_crowd(&crowd, &settings);
        struct individual next;
        for (int done = 0; done < EVALUATIONS / 2; done++) {
            bool goes_on = evolution_promote(crowd.evolution, &next);
            if (goes_on) {
                assert_true(next.rung == 1 && crowd.told[next.id] && promoted[next.id]++ == 0);
                assert_true(next.identity == crowd.identities[next.id]);
                promoted_count++;
                crowd.told_count--; /* which counts individuals */
            } else if (evolution_ask(crowd.evolution, &next)) {
                crowd.identities[next.id] = next.identity;
                goes_on = true;
            }
            if (goes_on)
                crowd.in_flight[crowd.count++] = next;
            if (!goes_on || crowd.count == WORKERS)
                tell_somebody(&crowd);
            assert_true(promoted_count <= (crowd.told_count + promoted_count) / 2 + 1);
        }
        assert_true(promoted_count > 10);
        evolution_destroy(crowd.evolution);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generations_in_any_order),
        cmocka_unit_test(test_random_is_blind),
        cmocka_unit_test(test_who_is_repeatable),
        cmocka_unit_test(test_nobody_waits),
        cmocka_unit_test(test_guesses_among_many),
        cmocka_unit_test(test_the_best_of_all),
        cmocka_unit_test(test_the_slow_one_lives),
        cmocka_unit_test(test_an_elite_keeps_its_cell),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_rungs_and_filter),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
