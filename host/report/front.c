#include "report/front.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/terminal.h"
#include "base/text.h"
#include "run/evaluator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_first_objective(const void *a, const void *b) {
    const struct individual *x = &((const struct member *)a)->individual, *y = &((const struct member *)b)->individual;
    if (x->objectives[0] != y->objectives[0])
        return x->objectives[0] < y->objectives[0] ? -1 : 1;
    return x->id - y->id;
}

static int by_test_part(const void *a, const void *b) {
    const struct member *x = a, *y = b;
    enum metric quality = metrics_quality(&x->final.mean, true);
    double difference = metric_objective(quality, x->final.mean.values[quality] - y->final.mean.values[quality]);
    return difference != 0 ? (difference < 0 ? -1 : 1) : x->individual.id - y->individual.id;
}

static struct member member_of(const struct recorded *run, const struct candidate *candidate) {
    struct member member = {
        .individual = recorded_individual(run, candidate, run->objectives, run->objective_count),
        .search = recorded_summary(run, candidate),
        .final = summarise(candidate->evaluations, candidate->evaluation_count, config_final_steps(&run->config))};
    return member;
}

/* Nothing that violates limits is on the front. */
static bool is_dominated(const struct front *front, const struct member *all, int index) {
    for (int i = 0; i < front->run->candidate_count; i++)
        if (dominates(&all[i].individual, &all[index].individual, front->run->objective_count))
            return true;
    return all[index].individual.failed || all[index].individual.violation > 0;
}

/* The metric that varies with the seed and that people compare: what is optimised first, or else quality. */
static enum metric quality_of(const struct front *front) {
    return metric_table[front->run->objectives[0]].kind == METRIC_TRAINED ? front->run->objectives[0] : front->quality;
}

static void choose_members(struct front *front) {
    struct member *all = memory_allocate((size_t)front->run->candidate_count, sizeof *all);
    for (int i = 0; i < front->run->candidate_count; i++)
        all[i] = member_of(front->run, &front->run->candidates[i]);
    front->members = memory_allocate((size_t)front->run->candidate_count, sizeof *front->members);
    front->finals = memory_allocate((size_t)front->run->candidate_count, sizeof *front->finals);
    front->quality = METRIC_BITS_PER_BYTE;
    front->test_quality = METRIC_TEST_BITS_PER_BYTE;
    for (int i = 0; i < front->run->candidate_count; i++) {
        if (all[i].individual.failed)
            continue;
        front->quality = metrics_quality(&all[i].search.mean, false);
        front->test_quality = metrics_quality(&all[i].search.mean, true);
    }
    for (int i = 0; i < front->run->candidate_count; i++) {
        const struct candidate *candidate = &front->run->candidates[i];
        /* In the search: the final training takes nothing away. */
        bool failed = has_failed(candidate->evaluations, candidate->evaluation_count, front->run->config.train.steps);
        front->failed += failed;
        front->incomplete += all[i].individual.failed && !failed;
        if (!is_dominated(front, all, i))
            front->members[front->count++] = all[i];
        if (front->run->config.search.final.keep > 0 && all[i].final.seeds > 0 && !all[i].final.failed)
            front->finals[front->final_count++] = all[i];
    }
    free(all);
    qsort(front->members, (size_t)front->count, sizeof *front->members, by_first_objective);
    qsort(front->finals, (size_t)front->final_count, sizeof *front->finals, by_test_part);
    for (int i = 1; i < front->count; i++)
        front->members[i].is_tied =
            within_noise(&front->members[i - 1].search, &front->members[i].search, quality_of(front));
    for (int i = 1; i < front->final_count; i++)
        front->finals[i].is_tied =
            within_noise(&front->finals[i - 1].final, &front->finals[i].final, front->test_quality);
}

void front_release(struct front *front) {
    recorded_release(front->run);
    free(front->members);
    free(front->finals);
}

status front_read(struct store *store, const char *kind, struct front *front) {
    *front = (struct front){0};
    TRY(recorded_read(store, RECORDED_EVALUATED, kind, &front->run));
    choose_members(front);
    return STATUS_OK;
}

