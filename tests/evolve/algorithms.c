/* Every algorithm of the table: what all must keep to, that each finds what random search does not, and single steps
 * worked by hand. */
#include "test.h"

#include "evolve/algorithm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { POPULATION = 10, EVALUATIONS = 300 };

static struct catalogue catalogue;

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

static struct genome_space backbones(int depth, int class_count) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = depth;
    space.class_count = class_count;
    space.operators = space.featurizers = false;
    space.norms = space.residuals = 1u << 1;
    return space;
}

static struct evolve_settings settings_of(const struct algorithm *algorithm, const struct genome_space *space,
                                          int population, int objectives) {
    return (struct evolve_settings){.algorithm = algorithm,
                                    .space = space,
                                    .seed = 11,
                                    .population = population,
                                    .objectives = objectives,
                                    .tournament = 2,
                                    .variation = {.crossover_points = 2, .mutation = 0.1},
                                    .elite = 2,
                                    .attraction = 1,
                                    .absorption = 1};
}

static struct individual ask(struct evolution *evolution) {
    struct individual individual;
    assert_true(evolution_ask(evolution, &individual));
    return individual;
}

/* Asks and tells the next one: its number is its first objective. */
static struct individual next(struct evolution *evolution, double number) {
    struct individual individual = ask(evolution);
    individual.failed = isnan(number);
    individual.objectives[0] = number;
    evolution_tell(evolution, &individual);
    return individual;
}

/* The population's ids are these, best first. */
static void check_ids(struct evolution *evolution, const int *ids, int expected) {
    int count;
    const struct individual *members = evolution_population(evolution, &count);
    assert_int_equal(count, expected);
    for (int i = 0; i < count; i++)
        assert_int_equal(members[i].id, ids[i]);
}

/* ---- what all keep to ---- */

/* LIVs that are not the first of the class; and then some that pull the other way. */
static void assess(struct individual *individual, int objectives) {
    const struct genome *genome = &individual->genome;
    int first = 0;
    for (int liv = 0; liv < genome->depth; liv++)
        first += genome->livs[liv].genes[LIV_CLASS] == 1;
    individual->objectives[0] = genome->depth - first;
    for (int o = 1; o < objectives; o++)
        individual->objectives[o] = (double)(hash_number(individual->identity, (uint64_t)o) % 1000);
    individual->descriptor = 1 << (individual->identity % 8);
}

struct trace {
    uint64_t genomes[EVALUATIONS];
    double best;
};

static void trace(const struct evolve_settings *settings, bool fails, struct trace *trace) {
    struct evolution *evolution = evolution_create(settings);
    trace->best = INFINITY;
    for (int i = 0; i < EVALUATIONS; i++) {
        struct individual individual = ask(evolution);
        assert_int_equal(individual.id, i + 1);
        assert_int_equal(individual.generation, i / settings->population);
        assert_ok(genome_validate(&individual.genome, settings->space));
        for (int p = 0; p < 2; p++)
            assert_true(individual.parents[p] < individual.id);
        trace->genomes[i] = individual.identity;
        assess(&individual, settings->objectives);
        individual.failed = fails && individual.id % 3 == 0;
        if (!individual.failed)
            trace->best = fmin(trace->best, individual.objectives[0]);
        evolution_tell(evolution, &individual);
    }
    int count;
    const struct individual *members = evolution_population(evolution, &count);
    assert_true(count > 0);
    for (int i = 1; i < count; i++)
        assert_true(compare_individuals(&members[i - 1], &members[i]) < 0);
    evolution_destroy(evolution);
}

