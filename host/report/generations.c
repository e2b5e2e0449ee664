#include "report/generations.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "report/children.h"
#include "run/lineage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- computing ---- */

static void analyse_generation(struct generations *generations, int generation) {
    const struct candidate **members = memory_allocate((size_t)generations->run->candidate_count + 1, sizeof *members);
    int count = 0;
    for (int c = 0; c < generations->run->candidate_count; c++)
        if (generations->run->candidates[c].individual.generation == generation)
            members[count++] = &generations->run->candidates[c];
    analyse(members, count, generations->run->config.train.steps, &generations->analyses[generation]);
    free(members);
}

enum metric generations_quality(const struct generations *generations) {
    for (int o = 0; o < generations->run->objective_count; o++)
        if (metric_table[generations->run->objectives[o]].kind == METRIC_TRAINED)
            return generations->run->objectives[o];
    return METRIC_BITS_PER_BYTE;
}

status generations_read(struct store *store, struct generations *generations) {
    TRY(recorded_read(store, RECORDED_EVALUATED, NULL, &generations->run));
    for (int c = 0; c < generations->run->candidate_count; c++)
        if (generations->run->candidates[c].individual.generation >= generations->count)
            generations->count = generations->run->candidates[c].individual.generation + 1;
    generations->analyses = memory_allocate((size_t)generations->count + 1, sizeof *generations->analyses);
    for (int g = 0; g < generations->count; g++)
        analyse_generation(generations, g);
    TRY(analysis_recall(store, generations->analyses, generations->count));
    enum metric quality = generations_quality(generations);
    generations->agreements = analyse_agreements(generations->run->candidates, generations->run->candidate_count,
                                                 quality, &generations->agreement_count);
    return store_predictions(store, &generations->predictions, &generations->prediction_count);
}

void generations_release(struct generations *generations) {
    recorded_release(generations->run);
    free(generations->analyses);
    free(generations->agreements);
    free(generations->predictions);
}

/* The generation of a candidate, or -1. */
static int generation_of(const struct generations *generations, int id) {
    int place = lineage_find(generations->run->candidates, generations->run->candidate_count, id);
    return place >= 0 ? generations->run->candidates[place].individual.generation : -1;
}

/* ---- the table ---- */

static void print_scores(const struct generations *generations, enum metric metric, FILE *out) {
    struct terminal_table table;
    fprintf(out, "\n%s\n", metric_table[metric].name);
    FILE *rows = terminal_table_begin(&table, true, out);
    fprintf(rows, "%10s  %10s  %6s  %8s  %8s  %8s  %8s  %8s\n", "generation", "candidates", "failed", "least",
            "quartile", "median", "quartile", "greatest");
    for (int g = 0; g < generations->count; g++) {
        const struct analysis *analysis = &generations->analyses[g];
        const struct spread *spread = &analysis->metrics[metric];
        const double values[] = {spread->least, spread->lower_quartile, spread->median, spread->upper_quartile,
                                 spread->greatest};
        fprintf(rows, "%10d  %10d  %6d", g + 1, analysis->candidates, analysis->failed);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char number[TEXT_NUMBER_BYTES];
            fprintf(rows, "  %8s", metric_text(metric, values[v], number));
        }
        fprintf(rows, "\n");
    }
    terminal_table_end(&table);
}

bool generations_have_class(const struct generations *generations, int class_index) {
    for (int g = 0; g < generations->count; g++)
        if (generations->analyses[g].class_shares[class_index] > 0)
            return true;
    return false;
}

static void print_classes(const struct generations *generations, FILE *out) {
    struct terminal_table table;
    fprintf(out, "\nclasses, %% of LIVs\n");
    FILE *rows = terminal_table_begin(&table, true, out);
    fprintf(rows, "%10s", "generation");
    for (int c = 0; c < generations->run->catalogue.class_count; c++)
        if (generations_have_class(generations, c))
            fprintf(rows, "  %9s", generations->run->catalogue.classes[c].name);
    fprintf(rows, "\n");
    for (int g = 0; g < generations->count; g++) {
        fprintf(rows, "%10d", g + 1);
        for (int c = 0; c < generations->run->catalogue.class_count; c++)
            if (generations_have_class(generations, c))
                fprintf(rows, "  %9.1f", 100 * generations->analyses[g].class_shares[c]);
        fprintf(rows, "\n");
    }
    terminal_table_end(&table);
}

static void print_connections(const struct generations *generations, FILE *out) {
    fprintf(out,
            "\nshared connections a genome, and their length in LIVs; diversity: mean distance of two genomes\n"
            "%10s  %8s  %6s  %8s  %6s  %9s\n",
            "generation", "features", "length", "weights", "length", "diversity");
    for (int g = 0; g < generations->count; g++) {
        fprintf(out, "%10d", g + 1);
        for (int kind = 0; kind < SHARING_KINDS; kind++) {
            const struct connections *connections = &generations->analyses[g].connections[kind];
            fprintf(out, "  %8.2f  ", connections->number);
            if (isnan(connections->distance))
                fprintf(out, "%6s", "-");
            else
                fprintf(out, "%6.2f", connections->distance);
        }
        fprintf(out, "  %9.2f\n", generations->analyses[g].diversity);
    }
}

