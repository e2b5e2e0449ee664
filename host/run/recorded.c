#include "run/recorded.h"

#include "base/memory.h"

#include <stdlib.h>

static status read_run(struct store *store, enum recorded_candidates which, struct recorded *recorded) {
    TRY(config_load_text("the run's config", store_fact(store, FACT_CONFIG), NULL, 0, false, &recorded->config));
    TRY(catalogue_read_text("the run's catalogue", store_fact(store, FACT_CATALOGUE), &recorded->catalogue));
    recorded->objective_count = config_objectives(&recorded->config, recorded->objectives);
    return (which == RECORDED_EVERY ? store_every_candidate : store_candidates)(store, &recorded->candidates,
                                                                                &recorded->candidate_count);
}

void recorded_release(struct recorded *recorded) {
    if (!recorded)
        return;
    candidates_free(recorded->candidates, recorded->candidate_count);
    free(recorded);
}

status recorded_read(struct store *store, enum recorded_candidates which, struct recorded **recorded) {
    *recorded = memory_allocate(1, sizeof **recorded);
    status outcome = read_run(store, which, *recorded);
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
    for (int o = 0; o < objective_count; o++)
        individual.objectives[o] = metric_objective(objectives[o], summary.mean.values[objectives[o]]);
    return individual;
}
