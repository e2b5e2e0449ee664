#include "base/memory.h"
#include "evolve/evolve.h"
#include "evolve/variation.h"

#include <stdlib.h>

struct evolution {
    const struct evolve_settings *settings;
    const struct evolve_problem *problem;
    struct individual *pool; /* parents, then their children */
    uint64_t *tried;         /* identities of all genomes so far */
    int tried_count;
};

static bool was_tried(const struct evolution *evolution, uint64_t identity) {
    for (int i = 0; i < evolution->tried_count; i++)
        if (evolution->tried[i] == identity)
            return true;
    return false;
}

static struct random_stream stream(const struct evolution *evolution, int generation, int index) {
    uint64_t name = hash_text(HASH_START, "evolution");
    name = hash_number(hash_number(name, (uint64_t)generation), (uint64_t)index);
    return random_open(evolution->settings->seed, name);
}

static const struct individual *select_parent(const struct evolution *evolution, struct random_stream *random) {
    const struct individual *best = NULL;
    for (int i = 0; i < evolution->settings->tournament; i++) {
        const struct individual *drawn =
            &evolution->pool[random_below(random, (uint32_t)evolution->settings->population)];
        if (!best || compare_individuals(drawn, best) < 0)
            best = drawn;
    }
    return best;
}

/* A child of two parents of the pool, or in generation 0 a random genome. */
static void make_genome(const struct evolution *evolution, struct individual *child, struct random_stream *random) {
    const struct evolve_settings *settings = evolution->settings;
    const struct genome_space *space = evolution->problem->space;
    if (child->generation == 0) {
        genome_random(&child->genome, space, random);
    } else {
        const struct individual *a = select_parent(evolution, random), *b = select_parent(evolution, random);
        const struct variation variation = {.crossover_points = settings->crossover_points,
                                            .mutation = settings->mutation};
        (void)breed(&a->genome, &b->genome, &variation, space, random, &child->genome, child->sources);
        child->origin = ORIGIN_CHILD;
        child->parents[0] = a->id;
        child->parents[1] = b->id;
    }
    child->identity = genome_identity(&child->genome, space->catalogue);
}

static void make_child(struct evolution *evolution, int generation, int index, struct individual *child) {
    enum { TRIES = 50 }; /* a small space may hold nothing new */
    struct random_stream random = stream(evolution, generation, index);
    int tries = 0;
    do {
        *child = (struct individual){.id = generation * evolution->settings->population + index + 1,
                                     .generation = generation};
        make_genome(evolution, child, &random);
    } while (was_tried(evolution, child->identity) && ++tries < TRIES);
    evolution->tried[evolution->tried_count++] = child->identity;
}

static void swap(struct individual *a, struct individual *b) {
    struct individual moved = *a;
    *a = *b;
    *b = moved;
}

/* Puts individuals that compute what another one does behind those that differ, and returns how many of these there
 * are. Of those that are the same, one that did not fail stays before, or the one that was there before. */
static int part_clones(struct individual *individuals, int count, int objectives) {
    int distinct = 0;
    for (int i = 0; i < count; i++) {
        int same = 0;
        while (same < distinct && individuals[same].identity != individuals[i].identity)
            same++;
        if (same == distinct)
            swap(&individuals[distinct++], &individuals[i]);
        else if (individual_failed(&individuals[same], objectives) && !individual_failed(&individuals[i], objectives))
            swap(&individuals[same], &individuals[i]);
    }
    return distinct;
}

/* Best first. Clones are last, in fronts of their own, and crowd nobody. */
static void sort_pool(struct individual *pool, int count, int objectives) {
    int distinct = part_clones(pool, count, objectives);
    rank_population(pool, distinct, objectives);
    qsort(pool, (size_t)distinct, sizeof *pool, compare_individuals);
    rank_population(pool + distinct, count - distinct, objectives);
    for (int i = distinct; i < count; i++)
        pool[i].rank += pool[distinct - 1].rank + 1;
    qsort(pool + distinct, (size_t)(count - distinct), sizeof *pool, compare_individuals);
}

static status run_generation(struct evolution *evolution, int generation) {
    const struct evolve_settings *settings = evolution->settings;
    const struct evolve_problem *problem = evolution->problem;
    int size = settings->population;
    struct individual *children = evolution->pool + (generation ? size : 0);
    for (int i = 0; i < size; i++)
        make_child(evolution, generation, i, &children[i]);
    TRY(problem->evaluate(problem->context, children, size));
    int count = generation ? 2 * size : size;
    sort_pool(evolution->pool, count, settings->objectives);
    return problem->generation_done ? problem->generation_done(problem->context, generation, evolution->pool, size)
                                    : STATUS_OK;
}

status evolve_nsga2(const struct evolve_settings *settings, const struct evolve_problem *problem) {
    size_t population = (size_t)settings->population;
    struct evolution evolution = {
        .settings = settings,
        .problem = problem,
        .pool = memory_allocate(2 * population, sizeof *evolution.pool),
        .tried = memory_allocate(population * (size_t)settings->generations, sizeof *evolution.tried)};
    status outcome = STATUS_OK;
    for (int generation = 0; outcome == STATUS_OK && generation < settings->generations; generation++)
        outcome = run_generation(&evolution, generation);
    free(evolution.pool);
    free(evolution.tried);
    return outcome;
}