struct repairs generations_repairs(const struct generations *generations) {
    struct repairs all = {0};
    for (int g = 0; g < generations->count; g++)
        repairs_add(&all, &generations->analyses[g].repairs);
    return all;
}

static void print_repairs(const struct generations *generations, FILE *out) {
    if (generations_repairs(generations).children == 0)
        return;
    struct terminal_table table;
    fprintf(out,
            "\nchildren that crossover and mutation made, and what was wrong with them before repair, %% of them\n");
    FILE *rows = terminal_table_begin(&table, true, out);
    fprintf(rows, "%10s  %8s  %7s", "generation", "children", "invalid");
    for (int f = 0; f < DRAFT_FAULTS; f++)
        fprintf(rows, "  %12s", fault_table[f].name);
    fprintf(rows, "\n");
    for (int g = 0; g < generations->count; g++) {
        const struct repairs *repairs = &generations->analyses[g].repairs;
        if (repairs->children == 0)
            continue;
        fprintf(rows, "%10d  %8d  %7.1f", g + 1, repairs->children, repairs_percent(repairs, repairs->invalid));
        for (int f = 0; f < DRAFT_FAULTS; f++)
            fprintf(rows, "  %12.1f", repairs_percent(repairs, repairs->faults[f]));
        fprintf(rows, "\n");
    }
    terminal_table_end(&table);
}

static void print_pairs(const struct generations *generations, FILE *out) {
    enum { MOST = 8 };
    const struct analysis *last = &generations->analyses[generations->count - 1];
    int classes = generations->run->catalogue.class_count;
    bool shown[CATALOGUE_MAX_CLASSES][CATALOGUE_MAX_CLASSES] = {{false}};
    fprintf(out, "\nneighbours of the last generation, %% of pairs:");
    for (int place = 0; place < MOST; place++) {
        int first = -1, second = -1;
        for (int a = 0; a < classes; a++)
            for (int b = 0; b < classes; b++)
                if (!shown[a][b] && last->pair_shares[a][b] > 0 &&
                    (first < 0 || last->pair_shares[a][b] > last->pair_shares[first][second])) {
                    first = a;
                    second = b;
                }
        if (first < 0)
            break;
        shown[first][second] = true;
        fprintf(out, "%s %s > %s %.1f", place ? "," : "", generations->run->catalogue.classes[first].name,
                generations->run->catalogue.classes[second].name, 100 * last->pair_shares[first][second]);
    }
    fprintf(out, "\n");
}

static void print_agreements(const struct generations *generations, FILE *out) {
    if (generations->agreement_count == 0)
        return;
    fprintf(out, "\nhow lengths of training order the same candidates\n%8s  %8s  %10s  %16s\n", "steps", "steps",
            "candidates", "rank correlation");
    for (int a = 0; a < generations->agreement_count; a++) {
        const struct agreement *agreement = &generations->agreements[a];
        fprintf(out, "%8lld  %8lld  %10d  ", agreement->shorter, agreement->longer, agreement->candidates);
        if (isnan(agreement->correlation))
            fprintf(out, "%16s\n", "-");
        else
            fprintf(out, "%16.3f\n", agreement->correlation);
    }
}

double generations_judge_surrogate(const struct generations *generations, int generation, enum metric metric,
                                   int *count) {
    double correlation = NAN;
    *count = 0;
    for (int p = 0; p < generations->prediction_count; p++) {
        const struct prediction_record *record = &generations->predictions[p];
        if (record->metric != metric || generation_of(generations, record->candidate) != generation)
            continue;
        correlation = record->correlation;
        ++*count;
    }
    return correlation;
}

bool generations_predicted(const struct generations *generations, enum metric metric) {
    for (int p = 0; p < generations->prediction_count; p++)
        if (generations->predictions[p].metric == metric)
            return true;
    return false;
}

static void print_surrogate(const struct generations *generations, enum metric metric, FILE *out) {
    if (!generations_predicted(generations, metric))
        return;
    fprintf(out,
            "\nhow the surrogate predicted %s before the training: rank correlation, latest 50\n"
            "%10s  %11s  %16s\n",
            metric_table[metric].name, "generation", "predictions", "rank correlation");
    for (int g = 0; g < generations->count; g++) {
        int count;
        double correlation = generations_judge_surrogate(generations, g, metric, &count);
        fprintf(out, "%10d  %11d  ", g + 1, count);
        if (isnan(correlation))
            fprintf(out, "%16s\n", "-");
        else
            fprintf(out, "%16.3f\n", correlation);
    }
}

static void print_table(struct store *store, const struct generations *generations, FILE *out) {
    fprintf(out, "Generations of %s, of %lld candidates each\n", store_path(store),
            generations->run->config.search.population);
    if (generations->count == 0) {
        fprintf(out, "\nnothing was evaluated yet\n");
        return;
    }
    for (int o = 0; o < generations->run->objective_count; o++)
        print_scores(generations, generations->run->objectives[o], out);
    print_classes(generations, out);
    print_pairs(generations, out);
    print_connections(generations, out);
    print_repairs(generations, out);
    print_agreements(generations, out);
    for (int o = 0; o < generations->run->objective_count; o++)
        print_surrogate(generations, generations->run->objectives[o], out);
}

