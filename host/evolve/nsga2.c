#include "base/memory.h"
#include "evolve/evolve.h"
#include "evolve/variation.h"

#include <stdlib.h>

struct evolution {
    const struct evolve_settings *settings;
    const struct evolve_problem *problem;
    struct individual *pool; /* parents, then their children */
    uint64_t *tried;         /* hashes of all genomes so far */
    int tried_count;
};

static bool was_tried(const struct evolution *evolution, uint64_t hash) {
    for (int i = 0; i < evolution->tried_count; i++)
        if (evolution->tried[i] == hash)
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
        crossover(&a->genome, &b->genome, settings->crossover_points, random, &child->genome);
        mutate(&child->genome, space, settings->mutation, random);
        genome_repair(&child->genome, space, random);
        child->parents[0] = a->id;
        child->parents[1] = b->id;
    }
    genome_canonicalise(&child->genome, space->catalogue);
}

static void make_child(struct evolution *evolution, int generation, int index, struct individual *child) {
    enum { TRIES = 50 }; /* a small space may hold nothing new */
    struct random_stream random = stream(evolution, generation, index);
    uint64_t hash;
    int tries = 0;
    do {
        *child = (struct individual){.id = generation * evolution->settings->population + index + 1,
                                     .generation = generation};
        make_genome(evolution, child, &random);
        hash = genome_hash(&child->genome);
    } while (was_tried(evolution, hash) && ++tries < TRIES);
    evolution->tried[evolution->tried_count++] = hash;
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
    rank_population(evolution->pool, count, settings->objectives);
    qsort(evolution->pool, (size_t)count, sizeof *evolution->pool, compare_individuals);
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