/* The same twice, nothing twice while there is something new, another with another seed, and failures end nothing. */
static void test_all_are_repeatable(void **unused) {
    (void)unused;
    static struct trace a, b;
    struct genome_space space = backbones(8, 6);
    for (int i = 0; algorithm_at(i); i++) {
        const struct algorithm *algorithm = algorithm_at(i);
        for (int fails = 0; fails < 2; fails++) {
            struct evolve_settings settings =
                settings_of(algorithm, &space, POPULATION, algorithm->objectives_most > 1 ? 2 : 1);
            trace(&settings, fails, &a);
            trace(&settings, fails, &b);
            assert_memory_equal(a.genomes, b.genomes, sizeof a.genomes);
            settings.seed++;
            trace(&settings, fails, &b);
            assert_memory_not_equal(a.genomes, b.genomes, sizeof a.genomes);
            for (int x = 0; x < EVALUATIONS; x++)
                for (int y = 0; y < x; y++)
                    assert_true(a.genomes[x] != a.genomes[y]);
        }
    }
}

/* Of a generation all can be asked before the first is told, and that changes nothing; others wait for nobody, which
 * tests/evolve/order.c is about. */
static void test_asking_ahead(void **unused) {
    (void)unused;
    static struct trace one_by_one;
    struct genome_space space = backbones(8, 6);
    for (int i = 0; algorithm_at(i); i++) {
        struct evolve_settings settings = settings_of(algorithm_at(i), &space, POPULATION, 1);
        trace(&settings, false, &one_by_one);
        struct evolution *evolution = evolution_create(&settings);
        int ahead = algorithm_at(i)->generational ? POPULATION : 1;
        for (int done = 0; done < 5 * POPULATION; done += ahead) {
            struct individual asked[POPULATION], early;
            for (int k = 0; k < ahead; k++) {
                asked[k] = ask(evolution);
                assert_true(asked[k].identity == one_by_one.genomes[done + k]);
            }
            if (algorithm_at(i)->generational && !algorithm_at(i)->blind)
                assert_false(evolution_ask(evolution, &early));
            for (int k = 0; k < ahead; k++) {
                assess(&asked[k], 1);
                evolution_tell(evolution, &asked[k]);
            }
        }
        evolution_destroy(evolution);
    }
}

/* Eight LIVs of six classes: one genome in 6^8 has only the first class. Random search comes nowhere near. */
static void test_all_beat_random(void **unused) {
    (void)unused;
    enum { SEEDS = 5 };
    static struct trace found;
    struct genome_space space = backbones(8, 6);
    double random_sum = 0, random_least = INFINITY;
    struct evolve_settings settings = settings_of(&algorithm_random, &space, POPULATION, 1);
    for (settings.seed = 1; settings.seed <= SEEDS; settings.seed++) {
        trace(&settings, false, &found);
        random_sum += found.best;
        random_least = fmin(random_least, found.best);
    }
    for (int i = 0; algorithm_at(i); i++) {
        double sum = 0;
        if (algorithm_at(i) == &algorithm_random)
            continue;
        settings = settings_of(algorithm_at(i), &space, POPULATION, 1);
        for (settings.seed = 1; settings.seed <= SEEDS; settings.seed++) {
            trace(&settings, false, &found);
            sum += found.best;
        }
        printf("  %-12s %.1f LIVs are not the best ones, random %.1f\n", algorithm_at(i)->name, sum / SEEDS,
               random_sum / SEEDS);
        assert_true(sum / SEEDS <= random_least - 1);
    }
}

/* One that is known is told again with a higher rung: it stays one, and comes first. */
static void test_told_again(void **unused) {
    (void)unused;
    struct genome_space space = backbones(6, 6);
    for (int i = 0; algorithm_at(i); i++) {
        struct evolve_settings settings = settings_of(algorithm_at(i), &space, 4, 1);
        struct evolution *evolution = evolution_create(&settings);
        struct individual known = {0};
        for (int id = 1; id <= 4; id++) {
            struct individual told = ask(evolution);
            told.objectives[0] = id;
            told.descriptor = 1 << id;
            evolution_tell(evolution, &told);
            known = told;
        }
        known.rung = 1;
        known.objectives[0] = 9;
        evolution_tell(evolution, &known);
        check_ids(evolution, (const int[]){4, 1, 2, 3}, 4);
        assert_int_equal(ask(evolution).id, 5);
        evolution_destroy(evolution);
    }
}