int front_columns(const struct front *front, enum metric columns[METRICS]) {
    const enum metric always[] = {front->quality, METRIC_PARAMETERS, METRIC_CACHE_BYTES};
    int count = 0;
    for (int i = 0; i < front->run->objective_count; i++)
        columns[count++] = front->run->objectives[i];
    for (size_t a = 0; a < sizeof always / sizeof *always; a++) {
        bool listed = false;
        for (int i = 0; i < count; i++)
            listed = listed || columns[i] == always[a];
        if (!listed)
            columns[count++] = always[a];
    }
    return count;
}

/* "2.4774", and where seeds differ "2.4774 +- 0.0045", with "~" where it is within noise of the row above. */
static void print_cell(const struct summary *summary, enum metric metric, bool several, bool is_tied, FILE *out) {
    char number[TEXT_NUMBER_BYTES], error[TEXT_NUMBER_BYTES], cell[2 * TEXT_NUMBER_BYTES + 8];
    metric_text(metric, summary->mean.values[metric], number);
    if (!several || !metric_varies(metric))
        fprintf(out, "  %14s", number);
    else if (isnan(summary->errors.values[metric]))
        fprintf(out, "  %18s ", number);
    else {
        snprintf(cell, sizeof cell, "%s +- %s", number, metric_text(metric, summary->errors.values[metric], error));
        fprintf(out, "  %18s%s", cell, is_tied ? "~" : " ");
    }
}

static void print_members(const struct front *front, const struct member *members, int count, bool final,
                          const enum metric *columns, int column_count, FILE *out) {
    bool several = (final ? front->run->config.search.final.seeds : front->run->config.search.seeds) > 1;
    enum metric quality = final ? front->test_quality : quality_of(front);
    char genome[GENOME_TEXT_BYTES];
    struct terminal_table table;
    FILE *rows = terminal_table_begin(&table, true, out);
    fprintf(rows, "%6s", "id");
    for (int c = 0; c < column_count; c++)
        fprintf(rows, several && metric_varies(columns[c]) ? "  %18s " : "  %14s", metric_table[columns[c]].title);
    fprintf(rows, "  genome\n");
    for (int i = 0; i < count; i++) {
        fprintf(rows, "%6d", members[i].individual.id);
        for (int c = 0; c < column_count; c++)
            print_cell(final ? &members[i].final : &members[i].search, columns[c], several,
                       members[i].is_tied && columns[c] == quality, rows);
        fprintf(rows, "  %s\n", genome_print(&members[i].individual.genome, genome));
    }
    terminal_table_end(&table);
}

static void print_final(const struct front *front, FILE *out) {
    const enum metric columns[] = {front->test_quality, front->quality, METRIC_PARAMETERS, METRIC_CACHE_BYTES};
    fprintf(out,
            "\nThe best of them trained again from scratch, %lld steps, seeds %lld; the test part is %s that "
            "selection never saw\n\n",
            config_final_steps(&front->run->config), front->run->config.search.final.seeds,
            front->quality == METRIC_BITS_PER_BYTE ? "text" : "data");
    print_members(front, front->finals, front->final_count, true, columns, 4, out);
}

/* What the search had come to behind the last candidate; place 0: it is not known. */
static status last_progress(struct store *store, struct progress_point *last, double reference[MAX_OBJECTIVES],
                            int *reference_count) {
    struct progress_point *points;
    int count;
    *last = (struct progress_point){.place = 0};
    TRY(store_get_reference(store, reference, reference_count));
    TRY(store_progress(store, &points, &count));
    if (count > 0)
        *last = points[count - 1];
    free(points);
    return STATUS_OK;
}

