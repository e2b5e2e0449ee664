/*
 * The loop of a search: ask evolution for an individual, evaluate it, tell what came of it. What is known already comes
 * from the store, so resuming is running the loop again.
 */
#include "base/memory.h"
#include "evolve/algorithm.h"
#include "run/analysis.h"
#include "run/rehearsal.h"
#include "run/search_state.h"
#include "run/static_costs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a genome is known to be before it is trained. */
static bool measure(void *context, const struct genome *genome, struct measured *measured) {
    static const enum metric costs[] = {METRIC_PARAMETERS, METRIC_FLOPS_PER_TOKEN, METRIC_CACHE_BYTES};
    const struct search *search = context;
    struct metrics metrics;
    if (measure_static(genome, &search->catalogue, &search->config, &metrics) != STATUS_OK)
        return false;
    for (size_t c = 0; c < sizeof costs / sizeof *costs; c++)
        measured->costs[c] = metrics.values[costs[c]];
    for (int o = 0; o < search->objective_count; o++)
        measured->objectives[o] = metric_objective(search->objectives[o], metrics.values[search->objectives[o]]);
    measured->violation = limits_violation(&search->config.search.limits, &metrics);
    return true;
}

static double steps_of_rung(void *context, int rung) {
    const struct search *search = context;
    return (double)config_rung_steps(&search->config, rung);
}

static struct filter_settings filter_settings_of(struct search *search) {
    const struct run_config *config = &search->config;
    struct filter_settings settings = {.candidates = (int)config->search.surrogate.candidates,
                                       .warmup = (int)config->search.surrogate.warmup,
                                       .chance = config->search.surrogate.chance,
                                       .costs = 3,
                                       .measure = measure,
                                       .context = search,
                                       .steps = steps_of_rung};
    for (int o = 0; o < search->objective_count; o++)
        settings.trained[o] = metric_table[search->objectives[o]].kind != METRIC_STATIC;
    return settings;
}

static struct evolve_settings evolve_settings_of(struct search *search) {
    const struct run_config *config = &search->config;
    return (struct evolve_settings){.algorithm = algorithm_find(config->search.algorithm),
                                    .space = &search->space,
                                    .seed = (uint64_t)config->run.seed,
                                    .population = (int)config->search.population,
                                    .objectives = search->objective_count,
                                    .tournament = (int)config->search.tournament,
                                    .variation = config_variation(config),
                                    .immigrants = config->search.immigrants,
                                    .elite = (int)config->search.elite,
                                    .attraction = config->search.firefly.attraction,
                                    .absorption = config->search.firefly.absorption,
                                    .founders = search->founders,
                                    .founder_count = search->founder_count,
                                    .rungs = config_rungs(config),
                                    .promoted = config->search.promoted,
                                    .filter = filter_settings_of(search),
                                    .limited = limits_any(&config->search.limits, METRIC_STATIC)};
}

/* What the candidates of a generation look like, for whoever draws runs from their databases. */
static status record_analysis(struct search *search, int generation, const struct repairs *repairs) {
    struct candidate *candidates;
    int count, row_count;
    TRY(store_candidates_of(search->store, generation, &candidates, &count));
    struct analysis *analysis = memory_allocate(1, sizeof *analysis);
    const struct candidate **all = memory_allocate((size_t)count + 1, sizeof *all);
    for (int c = 0; c < count; c++)
        all[c] = &candidates[c];
    analyse(all, count, search->config.train.steps, analysis);
    analysis->repairs = *repairs;
    struct named_value *rows = analysis_rows(analysis, &search->catalogue, &row_count);
    status outcome = store_add_analysis(search->store, generation, rows, row_count);
    analysis_rows_free(rows, row_count);
    free(all);
    free(analysis);
    candidates_free(candidates, count);
    return outcome;
}

static status record_generation(struct search *search, struct evolution *evolution, int generation,
                                const struct repairs *repairs) {
    int count;
    const struct individual *survivors = evolution_population(evolution, &count);
    TRY(store_add_generation(search->store, generation, survivors, count));
    return record_analysis(search, generation, repairs);
}