/* ---- by hand ---- */

/* Four, then a better one, then one that is worse than all: it is the worst that leaves. */
static void test_steady_nsga2(void **unused) {
    (void)unused;
    struct genome_space space = backbones(6, 6);
    struct evolve_settings settings = settings_of(&algorithm_nsga2_steady, &space, 4, 1);
    struct evolution *evolution = evolution_create(&settings);
    const double first[] = {3, 1, 4, 2};
    for (int i = 0; i < 4; i++)
        (void)next(evolution, first[i]);
    check_ids(evolution, (const int[]){2, 4, 1, 3}, 4);
    struct individual child = next(evolution, 1.5);
    assert_int_equal(child.origin, ORIGIN_CHILD);
    check_ids(evolution, (const int[]){2, 5, 4, 1}, 4);
    (void)next(evolution, 9);
    check_ids(evolution, (const int[]){2, 5, 4, 1}, 4);
    (void)next(evolution, NAN);
    check_ids(evolution, (const int[]){2, 5, 4, 1}, 4);
    evolution_destroy(evolution);
}

/* Children that are worse than all parents replace all but the elite; the worst of them have no place. */
static void test_ga(void **unused) {
    (void)unused;
    struct genome_space space = backbones(6, 6);
    struct evolve_settings settings = settings_of(&algorithm_ga, &space, 5, 1);
    struct evolution *evolution = evolution_create(&settings);
    const double numbers[] = {5, 3, 1, 2, 4, /* children: */ 14, 11, 15, 12, 13};
    for (int i = 0; i < 10; i++)
        (void)next(evolution, numbers[i]);
    check_ids(evolution, (const int[]){3, 4, 7, 9, 10}, 5);
    /* One child is better than the elite: it is the first, and of the others two pass again. */
    const double later[] = {20, 0.5, 21, 22, 23};
    for (int i = 0; i < 5; i++)
        (void)next(evolution, later[i]);
    check_ids(evolution, (const int[]){12, 3, 4, 11, 13}, 5);
    evolution_destroy(evolution);
}

/* The best of a sample of nearly all is the parent, and the oldest dies though it is the best. */
static void test_ageing(void **unused) {
    (void)unused;
    struct genome_space space = backbones(6, 6);
    struct evolve_settings settings = settings_of(&algorithm_ageing, &space, 3, 1);
    settings.tournament = 200; /* misses the best with (2/3)^200 */
    struct evolution *evolution = evolution_create(&settings);
    (void)next(evolution, 1);
    (void)next(evolution, 3);
    (void)next(evolution, 2);
    check_ids(evolution, (const int[]){1, 3, 2}, 3);
    struct individual mutant = next(evolution, 5);
    assert_int_equal(mutant.origin, ORIGIN_MUTANT);
    assert_int_equal(mutant.parents[0], 1);
    assert_int_equal(mutant.parents[1], 0);
    for (int liv = 0; liv < mutant.genome.depth; liv++)
        assert_true(mutant.sources[liv].parent <= 0);
    check_ids(evolution, (const int[]){3, 2, 4}, 3);
    assert_int_equal(next(evolution, NAN).parents[0], 3);
    check_ids(evolution, (const int[]){3, 4, 5}, 3);
    assert_int_equal(next(evolution, 7).parents[0], 3);
    check_ids(evolution, (const int[]){4, 6, 5}, 3);
    evolution_destroy(evolution);
}

static void parse(const char *text, struct genome *genome) {
    assert_ok(genome_parse(text, genome));
}

/*
 * Cells of given genomes. 1 is SA-1, low-rank; 4 Rec-1, semi-separable; 8 GMemless, diagonal; 6 GConv-1, Toeplitz.
 */