/* "hypervolume 6.63e+11, up to 4.7370 bits/byte, ..." */
static status print_growth(struct store *store, const struct front *front, FILE *out) {
    struct progress_point last;
    double reference[MAX_OBJECTIVES];
    int count;
    char number[TEXT_NUMBER_BYTES], duration[TEXT_NUMBER_BYTES];
    TRY(last_progress(store, &last, reference, &count));
    if (last.place == 0 || count != front->run->objective_count)
        return STATUS_OK;
    fprintf(out, "hypervolume %.4g, up to", last.hypervolume);
    for (int o = 0; o < count; o++)
        fprintf(out, "%s %s %s", o ? "," : "", metric_table[front->run->objectives[o]].title,
                metric_text(front->run->objectives[o], reference[o], number));
    fprintf(out, "; trained on %s tokens in %s\n\n", text_count(number, last.tokens),
            text_duration(duration, last.seconds));
    return STATUS_OK;
}

static status describe_growth(struct store *store, const struct front *front, cJSON *json) {
    struct progress_point last;
    double reference[MAX_OBJECTIVES];
    int count;
    TRY(last_progress(store, &last, reference, &count));
    if (last.place == 0 || count != front->run->objective_count)
        return STATUS_OK;
    cJSON_AddNumberToObject(json, "hypervolume", last.hypervolume);
    cJSON_AddItemToObject(json, "reference", cJSON_CreateDoubleArray(reference, count));
    cJSON_AddNumberToObject(json, "tokens", last.tokens);
    return STATUS_OK;
}

static void print_front(const struct front *front, FILE *out) {
    enum metric columns[METRICS];
    print_members(front, front->members, front->count, false, columns, front_columns(front, columns), out);
}

/* Of what the kinds behind the first measured. */
static status print_other_fronts(struct store *store, const struct kind_list *kinds, FILE *out) {
    for (int k = 1; k < kinds->count; k++) {
        struct front front;
        status outcome = front_read(store, kinds->names[k], &front);
        if (outcome == STATUS_OK) {
            fprintf(out, "\nThe front on %s: %d of %d\n\n", kinds->names[k], front.count, front.run->candidate_count);
            print_front(&front, out);
        }
        front_release(&front);
        TRY(outcome);
    }
    return STATUS_OK;
}

status report_front(struct store *store, FILE *out) {
    struct front front;
    char run_status[32];
    TRY(store_get_status(store, run_status, sizeof run_status));
    TRY(front_read(store, NULL, &front));
    fprintf(out, "Pareto front of %s (%s): %d of %d evaluated candidates", store_path(store), run_status, front.count,
            front.run->candidate_count);
    if (front.incomplete)
        fprintf(out, ", %d not trained in full", front.incomplete);
    fprintf(out, front.failed ? ", %d failed\n\n" : "\n\n", front.failed);
    status outcome = print_growth(store, &front, out);
    if (front.run->kinds.count > 1)
        fprintf(out, "Measured on %s\n\n", front.run->kinds.names[0]);
    print_front(&front, out);
    if (outcome == STATUS_OK)
        outcome = print_other_fronts(store, &front.run->kinds, out);
    if (front.final_count > 0)
        print_final(&front, out);
    if (front.run->config.search.seeds > 1 || (front.final_count > 0 && front.run->config.search.final.seeds > 1))
        fprintf(
            out,
            "\n+- is the standard error of the mean over seeds; ~ is within noise of the row above: other seeds may "
            "turn the\norder round (Student's t, 95 %%).\n");
    front_release(&front);
    return outcome;
}

cJSON *front_describe_metrics(const struct metrics *metrics) {
    cJSON *json = cJSON_CreateObject();
    for (int m = 0; m < METRICS; m++)
        if (!isnan(metrics->values[m]))
            cJSON_AddNumberToObject(json, metric_table[m].name, metrics->values[m]);
    return json;
}

/* [low, high] of what has an interval. */
static cJSON *describe_intervals(const struct summary *summary) {
    cJSON *json = cJSON_CreateObject();
    for (int m = 0; m < METRICS; m++) {
        const double ends[] = {summary->low.values[m], summary->high.values[m]};
        if (!isnan(ends[0]) && !isnan(ends[1]))
            cJSON_AddItemToObject(json, metric_table[m].name, cJSON_CreateDoubleArray(ends, 2));
    }
    return json;
}

