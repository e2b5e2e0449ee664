#include "run/store_state.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/settings.h"
#include "run/schema.h"
#include "starcl/version.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const fact_names[RUN_FACTS] = {
    [FACT_NAME] = "name",       [FACT_CONFIG] = "config", [FACT_CATALOGUE] = "catalogue",
    [FACT_CORPUS] = "corpus",   [FACT_DEVICE] = "device", [FACT_DRIVER] = "driver",
    [FACT_VERSION] = "version", [FACT_GEMM] = "gemm",     [FACT_TEXT] = "text",
};

/* Runs that were begun before these were kept have "". */
static bool may_be_missing(enum run_fact fact) {
    return fact == FACT_GEMM || fact == FACT_TEXT;
}

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

/* ---- creating ---- */

static status put_facts(struct database *database, const char *const facts[RUN_FACTS]) {
    TRY(database_begin(database));
    status outcome = schema_create(database);
    for (int fact = 0; outcome == STATUS_OK && fact < RUN_FACTS; fact++)
        outcome = store_put_value(database, fact_names[fact], facts[fact]);
    if (outcome == STATUS_OK)
        outcome = store_put_value(database, "status", "running");
    return database_conclude(database, outcome);
}

static status fill_folder(struct folder *folder, const char *const facts[RUN_FACTS]) {
    struct database *database;
    char path[PATH_MAX];
    TRY(folder_write(folder, "config.cfg", facts[FACT_CONFIG]));
    TRY(folder_write(folder, "catalogue.cfg", facts[FACT_CATALOGUE]));
    TRY(folder_make_directory(folder, "checkpoints"));
    TRY(database_open(folder_file(folder, "run.db", path), DATABASE_CREATE, &database));
    status outcome = put_facts(database, facts);
    /* SQLite remembers paths: it must not be open while the folder gets its name. */
    database_close(database);
    return outcome;
}

static status create_folder(const char *path, const char *const facts[RUN_FACTS], struct folder **folder) {
    TRY(folder_create(&folder_of_search, path, folder));
    status outcome = fill_folder(*folder, facts);
    if (outcome == STATUS_OK)
        outcome = folder_publish(*folder);
    if (outcome != STATUS_OK)
        folder_close(*folder);
    return outcome;
}

/* runs/<name>-<number>: the first number whose folder does not exist yet. */
static void next_default_path(const char *name, char *path, size_t bytes) {
    int number = 0;
    do
        snprintf(path, bytes, "runs/%s-%03d", name, ++number);
    while (file_exists(path));
}

static status create_default_folder(const char *const facts[RUN_FACTS], struct folder **folder) {
    /* Two searches that start together may want one number: the later one takes the next. */
    char path[PATH_MAX];
    status outcome = STATUS_USAGE;
    for (int tries = 0; outcome == STATUS_USAGE && tries < 100; tries++) {
        next_default_path(facts[FACT_NAME], path, sizeof path);
        outcome = create_folder(path, facts, folder);
    }
    return outcome;
}

/* ---- opening ---- */

/* What the config of a run says, whatever else it says that this program may not know. */
static status read_train_steps(struct store *store, long long *steps) {
    char *config = NULL;
    struct settings settings;
    TRY(store_get_value(store->database, fact_names[FACT_CONFIG], &config));
    status outcome = settings_read_text("the run's config", config ? config : "", &settings);
    free(config);
    TRY(outcome);
    if (config_lookup_int64(&settings.config, "train.steps", steps) != CONFIG_TRUE)
        outcome = fail("%s/run.db is damaged or not a run's: its config does not say train.steps", store->path);
    settings_destroy(&settings);
    return outcome;
}

/* A newer program's tables are left alone. */
static status refuse_newer(const struct store *store, long long version) {
    char *maker = NULL;
    TRY(store_get_value(store->database, fact_names[FACT_VERSION], &maker));
    status outcome =
        fail_usage("%s/run.db has tables of version %lld, made by starcl %s; this is starcl %s, which knows "
                   "versions up to %d: use that program, or a newer one",
                   store->path, version, maker ? maker : "of a later version", STAR_VERSION, SCHEMA_VERSION);
    free(maker);
    return outcome;
}

