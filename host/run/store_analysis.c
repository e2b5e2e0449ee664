/* What the store keeps of how a search goes: survivors, analyses of generations, predictions, what other runs taught,
 * and how the front grows. */
#include "base/memory.h"
#include "run/store_state.h"

#include <math.h>
#include <stdlib.h>

static status add_survivor(struct store *store, int generation, int place, const struct individual *survivor) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT OR IGNORE INTO generations VALUES (?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, generation);
    sqlite3_bind_int(statement, 2, place);
    sqlite3_bind_int(statement, 3, survivor->id);
    sqlite3_bind_int(statement, 4, survivor->rank);
    return database_finish(store->database, statement);
}

status store_add_generation(struct store *store, int generation, const struct individual *survivors, int count) {
    TRY(database_begin(store->database));
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        outcome = add_survivor(store, generation, i, &survivors[i]);
    return store_conclude(store, outcome);
}

status store_survivors(struct store *store, int generation, int **ids, int *count) {
    sqlite3_stmt *statement;
    bool row;
    *ids = NULL;
    *count = 0;
    TRY(database_prepare(store->database, "SELECT candidate FROM generations WHERE generation = ? ORDER BY place",
                         &statement));
    sqlite3_bind_int(statement, 1, generation);
    for (;;) {
        status outcome = database_row(store->database, statement, &row);
        if (outcome != STATUS_OK) {
            free(*ids);
            *ids = NULL;
            return outcome;
        }
        if (!row)
            return STATUS_OK;
        *ids = memory_resize(*ids, (size_t)*count + 1, sizeof **ids);
        (*ids)[(*count)++] = sqlite3_column_int(statement, 0);
    }
}

static status put_analysis(struct store *store, int generation, const struct named_value *value) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT OR REPLACE INTO analysis VALUES (?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, generation);
    database_bind_text(statement, 2, value->name);
    sqlite3_bind_double(statement, 3, value->value);
    return database_finish(store->database, statement);
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
    sqlite3_stmt *statement;
    bool row;
    for (int g = 0; g < generations; g++)
        values[(size_t)g * (size_t)stride] = NAN;
    TRY(database_prepare(store->database, "SELECT generation, value FROM analysis WHERE name = ?", &statement));
    database_bind_text(statement, 1, name);
    for (;;) {
        TRY(database_row(store->database, statement, &row));
        if (!row)
            return STATUS_OK;
        int generation = sqlite3_column_int(statement, 0);
        if (generation >= 0 && generation < generations)
            values[(size_t)generation * (size_t)stride] = sqlite3_column_double(statement, 1);
    }
}

status store_add_predictions(struct store *store, const struct prediction_record *records, int count) {
    sqlite3_stmt *statement;
    TRY(database_begin(store->database));
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++) {
        outcome =
            database_prepare(store->database, "INSERT OR REPLACE INTO predictions VALUES (?, ?, ?, ?, ?)", &statement);
        if (outcome != STATUS_OK)
            break;
        sqlite3_bind_int(statement, 1, records[i].candidate);
        sqlite3_bind_int64(statement, 2, records[i].steps);
        database_bind_text(statement, 3, metric_table[records[i].metric].name);
        sqlite3_bind_double(statement, 4, records[i].value);
        if (!isnan(records[i].correlation))
            sqlite3_bind_double(statement, 5, records[i].correlation);
        outcome = database_finish(store->database, statement);
    }
    return store_conclude(store, outcome);
}