static cJSON *describe_members(const struct member *members, int count, bool final) {
    char genome[GENOME_TEXT_BYTES];
    cJSON *list = cJSON_CreateArray();
    for (int i = 0; i < count; i++) {
        const struct summary *summary = final ? &members[i].final : &members[i].search;
        cJSON *json = cJSON_CreateObject();
        cJSON_AddNumberToObject(json, "id", members[i].individual.id);
        cJSON_AddStringToObject(json, "genome", genome_print(&members[i].individual.genome, genome));
        cJSON_AddNumberToObject(json, "seeds", summary->seeds);
        cJSON_AddItemToObject(json, "metrics", front_describe_metrics(&summary->mean));
        cJSON_AddItemToObject(json, "standard_errors", front_describe_metrics(&summary->errors));
        cJSON_AddItemToObject(json, "intervals", describe_intervals(summary));
        cJSON_AddBoolToObject(json, "within_noise_of_previous", members[i].is_tied);
        cJSON_AddItemToArray(list, json);
    }
    return list;
}

/* "measured_on" is whose measurements "front" has, and "other_fronts" has a front of each other kind. */
static status describe_other_fronts(struct store *store, const struct kind_list *kinds, cJSON *json) {
    if (kinds->count == 0)
        return STATUS_OK;
    cJSON_AddStringToObject(json, "measured_on", kinds->names[0]);
    cJSON *list = cJSON_AddArrayToObject(json, "other_fronts");
    for (int k = 1; k < kinds->count; k++) {
        struct front front;
        status outcome = front_read(store, kinds->names[k], &front);
        if (outcome == STATUS_OK) {
            cJSON *other = cJSON_CreateObject();
            cJSON_AddStringToObject(other, "measured_on", kinds->names[k]);
            cJSON_AddItemToObject(other, "front", describe_members(front.members, front.count, false));
            cJSON_AddItemToArray(list, other);
        }
        front_release(&front);
        TRY(outcome);
    }
    return STATUS_OK;
}

status front_describe(struct store *store, const struct front *front, cJSON **json) {
    char run_status[32];
    *json = NULL;
    TRY(store_get_status(store, run_status, sizeof run_status));
    *json = cJSON_CreateObject();
    cJSON_AddStringToObject(*json, "run", store_path(store));
    cJSON_AddStringToObject(*json, "status", run_status);
    cJSON_AddStringToObject(*json, "device", store_fact(store, FACT_DEVICE));
    cJSON *objectives = cJSON_AddArrayToObject(*json, "objectives");
    for (int o = 0; o < front->run->objective_count; o++)
        cJSON_AddItemToArray(objectives, cJSON_CreateString(metric_table[front->run->objectives[o]].name));
    cJSON_AddNumberToObject(*json, "evaluations", front->run->candidate_count);
    cJSON_AddNumberToObject(*json, "failed", front->failed);
    cJSON_AddNumberToObject(*json, "not_trained_in_full", front->incomplete);
    status outcome = describe_growth(store, front, *json);
    cJSON_AddItemToObject(*json, "front", describe_members(front->members, front->count, false));
    if (outcome == STATUS_OK)
        outcome = describe_other_fronts(store, &front->run->kinds, *json);
    if (front->final_count > 0)
        cJSON_AddNumberToObject(*json, "final_steps", (double)config_final_steps(&front->run->config));
    if (front->final_count > 0)
        cJSON_AddItemToObject(*json, "final", describe_members(front->finals, front->final_count, true));
    if (outcome == STATUS_OK)
        return outcome;
    cJSON_Delete(*json);
    *json = NULL;
    return outcome;
}

status report_front_json(struct store *store, FILE *out) {
    struct front front;
    cJSON *json = NULL;
    status outcome = front_read(store, NULL, &front);
    if (outcome == STATUS_OK)
        outcome = front_describe(store, &front, &json);
    if (outcome == STATUS_OK)
        json_print(json, out);
    front_release(&front);
    return outcome;
}
