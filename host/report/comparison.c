#include "report/comparison.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "evolve/hypervolume.h"
#include "run/recorded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static status refuse_objectives(const char *first_path, const char *path, const enum metric *first, int first_count,
                                const enum metric *other, int other_count) {
    struct text a = {0}, b = {0};
    for (int o = 0; o < first_count; o++)
        text_append(&a, "%s%s", o ? ", " : "", metric_table[first[o]].name);
    for (int o = 0; o < other_count; o++)
        text_append(&b, "%s%s", o ? ", " : "", metric_table[other[o]].name);
    status outcome = fail_usage("%s and %s cannot be compared: the objectives of the one are %s, of the other %s; "
                                "compare runs with the same objectives",
                                first_path, path, a.text, b.text);
    text_free(&a);
    text_free(&b);
    return outcome;
}

/* In any order: all are compared in the order of the first run. */
static bool same_objectives(const enum metric *a, int a_count, const enum metric *b, int b_count) {
    bool same = a_count == b_count;
    for (int i = 0; same && i < a_count; i++) {
        bool found = false;
        for (int j = 0; j < b_count; j++)
            found = found || a[i] == b[j];
        same = found;
    }
    return same;
}

static void find_front(const struct comparison *comparison, const struct individual *all,
                       struct contestant *contestant) {
    contestant->front = memory_allocate((size_t)contestant->evaluated + 1, sizeof *contestant->front);
    for (int o = 0; o < comparison->objective_count; o++)
        contestant->best[o] = INFINITY;
    for (int i = 0; i < contestant->evaluated; i++) {
        bool dominated = individual_failed(&all[i], comparison->objective_count) || all[i].violation > 0;
        for (int j = 0; j < contestant->evaluated && !dominated; j++)
            dominated = dominates(&all[j], &all[i], comparison->objective_count);
        if (dominated)
            continue;
        memcpy(contestant->front[contestant->front_count++], all[i].objectives, sizeof *contestant->front);
        for (int o = 0; o < comparison->objective_count; o++)
            contestant->best[o] = fmin(contestant->best[o], all[i].objectives[o]);
    }
}

static void read_contestant(const struct recorded *run, const struct comparison *comparison,
                            struct contestant *contestant) {
    struct individual *all = memory_allocate((size_t)run->candidate_count + 1, sizeof *all);
    contestant->evaluated = run->candidate_count;
    for (int c = 0; c < run->candidate_count; c++) {
        const struct candidate *candidate = &run->candidates[c];
        all[c] = recorded_individual(run, candidate, comparison->objectives, comparison->objective_count);
        contestant->failed += has_failed(candidate->evaluations, candidate->evaluation_count, run->config.train.steps);
        for (int e = 0; e < candidate->evaluation_count; e++) {
            contestant->tokens += candidate->evaluations[e].trained_steps * (double)run->config.train.batch *
                                  (double)run->config.model.context;
            contestant->seconds += candidate->evaluations[e].seconds;
        }
    }
    find_front(comparison, all, contestant);
    free(all);
}

static status read_run(struct store *const *runs, int index, struct comparison *comparison) {
    struct recorded *run;
    status outcome = recorded_read(runs[index], RECORDED_EVALUATED, NULL, &run);
    if (outcome == STATUS_OK && index == 0) {
        memcpy(comparison->objectives, run->objectives, sizeof run->objectives);
        comparison->objective_count = run->objective_count;
    }
    if (outcome == STATUS_OK &&
        !same_objectives(comparison->objectives, comparison->objective_count, run->objectives, run->objective_count))
        outcome = refuse_objectives(store_path(runs[0]), store_path(runs[index]), comparison->objectives,
                                    comparison->objective_count, run->objectives, run->objective_count);
    comparison->contestants[index].path = store_path(runs[index]);
    if (outcome == STATUS_OK)
        read_contestant(run, comparison, &comparison->contestants[index]);
    recorded_release(run);
    return outcome;
}

/* ---- measuring ---- */

static void choose_box(struct comparison *comparison) {
    for (int o = 0; o < comparison->objective_count; o++) {
        double best = INFINITY, worst = -INFINITY;
        for (int c = 0; c < comparison->count; c++) {
            for (int i = 0; i < comparison->contestants[c].front_count; i++) {
                best = fmin(best, comparison->contestants[c].front[i][o]);
                worst = fmax(worst, comparison->contestants[c].front[i][o]);
            }
        }
        double range = worst > best ? worst - best : fabs(best) > 0 ? fabs(best) : 1;
        comparison->ideal[o] = best;
        comparison->reference[o] = worst + 0.1 * range;
    }
}

double comparison_share(const struct comparison *comparison, int objective, double value) {
    return (value - comparison->ideal[objective]) / (comparison->reference[objective] - comparison->ideal[objective]);
}

static void measure(const struct comparison *comparison, struct contestant *contestant) {
    int dimensions = comparison->objective_count;
    double *points = memory_allocate((size_t)contestant->front_count * (size_t)dimensions + 1, sizeof *points);
    double ones[MAX_OBJECTIVES];
    for (int o = 0; o < dimensions; o++)
        ones[o] = 1;
    for (int i = 0; i < contestant->front_count; i++)
        for (int o = 0; o < dimensions; o++)
            points[i * dimensions + o] = comparison_share(comparison, o, contestant->front[i][o]);
    contestant->hypervolume = hypervolume(points, contestant->front_count, dimensions, ones);
    free(points);
}

