#include "report/front.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "model/architecture.h"
#include "run/evaluator.h"

#include <stdlib.h>
#include <string.h>

struct front {
    struct run_config config;
    enum metric objectives[METRICS];
    int objective_count;
    struct candidate *candidates;
    int evaluated, failed; /* of the whole run */
    int count;             /* of the front, which is candidates[0..count); the others are behind it */
};

static int by_first_objective(const void *a, const void *b) {
    const struct individual *x = &((const struct candidate *)a)->individual;
    const struct individual *y = &((const struct candidate *)b)->individual;
    if (x->objectives[0] != y->objectives[0])
        return x->objectives[0] < y->objectives[0] ? -1 : 1;
    return x->id - y->id;
}

static bool is_dominated(const struct front *front, int candidate) {
    for (int i = 0; i < front->evaluated; i++)
        if (dominates(&front->candidates[i].individual, &front->candidates[candidate].individual,
                      front->objective_count))
            return true;
    return front->candidates[candidate].individual.failed;
}

static void put_front_first(struct front *front) {
    struct candidate *sorted = memory_allocate((size_t)front->evaluated, sizeof *sorted);
    int behind = front->evaluated;
    for (int i = 0; i < front->evaluated; i++) {
        front->failed += front->candidates[i].individual.failed;
        sorted[is_dominated(front, i) ? --behind : front->count++] = front->candidates[i];
    }
    free(front->candidates);
    front->candidates = sorted;
    qsort(sorted, (size_t)front->count, sizeof *sorted, by_first_objective);
}

static status read_front(struct store *store, struct front *front) {
    memset(front, 0, sizeof *front);
    TRY(config_load_text("the run's config", store_fact(store, FACT_CONFIG), NULL, 0, false, &front->config));
    front->objective_count = config_objectives(&front->config, front->objectives);
    TRY(store_candidates(store, &front->candidates, &front->evaluated));
    for (int i = 0; i < front->evaluated; i++) {
        for (int o = 0; o < front->objective_count; o++) {
            double value = front->candidates[i].evaluations[0].metrics.values[front->objectives[o]];
            bool larger_is_better = metric_table[front->objectives[o]].larger_is_better;
            front->candidates[i].individual.objectives[o] = larger_is_better ? -value : value;
        }
    }
    put_front_first(front);
    return STATUS_OK;
}

/* The objectives, and quality, size and cache even where they are none. */
static int columns_of(const struct front *front, enum metric columns[METRICS]) {
    static const enum metric always[] = {METRIC_BITS_PER_BYTE, METRIC_PARAMETERS, METRIC_CACHE_BYTES};
    int count = 0;
    for (int i = 0; i < front->objective_count; i++)
        columns[count++] = front->objectives[i];
    for (size_t a = 0; a < sizeof always / sizeof *always; a++) {
        bool listed = false;
        for (int i = 0; i < count; i++)
            listed = listed || columns[i] == always[a];
        if (!listed)
            columns[count++] = always[a];
    }
    return count;
}

status report_front(struct store *store, FILE *out) {
    struct front front;
    char run_status[32], number[TEXT_NUMBER_BYTES], genome[GENOME_TEXT_BYTES];
    enum metric columns[METRICS];
    TRY(store_get_status(store, run_status, sizeof run_status));
    TRY(read_front(store, &front));
    int column_count = columns_of(&front, columns);
    fprintf(out, "Pareto front of %s (%s): %d of %d evaluated candidates", store_path(store), run_status, front.count,
            front.evaluated);
    fprintf(out, front.failed ? ", %d failed\n\n" : "\n\n", front.failed);
    fprintf(out, "%6s", "id");
    for (int c = 0; c < column_count; c++)
        fprintf(out, "  %11s", metric_table[columns[c]].title);
    fprintf(out, "  genome\n");
    for (int i = 0; i < front.count; i++) {
        const struct candidate *candidate = &front.candidates[i];
        fprintf(out, "%6d", candidate->individual.id);
        for (int c = 0; c < column_count; c++)
            fprintf(out, "  %11s",
                    metric_text(columns[c], candidate->evaluations[0].metrics.values[columns[c]], number));
        fprintf(out, "  %s\n", genome_print(&candidate->individual.genome, genome));
    }
    candidates_free(front.candidates, front.evaluated);
    return STATUS_OK;
}

static cJSON *describe_metrics(const struct metrics *metrics) {
    cJSON *json = cJSON_CreateObject();
    for (int m = 0; m < METRICS; m++)
        cJSON_AddNumberToObject(json, metric_table[m].name, metrics->values[m]);
    return json;
}

status report_front_json(struct store *store, FILE *out) {
    struct front front;
    char run_status[32], genome[GENOME_TEXT_BYTES];
    TRY(store_get_status(store, run_status, sizeof run_status));
    TRY(read_front(store, &front));
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "run", store_path(store));
    cJSON_AddStringToObject(json, "status", run_status);
    cJSON_AddStringToObject(json, "device", store_fact(store, FACT_DEVICE));
    cJSON *objectives = cJSON_AddArrayToObject(json, "objectives");
    for (int o = 0; o < front.objective_count; o++)
        cJSON_AddItemToArray(objectives, cJSON_CreateString(metric_table[front.objectives[o]].name));
    cJSON_AddNumberToObject(json, "evaluations", front.evaluated);
    cJSON *list = cJSON_AddArrayToObject(json, "front");
    for (int i = 0; i < front.count; i++) {
        cJSON *candidate = cJSON_CreateObject();
        cJSON_AddNumberToObject(candidate, "id", front.candidates[i].individual.id);
        cJSON_AddStringToObject(candidate, "genome", genome_print(&front.candidates[i].individual.genome, genome));
        cJSON_AddItemToObject(candidate, "metrics", describe_metrics(&front.candidates[i].evaluations[0].metrics));
        cJSON_AddItemToArray(list, candidate);
    }
    candidates_free(front.candidates, front.evaluated);
    json_print(json, out);
    return STATUS_OK;
}

