#include "run/static_costs.h"

#include "base/text.h"
#include "model/architecture.h"
#include "model/plan.h"
#include "run/evaluator.h"

#include <math.h>
#include <stdint.h>

/* Costs do not depend on the shape of kernels, and scratch space hardly does. */
static const struct device_shape any_shape = {.lanes = 1, .width = 16, .items = 1, .rows = 1, .reduction_rows = 64};

/* What training takes; the alignment is that of most devices, and a buffer as large as it needs to be. */
static status plan_training(const struct graph *graph, double *bytes) {
    struct plan *plan;
    TRY(plan_create(graph, &(struct plan_limits){.alignment = 128, .largest_buffer = SIZE_MAX / 4}, &plan));
    *bytes = 4.0 * (double)plan->parameter_bytes + (double)plan->working_bytes;
    plan_destroy(plan);
    return STATUS_OK;
}

/* In as few equal parts of the batch as fit; where not even single sequences do, what those take. */
static status plan_in_parts(const struct genome *genome, const struct catalogue *catalogue,
                            const struct run_config *config, double *bytes) {
    struct model_settings settings = config_model_settings(config);
    double most = config->devices.memory ? ldexp((double)config->devices.memory, 20) : INFINITY;
    int batch = (int)config->train.batch;
    status outcome = STATUS_OK;
    for (int parts = 1; parts <= batch; parts++) {
        struct graph *graph;
        if (batch % parts != 0)
            continue;
        outcome = architecture_build(genome, catalogue, &settings, batch / parts, any_shape, &graph);
        if (outcome == STATUS_OK) {
            outcome = plan_training(graph, bytes);
            graph_destroy(graph);
        }
        if (outcome == STATUS_OK && *bytes <= most)
            return STATUS_OK;
    }
    return outcome;
}

status measure_static(const struct genome *genome, const struct catalogue *catalogue, const struct run_config *config,
                      struct metrics *metrics) {
    struct model_settings settings = config_model_settings(config);
    struct graph *graph;
    bool wanted[METRICS];
    *metrics = metrics_absent();
    TRY(architecture_build(genome, catalogue, &settings, 1, any_shape, &graph));
    struct cost cost = graph_cost(graph, settings.cache_context);
    graph_destroy(graph);
    metrics->values[METRIC_PARAMETERS] = (double)cost.parameters;
    metrics->values[METRIC_FLOPS_PER_TOKEN] = cost.flops_per_token;
    metrics->values[METRIC_CACHE_BYTES] = (double)cost.cache_bytes;
    config_wanted_metrics(config, wanted);
    return wanted[METRIC_PEAK_BYTES] ? plan_in_parts(genome, catalogue, config, &metrics->values[METRIC_PEAK_BYTES])
                                     : STATUS_OK;
}

enum { SEARCHED = 1000 };

static status refuse(const struct limit_list *limits, const struct metrics *nearest) {
    struct text words = {0};
    for (int i = 0; i < limits->count; i++) {
        const struct limit *limit = &limits->limits[i];
        char value[TEXT_NUMBER_BYTES], allowed[LIMIT_TEXT_BYTES];
        if (metric_table[limit->metric].kind == METRIC_STATIC)
            text_append(&words, "%s%s %s (%s)", words.length ? ", " : "", metric_table[limit->metric].name,
                        metric_text(limit->metric, nearest->values[limit->metric], value), limit_text(limit, allowed));
    }
    status outcome =
        fail_usage("search.limits: none of %d random genomes meets them; the nearest has %s: allow more, or "
                   "search a smaller model.width, model.depth or other model.classes",
                   SEARCHED, words.text);
    text_free(&words);
    return outcome;
}

status check_static_limits(const struct run_config *config, const struct genome_space *space) {
    const struct limit_list *limits = &config->search.limits;
    struct random_stream random =
        random_open((uint64_t)config->run.seed, hash_text(HASH_START, "which genomes meet static limits"));
    struct metrics metrics, nearest = metrics_absent();
    double least = INFINITY;
    status outcome = STATUS_OK;
    if (!limits_any(limits, METRIC_STATIC))
        return STATUS_OK;
    for (int i = 0; i < SEARCHED; i++) {
        struct genome genome;
        genome_random(&genome, space, &random);
        outcome = measure_static(&genome, space->catalogue, config, &metrics);
        double violation = outcome == STATUS_OK ? limits_violation(limits, &metrics) : INFINITY;
        if (violation == 0)
            return STATUS_OK;
        if (violation < least) {
            least = violation;
            nearest = metrics;
        }
    }
    /* None could be built at all: the last one's reason. */
    return least < INFINITY ? refuse(limits, &nearest) : outcome;
}
