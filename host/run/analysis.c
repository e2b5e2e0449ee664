#include "run/analysis.h"

#include "base/memory.h"
#include "evolve/surrogate.h"
#include "run/summary.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const connection_names[SHARING_KINDS] = {"shared_features", "shared_weights"};

/* ---- metrics ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of sorted numbers, at least one: linear between the two that the share falls between. */
static double quantile(const double *numbers, int count, double share) {
    double place = share * (count - 1);
    int below = (int)place, above = below + 1 < count ? below + 1 : below;
    return numbers[below] + (place - below) * (numbers[above] - numbers[below]);
}

static struct spread spread_of(double *numbers, int count) {
    if (count == 0)
        return (struct spread){0, NAN, NAN, NAN, NAN, NAN};
    qsort(numbers, (size_t)count, sizeof *numbers, ascending);
    return (struct spread){.count = count,
                           .least = numbers[0],
                           .lower_quartile = quantile(numbers, count, 0.25),
                           .median = quantile(numbers, count, 0.5),
                           .upper_quartile = quantile(numbers, count, 0.75),
                           .greatest = numbers[count - 1]};
}

/* What its longest training of `most_steps` at most told. */
static struct summary longest(const struct candidate *candidate, long long most_steps) {
    long long steps = 0;
    for (int e = 0; e < candidate->evaluation_count; e++)
        if (candidate->evaluations[e].steps <= most_steps)
            steps = candidate->evaluations[e].steps;
    return summarise(candidate->evaluations, candidate->evaluation_count, steps);
}

static void analyse_metrics(const struct candidate *const *candidates, int count, long long most_steps,
                            struct analysis *analysis) {
    double *values = memory_allocate((size_t)count * METRICS, sizeof *values);
    int counts[METRICS] = {0};
    for (int c = 0; c < count; c++) {
        struct summary summary = longest(candidates[c], most_steps);
        analysis->failed += summary.failed || summary.seeds == 0;
        for (int m = 0; m < METRICS; m++)
            if (!isnan(summary.mean.values[m]))
                values[m * count + counts[m]++] = summary.mean.values[m];
    }
    for (int m = 0; m < METRICS; m++)
        analysis->metrics[m] = spread_of(values + m * count, counts[m]);
    free(values);
}

/* ---- genomes ---- */

static void analyse_classes(const struct candidate *const *candidates, int count, struct analysis *analysis) {
    double livs = 0, pairs = 0;
    for (int c = 0; c < count; c++) {
        livs += candidates[c]->individual.genome.depth;
        pairs += candidates[c]->individual.genome.depth - 1;
    }
    for (int c = 0; c < count; c++) {
        const struct genome *genome = &candidates[c]->individual.genome;
        for (int liv = 0; liv < genome->depth; liv++) {
            int class_gene = genome->livs[liv].genes[LIV_CLASS];
            if (class_gene > CATALOGUE_MAX_CLASSES)
                continue; /* of no catalogue: a text that somebody wrote into the database */
            analysis->class_shares[class_gene - 1] += 1 / livs;
            int before = liv > 0 ? genome->livs[liv - 1].genes[LIV_CLASS] : 0;
            if (before >= 1 && before <= CATALOGUE_MAX_CLASSES)
                analysis->pair_shares[before - 1][class_gene - 1] += 1 / pairs;
        }
    }
}

static struct connections analyse_connections(const struct candidate *const *candidates, int count,
                                              enum liv_gene kind) {
    double number = 0, distance = 0;
    for (int c = 0; c < count; c++) {
        const struct genome *genome = &candidates[c]->individual.genome;
        for (int liv = 0; liv < genome->depth; liv++) {
            int owner = genome_group_owner(genome, liv, kind);
            number += owner != liv;
            distance += liv - owner;
        }
    }
    return (struct connections){count > 0 ? number / count : 0, number > 0 ? distance / number : NAN};
}

