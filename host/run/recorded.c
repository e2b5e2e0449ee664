#include "run/recorded.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

/* Of one kind: what another one measured is not known, and an evaluation that is nothing else is none. */
static void keep_kind(struct candidate *candidate, const char *kind) {
    int kept = 0;
    for (int e = 0; e < candidate->evaluation_count; e++) {
        struct evaluation *evaluation = &candidate->evaluations[e];
        bool is_other = !kind_is(evaluation_kind(evaluation), kind);
        if (is_other && evaluation->steps == 0)
            continue;
        if (is_other)
            evaluation_forget_times(evaluation);
        candidate->evaluations[kept++] = *evaluation;
    }
    candidate->evaluation_count = kept;
}

/* Those that selection does not compare come in the order in which they measured. */
static void find_kinds(struct recorded *recorded) {
    for (int c = 0; c < recorded->candidate_count; c++) {
        const struct candidate *candidate = &recorded->candidates[c];
        for (int e = 0; e < candidate->evaluation_count; e++)
            if (evaluation_is_timed(&candidate->evaluations[e]))
                (void)kind_list_add(&recorded->kinds, evaluation_kind(&candidate->evaluations[e]));
    }
}

static status read_run(struct store *store, enum recorded_candidates which, const char *kind,
                       struct recorded *recorded) {
    TRY(config_load_text("the run's config", store_fact(store, FACT_CONFIG), NULL, 0, false, &recorded->config));
    TRY(catalogue_read_text("the run's catalogue", store_fact(store, FACT_CATALOGUE), &recorded->catalogue));
    recorded->objective_count = config_objectives(&recorded->config, recorded->objectives);
    TRY((which == RECORDED_EVERY ? store_every_candidate : store_candidates)(store, &recorded->candidates,
                                                                             &recorded->candidate_count));
    TRY(store_get_kinds(store, &recorded->kinds));
    if (recorded->kinds.count == 0)
        return STATUS_OK;
    find_kinds(recorded);
    for (int c = 0; c < recorded->candidate_count; c++)
        keep_kind(&recorded->candidates[c], kind ? kind : recorded->kinds.names[0]);
    return STATUS_OK;
}

void recorded_release(struct recorded *recorded) {
    if (!recorded)
        return;
    candidates_free(recorded->candidates, recorded->candidate_count);
    free(recorded);
}

status recorded_read(struct store *store, enum recorded_candidates which, const char *kind,
                     struct recorded **recorded) {
    *recorded = memory_allocate(1, sizeof **recorded);
    status outcome = read_run(store, which, kind, *recorded);
    if (outcome != STATUS_OK) {
        recorded_release(*recorded);
        *recorded = NULL;
    }
    return outcome;
}

struct summary recorded_summary(const struct recorded *recorded, const struct candidate *candidate) {
    struct summary summary =
        summarise(candidate->evaluations, candidate->evaluation_count, recorded->config.train.steps);
    summary_measured_again(candidate->evaluations, candidate->evaluation_count, &summary);
    return summary;
}

struct individual recorded_individual(const struct recorded *recorded, const struct candidate *candidate,
                                      const enum metric *objectives, int objective_count) {
    struct summary summary = recorded_summary(recorded, candidate);
    struct individual individual = candidate->individual;
    individual.failed = summary.failed || summary.seeds == 0 || summary.stopped;
    individual.violation = limits_violation(&recorded->config.search.limits, &summary.judged);
    for (int o = 0; o < objective_count; o++) {
        individual.objectives[o] = metric_objective(objectives[o], summary.mean.values[objectives[o]]);
        individual.failed = individual.failed || isnan(individual.objectives[o]);
    }
    return individual;
}