/* ---- JSON ---- */

static void add_number(cJSON *json, const char *name, double value) {
    if (!isnan(value))
        cJSON_AddNumberToObject(json, name, value);
}

static cJSON *describe_spread(const struct spread *spread) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "count", spread->count);
    add_number(json, "least", spread->least);
    add_number(json, "lower_quartile", spread->lower_quartile);
    add_number(json, "median", spread->median);
    add_number(json, "upper_quartile", spread->upper_quartile);
    add_number(json, "greatest", spread->greatest);
    return json;
}

static cJSON *describe_pairs(const struct generations *generations, const struct analysis *analysis) {
    cJSON *list = cJSON_CreateArray();
    for (int a = 0; a < generations->run->catalogue.class_count; a++) {
        for (int b = 0; b < generations->run->catalogue.class_count; b++) {
            if (analysis->pair_shares[a][b] <= 0)
                continue;
            cJSON *pair = cJSON_CreateObject();
            cJSON_AddStringToObject(pair, "first", generations->run->catalogue.classes[a].name);
            cJSON_AddStringToObject(pair, "next", generations->run->catalogue.classes[b].name);
            cJSON_AddNumberToObject(pair, "share", analysis->pair_shares[a][b]);
            cJSON_AddItemToArray(list, pair);
        }
    }
    return list;
}

static cJSON *describe_generation(const struct generations *generations, int generation) {
    const struct analysis *analysis = &generations->analyses[generation];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "generation", generation + 1);
    cJSON_AddNumberToObject(json, "candidates", analysis->candidates);
    cJSON_AddNumberToObject(json, "failed", analysis->failed);
    cJSON *metrics = cJSON_AddObjectToObject(json, "metrics");
    for (int m = 0; m < METRICS; m++)
        if (analysis->metrics[m].count > 0)
            cJSON_AddItemToObject(metrics, metric_table[m].name, describe_spread(&analysis->metrics[m]));
    cJSON *classes = cJSON_AddObjectToObject(json, "class_shares");
    for (int c = 0; c < generations->run->catalogue.class_count; c++)
        if (generations_have_class(generations, c))
            cJSON_AddNumberToObject(classes, generations->run->catalogue.classes[c].name, analysis->class_shares[c]);
    cJSON_AddItemToObject(json, "pairs", describe_pairs(generations, analysis));
    for (int kind = 0; kind < SHARING_KINDS; kind++) {
        cJSON *connections = cJSON_AddObjectToObject(json, connection_names[kind]);
        cJSON_AddNumberToObject(connections, "number", analysis->connections[kind].number);
        add_number(connections, "distance", analysis->connections[kind].distance);
    }
    add_number(json, "diversity", analysis->diversity);
    if (analysis->repairs.children > 0) {
        cJSON_AddNumberToObject(json, "children", analysis->repairs.children);
        cJSON_AddItemToObject(json, "before_repair", repairs_describe(&analysis->repairs));
    }
    cJSON *surrogate = cJSON_AddObjectToObject(json, "surrogate");
    for (int o = 0; o < generations->run->objective_count; o++) {
        int count;
        double correlation =
            generations_judge_surrogate(generations, generation, generations->run->objectives[o], &count);
        if (count == 0)
            continue;
        cJSON *item = cJSON_AddObjectToObject(surrogate, metric_table[generations->run->objectives[o]].name);
        cJSON_AddNumberToObject(item, "predictions", count);
        add_number(item, "rank_correlation", correlation);
    }
    return json;
}

cJSON *generations_describe(struct store *store, const struct generations *generations) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "run", store_path(store));
    cJSON_AddNumberToObject(json, "population", (double)generations->run->config.search.population);
    cJSON *list = cJSON_AddArrayToObject(json, "generations");
    for (int g = 0; g < generations->count; g++)
        cJSON_AddItemToArray(list, describe_generation(generations, g));
    list = cJSON_AddArrayToObject(json, "agreements");
    for (int a = 0; a < generations->agreement_count; a++) {
        const struct agreement *agreement = &generations->agreements[a];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddNumberToObject(item, "shorter_steps", (double)agreement->shorter);
        cJSON_AddNumberToObject(item, "longer_steps", (double)agreement->longer);
        cJSON_AddNumberToObject(item, "candidates", agreement->candidates);
        add_number(item, "rank_correlation", agreement->correlation);
        cJSON_AddItemToArray(list, item);
    }
    return json;
}

status report_generations(struct store *store, bool json, FILE *out) {
    struct generations generations = {0};
    status outcome = generations_read(store, &generations);
    if (outcome == STATUS_OK && json)
        json_print(generations_describe(store, &generations), out);
    else if (outcome == STATUS_OK)
        print_table(store, &generations, out);
    generations_release(&generations);
    return outcome;
}
