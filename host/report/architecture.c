#include "report/architecture.h"

#include "base/json.h"
#include "base/terminal.h"
#include "base/text.h"
#include "model/architecture.h"
#include "run/evaluator.h"

#include <math.h>

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

/* "decode/token         135 us  (134 us to 137 us)" */
static void print_measured(const struct evaluation *measured, FILE *out) {
    char value[TEXT_NUMBER_BYTES], low[TEXT_NUMBER_BYTES], high[TEXT_NUMBER_BYTES];
    fprintf(out, "\n");
    for (int m = 0; m < METRICS; m++) {
        if (isnan(measured->metrics.values[m]))
            continue;
        fprintf(out, "%-16s  %10s", metric_table[m].title, metric_text(m, measured->metrics.values[m], value));
        if (!isnan(measured->low.values[m]))
            fprintf(out, "  (%s to %s)", metric_text(m, measured->low.values[m], low),
                    metric_text(m, measured->high.values[m], high));
        fprintf(out, "\n");
    }
}

static cJSON *describe_measured(const struct evaluation *measured) {
    cJSON *list = cJSON_CreateObject();
    for (int m = 0; m < METRICS; m++) {
        if (isnan(measured->metrics.values[m]))
            continue;
        cJSON *json = cJSON_AddObjectToObject(list, metric_table[m].name);
        cJSON_AddNumberToObject(json, "value", measured->metrics.values[m]);
        if (!isnan(measured->low.values[m])) {
            cJSON_AddNumberToObject(json, "low", measured->low.values[m]);
            cJSON_AddNumberToObject(json, "high", measured->high.values[m]);
        }
    }
    return list;
}

static void print_architecture(const struct genome *genome, const struct catalogue *catalogue,
                               const struct model_settings *settings, const struct graph *graph,
                               const struct evaluation *measured, FILE *out) {
    char text[GENOME_TEXT_BYTES], place[16];
    fprintf(out, "genome %s\nwidth %d, %d LIVs, context %d, cache for %d tokens\n\n", genome_print(genome, text),
            settings->width, genome->depth, settings->context, settings->cache_context);
    struct terminal_table table;
    FILE *rows = terminal_table_begin(&table, true, out);
    fprintf(rows, "%5s  %-12s  %10s  %10s  %10s\n", "LIV", "class", "parameters", "FLOP/token", "cache");
    for (int liv = 0; liv < genome->depth; liv++) {
        struct cost cost = graph_liv_cost(graph, settings->cache_context, liv);
        struct liv_class liv_class = class_of(genome, catalogue, liv);
        struct text sharing = {0};
        describe_sharing(genome, &liv_class, liv, &sharing);
        snprintf(place, sizeof place, "%d", liv + 1);
        print_costs(place, liv_class.name, &cost, sharing.text ? sharing.text : "", rows);
        text_free(&sharing);
    }
    struct cost ends = graph_liv_cost(graph, settings->cache_context, -1);
    struct cost all = graph_cost(graph, settings->cache_context);
    print_costs("", "ends", &ends, "embedding, norm, output", rows);
    print_costs("", "sum", &all, "", rows);
    terminal_table_end(&table);
    if (measured)
        print_measured(measured, out);
}

static void add_costs(cJSON *json, const struct cost *cost) {
    cJSON_AddNumberToObject(json, "parameters", (double)cost->parameters);
    cJSON_AddNumberToObject(json, "flops_per_token", cost->flops_per_token);
    cJSON_AddNumberToObject(json, "cache_bytes", (double)cost->cache_bytes);
}

static void print_architecture_json(const struct genome *genome, const struct catalogue *catalogue,
                                    const struct model_settings *settings, const struct graph *graph,
                                    const struct evaluation *measured, FILE *out) {
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
    if (measured)
        cJSON_AddItemToObject(json, "measured", describe_measured(measured));
    json_print(json, out);
}

/* Costs do not depend on the device; any shape builds the graph. */
static const struct device_shape any_shape = {.lanes = 1, .width = 16, .items = 1, .rows = 1, .reduction_rows = 64};

status report_architecture(const struct genome *genome, const struct catalogue *catalogue,
                           const struct run_config *config, const struct evaluation *measured, bool json, FILE *out) {
    struct model_settings settings = config_model_settings(config);
    struct genome_space space = genome_space_of(catalogue);
    struct graph *graph;
    TRY(genome_validate(genome, &space));
    TRY(architecture_build(genome, catalogue, &settings, 1, any_shape, &graph));
    (json ? print_architecture_json : print_architecture)(genome, catalogue, &settings, graph, measured, out);
    graph_destroy(graph);
    return STATUS_OK;
}
