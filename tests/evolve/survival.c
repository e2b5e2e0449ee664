/* Who becomes a parent, who survives, and that nothing is evaluated twice, watched from outside. */
#include "test.h"

#include "base/random.h"
#include "loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_POPULATION = 20, MOST_EVALUATED = 1000 };

static struct catalogue catalogue;

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

/* What is seen of one evolution. */
struct watch {
    struct evolve_settings settings;
    int generations;
    void (*assess)(struct watch *watch, struct individual *individual);
    void (*check)(struct watch *watch, int generation, const struct individual *survivors);
    struct individual survivors[MOST_POPULATION], children[MOST_POPULATION];
    int survivor_count;
    uint64_t identities[MOST_EVALUATED];
    bool succeeded[MOST_EVALUATED];
    int evaluated, parents;
    double position_sum;
    int positions[MOST_POPULATION]; /* how often the survivor at this place was chosen */
};

static int place_of(const struct watch *watch, int id) {
    for (int i = 0; i < watch->survivor_count; i++)
        if (watch->survivors[i].id == id)
            return i;
    fail_test("individual %d is a parent and was no survivor", id);
    return 0;
}

static void evaluate(void *context, struct individual *individuals, int count) {
    struct watch *watch = context;
    for (int i = 0; i < count; i++) {
        for (int p = 0; p < 2 && individuals[i].generation > 0; p++) {
            int place = place_of(watch, individuals[i].parents[p]);
            watch->positions[place]++;
            watch->position_sum += place;
            watch->parents++;
        }
        watch->assess(watch, &individuals[i]);
        assert_true(individuals[i].identity == genome_identity(&individuals[i].genome, &catalogue));
        watch->succeeded[watch->evaluated] = !individual_failed(&individuals[i], watch->settings.objectives);
        watch->identities[watch->evaluated++] = individuals[i].identity;
        watch->children[i] = individuals[i];
    }
}

static void generation_done(void *context, int generation, const struct individual *survivors, int count) {
    struct watch *watch = context;
    assert_int_equal(count, watch->settings.population);
    if (watch->check)
        watch->check(watch, generation, survivors);
    memcpy(watch->survivors, survivors, (size_t)count * sizeof *survivors);
    watch->survivor_count = count;
}

static struct genome_space backbones(int depth, int class_count) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = depth;
    space.class_count = class_count;
    space.operators = space.featurizers = false;
    space.norms = space.residuals = 1u << 1;
    return space;
}

/* One GMemless with any norms and residuals: six genomes. */
static struct genome_space six_genomes(void) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = space.class_count = 1;
    space.classes[0] = 8;
    space.operators = space.featurizers = false;
    return space;
}

static struct watch *run(struct watch *watch, const struct genome_space *space) {
    struct problem problem = {.evaluate = evaluate, .generation_done = generation_done, .context = watch};
    assert_true(watch->settings.population * watch->generations <= MOST_EVALUATED);
    watch->settings.space = space;
    evolve(&watch->settings, watch->generations, &problem);
    return watch;
}

static struct evolve_settings settings_of(int population, int draws, int objectives) {
    return (struct evolve_settings){.algorithm = &algorithm_nsga2,
                                    .seed = 5,
                                    .population = population,
                                    .tournament = draws,
                                    .variation = {.crossover_points = 2, .mutation = 0.1},
                                    .objectives = objectives};
}

/* Numbers that have nothing to do with what breeding does. */
static double arbitrary(const struct individual *individual, int objective) {
    return (double)(hash_number(individual->identity, (uint64_t)objective) >> 40);
}

static void assess_arbitrarily(struct watch *watch, struct individual *individual) {
    for (int i = 0; i < watch->settings.objectives; i++)
        individual->objectives[i] = arbitrary(individual, i);
}

/*
 * The best of k that are drawn with equal probability from n is at place j or behind with ((n - j) / n)^k: its mean
 * place is the sum of these for j = 1 .. n - 1, and it is among the first quarter with 1 - (3/4)^k.
 */
static void check_tournament(int k) {
    enum { N = 20 };
    static struct watch watch;
    memset(&watch, 0, sizeof watch);
    watch.settings = settings_of(N, k, 1);
    watch.generations = 50;
    watch.assess = assess_arbitrarily;
    struct genome_space space = backbones(12, 15);
    run(&watch, &space);
    double mean = 0, square = 0, first = 0;
    for (int j = 1; j < N; j++) {
        double behind = pow((double)(N - j) / N, k);
        mean += behind;
        square += (2 * j - 1) * behind;
    }
    for (int i = 0; i < N / 4; i++)
        first += watch.positions[i];
    double deviation = sqrt((square - mean * mean) / watch.parents), quarter = 1 - pow(0.75, k);
    printf("  tournament of %d: mean place of %d parents %.2f, by hand %.2f +- %.2f\n", k, watch.parents,
           watch.position_sum / watch.parents, mean, deviation);
    assert_true(fabs(watch.position_sum / watch.parents - mean) < 4 * deviation);
    assert_true(fabs(first / watch.parents - quarter) < 4 * sqrt(quarter * (1 - quarter) / watch.parents));
}