/* ---- one architecture ---- */

static struct liv_class class_of(const struct genome *genome, const struct catalogue *catalogue, int liv) {
    struct liv_class liv_class;
    genome_class(genome, catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
    return liv_class;
}

/* "weights of B and V from LIV 1" for a LIV that uses what another owns, "" otherwise. */
static void describe_sharing(const struct genome *genome, const struct liv_class *liv_class, int liv,
                             struct text *text) {
    char set[64];
    int owner = genome_group_owner(genome, liv, LIV_FEATURIZER_GROUP);
    if (owner != liv) {
        unsigned shared = liv_class->featurizer_strategies[genome->livs[liv].genes[LIV_FEATURIZER_STRATEGY] - 1];
        text_append(text, "weights of %s from LIV %d", feature_set_text(shared, set, sizeof set), owner + 1);
    }
    owner = genome_group_owner(genome, liv, LIV_FEATURE_GROUP);
    if (owner != liv) {
        unsigned shared = liv_class->feature_strategies[genome->livs[liv].genes[LIV_FEATURE_STRATEGY] - 1];
        text_append(text, "%sfeatures %s from LIV %d", text->length ? ", " : "",
                    feature_set_text(shared, set, sizeof set), owner + 1);
    }
}

static void print_costs(const char *first, const char *name, const struct cost *cost, const char *sharing, FILE *out) {
    char parameters[TEXT_NUMBER_BYTES], flops[TEXT_NUMBER_BYTES], cache[TEXT_NUMBER_BYTES];
    fprintf(out, "%5s  %-12s  %10s  %10s  %10s%s%s\n", first, name, text_count(parameters, (double)cost->parameters),
            text_count(flops, cost->flops_per_token), text_bytes(cache, (double)cost->cache_bytes),
            *sharing ? "  " : "", sharing);
}

static void print_architecture(const struct genome *genome, const struct catalogue *catalogue,
                               const struct model_settings *settings, const struct graph *graph, FILE *out) {
    char text[GENOME_TEXT_BYTES], place[16];
    fprintf(out, "genome %s\nwidth %d, %d LIVs, context %d, cache for %d tokens\n\n", genome_print(genome, text),
            settings->width, genome->depth, settings->context, settings->cache_context);
    fprintf(out, "%5s  %-12s  %10s  %10s  %10s\n", "LIV", "class", "parameters", "FLOP/token", "cache");
    for (int liv = 0; liv < genome->depth; liv++) {
        struct cost cost = graph_liv_cost(graph, settings->cache_context, liv);
        struct liv_class liv_class = class_of(genome, catalogue, liv);
        struct text sharing = {0};
        describe_sharing(genome, &liv_class, liv, &sharing);
        snprintf(place, sizeof place, "%d", liv + 1);
        print_costs(place, liv_class.name, &cost, sharing.text ? sharing.text : "", out);
        text_free(&sharing);
    }
    struct cost ends = graph_liv_cost(graph, settings->cache_context, -1);
    struct cost all = graph_cost(graph, settings->cache_context);
    print_costs("", "ends", &ends, "embedding, norm, output", out);
    print_costs("", "sum", &all, "", out);
}

static void add_costs(cJSON *json, const struct cost *cost) {
    cJSON_AddNumberToObject(json, "parameters", (double)cost->parameters);
    cJSON_AddNumberToObject(json, "flops_per_token", cost->flops_per_token);
    cJSON_AddNumberToObject(json, "cache_bytes", (double)cost->cache_bytes);
}

static void print_architecture_json(const struct genome *genome, const struct catalogue *catalogue,
                                    const struct model_settings *settings, const struct graph *graph, FILE *out) {
    char text[GENOME_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "genome", genome_print(genome, text));
    cJSON_AddNumberToObject(json, "width", settings->width);
    cJSON_AddNumberToObject(json, "context", settings->context);
    cJSON_AddNumberToObject(json, "cache_context", settings->cache_context);
    cJSON *livs = cJSON_AddArrayToObject(json, "livs");
    for (int liv = 0; liv < genome->depth; liv++) {
        struct cost cost = graph_liv_cost(graph, settings->cache_context, liv);
        struct liv_class liv_class = class_of(genome, catalogue, liv);
        struct text sharing = {0};
        describe_sharing(genome, &liv_class, liv, &sharing);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "class", liv_class.name);
        cJSON_AddStringToObject(item, "shares", sharing.text ? sharing.text : "");
        add_costs(item, &cost);
        cJSON_AddItemToArray(livs, item);
        text_free(&sharing);
    }
    struct cost all = graph_cost(graph, settings->cache_context);
    add_costs(json, &all);
    json_print(json, out);
}

/* Costs do not depend on the device; any shape builds the graph. */
static const struct device_shape any_shape = {.lanes = 1, .width = 16, .items = 1, .rows = 1, .reduction_rows = 64};

status report_architecture(const struct genome *genome, const struct catalogue *catalogue,
                           const struct run_config *config, bool json, FILE *out) {
    struct model_settings settings = config_model_settings(config);
    struct genome_space space = genome_space_of(catalogue);
    struct graph *graph;
    TRY(genome_validate(genome, &space));
    TRY(architecture_build(genome, catalogue, &settings, 1, any_shape, &graph));
    (json ? print_architecture_json : print_architecture)(genome, catalogue, &settings, graph, out);
    graph_destroy(graph);
    return STATUS_OK;
}