static status read_predictions(struct store *store, struct prediction_record **records, int *count) {
    sqlite3_stmt *statement;
    bool row;
    TRY(database_prepare(store->database,
                         "SELECT candidate, steps, metric, value, correlation FROM predictions"
                         " ORDER BY candidate, steps, metric",
                         &statement));
    for (;;) {
        TRY(database_row(store->database, statement, &row));
        if (!row)
            return STATUS_OK;
        enum metric metric = metric_find(database_column_text(statement, 2));
        if (metric == METRICS)
            continue; /* of a newer program */
        bool has_correlation = sqlite3_column_type(statement, 4) != SQLITE_NULL;
        *records = memory_resize(*records, (size_t)*count + 1, sizeof **records);
        (*records)[(*count)++] = (struct prediction_record){
            .candidate = sqlite3_column_int(statement, 0),
            .steps = sqlite3_column_int64(statement, 1),
            .metric = metric,
            .value = sqlite3_column_double(statement, 3),
            .correlation = has_correlation ? sqlite3_column_double(statement, 4) : NAN,
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
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT INTO earlier VALUES (?, ?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, place);
    database_bind_text(statement, 2, genome_print(&result->genome, genome));
    sqlite3_bind_int64(statement, 3, result->steps);
    sqlite3_bind_int(statement, 4, objective);
    if (!result->failed)
        sqlite3_bind_double(statement, 5, result->objectives[objective]);
    return database_finish(store->database, statement);
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
static status read_earlier_row(sqlite3_stmt *statement, int place, struct earlier_result **results, int *count) {
    int objective = sqlite3_column_int(statement, 3);
    if (place != *count - 1) {
        *results = memory_resize(*results, (size_t)*count + 1, sizeof **results);
        struct earlier_result *result = &(*results)[(*count)++];
        *result = (struct earlier_result){.steps = sqlite3_column_int64(statement, 2)};
        TRY(genome_parse(database_column_text(statement, 1), &result->genome));
    }
    struct earlier_result *result = &(*results)[*count - 1];
    result->failed = result->failed || sqlite3_column_type(statement, 4) == SQLITE_NULL;
    if (objective >= 0 && objective < MAX_OBJECTIVES)
        result->objectives[objective] = sqlite3_column_double(statement, 4);
    return STATUS_OK;
}

static status read_earlier(struct store *store, struct earlier_result **results, int *count) {
    sqlite3_stmt *statement;
    bool row;
    TRY(database_prepare(store->database,
                         "SELECT place, genome, steps, objective, value FROM earlier ORDER BY place, objective",
                         &statement));
    for (;;) {
        TRY(database_row(store->database, statement, &row));
        if (!row)
            return STATUS_OK;
        status outcome = read_earlier_row(statement, sqlite3_column_int(statement, 0), results, count);
        if (outcome != STATUS_OK) {
            database_end(statement);
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
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, point->place);
    sqlite3_bind_int(statement, 2, point->candidate);
    sqlite3_bind_double(statement, 3, point->hypervolume);
    sqlite3_bind_double(statement, 4, point->tokens);
    sqlite3_bind_double(statement, 5, point->seconds);
    return database_finish(store->database, statement);
}

status store_progress(struct store *store, struct progress_point **points, int *count) {
    sqlite3_stmt *statement;
    bool row;
    *points = NULL;
    *count = 0;
    TRY(database_prepare(store->database,
                         "SELECT place, candidate, hypervolume, tokens, seconds FROM progress ORDER BY place",
                         &statement));
    for (;;) {
        status outcome = database_row(store->database, statement, &row);
        if (outcome != STATUS_OK)
            free(*points);
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        *points = memory_resize(*points, (size_t)*count + 1, sizeof **points);
        (*points)[(*count)++] = (struct progress_point){.place = sqlite3_column_int(statement, 0),
                                                        .candidate = sqlite3_column_int(statement, 1),
                                                        .hypervolume = sqlite3_column_double(statement, 2),
                                                        .tokens = sqlite3_column_double(statement, 3),
                                                        .seconds = sqlite3_column_double(statement, 4)};
    }
}

status store_add_told(struct store *store, const struct told_record *record) {
    sqlite3_stmt *statement;
    TRY(database_prepare(store->database, "INSERT OR REPLACE INTO told VALUES (?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, record->place);
    sqlite3_bind_int(statement, 2, record->candidate);
    sqlite3_bind_int(statement, 3, record->asked);
    return database_finish(store->database, statement);
}

status store_told(struct store *store, struct told_record **records, int *count) {
    sqlite3_stmt *statement;
    bool row;
    *records = NULL;
    *count = 0;
    TRY(database_prepare(store->database, "SELECT place, candidate, asked FROM told ORDER BY place", &statement));
    for (;;) {
        status outcome = database_row(store->database, statement, &row);
        if (outcome != STATUS_OK)
            free(*records);
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        *records = memory_resize(*records, (size_t)*count + 1, sizeof **records);
        (*records)[(*count)++] = (struct told_record){.place = sqlite3_column_int(statement, 0),
                                                      .candidate = sqlite3_column_int(statement, 1),
                                                      .asked = sqlite3_column_int(statement, 2)};
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
    sqlite3_stmt *statement;
    bool row;
    *curves = NULL;
    *count = 0;
    TRY(database_prepare(store->database,
                         "SELECT details FROM events WHERE kind IN ('evaluated', 'stopped_early', 'stopped')"
                         " ORDER BY rowid",
                         &statement));
    for (;;) {
        struct loss_curve curve;
        status outcome = database_row(store->database, statement, &row);
        if (outcome != STATUS_OK) {
            loss_curves_free(*curves, *count);
            *curves = NULL;
        }
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        if (!read_curve((const char *)sqlite3_column_text(statement, 0), &curve))
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
