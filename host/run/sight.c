#include "run/sight.h"

#include "base/json.h"
#include "base/memory.h"
#include "run/database.h"
#include "run/folder.h"
#include "run/store_server.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The database that a path had, open as long as it has it. */
struct sighted_database {
    struct database *database;
    dev_t device; /* of a file */
    ino_t number;
    struct server_run run; /* on a server */
    long long changes;     /* database_changes() */
};

static const char *const state_words[] = {
    [SIGHT_RUNNING] = "running",       [SIGHT_DONE] = "done",     [SIGHT_INTERRUPTED] = "interrupted",
    [SIGHT_STOPPED] = "stopped",       [SIGHT_KILLED] = "killed", [SIGHT_GONE] = "gone",
    [SIGHT_UNREADABLE] = "unreadable",
};

static void forget(struct sight *sight) {
    if (!sight->database)
        return;
    database_close(sight->database->database);
    free(sight->database);
    sight->database = NULL;
}

static bool is_same(const struct sighted_database *database, const struct stat *file) {
    return database->device == file->st_dev && database->number == file->st_ino;
}

/* The first column of the first row, "" where there is none. */
static status read_text(struct sight *sight, const char *sql, char *text, size_t bytes) {
    struct statement *statement;
    bool row;
    text[0] = '\0';
    TRY(database_prepare(sight->database->database, sql, &statement));
    TRY(statement_row(statement, &row));
    if (!row)
        return STATUS_OK;
    snprintf(text, bytes, "%s", statement_text(statement, 0));
    statement_end(statement);
    return STATUS_OK;
}

/* Takes it over. */
static status begin_to_look(struct sight *sight, const struct sighted_database *database) {
    sight->database = memory_allocate(1, sizeof *sight->database);
    *sight->database = *database;
    sight->changed = true;
    return read_text(sight, "SELECT value FROM run WHERE key = 'device'", sight->device, sizeof sight->device);
}

static status read_changes(struct sight *sight) {
    long long changes;
    TRY(database_changes(sight->database->database, &changes));
    sight->changed = sight->changed || changes != sight->database->changes;
    sight->database->changes = changes;
    return STATUS_OK;
}

/* Why a search stopped is the last thing that it said. */
static status read_reason(struct sight *sight) {
    char event[2048];
    TRY(read_text(sight, "SELECT details FROM events WHERE kind = 'stopped' ORDER BY rowid DESC LIMIT 1", event,
                  sizeof event));
    cJSON *json = cJSON_Parse(event);
    snprintf(sight->reason, sizeof sight->reason, "%s", json_text(json, "reason"));
    cJSON_Delete(json);
    return STATUS_OK;
}

static status is_open(struct sight *sight, bool *somebody_works) {
    if (store_is_url(sight->path))
        return server_run_is_open(sight->database->database, &sight->database->run, somebody_works);
    *somebody_works = folder_is_open(sight->path);
    return STATUS_OK;
}

/* What a run says of itself; where it says "running" and nobody works in it, its search was killed. */
static status read_state(struct sight *sight) {
    char word[32];
    bool somebody_works;
    TRY(read_text(sight, "SELECT value FROM run WHERE key = 'status'", word, sizeof word));
    TRY(is_open(sight, &somebody_works));
    sight->state = somebody_works ? SIGHT_RUNNING : SIGHT_KILLED;
    for (enum sight_state state = SIGHT_DONE; state <= SIGHT_STOPPED; state++)
        if (strcmp(word, state_words[state]) == 0)
            sight->state = state;
    return sight->state == SIGHT_STOPPED ? read_reason(sight) : STATUS_OK;
}

/* *there tells whether a folder has a database, which is open then. */
static status look_for_file(struct sight *sight, bool *there) {
    struct sighted_database found = {.database = NULL};
    char path[PATH_MAX];
    struct stat file;
    snprintf(path, sizeof path, "%.*s/run.db", PATH_MAX - 64, sight->path);
    *there = stat(path, &file) == 0;
    if (sight->database && !(*there && is_same(sight->database, &file)))
        forget(sight);
    if (!*there || sight->database)
        return STATUS_OK;
    TRY(database_open(path, DATABASE_READ, &found.database));
    found.device = file.st_dev;
    found.number = file.st_ino;
    return begin_to_look(sight, &found);
}