static void test_map_elites(void **unused) {
    (void)unused;
    struct {
        const char *genome;
        double number, descriptor;
    } told[] = {
        {"11111-81111-81111", 5, 1024}, /* low-rank, though most LIVs mix nothing */
        {"11111-11111-41111", 4, 2047}, /* the same cell, better: takes it */
        {"11111-11111-11111", 6, 1500}, /* worse */
        {"11111-11111-61111", 9, 2048}, /* the next power of two */
        {"41111-11111-81111", 9, 1024}, /* as many of either: the first LIV's, semi-separable */
        {"11111-41111-81111", 3, 1100}, /* ... low-rank, and better than the second */
        {"81111-81111-81111", 8, 1024}, /* none */
        {"61111-81111-81111", NAN, 1},  /* failed: in no cell */
    };
    enum { TOLD = sizeof told / sizeof *told };
    struct genome founders[TOLD];
    for (int i = 0; i < TOLD; i++)
        parse(told[i].genome, &founders[i]);
    struct genome_space space = backbones(3, 15);
    struct evolve_settings settings = settings_of(&algorithm_map_elites, &space, TOLD, 1);
    settings.founders = founders;
    settings.founder_count = TOLD;
    struct evolution *evolution = evolution_create(&settings);
    for (int i = 0; i < TOLD; i++) {
        struct individual individual = ask(evolution);
        char text[GENOME_TEXT_BYTES];
        assert_string_equal(genome_print(&individual.genome, text), told[i].genome);
        assert_int_equal(individual.origin, ORIGIN_FOUNDER);
        individual.failed = isnan(told[i].number);
        individual.objectives[0] = told[i].number;
        individual.descriptor = told[i].descriptor;
        evolution_tell(evolution, &individual);
    }
    check_ids(evolution, (const int[]){6, 7, 4, 5}, 4);
    /* Parents are elites, each as likely. */
    int chosen[TOLD + 1] = {0};
    for (int i = 0; i < 400; i++) {
        struct individual child = next(evolution, NAN);
        chosen[child.parents[0]]++;
        chosen[child.parents[1]]++;
    }
    for (int id = 1; id <= TOLD; id++) {
        bool elite = id >= 4 && id <= 7;
        assert_true(elite ? abs(chosen[id] - 200) < 50 : chosen[id] == 0); /* deviation 12 */
    }
    evolution_destroy(evolution);
}

/* With two objectives an elite gives way to what dominates it, and to nothing else. */
static void test_map_elites_of_two(void **unused) {
    (void)unused;
    static const double numbers[][2] = {{5, 5}, {4, 6}, {4, 5}, {4, 5}};
    static const int elite[] = {1, 1, 3, 3};
    struct genome_space space = backbones(6, 1);
    struct evolve_settings settings = settings_of(&algorithm_map_elites, &space, 4, 2);
    struct evolution *evolution = evolution_create(&settings);
    for (int i = 0; i < 4; i++) {
        struct individual individual = ask(evolution);
        memcpy(individual.objectives, numbers[i], sizeof numbers[i]);
        individual.descriptor = NAN;
        evolution_tell(evolution, &individual);
        check_ids(evolution, &elite[i], 1);
    }
    evolution_destroy(evolution);
}

/* Each flies to a brighter one, or mutates where it is the brightest; who failed, and the brightest that would become
 * darker, stays. */
static void test_firefly(void **unused) {
    (void)unused;
    struct genome_space space = backbones(6, 6);
    struct evolve_settings settings = settings_of(&algorithm_firefly, &space, 4, 1);
    struct evolution *evolution = evolution_create(&settings);
    const double first[] = {3, 1, 4, 2};
    for (int i = 0; i < 4; i++)
        (void)next(evolution, first[i]);
    const int places[] = {2, 4, 1, 3}; /* best first */
    const double second[] = {5, 7, NAN, 6};
    for (int place = 0; place < 4; place++) {
        struct individual flown = next(evolution, second[place]);
        assert_int_equal(flown.parents[0], places[place]);
        assert_int_equal(flown.origin, place == 0 ? ORIGIN_MUTANT : ORIGIN_CHILD);
        bool brighter = place == 0 && flown.parents[1] == 0;
        for (int p = 0; p < place; p++)
            brighter = brighter || flown.parents[1] == places[p];
        assert_true(brighter);
    }
    /* 2 stays; 4 became 6; 1 stays; 3 became 8. */
    check_ids(evolution, (const int[]){2, 1, 8, 6}, 4);
    evolution_destroy(evolution);
}

