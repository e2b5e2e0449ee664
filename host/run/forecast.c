/*
 * A candidate takes  fixed + steps x each:  building its model and measuring it, and then its steps. Two trainings of
 * different length tell the two apart, building kernels left out, which is done once and kept.
 *
 * Where a step has so many tokens that it may take minutes, fewer sequences are timed, as many as have LARGEST_STEP
 * tokens, with one batch of validation: a step takes in proportion to its sequences, and a batch that is only measured
 * a third of one that is trained on, whose backward pass takes twice as long as its forward pass.
 */
#include "run/forecast.h"

#include "model/architecture.h"
#include "run/search_state.h"
#include "train/fit.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PLANNED = 32, TIMED = 4, MOST_STEPS = 16, LARGEST_STEP = 4096 };
static const double timing_seconds = 20; /* no further candidate is timed behind these */

static struct genome draw(const struct search *search, int number) {
    struct random_stream random = random_open((uint64_t)search->config.run.seed,
                                              hash_number(hash_text(HASH_START, "forecast"), (uint64_t)number));
    struct genome genome;
    genome_random(&genome, &search->space, &random);
    return genome;
}

/* ---- memory ---- */

/* The most of all tasks; fails where one does not fit. */
static status plan_candidate(const struct search *search, const struct genome *genome, double *bytes,
                             double *parameters) {
    const struct run_config *config = &search->config;
    struct device *device = workers_device(search->workers, 0);
    *bytes = 0;
    for (int t = 0; t < search->tasks.count; t++) {
        struct model_settings settings = config_task_model_settings(config, search->tasks.tasks[t]);
        struct graph *graph;
        size_t needed = 0;
        TRY(fit_graph(device, genome, &search->catalogue, &settings, (int)config->train.batch, &graph));
        status outcome = trainer_bytes(device, graph, (int)config->train.batch, &needed);
        *parameters = (double)graph_cost(graph, (int)config->model.cache_context).parameters;
        graph_destroy(graph);
        TRY(outcome);
        *bytes = fmax(*bytes, (double)needed);
    }
    return STATUS_OK;
}

static void plan(const struct search *search, struct forecast *forecast) {
    double parameter_sum = 0;
    for (int i = 0; i < PLANNED; i++) {
        struct genome genome = draw(search, i);
        double bytes, parameters = 0;
        forecast->planned++;
        if (plan_candidate(search, &genome, &bytes, &parameters) != STATUS_OK) {
            forecast->unfit++;
            continue;
        }
        forecast->memory_bytes = fmax(forecast->memory_bytes, bytes);
        parameter_sum += parameters;
    }
    /* A row of the database, with its measurements, takes some 4 KiB. */
    int fit = forecast->planned - forecast->unfit;
    forecast->disk_bytes = (fit ? 4 * parameter_sum / fit : 0) + 4096;
}

/* ---- time ---- */

/* Seconds of training for so many steps, without building kernels, which are added to the forecast. */
static status time_steps(struct search *search, const struct genome *genome, long long steps, struct forecast *forecast,
                         struct evaluation *evaluation) {
    struct job job = {.measure_on = search_measures_on(search),
                      .genome = genome,
                      .seed = (uint64_t)search->config.run.seed,
                      .steps = steps};
    struct build_statistics before = workers_build_statistics(search->workers);
    TRY(workers_evaluate(search->workers, &job, evaluation));
    struct build_statistics after = workers_build_statistics(search->workers);
    double seconds = after.waited - before.waited;
    if (after.programs_waited > before.programs_waited) {
        forecast->programs += after.programs_waited - before.programs_waited;
        forecast->build_seconds += seconds;
        evaluation->seconds = fmax(0, evaluation->seconds - seconds);
    }
    return STATUS_OK;
}

/* What a training takes: in any case, and for each step. */
struct pace {
    double fixed, each;
};

/* evaluation->failed: it cannot be trained, and there is none. */
static status time_candidate(struct search *search, const struct genome *genome, struct forecast *forecast,
                             struct pace *pace, struct evaluation *evaluation) {
    TRY(time_steps(search, genome, 1, forecast, evaluation)); /* warms caches, too */
    if (evaluation->failed)
        return STATUS_OK;
    long long more = evaluation->seconds > 0 ? (long long)(2 / evaluation->seconds) : MOST_STEPS;
    more = more < 1 ? 1 : more > MOST_STEPS ? MOST_STEPS : more;
    TRY(time_steps(search, genome, 1, forecast, evaluation));
    double one = evaluation->seconds;
    TRY(time_steps(search, genome, 1 + more, forecast, evaluation));
    pace->each = fmax(0, (evaluation->seconds - one) / (double)more);
    pace->fixed = fmax(0, one - pace->each);
    return STATUS_OK;
}