/* What the model said of an individual before it was trained, and how well its latest predictions are ordered. */
static status record_predictions(struct search *search, const struct evolution *evolution,
                                 const struct individual *individual) {
    const struct filter *filter = evolution_filter(evolution);
    struct prediction_record records[MAX_OBJECTIVES];
    int count = 0;
    for (int o = 0; filter && o < search->objective_count; o++)
        if (!isnan(filter_prediction(filter, o)))
            records[count++] = (struct prediction_record){
                .candidate = individual->id,
                .steps = (long long)steps_of_rung(search, individual->rung),
                .metric = search->objectives[o],
                .value = metric_objective(search->objectives[o], filter_prediction(filter, o)),
                .correlation = filter_correlation(filter, o)};
    return count > 0 ? store_add_predictions(search->store, records, count) : STATUS_OK;
}

/*
 * What is evaluated next: whoever is due goes on to a higher rung, before anybody new begins on the first. *more is
 * false where the budget has no room for either.
 */
static status next(const struct search *search, struct evolution *evolution, struct individual *individual,
                   bool *more) {
    *more = true;
    if (budget_allows_promotion(search) && evolution_promote(evolution, individual))
        return STATUS_OK;
    *more = budget_allows(search);
    return !*more || evolution_ask(evolution, individual)
               ? STATUS_OK
               : fail("evolution waits for an individual that was not evaluated");
}

/* Who is decided, and one more: of those further ahead more is guessed wrong, and built for nothing. */
void search_expect_next(struct search *search) {
    struct evolution *evolution = search->evolution;
    struct genome genomes[REHEARSAL_MOST];
    struct individual guess;
    int count = 0;
    bool goes_on = evolution && search->config.devices.build_ahead;
    while (goes_on && count < REHEARSAL_MOST && evolution_guess(evolution, count + 1, &guess) &&
           guess.id <= search_candidates(search)) {
        genomes[count++] = guess.genome;
        goes_on = evolution_is_decided(evolution, count);
    }
    evaluator_expect(search->evaluator, genomes, count);
}

static status evolve(struct search *search, struct evolution *evolution) {
    int population = (int)search->config.search.population;
    struct individual individual;
    struct repairs repairs = {0}; /* of the generation so far */
    bool more;
    TRY(next(search, evolution, &individual, &more));
    while (more) {
        struct individual told = individual;
        int asked_rung = individual.rung;
        TRY(search_assess(search, &told));
        evolution_tell(evolution, &told);
        TRY(record_predictions(search, evolution, &told));
        TRY(next(search, evolution, &individual, &more));
        TRY(growth_tell(search, &told, !more));
        if (asked_rung > 0)
            continue;
        repairs_add(&repairs, &told.repairs);
        if (told.id % population != 0)
            continue;
        TRY(record_generation(search, evolution, told.generation, &repairs));
        repairs = (struct repairs){0};
    }
    return STATUS_OK;
}

/* Before anything is asked. */
static void teach_earlier(const struct search *search, const struct evolution *evolution) {
    for (int i = 0; i < search->earlier_count && evolution_filter(evolution); i++) {
        const struct earlier_result *earlier = &search->earlier[i];
        struct individual individual = {.genome = earlier->genome, .failed = earlier->failed};
        memcpy(individual.objectives, earlier->objectives, sizeof individual.objectives);
        filter_tell_earlier(evolution_filter(evolution), &individual, (double)earlier->steps);
    }
}

status search_drive(struct search *search) {
    struct evolve_settings settings = evolve_settings_of(search);
    struct evolution *evolution = evolution_create(&settings);
    teach_earlier(search, evolution);
    search->evolution = evolution;
    status outcome = evolve(search, evolution);
    search->evolution = NULL;
    search_expect_next(search);
    evolution_destroy(evolution);
    if (outcome == STATUS_OK)
        outcome = search_measure_again(search);
    if (outcome == STATUS_OK)
        search_clean_checkpoints(search);
    return outcome == STATUS_OK ? search_train_best(search) : outcome;
}