static status migrate(struct store *store) {
    long long version, steps;
    TRY(database_version(store->database, &version));
    if (version > SCHEMA_VERSION)
        return refuse_newer(store, version);
    if (version == SCHEMA_VERSION)
        return STATUS_OK;
    TRY(read_train_steps(store, &steps));
    if (!store->folder) {
        struct database *copy;
        TRY(database_copy(store->database, &copy));
        database_close(store->database);
        store->database = copy;
    }
    return schema_migrate(store->database, version, steps);
}

static status read_facts(struct store *store) {
    for (int fact = 0; fact < RUN_FACTS; fact++) {
        TRY(store_get_value(store->database, fact_names[fact], &store->facts[fact]));
        if (!store->facts[fact] && may_be_missing(fact))
            store->facts[fact] = memory_copy_text("");
        if (!store->facts[fact])
            return fail("%s/run.db is damaged or not a run's: it has no '%s'", store->path, fact_names[fact]);
    }
    return STATUS_OK;
}

static status open_run(struct store *store) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.db", store->path);
    if (!file_exists(path))
        return fail_usage("%s is not a run: it has no run.db", store->path);
    TRY(database_open(path, store->folder ? DATABASE_WRITE : DATABASE_READ, &store->database));
    TRY(migrate(store));
    return read_facts(store);
}

/* A store of the folder, which it takes over, or of one that is only read. */
static status open_store(const char *path, struct folder *folder, struct store **result) {
    struct store *store = memory_allocate(1, sizeof *store);
    store->path = memory_copy_text(path);
    store->folder = folder;
    for (size_t length = strlen(store->path); length > 1 && store->path[length - 1] == '/'; length--)
        store->path[length - 1] = '\0';
    status outcome = open_run(store);
    if (outcome == STATUS_OK)
        *result = store;
    else
        store_close(store);
    return outcome;
}

status store_create(const char *path, const char *const facts[RUN_FACTS], struct store **store) {
    struct folder *folder;
    *store = NULL;
    TRY(path ? create_folder(path, facts, &folder) : create_default_folder(facts, &folder));
    return open_store(folder_path(folder), folder, store);
}

status store_open(const char *path, bool for_writing, struct store **store) {
    struct folder *folder = NULL;
    *store = NULL;
    if (for_writing)
        TRY(folder_open(&folder_of_search, path, &folder));
    return open_store(path, folder, store);
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
    return store_put_value(store->database, "status", run_status);
}

status store_get_status(struct store *store, char *buffer, size_t bytes) {
    char *value;
    TRY(store_get_value(store->database, "status", &value));
    snprintf(buffer, bytes, "%s", value ? value : "unknown");
    free(value);
    return STATUS_OK;
}

/* ---- events and checkpoints ---- */

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

/* In the database and in the log, or in neither. */
static status write_event(struct store *store, const char *kind, cJSON *details) {
    cJSON *event = folder_event(kind, details);
    bool logged = false;
    status outcome = database_begin(store->database);
    if (outcome == STATUS_OK) {
        outcome = put_event(store, kind, event);
        if (outcome == STATUS_OK)
            outcome = folder_log(store->folder, event);
        logged = outcome == STATUS_OK;
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
    for (int fact = 0; fact < RUN_FACTS; fact++)
        free(store->facts[fact]);
    free(store->path);
    free(store);
}

void store_checkpoint_path(const struct store *store, int id, const char *ending, char *path, size_t bytes) {
    snprintf(path, bytes, "%s/checkpoints/%d%s", store->path, id, ending);
}

void store_note(struct store *store, const char *name, const char *text) {
    folder_note(store->folder, name, text);
}

void store_remove_unfinished(const struct store *store) {
    static const char ending[] = ".new"; /* of file_writer_open()'s temporary files */
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/checkpoints", store->path);
    DIR *folder = opendir(path);
    for (struct dirent *entry = folder ? readdir(folder) : NULL; entry; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name), end = strlen(ending);
        if (length > end && strcmp(entry->d_name + length - end, ending) == 0)
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
    }
    if (folder)
        closedir(folder);
}
