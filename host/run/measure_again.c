/*
 * The front's last check against limits on what was measured on the device. A search that selects by measurements
 * selects those that came out well by luck, too; so every member of the front is measured again, and what exceeds a
 * limit then leaves the front. Who was dominated by it may join, and is measured as well, until nobody new is there.
 *
 * The new measurements are evaluations of their own, of 0 steps: what evolution was told stays what it was, so that a
 * resumed search goes the same way again.
 */
#include "base/memory.h"
#include "run/search_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_on_front(const struct search *search, int index) {
    const struct individual *individual = &search->archive[index];
    if (individual_failed(individual, search->objective_count) || individual->violation > 0)
        return false;
    for (int i = 0; i < search->archived; i++)
        if (dominates(&search->archive[i], individual, search->objective_count))
            return false;
    return true;
}

static status measure_again(struct search *search, const struct individual *individual, struct evaluation *evaluation) {
    bool known;
    struct evaluation_key key = {.genome = &individual->genome,
                                 .seed = config_seed(&search->config, 0),
                                 .device = device_information(evaluator_device(search->evaluator))->name};
    TRY(store_find_evaluation(search->store, &key, &known, evaluation));
    if (known)
        return STATUS_OK;
    TRY(evaluator_measure(search->evaluator, &individual->genome, key.seed, evaluation));
    return store_add_evaluation(search->store, &key, evaluation);
}

/* Objectives and violation by the new measurements; the other metrics' part of the violation is 0 on the front. */
static void judge_again(const struct search *search, const struct evaluation *evaluation,
                        struct individual *individual) {
    individual->failed = individual->failed || evaluation->failed;
    individual->violation = limits_violation(&search->config.search.limits, &evaluation->metrics);
    for (int o = 0; o < search->objective_count; o++) {
        enum metric metric = search->objectives[o];
        if (!isnan(evaluation->metrics.values[metric]))
            individual->objectives[o] = metric_objective(metric, evaluation->metrics.values[metric]);
    }
}

static status measure_front(struct search *search, bool *measured) {
    for (int i = 0; i < search->archived; i++) {
        struct evaluation evaluation;
        if (measured[i] || !is_on_front(search, i))
            continue;
        snprintf(search->current, sizeof search->current, "measuring candidate %d again", search->archive[i].id);
        TRY(measure_again(search, &search->archive[i], &evaluation));
        judge_again(search, &evaluation, &search->archive[i]);
        if (search->archive[i].failed || search->archive[i].violation > 0)
            announce_left_front(search, &search->archive[i], &evaluation);
        measured[i] = true;
        i = -1; /* others may have joined */
    }
    return STATUS_OK;
}

status search_measure_again(struct search *search) {
    if (!limits_any(&search->config.search.limits, METRIC_DEVICE))
        return STATUS_OK;
    bool *measured = memory_allocate((size_t)search->archived + 1, sizeof *measured);
    status outcome = measure_front(search, measured);
    free(measured);
    return outcome;
}
