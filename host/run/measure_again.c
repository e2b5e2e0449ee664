/*
 * The front's last check against limits on what was measured on the device. A search that selects by measurements
 * selects those that came out well by luck, too; so every member of the front is measured again, in several processes
 * (measure_apart.h), and leaves the front where its interval then is not wholly within a limit. Who was dominated by it
 * may join, and is measured as well, until nobody new is there.
 *
 * The new measurements are evaluations of their own, of 0 steps: what evolution was told stays what it was, so that a
 * resumed search goes the same way again.
 */
#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/dispatch.h"
#include "run/measure_apart.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The worker of this process that times for selection; -1: it is elsewhere. */
static int own_worker(const struct search *search) {
    for (int i = 0; i < workers_count(search->workers); i++)
        if (kind_is(workers_facts(search->workers, i).device, search->kinds.names[0]))
            return i;
    return -1;
}

static status measure_in_processes(const struct search *search, const struct individual *individual, uint64_t seed,
                                   struct evaluation *evaluation) {
    struct worker_facts facts = workers_facts(search->workers, own_worker(search));
    double start = clock_seconds();
    bool wanted[METRICS];
    *evaluation = (struct evaluation){.seed = seed};
    snprintf(evaluation->device, sizeof evaluation->device, "%s", facts.device);
    config_wanted_metrics(&search->config, wanted);
    TRY(measure_apart(store_path(search->store), individual->id, &search->config, facts.choice, wanted, evaluation));
    evaluation->seconds = clock_seconds() - start;
    return STATUS_OK;
}

static status measure_again(struct search *search, const struct individual *individual, struct evaluation *evaluation) {
    bool known;
    const char *kind = search->kinds.names[0];
    struct evaluation_key key = {
        .genome = &individual->genome, .seed = config_seed(&search->config, 0), .device = kind};
    struct job job = {.measures_alone = true, .measure_on = kind, .genome = &individual->genome, .seed = key.seed};
    TRY(store_find_evaluation(search->store, &key, &known, evaluation));
    if (known && kind_is(evaluation->device, kind))
        return STATUS_OK;
    /* Processes of this machine know only its own devices. */
    if (measures_apart(&search->config) && !store_is_on_server(search->store) && own_worker(search) >= 0)
        TRY(measure_in_processes(search, individual, key.seed, evaluation));
    else
        TRY(dispatch_evaluate(search, &job, evaluation));
    return store_add_evaluation(search->store, &key, evaluation);
}

/*
 * Objectives by the new measurements, and violation by the worse ends of their intervals; the other metrics' part of
 * the violation is 0 on the front.
 */
static void judge_again(const struct search *search, const struct evaluation *evaluation,
                        struct individual *individual) {
    individual->failed = individual->failed || evaluation->failed;
    struct metrics worst = metrics_worst(&evaluation->metrics, &evaluation->low, &evaluation->high);
    individual->violation = limits_violation(&search->config.search.limits, &worst);
    for (int o = 0; o < search->objective_count; o++) {
        enum metric metric = search->objectives[o];
        if (!isnan(evaluation->metrics.values[metric]))
            individual->objectives[o] = metric_objective(metric, evaluation->metrics.values[metric]);
    }
}

static status measure_front(struct search *search, bool *measured) {
    for (int i = 0; i < search->archived; i++) {
        struct evaluation evaluation;
        if (measured[i] || !search_on_front(search, i))
            continue;
        progress_update("measuring candidate %d again", search->archive[i].id);
        TRY(measure_again(search, &search->archive[i], &evaluation));
        judge_again(search, &evaluation, &search->archive[i]);
        if (search->archive[i].failed || search->archive[i].violation > 0)
            announce_left_front(search, &search->archive[i], &evaluation);
        measured[i] = true;
        i = -1; /* others may have joined */
    }
    for (int i = 0; i < search->archived; i++)
        if (measured[i] && search_on_front(search, i))
            TRY(search_restore_weights(search, &search->archive[i]));
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