static double seconds_of(const struct pace *pace, const struct expense *expense) {
    return pace->fixed * expense->trainings + pace->each * expense->steps;
}

/* The pace with all of train.batch and train.validation_batches, from that with one batch of so many sequences. */
static struct pace scaled(const struct run_config *config, double sequences, struct pace pace) {
    double factor = (double)config->train.batch / sequences;
    double evaluations = 2 * (double)(config->train.validation_batches - 1); /* validation part and test part */
    return (struct pace){.fixed = pace.fixed + evaluations * factor * pace.each / 3, .each = factor * pace.each};
}

/* The same for any config; the search's is as it was behind it. */
static status time_scaled(struct search *search, const struct genome *genome, struct forecast *forecast,
                          struct pace *pace, struct evaluation *evaluation) {
    struct run_config *config = &search->config, whole = *config;
    long long sequences = LARGEST_STEP / task_context(search->tasks.tasks[0]);
    if (config->train.batch <= sequences || config->train.batch == 1)
        return time_candidate(search, genome, forecast, pace, evaluation);
    config->train.batch = sequences > 1 ? sequences : 1;
    config->train.validation_batches = 1;
    status outcome = time_candidate(search, genome, forecast, pace, evaluation);
    if (outcome == STATUS_OK)
        *pace = scaled(&whole, (double)config->train.batch, *pace);
    *config = whole;
    return outcome;
}

/* The mean pace. */
static status time_candidates(struct search *search, struct forecast *forecast, struct pace *mean) {
    struct expense expected = budget_expected(search);
    struct evaluation evaluation;
    double spent = 0;
    *mean = (struct pace){0, 0};
    for (int i = 0; i < PLANNED && forecast->timed < TIMED && spent < timing_seconds; i++) {
        struct genome genome = draw(search, i);
        struct pace pace;
        TRY(time_scaled(search, &genome, forecast, &pace, &evaluation));
        spent += evaluation.seconds;
        if (evaluation.failed)
            continue;
        double candidate = seconds_of(&pace, &expected);
        forecast->seconds_least = forecast->timed ? fmin(forecast->seconds_least, candidate) : candidate;
        forecast->seconds_most = fmax(forecast->seconds_most, candidate);
        mean->fixed += pace.fixed;
        mean->each += pace.each;
        forecast->timed++;
    }
    if (forecast->timed == 0)
        return fail("none of the random candidates can be trained; the last one: %s", evaluation.reason);
    mean->fixed /= forecast->timed;
    mean->each /= forecast->timed;
    return STATUS_OK;
}

/* Those that the budget has room for, if each takes what is expected. */
static double candidates_expected(const struct search *search, const struct expense *expected, double seconds) {
    const struct run_config *config = &search->config;
    double tokens = (double)config->search.budget.tokens, hours = config->search.budget.hours, candidates = INFINITY;
    if (!config_has_budget(config))
        return (double)config->search.population * (double)config->search.generations;
    if (config->search.budget.evaluations > 0)
        candidates = (double)config->search.budget.evaluations;
    if (tokens > 0)
        candidates = fmin(candidates, floor(tokens / expected->tokens));
    if (hours > 0 && seconds > 0)
        candidates = fmin(candidates, floor(3600 * hours / seconds));
    return fmax(1, candidates);
}

/* ---- all together ---- */

static status forecast_prepared(struct search *search, struct forecast *forecast) {
    struct pace pace;
    snprintf(forecast->device, sizeof forecast->device, "%s", workers_facts(search->workers, 0).device);
    plan(search, forecast);
    TRY(time_candidates(search, forecast, &pace));
    struct expense candidate = budget_expected(search);
    forecast->candidates = candidates_expected(search, &candidate, seconds_of(&pace, &candidate));
    struct expense final = budget_final(search, forecast->candidates);
    forecast->tokens = forecast->candidates * candidate.tokens;
    forecast->final_tokens = final.tokens;
    forecast->seconds = forecast->candidates * seconds_of(&pace, &candidate);
    forecast->final_seconds = seconds_of(&pace, &final);
    forecast->disk_bytes *= forecast->candidates + final.candidates;
    return STATUS_OK;
}

status forecast_search(const struct run_config *config, struct forecast *forecast) {
    struct search search = {.config = *config, .lock = PTHREAD_MUTEX_INITIALIZER};
    memset(forecast, 0, sizeof *forecast);
    status outcome = search_prepare(&search);
    if (outcome == STATUS_OK)
        outcome = forecast_prepared(&search, forecast);
    search_release(&search);
    return outcome;
}
