#include "run/store_state.h"

#include "base/json.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

status store_put_value(struct database *database, const char *key, const char *value) {
    struct statement *statement;
    TRY(database_prepare(database,
                         "INSERT INTO run VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                         &statement));
    statement_bind_text(statement, 1, key);
    statement_bind_text(statement, 2, value);
    return statement_finish(statement);
}

status store_get_value(struct database *database, const char *key, char **value) {
    struct statement *statement;
    bool row;
    *value = NULL;
    TRY(database_prepare(database, "SELECT value FROM run WHERE key = $1", &statement));
    statement_bind_text(statement, 1, key);
    TRY(statement_row(statement, &row));
    if (row) {
        *value = memory_copy_text(statement_text(statement, 0));
        statement_end(statement);
    }
    return STATUS_OK;
}

status store_conclude(struct store *store, status outcome) {
    outcome = database_conclude(store->database, outcome);
    if (outcome != STATUS_OK) {
        free(store->rolled_back);
        store->rolled_back = memory_copy_text(status_message());
    }
    return outcome;
}

status store_hold(struct store *store) {
    return database_hold(store->database);
}

const char *store_path(const struct store *store) {
    return store->path;
}

const char *store_fact(const struct store *store, enum run_fact fact) {
    return store->facts[fact];
}

status store_set_status(struct store *store, const char *run_status) {
    TRY(store_bring_files(store));
    return store_put_value(store->database, "status", run_status);
}

status store_get_status(struct store *store, char *buffer, size_t bytes) {
    char *value;
    TRY(store_get_value(store->database, "status", &value));
    snprintf(buffer, bytes, "%s", value ? value : "unknown");
    free(value);
    return STATUS_OK;
}

/* ---- events ---- */

static status put_event(struct store *store, const char *kind, const cJSON *event) {
    struct statement *statement;
    TRY(database_prepare(store->database, "INSERT INTO events VALUES ($1, $2, $3)", &statement));
    char *text = cJSON_PrintUnformatted(event);
    statement_bind_text(statement, 1, json_text(event, "time"));
    statement_bind_text(statement, 2, kind);
    statement_bind_text(statement, 3, text);
    cJSON_free(text);
    return statement_finish(statement);
}

/* In the database and in the log, where there is one, or in neither. */
static status write_event(struct store *store, const char *kind, cJSON *details) {
    cJSON *event = folder_event(kind, details);
    bool logged = false;
    status outcome = database_begin(store->database);
    if (outcome == STATUS_OK) {
        outcome = put_event(store, kind, event);
        if (outcome == STATUS_OK && store->folder)
            outcome = folder_log(store->folder, event);
        logged = outcome == STATUS_OK && store->folder;
        outcome = store_conclude(store, outcome);
    }
    if (outcome != STATUS_OK && logged)
        folder_unlog(store->folder);
    cJSON_Delete(event);
    return outcome;
}

/* A transaction that was rolled back earlier, told now that something can be written. */
static status tell_rolled_back(struct store *store) {
    if (!store->rolled_back)
        return STATUS_OK;
    char *reason = store->rolled_back;
    cJSON *details = cJSON_CreateObject();
    cJSON_AddStringToObject(details, "reason", reason);
    store->rolled_back = NULL;
    status outcome = write_event(store, "rolled back", details);
    if (outcome != STATUS_OK) {
        /* The first reason is the one to know, not that of trying to tell it. */
        free(store->rolled_back);
        store->rolled_back = reason;
    } else
        free(reason);
    return outcome;
}

status store_log(struct store *store, const char *kind, cJSON *details) {
    status outcome = tell_rolled_back(store);
    if (outcome == STATUS_OK)
        outcome = store_bring_files(store);
    if (outcome == STATUS_OK)
        return write_event(store, kind, details);
    cJSON_Delete(details);
    return outcome;
}

void store_close(struct store *store) {
    if (!store)
        return;
    if (store->rolled_back && tell_rolled_back(store) != STATUS_OK)
        free(store->rolled_back); /* nothing can be written; the user was told */
    database_close(store->database);
    folder_close(store->folder);
    store_remove_scratch(store);
    for (int fact = 0; fact < RUN_FACTS; fact++)
        free(store->facts[fact]);
    free(store->path);
    free(store);
}
