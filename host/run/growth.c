/*
 * How the front grows: its hypervolume after each candidate, up to one reference that never changes.
 *
 * Where the config gives none, the reference lies a tenth beyond the worst value of each objective in the first
 * generation that has a success. What was told until then waits, and is recorded behind it: in the end there is a point
 * for every candidate. All of it is a function of what was told, so resuming records the same again.
 */
#include "base/memory.h"
#include "evolve/archive.h"
#include "run/search_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct waiting {
    struct individual individual;
    struct progress_point point;
};

struct growth {
    double reference[MAX_OBJECTIVES]; /* as objectives */
    struct archive *archive;          /* NULL as long as the reference is not known */
    struct waiting *waiting;
    int waiting_count, waiting_capacity, told;
};

static void begin(struct growth *growth, int objectives) {
    growth->archive = archive_create(objectives, growth->reference);
}

struct growth *growth_create(const struct search *search) {
    const struct number_list *given = &search->config.search.reference;
    struct growth *growth = memory_allocate(1, sizeof *growth);
    for (int o = 0; o < given->count; o++)
        growth->reference[o] = metric_objective(search->objectives[o], given->numbers[o]);
    if (given->count > 0)
        begin(growth, search->objective_count);
    return growth;
}

void growth_destroy(struct growth *growth) {
    if (!growth)
        return;
    archive_destroy(growth->archive);
    free(growth->waiting);
    free(growth);
}

double growth_hypervolume(const struct growth *growth) {
    return growth->archive ? archive_hypervolume(growth->archive) : NAN;
}

/* A tenth of its size beyond the worst; beyond 0, which has none, 0.1. */
static double beyond(double worst) {
    return worst + 0.1 * (worst != 0 ? fabs(worst) : 1);
}

/* False where nothing that waits has succeeded. */
static bool choose_reference(struct growth *growth, int objectives) {
    bool any = false;
    for (int i = 0; i < growth->waiting_count; i++) {
        const struct individual *individual = &growth->waiting[i].individual;
        if (individual_failed(individual, objectives))
            continue;
        for (int o = 0; o < objectives; o++) {
            double value = beyond(individual->objectives[o]);
            growth->reference[o] = any ? fmax(growth->reference[o], value) : value;
        }
        any = true;
    }
    return any;
}

static status record_reference(const struct search *search) {
    double numbers[MAX_OBJECTIVES];
    for (int o = 0; o < search->objective_count; o++)
        numbers[o] = metric_objective(search->objectives[o], search->growth->reference[o]); /* its own inverse */
    return store_set_reference(search->store, numbers, search->objective_count);
}

/* Where there are rungs, only what was trained in full has objectives that last. */
static status record(struct search *search, const struct individual *individual, struct progress_point point) {
    struct growth *growth = search->growth;
    if (individual->rung + 1 == config_rungs(&search->config))
        (void)archive_add(growth->archive, individual, NULL, NULL);
    point.hypervolume = archive_hypervolume(growth->archive);
    return store_add_progress(search->store, &point);
}

static void wait_for_reference(struct growth *growth, const struct individual *individual,
                               const struct progress_point *point) {
    if (growth->waiting_count == growth->waiting_capacity) {
        growth->waiting_capacity = growth->waiting_capacity ? 2 * growth->waiting_capacity : 16;
        growth->waiting = memory_resize(growth->waiting, (size_t)growth->waiting_capacity, sizeof *growth->waiting);
    }
    growth->waiting[growth->waiting_count++] = (struct waiting){*individual, *point};
}

static status record_waiting(struct search *search) {
    struct growth *growth = search->growth;
    begin(growth, search->objective_count);
    TRY(record_reference(search));
    for (int i = 0; i < growth->waiting_count; i++)
        TRY(record(search, &growth->waiting[i].individual, growth->waiting[i].point));
    free(growth->waiting);
    growth->waiting = NULL;
    growth->waiting_count = 0;
    return STATUS_OK;
}

status growth_tell(struct search *search, const struct individual *individual, bool last) {
    struct growth *growth = search->growth;
    struct progress_point point = {.place = ++growth->told,
                                   .candidate = individual->id,
                                   .tokens = search->spent.tokens,
                                   .seconds = search->spent.seconds};
    if (growth->archive) {
        if (growth->told == 1)
            TRY(record_reference(search));
        return record(search, individual, point);
    }
    wait_for_reference(growth, individual, &point);
    bool complete = growth->told % (int)search->config.search.population == 0 || last;
    return complete && choose_reference(growth, search->objective_count) ? record_waiting(search) : STATUS_OK;
}