/* How many LIVs come from the brighter parent: attraction exp(-absorption d^2), where all of d = 1. */
static void test_attraction(void **unused) {
    (void)unused;
    enum { DEPTH = 40, TIMES = 50 };
    struct genome_space space = backbones(DEPTH, 15);
    struct genome a = {.depth = DEPTH, .norm = 1, .residual = 1}, b = a, child;
    struct variation variation = {.crossover_points = 2};
    struct liv_source sources[GENOME_MAX_DEPTH];
    struct random_stream random = random_open(3, 5);
    for (int liv = 0; liv < DEPTH; liv++) {
        a.livs[liv] = (struct liv){{1, 1, 1, 1, 1}};
        b.livs[liv] = (struct liv){{4, 1, 1, 1, 1}};
    }
    genome_canonicalise(&a, &catalogue);
    genome_canonicalise(&b, &catalogue);
    for (int quarter = 0; quarter <= 4; quarter++) {
        int taken = 0;
        for (int i = 0; i < TIMES; i++) {
            (void)breed_towards(&a, &b, quarter / 4.0, &variation, &space, &random, &child, sources);
            for (int liv = 0; liv < DEPTH; liv++) {
                assert_int_equal(child.livs[liv].genes[LIV_CLASS], sources[liv].parent == 1 ? 4 : 1);
                taken += sources[liv].parent == 1;
            }
        }
        double share = quarter / 4.0, deviation = sqrt(DEPTH * TIMES * share * (1 - share));
        assert_true(fabs(taken - DEPTH * TIMES * share) <= 4 * deviation);
    }
    assert_true(genome_equal(&child, &b));
}

/* The share that a firefly takes falls with the distance: none where nothing reaches it, all at an attraction of 1
 * without absorption. */
static void test_flight(void **unused) {
    (void)unused;
    struct genome_space space = backbones(6, 6);
    for (int reaches = 0; reaches < 2; reaches++) {
        struct evolve_settings settings = settings_of(&algorithm_firefly, &space, 2, 1);
        settings.variation.mutation = 0;
        settings.absorption = reaches ? 0 : 1e9;
        struct genome founders[2];
        parse("11111-11111-11111-11111-11111-11111", &founders[0]);
        parse("41111-41111-41111-41111-41111-41111", &founders[1]);
        genome_canonicalise(&founders[0], &catalogue);
        genome_canonicalise(&founders[1], &catalogue);
        settings.founders = founders;
        settings.founder_count = 2;
        struct evolution *evolution = evolution_create(&settings);
        for (int i = 0; i < 3; i++)
            (void)next(evolution, i);
        struct individual flown = next(evolution, 4);
        assert_true(genome_equal(&flown.genome, &founders[reaches ? 0 : 1]));
        evolution_destroy(evolution);
    }
}

/* ---- options of all ---- */

static void test_immigrants(void **unused) {
    (void)unused;
    static struct trace without, with;
    struct genome_space space = backbones(8, 6);
    struct evolve_settings settings = settings_of(&algorithm_nsga2, &space, POPULATION, 1);
    trace(&settings, false, &without);
    for (int share = 0; share <= 2; share++) {
        int count = 0, immigrants = 0;
        settings.immigrants = share * 0.5;
        trace(&settings, false, &with);
        assert_true((share == 0) == (memcmp(with.genomes, without.genomes, sizeof with.genomes) == 0));
        struct evolution *evolution = evolution_create(&settings);
        for (int i = 0; i < 400; i++) {
            struct individual individual = next(evolution, i);
            bool is_immigrant = individual.origin == ORIGIN_IMMIGRANT;
            assert_true(individual.generation > 0 || individual.origin == ORIGIN_RANDOM);
            assert_true(!is_immigrant || individual.parents[0] == 0);
            count += individual.generation > 0;
            immigrants += is_immigrant;
        }
        assert_true(fabs(immigrants - share * 0.5 * count) <= (share == 1 ? 40 : 0)); /* deviation 10 */
        evolution_destroy(evolution);
    }
}

