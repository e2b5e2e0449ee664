/* What the store keeps of how a search goes: survivors, analyses of generations, predictions, what other runs taught,
 * and how the front grows. */
#include "base/memory.h"
#include "run/store_state.h"

#include <math.h>
#include <stdlib.h>

static status add_survivor(struct store *store, int generation, int place, const struct individual *survivor) {
    struct statement *statement;
    TRY(database_prepare(store->database, "INSERT INTO generations VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                         &statement));
    statement_bind_integer(statement, 1, generation);
    statement_bind_integer(statement, 2, place);
    statement_bind_integer(statement, 3, survivor->id);
    statement_bind_integer(statement, 4, survivor->rank);
    return statement_finish(statement);
}

status store_add_generation(struct store *store, int generation, const struct individual *survivors, int count) {
    TRY(database_begin(store->database));
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        outcome = add_survivor(store, generation, i, &survivors[i]);
    return store_conclude(store, outcome);
}

status store_survivors(struct store *store, int generation, int **ids, int *count) {
    struct statement *statement;
    bool row;
    *ids = NULL;
    *count = 0;
    TRY(database_prepare(store->database, "SELECT candidate FROM generations WHERE generation = $1 ORDER BY place",
                         &statement));
    statement_bind_integer(statement, 1, generation);
    for (;;) {
        status outcome = statement_row(statement, &row);
        if (outcome != STATUS_OK) {
            free(*ids);
            *ids = NULL;
            return outcome;
        }
        if (!row)
            return STATUS_OK;
        *ids = memory_resize(*ids, (size_t)*count + 1, sizeof **ids);
        (*ids)[(*count)++] = (int)statement_integer(statement, 0);
    }
}

static status put_analysis(struct store *store, int generation, const struct named_value *value) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO analysis VALUES ($1, $2, $3)"
                         " ON CONFLICT (generation, name) DO UPDATE SET value = excluded.value",
                         &statement));
    statement_bind_integer(statement, 1, generation);
    statement_bind_text(statement, 2, value->name);
    statement_bind_number(statement, 3, value->value);
    return statement_finish(statement);
}

status store_add_analysis(struct store *store, int generation, const struct named_value *values, int count) {
    TRY(database_begin(store->database));
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        if (!isnan(values[i].value))
            outcome = put_analysis(store, generation, &values[i]);
    return store_conclude(store, outcome);
}

status store_analysis(struct store *store, const char *name, int generations, int stride, double *values) {
    struct statement *statement;
    bool row;
    for (int g = 0; g < generations; g++)
        values[(size_t)g * (size_t)stride] = NAN;
    TRY(database_prepare(store->database, "SELECT generation, value FROM analysis WHERE name = $1", &statement));
    statement_bind_text(statement, 1, name);
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        int generation = statement_integer(statement, 0);
        if (generation >= 0 && generation < generations)
            values[(size_t)generation * (size_t)stride] = statement_number(statement, 1);
    }
}

static status put_prediction(struct store *store, const struct prediction_record *record) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO predictions VALUES ($1, $2, $3, $4, $5) ON CONFLICT (candidate, steps, metric)"
                         " DO UPDATE SET value = excluded.value, correlation = excluded.correlation",
                         &statement));
    statement_bind_integer(statement, 1, record->candidate);
    statement_bind_integer(statement, 2, record->steps);
    statement_bind_text(statement, 3, metric_table[record->metric].name);
    statement_bind_number(statement, 4, record->value);
    statement_bind_number(statement, 5, record->correlation);
    return statement_finish(statement);
}

status store_add_predictions(struct store *store, const struct prediction_record *records, int count) {
    TRY(database_begin(store->database));
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        outcome = put_prediction(store, &records[i]);
    return store_conclude(store, outcome);
}

static status read_predictions(struct store *store, struct prediction_record **records, int *count) {
    struct statement *statement;
    bool row;
    TRY(database_prepare(store->database,
                         "SELECT candidate, steps, metric, value, correlation FROM predictions"
                         " ORDER BY candidate, steps, metric",
                         &statement));
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        enum metric metric = metric_find(statement_text(statement, 2));
        if (metric == METRICS)
            continue; /* of a newer program */
        bool has_correlation = !statement_is_null(statement, 4);
        *records = memory_resize(*records, (size_t)*count + 1, sizeof **records);
        (*records)[(*count)++] = (struct prediction_record){
            .candidate = (int)statement_integer(statement, 0),
            .steps = statement_integer(statement, 1),
            .metric = metric,
            .value = statement_number(statement, 3),
            .correlation = has_correlation ? statement_number(statement, 4) : NAN,
        };
    }
}

