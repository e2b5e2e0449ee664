/* Making and opening a run: in a folder, or on a server. */
#include "base/file.h"
#include "base/memory.h"
#include "base/settings.h"
#include "run/database_postgres.h"
#include "run/queue.h"
#include "run/schema.h"
#include "run/store_server.h"
#include "run/store_state.h"
#include "starcl/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const fact_names[RUN_FACTS] = {
    [FACT_NAME] = "name",       [FACT_CONFIG] = "config", [FACT_CATALOGUE] = "catalogue",
    [FACT_CORPUS] = "corpus",   [FACT_DEVICE] = "device", [FACT_DRIVER] = "driver",
    [FACT_VERSION] = "version", [FACT_GEMM] = "gemm",     [FACT_TEXT] = "text",
};

/* Runs that were begun before these were kept have "". */
static bool may_be_missing(enum run_fact fact) {
    return fact == FACT_GEMM || fact == FACT_TEXT;
}

/* ---- creating: in a folder ---- */

/* Within a transaction. */
static status put_facts(struct database *database, const char *const facts[RUN_FACTS]) {
    TRY(schema_create(database));
    for (int fact = 0; fact < RUN_FACTS; fact++)
        TRY(store_put_value(database, fact_names[fact], facts[fact]));
    return store_put_value(database, "status", "running");
}

static status fill_folder(struct folder *folder, const char *const facts[RUN_FACTS]) {
    struct database *database;
    char path[PATH_MAX];
    TRY(folder_write(folder, "config.cfg", facts[FACT_CONFIG]));
    TRY(folder_write(folder, "catalogue.cfg", facts[FACT_CATALOGUE]));
    TRY(folder_make_directory(folder, "checkpoints"));
    TRY(database_open(folder_file(folder, "run.db", path), DATABASE_CREATE, &database));
    status outcome = database_begin(database);
    if (outcome == STATUS_OK)
        outcome = database_conclude(database, put_facts(database, facts));
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

/* ---- creating: on a server ---- */

/* A server keeps texts of UTF-8 alone, and what cannot be read back is not gone on with. */
static status check_kept(struct database *database, const char *const facts[RUN_FACTS]) {
    for (int fact = 0; fact < RUN_FACTS; fact++) {
        char *kept;
        TRY(store_get_value(database, fact_names[fact], &kept));
        bool same = kept && strcmp(kept, facts[fact]) == 0;
        free(kept);
        if (!same)
            return fail_usage("a database keeps texts of UTF-8 alone, and the run's %s is none; see whether a path in "
                              "its config has other letters",
                              fact_names[fact]);
    }
    return STATUS_OK;
}

static status fill_server(struct database *database, const struct server_run *run, const char *const facts[RUN_FACTS]) {
    TRY(server_run_make(database, run));
    TRY(put_facts(database, facts));
    TRY(schema_create_files(database));
    TRY(queue_define(database));
    return check_kept(database, facts);
}

/* Another process may want the name at the same moment: who has the lock makes the run. */
static status create_locked(struct database *database, const struct server_run *run,
                            const char *const facts[RUN_FACTS]) {
    TRY(server_run_lock(database, run));
    TRY(server_run_check_free(database, run));
    TRY(database_begin(database));
    return database_conclude(database, fill_server(database, run, facts));
}

/* The run that a word names, or the next number of its name; *database is open and locked. */
static status create_on_server(const char *word, const char *const facts[RUN_FACTS], struct server_run *run,
                               struct database **database) {
    TRY(server_run_read(word, run));
    bool named = *run->name;
    for (int tries = 0;; tries++) {
        TRY(server_run_connect(run, DATABASE_CREATE, database));
        status outcome = named ? STATUS_OK : server_run_next_name(*database, run, facts[FACT_NAME]);
        if (outcome == STATUS_OK && !named) {
            database_close(*database);
            TRY(server_run_connect(run, DATABASE_CREATE, database));
        }
        if (outcome == STATUS_OK)
            outcome = create_locked(*database, run, facts);
        if (outcome == STATUS_OK)
            return STATUS_OK;
        database_close(*database);
        if (named || outcome != STATUS_USAGE || tries == 100)
            return outcome;
    }
}

static status check_server_free(const char *word) {
    struct server_run run;
    struct database *database;
    TRY(server_run_read(word, &run));
    TRY(server_run_connect(&run, DATABASE_READ, &database));
    status outcome = *run.name ? server_run_check_free(database, &run) : STATUS_OK;
    database_close(database);
    return outcome;
}

status store_check_free(const char *path) {
    return store_is_url(path) ? check_server_free(path) : folder_check_free(&folder_of_search, path);
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
        outcome =
            fail("%s is damaged or not a run's: its config does not say train.steps", database_name(store->database));
    settings_destroy(&settings);
    return outcome;
}

/* A newer program's tables are left alone. */
static status refuse_newer(const struct store *store, long long version) {
    char *maker = NULL;
    TRY(store_get_value(store->database, fact_names[FACT_VERSION], &maker));
    status outcome = fail_usage("%s has tables of version %lld, made by starcl %s; this is starcl %s, which knows "
                                "versions up to %d: use that program, or a newer one",
                                database_name(store->database), version, maker ? maker : "of a later version",
                                STAR_VERSION, SCHEMA_VERSION);
    free(maker);
    return outcome;
}

static status migrate(struct store *store, bool writes) {
    long long version, steps;
    TRY(database_version(store->database, &version));
    if (version > SCHEMA_VERSION)
        return refuse_newer(store, version);
    if (version == SCHEMA_VERSION)
        return STATUS_OK;
    TRY(read_train_steps(store, &steps));
    if (!writes) {
        struct database *copy;
        TRY(database_copy(store->database, &copy));
        database_close(store->database);
        store->database = copy;
    }
    if (store->on_server)
        TRY(queue_migrate(store->database));
    return schema_migrate(store->database, version, steps);
}

static status read_facts(struct store *store) {
    for (int fact = 0; fact < RUN_FACTS; fact++) {
        TRY(store_get_value(store->database, fact_names[fact], &store->facts[fact]));
        if (!store->facts[fact] && may_be_missing(fact))
            store->facts[fact] = memory_copy_text("");
        if (!store->facts[fact])
            return fail("%s is damaged or not a run's: it has no '%s'", database_name(store->database),
                        fact_names[fact]);
    }
    return STATUS_OK;
}

static status open_file(struct store *store) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.db", store->path);
    if (!file_exists(path))
        return fail_usage("%s is not a run: it has no run.db", store->path);
    return database_open(path, store->folder ? DATABASE_WRITE : DATABASE_READ, &store->database);
}

