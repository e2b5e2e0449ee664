/*
 * The loop of a search: ask evolution for an individual, evaluate it, tell what came of it. What is known already comes
 * from the store, so resuming is running the loop again.
 */
#include "evolve/algorithm.h"
#include "run/search_state.h"

int search_candidates(const struct search *search) {
    return (int)(search->config.search.population * search->config.search.generations);
}

static struct evolve_settings evolve_settings_of(const struct search *search) {
    const struct run_config *config = &search->config;
    return (struct evolve_settings){
        .algorithm = algorithm_find(config->search.algorithm),
        .space = &search->space,
        .seed = (uint64_t)config->run.seed,
        .population = (int)config->search.population,
        .objectives = search->objective_count,
        .tournament = (int)config->search.tournament,
        .variation = {.crossover_points = (int)config->search.crossover_points, .mutation = config->search.mutation}};
}

static status record_generation(struct search *search, const struct evolution *evolution, int generation) {
    int count;
    const struct individual *survivors = evolution_population(evolution, &count);
    return store_add_generation(search->store, generation, survivors, count);
}

static status evolve(struct search *search, struct evolution *evolution) {
    int population = (int)search->config.search.population;
    struct individual individual = {0};
    while (individual.id < search_candidates(search)) {
        if (!evolution_ask(evolution, &individual))
            return fail("evolution waits for an individual that was not evaluated");
        TRY(search_assess(search, &individual));
        evolution_tell(evolution, &individual);
        if (individual.id % population == 0)
            TRY(record_generation(search, evolution, individual.generation));
    }
    return STATUS_OK;
}

status search_drive(struct search *search) {
    struct evolve_settings settings = evolve_settings_of(search);
    struct evolution *evolution = evolution_create(&settings);
    status outcome = evolve(search, evolution);
    evolution_destroy(evolution);
    return outcome == STATUS_OK ? search_train_best(search) : outcome;
}