/* The same of a server, which has been found already where it was looked at. */
static status look_on_server(struct sight *sight, bool *there) {
    struct sighted_database found = {.database = NULL};
    *there = true;
    if (sight->database)
        return server_run_exists(sight->database->database, &sight->database->run, there);
    TRY(server_run_read(sight->path, &found.run));
    TRY(server_run_connect(&found.run, DATABASE_READ, &found.database));
    status outcome = server_run_exists(found.database, &found.run, there);
    if (outcome == STATUS_OK && *there)
        return begin_to_look(sight, &found);
    database_close(found.database);
    return outcome;
}

static status look(struct sight *sight) {
    bool there;
    TRY((store_is_url(sight->path) ? look_on_server : look_for_file)(sight, &there));
    sight->state = SIGHT_GONE;
    if (!there) {
        forget(sight);
        return STATUS_OK;
    }
    /* In this order: what was recorded before it says "done" is a change that is seen with it. */
    TRY(read_state(sight));
    return read_changes(sight);
}

/* What cannot be read is not there. */
static void read_now(struct sight *sight) {
    enum { NOTE_BYTES = 1 << 16 };
    if (!store_is_url(sight->path)) {
        now_read(sight->path, &sight->has_now, &sight->now);
        return;
    }
    char *text = memory_allocate(NOTE_BYTES, 1);
    if (read_text(sight, "SELECT text FROM notes WHERE name = 'now.json'", text, NOTE_BYTES) == STATUS_OK)
        now_read_text(text, &sight->has_now, &sight->now);
    free(text);
}

void sight_look(struct sight *sight) {
    sight->changed = sight->has_now = false;
    sight->reason[0] = '\0';
    if (look(sight) != STATUS_OK) {
        forget(sight);
        sight->state = SIGHT_UNREADABLE;
        snprintf(sight->reason, sizeof sight->reason, "%s", status_message());
    }
    if (sight->state == SIGHT_RUNNING)
        read_now(sight);
}

status sight_open(const char *path, struct sight **result) {
    struct store *store;
    *result = NULL;
    TRY(store_open(path, false, &store));
    struct sight *sight = memory_allocate(1, sizeof *sight);
    sight->path = memory_copy_text(store_path(store));
    store_close(store);
    sight_look(sight);
    *result = sight;
    return STATUS_OK;
}

void sight_close(struct sight *sight) {
    if (!sight)
        return;
    forget(sight);
    free(sight->path);
    free(sight);
}

const char *sight_text(const struct sight *sight, char *buffer) {
    const char *word = state_words[sight->state];
    switch (sight->state) {
    case SIGHT_RUNNING:
    case SIGHT_DONE:
        snprintf(buffer, SIGHT_TEXT_BYTES, "%s", word);
        break;
    case SIGHT_INTERRUPTED:
        snprintf(buffer, SIGHT_TEXT_BYTES, "%s; go on with: starcl resume %s", word, sight->path);
        break;
    case SIGHT_STOPPED:
        snprintf(buffer, SIGHT_TEXT_BYTES, "%s by a failure: %s; go on with: starcl resume %s", word, sight->reason,
                 sight->path);
        break;
    case SIGHT_KILLED:
        snprintf(buffer, SIGHT_TEXT_BYTES, "%s: it ended without a word; go on with: starcl resume %s", word,
                 sight->path);
        break;
    case SIGHT_GONE:
        snprintf(buffer, SIGHT_TEXT_BYTES, "%s: %s was moved or deleted", word, sight->path);
        break;
    case SIGHT_UNREADABLE:
        snprintf(buffer, SIGHT_TEXT_BYTES, "%s now: %s", word, sight->reason);
        break;
    }
    return buffer;
}
