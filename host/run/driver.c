/*
 * The loop of a search: ask evolution for individuals, evaluate them, tell what came of them.
 *
 *     ask -> trial -+-> trial over -> tell -> ask ...         as many trials in flight as there are workers
 *                   +-> trial
 *
 * In order: where what is asked for does not depend on who else is in flight (evolution_is_repeatable()), trials are
 * told in the order in which they were asked for, and the search is the same with any number of workers. Otherwise they
 * are told as they come, for no worker is to wait for another, and the order is recorded.
 *
 * What is known already comes from the store, so resuming is running the loop again, asking and telling in the order
 * that was recorded.
 */
#include "base/memory.h"
#include "evolve/algorithm.h"
#include "run/analysis.h"
#include "run/dispatch.h"
#include "run/rehearsal.h"
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

/* As many were told as a generation has. */
static status record_generation(struct search *search, struct evolution *evolution) {
    int count, generation = search->told_new / (int)search->config.search.population - 1;
    const struct individual *survivors = evolution_population(evolution, &count);
    TRY(store_add_generation(search->store, generation, survivors, count));
    struct repairs repairs = search->repairs;
    search->repairs = (struct repairs){0};
    return record_analysis(search, generation, &repairs);
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

/* ---- asking ---- */

/* Whoever is due goes on to a higher rung, before anybody new begins on the first. False where there is nobody now. */
static bool next(const struct search *search, struct evolution *evolution, struct individual *individual) {
    if (budget_allows_promotion(search) && evolution_promote(evolution, individual))
        return true;
    return budget_allows(search) && evolution_ask(evolution, individual);
}

/* Where the order does not matter, the next jobs wait already for workers that ask for them over a network. */
static int places(struct search *search) {
    int workers = dispatch_workers(search);
    return search->dispatch && search->in_order ? 2 * workers + 1 : workers;
}

/* Who waits to be timed keeps no device from training somebody else, unless they come to be too many. */
int search_capacity(struct search *search) {
    int measured = 0, most = places(search);
    for (int i = 0; i < search->trial_count; i++)
        measured += trial_is_measured(search->trials[i]);
    return most + (measured < most ? measured : most);
}

/* Whether it is time to ask: there is room, or as much was asked for when the next one was told before. */
static bool may_ask(struct search *search) {
    if (search->told < search->recorded_count)
        return search->asked < search->recorded[search->told].asked;
    return search->trial_count < search_capacity(search);
}

static status ask(struct search *search, struct evolution *evolution) {
    struct individual individual;
    while (may_ask(search) && next(search, evolution, &individual)) {
        search->asked++;
        TRY(search_begin(search, &individual));
    }
    return STATUS_OK;
}

/* Each worker takes every so many-th from now. Of those who are not decided more is guessed wrong, and built for
 * nothing, so of them there is one. */
int search_guess_next(struct search *search, struct genome genomes[REHEARSAL_MOST]) {
    struct evolution *evolution = search->evolution;
    struct individual guess;
    int count = 0, stride = places(search);
    bool goes_on = evolution && search->config.devices.build_ahead;
    while (goes_on && count < REHEARSAL_MOST && evolution_guess(evolution, (count + 1) * stride, &guess) &&
           guess.id <= search_candidates(search)) {
        genomes[count++] = guess.genome;
        goes_on = evolution_is_decided(evolution, count * stride);
    }
    return count;
}

/* ---- telling ---- */

/* What is recorded is over, or what another version of the program recorded is not asked for: then it is forgotten. */
static struct trial *recorded_trial(struct search *search) {
    int candidate = search->recorded[search->told].candidate;
    for (int i = 0; i < search->trial_count; i++)
        if (search->trials[i]->individual.id == candidate)
            return search->trials[i]->is_over ? search->trials[i] : NULL;
    search->recorded_count = search->told;
    return NULL;
}

/* The trial that is told next; NULL where it is not over yet. */
static struct trial *trial_to_tell(struct search *search) {
    if (search->told < search->recorded_count)
        return recorded_trial(search);
    for (int i = 0; i < search->trial_count && (i == 0 || !search->in_order); i++)
        if (search->trials[i]->is_over)
            return search->trials[i];
    return NULL;
}

static status tell(struct search *search, struct evolution *evolution, struct trial *trial) {
    int population = (int)search->config.search.population;
    bool is_new = trial->individual.rung == 0;
    struct told_record record = {.place = ++search->told, .candidate = trial->individual.id, .asked = search->asked};
    struct individual told;
    if (!search->in_order)
        TRY(store_add_told(search->store, &record));
    search_end(search, trial, &told);
    evolution_tell(evolution, &told);
    TRY(record_predictions(search, evolution, &told));
    TRY(ask(search, evolution));
    TRY(growth_tell(search, &told, search->trial_count == 0));
    if (!is_new)
        return STATUS_OK;
    repairs_add(&search->repairs, &told.repairs);
    return ++search->told_new % population == 0 ? record_generation(search, evolution) : STATUS_OK;
}

static status evolve(struct search *search, struct evolution *evolution) {
    for (;;) {
        TRY(ask(search, evolution));
        if (search->trial_count == 0 && search->told >= search->recorded_count)
            break;
        if (search->trial_count == 0)
            search->recorded_count = search->told; /* what was recorded cannot be followed */
        struct trial *trial = trial_to_tell(search);
        if (trial)
            TRY(tell(search, evolution, trial));
        else
            TRY(trials_wait(search));
    }
    return budget_allows(search) ? fail("evolution waits for an individual that was not evaluated") : STATUS_OK;
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
    search->in_order = evolution_is_repeatable(&settings) && !search->stopping;
    status outcome = evolve(search, evolution);
    search->evolution = NULL;
    if (search->trial_count == 0)
        workers_rest(search->workers);
    evolution_destroy(evolution);
    if (outcome == STATUS_OK)
        outcome = search_measure_again(search);
    if (outcome == STATUS_OK)
        search_clean_checkpoints(search);
    return outcome == STATUS_OK ? search_train_best(search) : outcome;
}