/* ---- for people and for scripts ---- */

/* The value of a metric from an objective, which is negated where larger is better. */
static double metric_of(enum metric metric, double objective) {
    return isfinite(objective) ? metric_objective(metric, objective) : NAN;
}

static void print_table(const struct comparison *comparison, FILE *out) {
    char number[TEXT_NUMBER_BYTES];
    int width = 3;
    for (int c = 0; c < comparison->count; c++)
        width =
            (int)strlen(comparison->contestants[c].path) > width ? (int)strlen(comparison->contestants[c].path) : width;
    struct terminal_table table;
    FILE *rows = terminal_table_begin(&table, true, out);
    fprintf(rows, "%-*s  %11s  %6s  %5s  %11s", width, "run", "evaluations", "failed", "front", "hypervolume");
    for (int o = 0; o < comparison->objective_count; o++)
        fprintf(rows, "  %14s", metric_table[comparison->objectives[o]].title);
    fprintf(rows, "  %8s  %s\n", "tokens", "time");
    for (int c = 0; c < comparison->count; c++) {
        const struct contestant *contestant = &comparison->contestants[c];
        fprintf(rows, "%-*s  %11d  %6d  %5d  %11.6f", width, contestant->path, contestant->evaluated,
                contestant->failed, contestant->front_count, contestant->hypervolume);
        for (int o = 0; o < comparison->objective_count; o++)
            fprintf(rows, "  %14s",
                    metric_text(comparison->objectives[o], metric_of(comparison->objectives[o], contestant->best[o]),
                                number));
        fprintf(rows, "  %8s", text_count(number, contestant->tokens));
        fprintf(rows, "  %s\n", text_duration(number, contestant->seconds));
    }
    terminal_table_end(&table);
    fprintf(out, "\nBest values of each front. Hypervolume: of the box from the best values of all runs to");
    for (int o = 0; o < comparison->objective_count; o++)
        fprintf(out, "%s %s %s", o ? "," : "",
                metric_text(comparison->objectives[o], metric_of(comparison->objectives[o], comparison->reference[o]),
                            number),
                metric_table[comparison->objectives[o]].title);
    fprintf(out, "; more is better.\n");
}

static void add_objectives(cJSON *json, const char *name, const struct comparison *comparison, const double *values) {
    cJSON *object = cJSON_AddObjectToObject(json, name);
    for (int o = 0; o < comparison->objective_count; o++)
        if (isfinite(values[o]))
            cJSON_AddNumberToObject(object, metric_table[comparison->objectives[o]].name,
                                    metric_of(comparison->objectives[o], values[o]));
}

cJSON *comparison_describe(const struct comparison *comparison) {
    cJSON *json = cJSON_CreateObject();
    cJSON *names = cJSON_AddArrayToObject(json, "objectives");
    for (int o = 0; o < comparison->objective_count; o++)
        cJSON_AddItemToArray(names, cJSON_CreateString(metric_table[comparison->objectives[o]].name));
    add_objectives(json, "ideal", comparison, comparison->ideal);
    add_objectives(json, "reference", comparison, comparison->reference);
    cJSON *list = cJSON_AddArrayToObject(json, "runs");
    for (int c = 0; c < comparison->count; c++) {
        const struct contestant *contestant = &comparison->contestants[c];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "run", contestant->path);
        cJSON_AddNumberToObject(item, "evaluations", contestant->evaluated);
        cJSON_AddNumberToObject(item, "failed", contestant->failed);
        cJSON_AddNumberToObject(item, "front", contestant->front_count);
        cJSON_AddNumberToObject(item, "hypervolume", contestant->hypervolume);
        add_objectives(item, "best", comparison, contestant->best);
        cJSON_AddNumberToObject(item, "tokens", contestant->tokens);
        cJSON_AddNumberToObject(item, "seconds", contestant->seconds);
        cJSON_AddItemToArray(list, item);
    }
    return json;
}

status comparison_read(struct store *const *runs, int count, struct comparison *comparison) {
    status outcome = STATUS_OK;
    *comparison = (struct comparison){.contestants = memory_allocate((size_t)count, sizeof *comparison->contestants),
                                      .count = count};
    for (int c = 0; outcome == STATUS_OK && c < count; c++)
        outcome = read_run(runs, c, comparison);
    if (outcome != STATUS_OK)
        return outcome;
    choose_box(comparison);
    for (int c = 0; c < count; c++)
        measure(comparison, &comparison->contestants[c]);
    return outcome;
}

void comparison_release(struct comparison *comparison) {
    for (int c = 0; c < comparison->count; c++)
        free(comparison->contestants[c].front);
    free(comparison->contestants);
}

status report_comparison(struct store *const *runs, int count, bool json, FILE *out) {
    struct comparison comparison;
    status outcome = comparison_read(runs, count, &comparison);
    if (outcome == STATUS_OK && json)
        json_print(comparison_describe(&comparison), out);
    else if (outcome == STATUS_OK)
        print_table(&comparison, out);
    comparison_release(&comparison);
    return outcome;
}