static status open_tables(struct store *store, bool writes) {
    TRY(migrate(store, writes));
    TRY(read_facts(store));
    return store->on_server && writes ? store_make_scratch(store) : STATUS_OK;
}

static status give_out(struct store *store, status outcome, struct store **result) {
    if (outcome == STATUS_OK)
        *result = store;
    else
        store_close(store);
    return outcome;
}

/* A store of the folder, which it takes over, or of one that is only read. */
static status open_in_folder(const char *path, struct folder *folder, struct store **result) {
    struct store *store = memory_allocate(1, sizeof *store);
    store->path = memory_copy_text(path);
    store->folder = folder;
    for (size_t length = strlen(store->path); length > 1 && store->path[length - 1] == '/'; length--)
        store->path[length - 1] = '\0';
    status outcome = open_file(store);
    if (outcome == STATUS_OK)
        outcome = open_tables(store, folder != NULL);
    return give_out(store, outcome, result);
}

/* A store of the run, whose database it takes over. */
static status open_on_server(const struct server_run *run, struct database *database, bool writes,
                             struct store **result) {
    struct store *store = memory_allocate(1, sizeof *store);
    store->path = memory_copy_text(run->path);
    store->on_server = true;
    store->database = database;
    return give_out(store, open_tables(store, writes), result);
}

static status create_server_store(const char *word, const char *const facts[RUN_FACTS], struct store **store) {
    struct server_run run;
    struct database *database;
    TRY(create_on_server(word, facts, &run, &database));
    return open_on_server(&run, database, true, store);
}

status store_create(const char *path, const char *const facts[RUN_FACTS], struct store **store) {
    struct folder *folder;
    *store = NULL;
    if (path && store_is_url(path))
        return create_server_store(path, facts, store);
    TRY(path ? create_folder(path, facts, &folder) : create_default_folder(facts, &folder));
    return open_in_folder(folder_path(folder), folder, store);
}

static status open_server_store(const char *word, bool for_writing, struct store **store) {
    struct server_run run;
    struct database *database;
    TRY(server_run_read(word, &run));
    TRY(server_run_open(&run, for_writing ? DATABASE_WRITE : DATABASE_READ, &database));
    status outcome = for_writing ? server_run_lock(database, &run) : STATUS_OK;
    if (outcome == STATUS_OK)
        return open_on_server(&run, database, for_writing, store);
    database_close(database);
    return outcome;
}

status store_open(const char *path, bool for_writing, struct store **store) {
    struct folder *folder = NULL;
    *store = NULL;
    if (store_is_url(path))
        return open_server_store(path, for_writing, store);
    if (for_writing)
        TRY(folder_open(&folder_of_search, path, &folder));
    return open_in_folder(path, folder, store);
}

status store_join(const char *path, struct store **store) {
    struct server_run run;
    struct database *database;
    *store = NULL;
    if (!store_is_url(path))
        return fail_usage("%s is no URL of a database; other machines can only work on a run whose run.store is one: "
                          "postgresql://...",
                          path);
    TRY(server_run_read(path, &run));
    TRY(server_run_open(&run, DATABASE_WRITE, &database));
    return open_on_server(&run, database, false, store);
}

bool store_is_url(const char *path) {
    return postgres_is_url(path);
}

bool store_is_on_server(const struct store *store) {
    return store->on_server;
}

void store_set_patience(struct store *store, double seconds) {
    database_set_patience(store->database, seconds);
}