status store_predictions(struct store *store, struct prediction_record **records, int *count) {
    *records = NULL;
    *count = 0;
    status outcome = read_predictions(store, records, count);
    if (outcome != STATUS_OK) {
        free(*records);
        *records = NULL;
        *count = 0;
    }
    return outcome;
}

/* ---- earlier runs ---- */

static status put_earlier(struct store *store, int place, const struct earlier_result *result, int objective) {
    char genome[GENOME_TEXT_BYTES];
    struct statement *statement;
    TRY(database_prepare(store->database, "INSERT INTO earlier VALUES ($1, $2, $3, $4, $5)", &statement));
    statement_bind_integer(statement, 1, place);
    statement_bind_text(statement, 2, genome_print(&result->genome, genome));
    statement_bind_integer(statement, 3, result->steps);
    statement_bind_integer(statement, 4, objective);
    if (!result->failed)
        statement_bind_number(statement, 5, result->objectives[objective]);
    return statement_finish(statement);
}

status store_set_earlier(struct store *store, const struct earlier_result *results, int count, int objectives) {
    TRY(database_begin(store->database));
    status outcome = database_execute(store->database, "DELETE FROM earlier");
    for (int place = 0; outcome == STATUS_OK && place < count; place++)
        for (int objective = 0; outcome == STATUS_OK && objective < objectives; objective++)
            outcome = put_earlier(store, place, &results[place], objective);
    return store_conclude(store, outcome);
}

/* One row: an objective of the result at its place. */
static status read_earlier_row(struct statement *statement, int place, struct earlier_result **results, int *count) {
    int objective = (int)statement_integer(statement, 3);
    if (place != *count - 1) {
        *results = memory_resize(*results, (size_t)*count + 1, sizeof **results);
        struct earlier_result *result = &(*results)[(*count)++];
        *result = (struct earlier_result){.steps = statement_integer(statement, 2)};
        TRY(genome_parse(statement_text(statement, 1), &result->genome));
    }
    struct earlier_result *result = &(*results)[*count - 1];
    result->failed = result->failed || statement_is_null(statement, 4);
    if (objective >= 0 && objective < MAX_OBJECTIVES)
        result->objectives[objective] = statement_number(statement, 4);
    return STATUS_OK;
}

static status read_earlier(struct store *store, struct earlier_result **results, int *count) {
    struct statement *statement;
    bool row;
    TRY(database_prepare(store->database,
                         "SELECT place, genome, steps, objective, value FROM earlier ORDER BY place, objective",
                         &statement));
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        status outcome = read_earlier_row(statement, (int)statement_integer(statement, 0), results, count);
        if (outcome != STATUS_OK) {
            statement_end(statement);
            return outcome;
        }
    }
}

status store_earlier(struct store *store, struct earlier_result **results, int *count) {
    *results = NULL;
    *count = 0;
    status outcome = read_earlier(store, results, count);
    if (outcome != STATUS_OK) {
        free(*results);
        *results = NULL;
        *count = 0;
    }
    return outcome;
}

status store_add_progress(struct store *store, const struct progress_point *point) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO progress VALUES ($1, $2, $3, $4, $5) ON CONFLICT (place) DO UPDATE"
                         " SET candidate = excluded.candidate, hypervolume = excluded.hypervolume,"
                         " tokens = excluded.tokens, seconds = excluded.seconds",
                         &statement));
    statement_bind_integer(statement, 1, point->place);
    statement_bind_integer(statement, 2, point->candidate);
    statement_bind_number(statement, 3, point->hypervolume);
    statement_bind_number(statement, 4, point->tokens);
    statement_bind_number(statement, 5, point->seconds);
    return statement_finish(statement);
}

status store_progress(struct store *store, struct progress_point **points, int *count) {
    struct statement *statement;
    bool row;
    *points = NULL;
    *count = 0;
    TRY(database_prepare(store->database,
                         "SELECT place, candidate, hypervolume, tokens, seconds FROM progress ORDER BY place",
                         &statement));
    for (;;) {
        status outcome = statement_row(statement, &row);
        if (outcome != STATUS_OK)
            free(*points);
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        *points = memory_resize(*points, (size_t)*count + 1, sizeof **points);
        (*points)[(*count)++] = (struct progress_point){.place = (int)statement_integer(statement, 0),
                                                        .candidate = (int)statement_integer(statement, 1),
                                                        .hypervolume = statement_number(statement, 2),
                                                        .tokens = statement_number(statement, 3),
                                                        .seconds = statement_number(statement, 4)};
    }
}