static void test_parents(void **unused) {
    (void)unused;
    for (int k = 1; k <= 4; k++)
        check_tournament(k);
}

/* Children of two parents of a few LIVs are often what was there before. */
static void test_nothing_twice(void **unused) {
    (void)unused;
    static struct watch watch;
    watch.settings = settings_of(10, 2, 2);
    watch.generations = 12;
    watch.assess = assess_arbitrarily;
    struct genome_space space = backbones(3, 4);
    run(&watch, &space);
    for (int i = 0; i < watch.evaluated; i++)
        for (int j = 0; j < i; j++)
            assert_true(watch.identities[i] != watch.identities[j]);
}

/* ---- survival ---- */

static const struct individual *find(const struct individual *individuals, int count, int id) {
    for (int i = 0; i < count; i++)
        if (individuals[i].id == id)
            return &individuals[i];
    return NULL;
}

/* Of parents and children: whoever is dropped neither dominates a survivor nor is a success beside a failure, and the
 * least value of each objective is among the survivors; with one objective all dropped ones are worse than all. */
static void check_survivors(struct watch *watch, int generation, const struct individual *survivors) {
    int size = watch->settings.population, objectives = watch->settings.objectives;
    if (generation == 0)
        return;
    for (int i = 0; i < 2 * size; i++) {
        const struct individual *one = i < size ? &watch->survivors[i] : &watch->children[i - size];
        bool dropped = !find(survivors, size, one->id), failed = individual_failed(one, objectives);
        double least = INFINITY;
        for (int s = 0; s < size && dropped; s++) {
            assert_false(dominates(one, &survivors[s], objectives));
            if (objectives == 1 && !failed)
                assert_true(survivors[s].objectives[0] <= one->objectives[0]);
        }
        for (int o = 0; o < objectives && !failed; o++, least = INFINITY) {
            for (int s = 0; s < size; s++)
                if (!individual_failed(&survivors[s], objectives))
                    least = fmin(least, survivors[s].objectives[o]);
            assert_true(least <= one->objectives[o]);
        }
    }
}

/* A third fails, in all the ways there are. */
static void assess_with_failures(struct watch *watch, struct individual *individual) {
    assess_arbitrarily(watch, individual);
    uint64_t way = hash_number(individual->identity, 99) % 12;
    individual->failed = way == 0;
    if (way >= 1 && way <= 3)
        individual->objectives[0] = way == 1 ? NAN : way == 2 ? INFINITY : -INFINITY;
}

static void test_the_best_survive(void **unused) {
    (void)unused;
    for (int objectives = 1; objectives <= 3; objectives++) {
        static struct watch watch;
        memset(&watch, 0, sizeof watch);
        watch.settings = settings_of(8, 2, objectives);
        watch.generations = 20;
        watch.assess = assess_with_failures;
        watch.check = check_survivors;
        struct genome_space space = backbones(6, 7);
        run(&watch, &space);
    }
}

/* As many as can be are different, those first. */
static void check_distinct(struct watch *watch, int generation, const struct individual *survivors) {
    int size = watch->settings.population, different = size < 6 ? size : generation ? 6 : 0;
    for (int i = 0; i < different; i++)
        for (int j = 0; j < i; j++)
            assert_true(survivors[i].identity != survivors[j].identity);
    for (int i = 1; i < size; i++)
        assert_true(compare_individuals(&survivors[i - 1], &survivors[i]) < 0);
}

static void test_clones(void **unused) {
    (void)unused;
    for (int population = 4; population <= 10; population += 3) {
        static struct watch watch;
        memset(&watch, 0, sizeof watch);
        watch.settings = settings_of(population, 2, 2);
        watch.generations = 10;
        watch.assess = assess_arbitrarily;
        watch.check = check_distinct;
        struct genome_space space = six_genomes();
        run(&watch, &space);
    }
}

/* Fails the first time that it is evaluated. */
static void fail_once(struct watch *watch, struct individual *individual) {
    assess_arbitrarily(watch, individual);
    individual->failed = true;
    for (int i = 0; i < watch->evaluated; i++)
        individual->failed = individual->failed && watch->identities[i] != individual->identity;
}

static void check_no_failed_clone(struct watch *watch, int generation, const struct individual *survivors) {
    (void)generation;
    for (int s = 0; s < watch->settings.population; s++)
        for (int i = 0; i < watch->evaluated && survivors[s].failed; i++)
            assert_false(watch->succeeded[i] && watch->identities[i] == survivors[s].identity);
}

static void test_a_clone_that_succeeded(void **unused) {
    (void)unused;
    static struct watch watch;
    watch.settings = settings_of(6, 2, 1);
    watch.generations = 10;
    watch.assess = fail_once;
    watch.check = check_no_failed_clone;
    struct genome_space space = six_genomes();
    run(&watch, &space);
    int successes = 0;
    for (int i = 0; i < watch.settings.population; i++)
        successes += !watch.survivors[i].failed;
    assert_true(successes > 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parents),
        cmocka_unit_test(test_nothing_twice),
        cmocka_unit_test(test_the_best_survive),
        cmocka_unit_test(test_clones),
        cmocka_unit_test(test_a_clone_that_succeeded),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
