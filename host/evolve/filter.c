#include "evolve/filter.h"

#include "base/memory.h"
#include "evolve/acquisition.h"
#include "evolve/surrogate.h"

#include <math.h>
#include <stdlib.h>

/* Of what cannot be built: behind everything that can. */
static const double unbuildable = 1e300;

struct filter {
    struct filter_settings settings;
    int objectives;
    uint64_t seed;
    struct surrogate *surrogate; /* NULL: no objective needs training */
    double predictions[MAX_OBJECTIVES];
};

static int trained_count(const struct filter *filter) {
    int count = 0;
    for (int o = 0; o < filter->objectives; o++)
        count += filter->settings.trained[o];
    return count;
}

struct filter *filter_create(const struct filter_settings *settings, const struct genome_space *space, int objectives,
                             uint64_t seed) {
    struct filter *filter = memory_allocate(1, sizeof *filter);
    *filter = (struct filter){.settings = *settings, .objectives = objectives, .seed = seed};
    if (trained_count(filter) > 0)
        filter->surrogate = surrogate_create(space, settings->costs, trained_count(filter));
    for (int o = 0; o < MAX_OBJECTIVES; o++)
        filter->predictions[o] = NAN;
    return filter;
}

void filter_destroy(struct filter *filter) {
    if (!filter)
        return;
    surrogate_destroy(filter->surrogate);
    free(filter);
}

int filter_candidates(const struct filter *filter, int id) {
    struct random_stream random = random_open(filter->seed, hash_number(hash_text(HASH_START, "filter"), (uint64_t)id));
    bool by_chance = random_uniform(&random) < filter->settings.chance;
    return id <= filter->settings.warmup || by_chance || filter->settings.candidates < 1 ? 1
                                                                                         : filter->settings.candidates;
}

/* ---- choosing ---- */

/* Forecasts are for the training that the best of the population had, which is what they are compared with. */
static int highest_rung(const struct individual *population, int individuals, int objectives) {
    int highest = 0;
    for (int i = 0; i < individuals; i++)
        if (!individual_failed(&population[i], objectives) && population[i].rung > highest)
            highest = population[i].rung;
    return highest;
}

/* false: the model knows too little. */
static bool forecast_child(const struct filter *filter, const struct genome *genome, double steps,
                           struct forecast *forecast) {
    struct measured measured = {.violation = 0};
    double means[SURROGATE_MOST_TARGETS] = {0}, deviations[SURROGATE_MOST_TARGETS] = {0};
    struct prospect prospect = {.genome = genome, .costs = measured.costs, .steps = steps};
    *forecast = (struct forecast){.violation = unbuildable};
    if (!filter->settings.measure(filter->settings.context, genome, &measured))
        return true;
    forecast->violation = measured.violation;
    if (filter->surrogate && !surrogate_predict(filter->surrogate, &prospect, means, deviations))
        return false;
    for (int o = 0, target = 0; o < filter->objectives; o++) {
        bool trained = filter->settings.trained[o];
        forecast->means[o] = trained ? means[target] : measured.objectives[o];
        forecast->deviations[o] = trained ? deviations[target] : 0;
        target += trained;
    }
    return true;
}

int filter_choose(const struct filter *filter, const struct individual *children, int count,
                  const struct individual *population, int individuals) {
    struct forecast forecasts[FILTER_MOST_CANDIDATES];
    int rung = highest_rung(population, individuals, filter->objectives), least = 0;
    double steps = filter->settings.steps(filter->settings.context, rung);
    bool known = true;
    for (int c = 0; c < count; c++) {
        known = forecast_child(filter, &children[c].genome, steps, &forecasts[c]) && known;
        least = forecasts[c].violation < forecasts[least].violation ? c : least;
    }
    return known ? acquisition_choose(forecasts, count, population, individuals, filter->objectives) : least;
}

/* ---- learning ---- */

static bool measure_result(const struct filter *filter, const struct individual *result, struct measured *measured) {
    *measured = (struct measured){.violation = 0};
    return filter->surrogate && filter->settings.measure(filter->settings.context, &result->genome, measured);
}

/* The targets of a result; false where it failed. */
static bool find_targets(const struct filter *filter, const struct individual *result, double *targets) {
    for (int o = 0, target = 0; o < filter->objectives; o++)
        if (filter->settings.trained[o])
            targets[target++] = result->objectives[o];
    return !individual_failed(result, filter->objectives);
}

void filter_tell(struct filter *filter, const struct individual *result) {
    struct measured measured;
    double targets[SURROGATE_MOST_TARGETS], predicted[SURROGATE_MOST_TARGETS];
    for (int o = 0; o < filter->objectives; o++)
        filter->predictions[o] = NAN;
    if (!measure_result(filter, result, &measured) || measured.violation > 0)
        return;
    struct prospect prospect = {.genome = &result->genome,
                                .costs = measured.costs,
                                .steps = filter->settings.steps(filter->settings.context, result->rung)};
    bool predicts = surrogate_predict(filter->surrogate, &prospect, predicted, NULL);
    for (int o = 0, target = 0; o < filter->objectives; o++)
        if (filter->settings.trained[o])
            filter->predictions[o] = predicts ? predicted[target++] : NAN;
    surrogate_tell(filter->surrogate, &prospect, find_targets(filter, result, targets) ? targets : NULL);
}

void filter_tell_earlier(struct filter *filter, const struct individual *result, double steps) {
    struct measured measured;
    double targets[SURROGATE_MOST_TARGETS];
    if (!measure_result(filter, result, &measured))
        return;
    struct prospect prospect = {.genome = &result->genome, .costs = measured.costs, .steps = steps};
    surrogate_teach(filter->surrogate, &prospect, find_targets(filter, result, targets) ? targets : NULL);
}

double filter_prediction(const struct filter *filter, int objective) {
    return filter->predictions[objective];
}

double filter_correlation(const struct filter *filter, int objective) {
    int target = 0;
    if (!filter->settings.trained[objective])
        return NAN;
    for (int o = 0; o < objective; o++)
        target += filter->settings.trained[o];
    return surrogate_correlation(filter->surrogate, target);
}