status store_add_told(struct store *store, const struct told_record *record) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "INSERT INTO told VALUES ($1, $2, $3) ON CONFLICT (place) DO UPDATE SET"
                         " candidate = excluded.candidate, asked = excluded.asked",
                         &statement));
    statement_bind_integer(statement, 1, record->place);
    statement_bind_integer(statement, 2, record->candidate);
    statement_bind_integer(statement, 3, record->asked);
    return statement_finish(statement);
}

status store_told(struct store *store, struct told_record **records, int *count) {
    struct statement *statement;
    bool row;
    *records = NULL;
    *count = 0;
    TRY(database_prepare(store->database, "SELECT place, candidate, asked FROM told ORDER BY place", &statement));
    for (;;) {
        status outcome = statement_row(statement, &row);
        if (outcome != STATUS_OK)
            free(*records);
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        *records = memory_resize(*records, (size_t)*count + 1, sizeof **records);
        (*records)[(*count)++] = (struct told_record){.place = statement_integer(statement, 0),
                                                      .candidate = statement_integer(statement, 1),
                                                      .asked = statement_integer(statement, 2)};
    }
}

/* false where the event has no curve: of an older version, or of a candidate that was not trained. */
static bool read_curve(const char *event, struct loss_curve *curve) {
    cJSON *json = cJSON_Parse(event);
    const cJSON *points = cJSON_GetObjectItemCaseSensitive(json, "curve"), *point;
    const cJSON *candidate = cJSON_GetObjectItemCaseSensitive(json, "candidate");
    int most = cJSON_IsArray(points) ? cJSON_GetArraySize(points) : 0;
    *curve = (struct loss_curve){.candidate = cJSON_IsNumber(candidate) ? candidate->valueint : 0};
    if (most > 0) {
        curve->steps = memory_allocate((size_t)most, sizeof *curve->steps);
        curve->losses = memory_allocate((size_t)most, sizeof *curve->losses);
    }
    cJSON_ArrayForEach(point, points) {
        const cJSON *step = cJSON_GetArrayItem(point, 0), *loss = cJSON_GetArrayItem(point, 1);
        if (!cJSON_IsNumber(step) || !cJSON_IsNumber(loss))
            continue;
        curve->steps[curve->count] = step->valuedouble;
        curve->losses[curve->count++] = loss->valuedouble;
    }
    cJSON_Delete(json);
    if (curve->count > 0)
        return true;
    free(curve->steps);
    free(curve->losses);
    return false;
}

/* A candidate whose training was stopped early was "stopped" in older runs, as a search that failed still is. */
status store_loss_curves(struct store *store, struct loss_curve **curves, int *count) {
    struct statement *statement;
    bool row;
    *curves = NULL;
    *count = 0;
    TRY(database_prepare(store->database,
                         "SELECT details FROM events WHERE kind IN ('evaluated', 'stopped_early', 'stopped')"
                         " ORDER BY rowid",
                         &statement));
    for (;;) {
        struct loss_curve curve;
        status outcome = statement_row(statement, &row);
        if (outcome != STATUS_OK) {
            loss_curves_free(*curves, *count);
            *curves = NULL;
        }
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        if (!read_curve(statement_text(statement, 0), &curve))
            continue;
        *curves = memory_resize(*curves, (size_t)*count + 1, sizeof **curves);
        (*curves)[(*count)++] = curve;
    }
}

void loss_curves_free(struct loss_curve *curves, int count) {
    for (int c = 0; c < count; c++) {
        free(curves[c].steps);
        free(curves[c].losses);
    }
    free(curves);
}

status store_set_reference(struct store *store, const double *reference, int count) {
    cJSON *list = cJSON_CreateDoubleArray(reference, count);
    char *text = cJSON_PrintUnformatted(list);
    status outcome = store_put_value(store->database, "reference", text);
    cJSON_free(text);
    cJSON_Delete(list);
    return outcome;
}

status store_get_reference(struct store *store, double reference[MAX_OBJECTIVES], int *count) {
    char *text;
    *count = 0;
    TRY(store_get_value(store->database, "reference", &text));
    cJSON *list = text ? cJSON_Parse(text) : NULL, *number;
    free(text);
    cJSON_ArrayForEach(number, list) {
        if (*count < MAX_OBJECTIVES)
            reference[(*count)++] = number->valuedouble;
    }
    cJSON_Delete(list);
    return STATUS_OK;
}

status store_set_kinds(struct store *store, const struct kind_list *kinds) {
    char *text = kind_list_print(kinds);
    status outcome = store_put_value(store->database, "measured_on", text);
    free(text);
    return outcome;
}

status store_get_kinds(struct store *store, struct kind_list *kinds) {
    char *text;
    TRY(store_get_value(store->database, "measured_on", &text));
    kind_list_parse(text, kinds);
    free(text);
    return STATUS_OK;
}