static double diversity_of(const struct candidate *const *candidates, int count) {
    enum { MOST = 64 };
    int chosen = count < MOST ? count : MOST;
    double sum = 0, pairs = 0;
    for (int a = 0; a < chosen; a++) {
        for (int b = a + 1; b < chosen; b++) {
            int first = (int)((long long)a * count / chosen), second = (int)((long long)b * count / chosen);
            sum += genome_distance(&candidates[first]->individual.genome, &candidates[second]->individual.genome);
            pairs++;
        }
    }
    return pairs > 0 ? sum / pairs : NAN;
}

void analyse(const struct candidate *const *candidates, int count, long long most_steps, struct analysis *analysis) {
    memset(analysis, 0, sizeof *analysis);
    analysis->candidates = count;
    analyse_metrics(candidates, count, most_steps, analysis);
    analyse_classes(candidates, count, analysis);
    for (int kind = 0; kind < SHARING_KINDS; kind++)
        analysis->connections[kind] = analyse_connections(candidates, count, sharing_kinds[kind]);
    analysis->diversity = diversity_of(candidates, count);
}

/* ---- rows ---- */

struct rows {
    struct named_value *rows;
    int count;
};

static void add_row(struct rows *rows, double value, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void add_row(struct rows *rows, double value, const char *format, ...) {
    char name[4 * CLASS_NAME_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    rows->rows = memory_resize(rows->rows, (size_t)rows->count + 1, sizeof *rows->rows);
    rows->rows[rows->count++] = (struct named_value){memory_copy_text(name), value};
}

static void add_spread(struct rows *rows, const char *name, const struct spread *spread) {
    const struct named_value parts[] = {{"least", spread->least},
                                        {"lower_quartile", spread->lower_quartile},
                                        {"median", spread->median},
                                        {"upper_quartile", spread->upper_quartile},
                                        {"greatest", spread->greatest}};
    for (size_t part = 0; spread->count > 0 && part < sizeof parts / sizeof *parts; part++)
        add_row(rows, parts[part].value, "%s.%s", name, parts[part].name);
}

/* The counts of repairs, from 0: the name of its row, and the count. */
enum { REPAIR_COUNTS = 2 + DRAFT_FAULTS, REPAIR_NAME_BYTES = 64 };

static const char *repair_name(int place, char buffer[REPAIR_NAME_BYTES]) {
    if (place == 0)
        return "children";
    snprintf(buffer, REPAIR_NAME_BYTES, "invalid_children%s%s", place > 1 ? "." : "",
             place > 1 ? fault_table[place - 2].name : "");
    return buffer;
}

static int *repair_count(struct repairs *repairs, int place) {
    return place == 0 ? &repairs->children : place == 1 ? &repairs->invalid : &repairs->faults[place - 2];
}

static void add_repairs(struct rows *rows, struct repairs repairs) {
    char name[REPAIR_NAME_BYTES];
    for (int place = 0; repairs.children > 0 && place < REPAIR_COUNTS; place++)
        add_row(rows, *repair_count(&repairs, place), "%s", repair_name(place, name));
}

struct named_value *analysis_rows(const struct analysis *analysis, const struct catalogue *catalogue, int *count) {
    struct rows rows = {0};
    add_row(&rows, analysis->candidates, "candidates");
    add_row(&rows, analysis->failed, "failed");
    for (int m = 0; m < METRICS; m++)
        add_spread(&rows, metric_table[m].name, &analysis->metrics[m]);
    for (int c = 0; c < catalogue->class_count; c++)
        if (analysis->class_shares[c] > 0)
            add_row(&rows, analysis->class_shares[c], "class_share.%s", catalogue->classes[c].name);
    for (int a = 0; a < catalogue->class_count; a++)
        for (int b = 0; b < catalogue->class_count; b++)
            if (analysis->pair_shares[a][b] > 0)
                add_row(&rows, analysis->pair_shares[a][b], "pair_share.%s.%s", catalogue->classes[a].name,
                        catalogue->classes[b].name);
    for (int kind = 0; kind < SHARING_KINDS; kind++) {
        add_row(&rows, analysis->connections[kind].number, "%s.number", connection_names[kind]);
        if (!isnan(analysis->connections[kind].distance))
            add_row(&rows, analysis->connections[kind].distance, "%s.distance", connection_names[kind]);
    }
    if (!isnan(analysis->diversity))
        add_row(&rows, analysis->diversity, "diversity");
    add_repairs(&rows, analysis->repairs);
    *count = rows.count;
    return rows.rows;
}

void analysis_rows_free(struct named_value *rows, int count) {
    for (int i = 0; i < count; i++)
        free((char *)rows[i].name);
    free(rows);
}

/* Numbers of children, and no more of them invalid than there are. */
static bool are_counts(const double *values) {
    for (int place = 0; place < REPAIR_COUNTS; place++)
        if (!(values[place] >= 0 && values[place] <= values[0] && values[0] <= INT_MAX))
            return false;
    return true;
}

status analysis_recall(struct store *store, struct analysis *analyses, int count) {
    double *values = memory_allocate((size_t)count * REPAIR_COUNTS + 1, sizeof *values);
    status outcome = STATUS_OK;
    char name[REPAIR_NAME_BYTES];
    for (int place = 0; outcome == STATUS_OK && place < REPAIR_COUNTS; place++)
        outcome = store_analysis(store, repair_name(place, name), count, REPAIR_COUNTS, values + place);
    for (int g = 0; g < count; g++) {
        analyses[g].repairs = (struct repairs){0};
        for (int place = 0; outcome == STATUS_OK && place < REPAIR_COUNTS; place++)
            if (are_counts(values + (size_t)g * REPAIR_COUNTS))
                *repair_count(&analyses[g].repairs, place) = (int)values[g * REPAIR_COUNTS + place];
    }
    free(values);
    return outcome;
}

/* ---- fidelities ---- */

static bool has_length(const struct candidate *candidate, long long steps) {
    for (int e = 0; e < candidate->evaluation_count; e++)
        if (candidate->evaluations[e].steps == steps)
            return true;
    return false;
}

static struct agreement agreement_of(const struct candidate *candidates, int count, enum metric metric,
                                     long long shorter, long long longer) {
    struct agreement agreement = {.shorter = shorter, .longer = longer};
    double *a = memory_allocate((size_t)count, sizeof *a), *b = memory_allocate((size_t)count, sizeof *b);
    for (int c = 0; c < count; c++) {
        if (!has_length(&candidates[c], shorter) || !has_length(&candidates[c], longer))
            continue;
        struct summary first = summarise(candidates[c].evaluations, candidates[c].evaluation_count, shorter);
        struct summary second = summarise(candidates[c].evaluations, candidates[c].evaluation_count, longer);
        if (isnan(first.mean.values[metric]) || isnan(second.mean.values[metric]))
            continue;
        a[agreement.candidates] = first.mean.values[metric];
        b[agreement.candidates++] = second.mean.values[metric];
    }
    agreement.correlation = rank_correlation(a, b, agreement.candidates);
    free(a);
    free(b);
    return agreement;
}

/* The different lengths of training, rising; the caller frees them. */
static long long *lengths_of(const struct candidate *candidates, int count, int *found) {
    long long *lengths = NULL;
    *found = 0;
    for (int c = 0; c < count; c++) {
        for (int e = 0; e < candidates[c].evaluation_count; e++) {
            long long steps = candidates[c].evaluations[e].steps;
            int place = 0;
            while (place < *found && lengths[place] < steps)
                place++;
            if (place < *found && lengths[place] == steps)
                continue;
            lengths = memory_resize(lengths, (size_t)*found + 1, sizeof *lengths);
            memmove(lengths + place + 1, lengths + place, (size_t)(*found - place) * sizeof *lengths);
            lengths[place] = steps;
            ++*found;
        }
    }
    return lengths;
}

struct agreement *analyse_agreements(const struct candidate *candidates, int count, enum metric metric, int *found) {
    int lengths;
    long long *steps = lengths_of(candidates, count, &lengths);
    struct agreement *agreements = memory_allocate((size_t)(lengths * lengths) + 1, sizeof *agreements);
    *found = 0;
    for (int a = 0; a < lengths; a++) {
        for (int b = a + 1; b < lengths; b++) {
            struct agreement agreement = agreement_of(candidates, count, metric, steps[a], steps[b]);
            if (agreement.candidates > 0)
                agreements[(*found)++] = agreement;
        }
    }
    free(steps);
    return agreements;
}
