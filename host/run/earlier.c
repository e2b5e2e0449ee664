#include "run/earlier.h"

#include "base/memory.h"
#include "evolve/surrogate.h"
#include "run/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    const struct run_config *config;
    const struct genome_space *space;
    const char *catalogue_text, *corpus;
    enum metric objectives[METRICS];
    int objective_count;
    struct earlier_result *results;
    int count;
};

static status refuse(const char *path, const char *why) {
    return fail_usage("search.surrogate.runs: %s cannot teach this search: %s", path, why);
}

/* ---- whether it is the same space ---- */

/* What may differ between runs that say the same about a genome; the space itself is checked genome by genome. */
static const char *const may_differ[] = {"run.",
                                         "devices.",
                                         "search.",
                                         "data.path",
                                         "train.steps",
                                         "train.warmup",
                                         "model.depth",
                                         "model.catalogue",
                                         "model.classes",
                                         "model.pattern",
                                         "train.checkpoint_steps",
                                         NULL};

static status check_config(const struct reader *reader, struct store *store) {
    struct run_config *other = memory_allocate(1, sizeof *other);
    status outcome = config_load_text("the run's config", store_fact(store, FACT_CONFIG), NULL, 0, false, other);
    if (outcome == STATUS_OK) {
        char *names = config_differences(reader->config, other, may_differ);
        if (names)
            outcome =
                fail_usage("search.surrogate.runs: %s cannot teach this search: %s differ", store_path(store), names);
        free(names);
    }
    free(other);
    return outcome;
}

static status check_run(const struct reader *reader, struct store *store) {
    if (strcmp(store_fact(store, FACT_CATALOGUE), reader->catalogue_text) != 0)
        return refuse(store_path(store), "it has another catalogue of LIV classes");
    if (strcmp(store_fact(store, FACT_CORPUS), reader->corpus) != 0)
        return refuse(store_path(store), "it was trained on another text");
    return check_config(reader, store);
}

/* ---- its candidates ---- */

/* Adds what training for so many steps told of a candidate, unless that lacks an objective. */
static bool add_result(struct reader *reader, const struct candidate *candidate, long long steps) {
    struct summary summary = summarise(candidate->evaluations, candidate->evaluation_count, steps);
    struct earlier_result result = {.genome = candidate->individual.genome, .steps = steps, .failed = summary.failed};
    for (int o = 0; o < reader->objective_count && !summary.failed; o++) {
        double value = summary.mean.values[reader->objectives[o]];
        if (isnan(value))
            return false;
        result.objectives[o] = metric_objective(reader->objectives[o], value);
    }
    reader->results = memory_resize(reader->results, (size_t)reader->count + 1, sizeof *reader->results);
    reader->results[reader->count++] = result;
    return !summary.failed;
}

/* All lengths of its training; whether one of them measured something. */
static bool add_candidate(struct reader *reader, const struct candidate *candidate) {
    bool measured = false;
    long long before = -1; /* evaluations are in order of steps */
    for (int e = 0; e < candidate->evaluation_count; e++) {
        long long steps = candidate->evaluations[e].steps;
        if (steps != before)
            measured = add_result(reader, candidate, steps) || measured;
        before = steps;
    }
    return measured;
}

/* Keeps the newest `most` of those behind `first`. */
static void drop_oldest(struct reader *reader, int first, int most) {
    int surplus = reader->count - first - most;
    if (surplus <= 0)
        return;
    memmove(reader->results + first, reader->results + first + surplus, (size_t)most * sizeof *reader->results);
    reader->count = first + most;
}

static status add_candidates(struct reader *reader, struct store *store, const struct candidate *candidates,
                             int count) {
    int first = reader->count;
    bool measured = false;
    for (int c = 0; c < count; c++) {
        if (genome_validate(&candidates[c].individual.genome, reader->space) != STATUS_OK)
            return fail_usage("search.surrogate.runs: %s cannot teach this search: its candidate %d is of another "
                              "space: %s",
                              store_path(store), candidates[c].individual.id, status_message());
        measured = add_candidate(reader, &candidates[c]) || measured;
    }
    if (!measured)
        return refuse(store_path(store), "it has no evaluation with all of search.objectives");
    drop_oldest(reader, first, SURROGATE_MOST_ROWS / reader->config->search.surrogate.runs.count);
    return STATUS_OK;
}

static status read_run(struct reader *reader, const char *path) {
    struct store *store;
    struct candidate *candidates;
    int count;
    status outcome = store_open(path, false, &store);
    if (outcome != STATUS_OK)
        return fail_while(outcome, "search.surrogate.runs");
    outcome = check_run(reader, store);
    if (outcome == STATUS_OK)
        outcome = store_candidates(store, &candidates, &count);
    if (outcome == STATUS_OK) {
        outcome = add_candidates(reader, store, candidates, count);
        candidates_free(candidates, count);
    }
    store_close(store);
    return outcome;
}

status earlier_read(const struct run_config *config, const struct genome_space *space, const char *catalogue_text,
                    const char *corpus, struct earlier_result **results, int *count) {
    struct reader reader = {.config = config, .space = space, .catalogue_text = catalogue_text, .corpus = corpus};
    status outcome = STATUS_OK;
    reader.objective_count = config_objectives(config, reader.objectives);
    const struct text_list *runs = &config->search.surrogate.runs;
    for (const char *path = text_list_next(runs, NULL); outcome == STATUS_OK && path; path = text_list_next(runs, path))
        outcome = read_run(&reader, path);
    if (outcome != STATUS_OK) {
        free(reader.results);
        reader = (struct reader){0};
    }
    *results = reader.results;
    *count = reader.count;
    return outcome;
}