/* The first are the founders; the others are those of a search without. */
static void test_founders(void **unused) {
    (void)unused;
    struct genome_space space = backbones(3, 15);
    struct evolve_settings settings = settings_of(&algorithm_nsga2, &space, 5, 1);
    struct evolution *plain = evolution_create(&settings);
    struct genome founders[2];
    parse("11111-81111-11111", &founders[0]);
    parse("41111-81111-41111", &founders[1]);
    settings.founders = founders;
    settings.founder_count = 2;
    struct evolution *founded = evolution_create(&settings);
    for (int i = 0; i < 5; i++) {
        struct individual one = next(plain, i), other = next(founded, i);
        const struct genome *expected = i < 2 ? &founders[i] : &one.genome;
        assert_true(genome_equal(&other.genome, expected));
        assert_int_equal(other.origin, i < 2 ? ORIGIN_FOUNDER : ORIGIN_RANDOM);
    }
    evolution_destroy(plain);
    evolution_destroy(founded);
}

static bool same_backbone(const struct genome *a, const struct genome *b) {
    bool same = a->depth == b->depth;
    for (int liv = 0; same && liv < a->depth; liv++)
        same = a->livs[liv].genes[LIV_CLASS] == b->livs[liv].genes[LIV_CLASS];
    return same;
}

/* Bits of the features' genes alone, or of the operator's, that differ. */
static void differences(const struct genome *a, const struct genome *b, bool *operators, bool *features) {
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++) {
        struct liv_class x, y;
        if (i >= catalogue.class_count)
            break;
        genome_class(a, &catalogue, i + 1, &x);
        genome_class(b, &catalogue, i + 1, &y);
        *operators = *operators || x.token_mixing != y.token_mixing || x.mask != y.mask ||
                     x.nonlinearity != y.nonlinearity || x.channel_mixing != y.channel_mixing;
        *features = *features || memcmp(x.features, y.features, sizeof x.features) != 0;
    }
}

/* A rate of 0 leaves its level alone, whatever `mutation` says. */
static void test_rates(void **unused) {
    (void)unused;
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = 6;
    for (int level = 0; level < RATE_LEVELS; level++) {
        struct random_stream random = random_open(7, (uint64_t)level);
        struct variation variation = {.crossover_points = 1, .mutation = 1, .by_level = true};
        variation.rates[level] = 0.5;
        bool backbone = false, operators = false, features = false;
        for (int i = 0; i < 40; i++) {
            struct genome parent, child;
            genome_random(&parent, &space, &random);
            (void)breed(&parent, &parent, &variation, &space, &random, &child, NULL);
            if (level != RATE_BACKBONE)
                assert_true(same_backbone(&parent, &child));
            backbone = backbone || !same_backbone(&parent, &child);
            if (level != RATE_BACKBONE)
                differences(&parent, &child, &operators, &features);
        }
        assert_true(backbone == (level == RATE_BACKBONE));
        if (level == RATE_OPERATOR)
            assert_true(operators);
        if (level == RATE_FEATURIZER)
            assert_true(features && !operators);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_are_repeatable),
        cmocka_unit_test(test_asking_ahead),
        cmocka_unit_test(test_all_beat_random),
        cmocka_unit_test(test_told_again),
        cmocka_unit_test(test_steady_nsga2),
        cmocka_unit_test(test_ga),
        cmocka_unit_test(test_ageing),
        cmocka_unit_test(test_map_elites),
        cmocka_unit_test(test_map_elites_of_two),
        cmocka_unit_test(test_firefly),
        cmocka_unit_test(test_attraction),
        cmocka_unit_test(test_flight),
        cmocka_unit_test(test_immigrants),
        cmocka_unit_test(test_founders),
        cmocka_unit_test(test_rates),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
