#include "run/store.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct store {
    char *path;
    sqlite3 *database;
    char *facts[RUN_FACTS];
    FILE *log; /* NULL when reading */
    int lock;  /* descriptor of config.cfg, locked while writing; -1 when reading */
};

static const char *const fact_names[RUN_FACTS] = {
    [FACT_NAME] = "name",     [FACT_CONFIG] = "config", [FACT_CATALOGUE] = "catalogue", [FACT_CORPUS] = "corpus",
    [FACT_DEVICE] = "device", [FACT_DRIVER] = "driver", [FACT_VERSION] = "version",     [FACT_GEMM] = "gemm",
};

/* The evaluations table has a column for each metric. */
static const char schema[] = "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
                             "CREATE TABLE candidates (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL,"
                             " genome TEXT NOT NULL, parent_1 INTEGER, parent_2 INTEGER);"
                             "CREATE INDEX candidates_by_genome ON candidates (genome);"
                             "CREATE TABLE generations (generation INTEGER, place INTEGER, candidate INTEGER NOT NULL,"
                             " rank INTEGER NOT NULL, PRIMARY KEY (generation, place)) WITHOUT ROWID;"
                             "CREATE TABLE events (time TEXT NOT NULL, kind TEXT NOT NULL, details TEXT NOT NULL);"
                             "CREATE TABLE evaluations (genome TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT,"
                             " seed INTEGER NOT NULL, device TEXT NOT NULL, seconds REAL NOT NULL";

/* ---- SQLite ---- */

static status database_error(const struct store *store, const char *what) {
    return fail("%s %s/run.db: %s", what, store->path, sqlite3_errmsg(store->database));
}

static status execute(struct store *store, const char *sql) {
    if (sqlite3_exec(store->database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return database_error(store, "writing");
    return STATUS_OK;
}

static status prepare(struct store *store, const char *sql, sqlite3_stmt **statement) {
    if (sqlite3_prepare_v2(store->database, sql, -1, statement, NULL) != SQLITE_OK)
        return database_error(store, "reading");
    return STATUS_OK;
}

/* Runs a prepared statement that returns no rows, and ends it. */
static status finish(struct store *store, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    status outcome = code == SQLITE_DONE ? STATUS_OK : database_error(store, "writing");
    sqlite3_finalize(statement);
    return outcome;
}

/* Steps to the next row; *row tells whether there is one. Ends the statement otherwise. */
static status next_row(struct store *store, sqlite3_stmt *statement, bool *row) {
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (*row)
        return STATUS_OK;
    status outcome = code == SQLITE_DONE ? STATUS_OK : database_error(store, "reading");
    sqlite3_finalize(statement);
    return outcome;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text) {
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

static const char *column_text(sqlite3_stmt *statement, int index) {
    const unsigned char *text = sqlite3_column_text(statement, index);
    return text ? (const char *)text : "";
}

static status put_run_value(struct store *store, const char *key, const char *value) {
    sqlite3_stmt *statement;
    TRY(prepare(store, "INSERT OR REPLACE INTO run VALUES (?, ?)", &statement));
    bind_text(statement, 1, key);
    bind_text(statement, 2, value);
    return finish(store, statement);
}

/* The value; *value is NULL where there is none. The caller frees it. */
static status get_run_value(struct store *store, const char *key, char **value) {
    sqlite3_stmt *statement;
    bool row;
    *value = NULL;
    TRY(prepare(store, "SELECT value FROM run WHERE key = ?", &statement));
    bind_text(statement, 1, key);
    TRY(next_row(store, statement, &row));
    if (row) {
        *value = memory_copy_text(column_text(statement, 0));
        sqlite3_finalize(statement);
    }
    return STATUS_OK;
}

static status open_database(struct store *store, int flags) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.db", store->path);
    if (sqlite3_open_v2(path, &store->database, flags, NULL) != SQLITE_OK)
        return fail("opening %s: %s", path, sqlite3_errmsg(store->database));
    sqlite3_busy_timeout(store->database, 10000);
    return STATUS_OK;
}

/* ---- creating ---- */

static status make_schema(struct store *store) {
    struct text sql = {0};
    text_append(&sql, "%s", schema);
    for (int m = 0; m < METRICS; m++)
        text_append(&sql, ", %s REAL", metric_table[m].name);
    text_append(&sql, ");");
    status outcome = execute(store, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    if (outcome == STATUS_OK)
        outcome = execute(store, sql.text);
    text_free(&sql);
    return outcome;
}

static status fill_folder(struct store *store, const char *const facts[RUN_FACTS]) {
    static const struct {
        enum run_fact fact;
        const char *file;
    } copies[] = {{FACT_CONFIG, "config.cfg"}, {FACT_CATALOGUE, "catalogue.cfg"}};
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof copies / sizeof *copies; i++) {
        const char *text = facts[copies[i].fact];
        snprintf(path, sizeof path, "%s/%s", store->path, copies[i].file);
        TRY(file_write(path, text, strlen(text)));
    }
    snprintf(path, sizeof path, "%s/checkpoints", store->path);
    TRY(file_make_directory(path));
    TRY(open_database(store, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    TRY(make_schema(store));
    TRY(execute(store, "BEGIN"));
    for (int fact = 0; fact < RUN_FACTS; fact++)
        TRY(put_run_value(store, fact_names[fact], facts[fact]));
    TRY(put_run_value(store, "status", "running"));
    return execute(store, "COMMIT");
}

static void remove_folder(const char *path) {
    DIR *folder = opendir(path);
    if (folder) {
        for (struct dirent *entry; (entry = readdir(folder));) {
            char entry_path[PATH_MAX];
            snprintf(entry_path, sizeof entry_path, "%s/%s", path, entry->d_name);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlink(entry_path) != 0)
                rmdir(entry_path);
        }
        closedir(folder);
    }
    rmdir(path);
}

static void free_store(struct store *store) {
    if (store->log)
        fclose(store->log);
    if (store->lock >= 0)
        close(store->lock);
    sqlite3_close(store->database);
    for (int fact = 0; fact < RUN_FACTS; fact++)
        free(store->facts[fact]);
    free(store->path);
    free(store);
}

static struct store *new_store(const char *path) {
    struct store *store = memory_allocate(1, sizeof *store);
    store->path = memory_copy_text(path);
    store->lock = -1;
    return store;
}

/* Gives the complete folder `from` the name `to`, unless something has it. */
static status rename_new(const char *from, const char *to) {
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return STATUS_OK;
    /* Not every file system knows the flag; rename() alone replaces an empty folder at most. */
    if (errno == EINVAL && !file_exists(to) && rename(from, to) == 0)
        return STATUS_OK;
    if (errno == EEXIST || errno == ENOTEMPTY || file_exists(to))
        return fail_usage("%s exists and is not overwritten; choose another folder with --run, or go on with that run: "
                          "starcl resume %s",
                          to, to);
    return fail("cannot make the run folder %s: %s", to, strerror(errno));
}

static status make_parent(const char *path) {
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash || slash == parent)
        return STATUS_OK;
    *slash = '\0';
    return file_make_directory(parent);
}

/* runs/<name>-<number>: the first number whose folder does not exist yet. */
static void next_default_path(const char *name, char *path, size_t bytes) {
    int number = 0;
    do
        snprintf(path, bytes, "runs/%s-%03d", name, ++number);
    while (file_exists(path));
}

static status create_at(const char *path, const char *const facts[RUN_FACTS]) {
    if (file_exists(path))
        return rename_new(path, path); /* refuses */
    TRY(make_parent(path));
    char new_path[PATH_MAX];
    int length = snprintf(new_path, sizeof new_path, "%s.%ld.new", path, (long)getpid());
    if (length >= (int)sizeof new_path)
        return fail_usage("the path %s is too long", path);
    if (mkdir(new_path, 0777) != 0)
        return fail("cannot make the folder %s: %s", new_path, strerror(errno));
    struct store *store = new_store(new_path);
    status outcome = fill_folder(store, facts);
    free_store(store);
    if (outcome == STATUS_OK)
        outcome = rename_new(new_path, path);
    if (outcome != STATUS_OK)
        remove_folder(new_path);
    return outcome;
}

status store_create(const char *path, const char *const facts[RUN_FACTS], struct store **store) {
    char chosen[PATH_MAX];
    *store = NULL;
    if (path) {
        snprintf(chosen, sizeof chosen, "%s", path);
        for (size_t length = strlen(chosen); length > 1 && chosen[length - 1] == '/'; length--)
            chosen[length - 1] = '\0';
        TRY(create_at(chosen, facts));
    } else {
        /* Two searches that start together may want one number: the later one takes the next. */
        status outcome = STATUS_USAGE;
        for (int tries = 0; outcome == STATUS_USAGE && tries < 100; tries++) {
            next_default_path(facts[FACT_NAME], chosen, sizeof chosen);
            outcome = create_at(chosen, facts);
        }
        TRY(outcome);
    }
    return store_open(chosen, true, store);
}

/* ---- opening ---- */

/* A process that was just killed may hold its lock for a moment more. */
static bool lock_descriptor(int descriptor) {
    enum { TRIES = 30 };
    const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    for (int tries = 0; flock(descriptor, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (tries == TRIES)
            return false;
        nanosleep(&pause, NULL);
    }
    return true;
}

static status lock_run(struct store *store) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/config.cfg", store->path);
    store->lock = open(path, O_RDONLY | O_CLOEXEC);
    if (store->lock < 0)
        return fail("cannot open %s: %s", path, strerror(errno));
    if (!lock_descriptor(store->lock))
        return fail("another starcl is working on the run %s", store->path);
    snprintf(path, sizeof path, "%s/log.jsonl", store->path);
    store->log = fopen(path, "a");
    return store->log ? STATUS_OK : fail("cannot write %s: %s", path, strerror(errno));
}

static status read_facts(struct store *store) {
    for (int fact = 0; fact < RUN_FACTS; fact++) {
        TRY(get_run_value(store, fact_names[fact], &store->facts[fact]));
        if (!store->facts[fact] && fact == FACT_GEMM)
            store->facts[fact] = memory_copy_text("");
        if (!store->facts[fact])
            return fail("%s/run.db is damaged or not a run's: it has no '%s'", store->path, fact_names[fact]);
    }
    return STATUS_OK;
}

static status open_run(struct store *store, bool for_writing) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/run.db", store->path);
    if (!file_exists(path))
        return fail_usage("%s is not a run: it has no run.db", store->path);
    if (for_writing)
        TRY(lock_run(store));
    TRY(open_database(store, for_writing ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY));
    if (for_writing)
        TRY(execute(store, "PRAGMA synchronous = FULL;"));
    return read_facts(store);
}

status store_open(const char *path, bool for_writing, struct store **result) {
    struct store *store = new_store(path);
    *result = NULL;
    for (size_t length = strlen(store->path); length > 1 && store->path[length - 1] == '/'; length--)
        store->path[length - 1] = '\0';
    status outcome = open_run(store, for_writing);
    if (outcome == STATUS_OK)
        *result = store;
    else
        free_store(store);
    return outcome;
}

void store_close(struct store *store) {
    if (store)
        free_store(store);
}

const char *store_path(const struct store *store) {
    return store->path;
}

const char *store_fact(const struct store *store, enum run_fact fact) {
    return store->facts[fact];
}

status store_set_status(struct store *store, const char *run_status) {
    return put_run_value(store, "status", run_status);
}

status store_get_status(struct store *store, char *buffer, size_t bytes) {
    char *value;
    TRY(get_run_value(store, "status", &value));
    snprintf(buffer, bytes, "%s", value ? value : "unknown");
    free(value);
    return STATUS_OK;
}

/* ---- candidates and evaluations ---- */

status store_add_candidate(struct store *store, const struct individual *individual) {
    char genome[GENOME_TEXT_BYTES];
    sqlite3_stmt *statement;
    TRY(prepare(store, "INSERT OR IGNORE INTO candidates VALUES (?, ?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, individual->id);
    sqlite3_bind_int(statement, 2, individual->generation);
    bind_text(statement, 3, genome_print(&individual->genome, genome));
    for (int i = 0; i < 2; i++)
        if (individual->parents[i])
            sqlite3_bind_int(statement, 4 + i, individual->parents[i]);
    return finish(store, statement);
}

status store_add_evaluation(struct store *store, const struct genome *genome, const char *device,
                            const struct evaluation *evaluation) {
    char genome_text[GENOME_TEXT_BYTES];
    struct text sql = {0};
    text_append(&sql, "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?, ?");
    for (int m = 0; m < METRICS; m++)
        text_append(&sql, ", ?");
    text_append(&sql, ")");
    sqlite3_stmt *statement;
    status outcome = prepare(store, sql.text, &statement);
    text_free(&sql);
    TRY(outcome);
    bind_text(statement, 1, genome_print(genome, genome_text));
    bind_text(statement, 2, evaluation->failed ? "failed" : "done");
    if (evaluation->failed)
        bind_text(statement, 3, evaluation->reason);
    sqlite3_bind_int64(statement, 4, (sqlite3_int64)evaluation->seed);
    bind_text(statement, 5, device);
    sqlite3_bind_double(statement, 6, evaluation->seconds);
    for (int m = 0; m < METRICS; m++)
        if (!evaluation->failed)
            sqlite3_bind_double(statement, 7 + m, evaluation->metrics.values[m]);
    return finish(store, statement);
}

#define EVALUATION_COLUMNS "e.status, e.reason, e.seed, e.seconds"

static void append_metric_columns(struct text *sql) {
    for (int m = 0; m < METRICS; m++)
        text_append(sql, ", e.%s", metric_table[m].name);
}

/* From the columns of EVALUATION_COLUMNS and append_metric_columns(), the first of which is `first`. */
static void read_evaluation(sqlite3_stmt *statement, int first, struct evaluation *evaluation) {
    memset(evaluation, 0, sizeof *evaluation);
    evaluation->failed = strcmp(column_text(statement, first), "done") != 0;
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", column_text(statement, first + 1));
    evaluation->seed = (unsigned long long)sqlite3_column_int64(statement, first + 2);
    evaluation->seconds = sqlite3_column_double(statement, first + 3);
    for (int m = 0; m < METRICS; m++)
        evaluation->metrics.values[m] = sqlite3_column_double(statement, first + 4 + m);
}

status store_find_evaluation(struct store *store, const struct genome *genome, bool *found,
                             struct evaluation *evaluation) {
    char genome_text[GENOME_TEXT_BYTES];
    struct text sql = {0};
    text_append(&sql, "SELECT " EVALUATION_COLUMNS);
    append_metric_columns(&sql);
    text_append(&sql, " FROM evaluations e WHERE e.genome = ?");
    sqlite3_stmt *statement;
    status outcome = prepare(store, sql.text, &statement);
    text_free(&sql);
    TRY(outcome);
    bind_text(statement, 1, genome_print(genome, genome_text));
    TRY(next_row(store, statement, found));
    if (*found) {
        read_evaluation(statement, 0, evaluation);
        sqlite3_finalize(statement);
    }
    return STATUS_OK;
}

static status add_survivor(struct store *store, int generation, int place, const struct individual *survivor) {
    sqlite3_stmt *statement;
    TRY(prepare(store, "INSERT OR IGNORE INTO generations VALUES (?, ?, ?, ?)", &statement));
    sqlite3_bind_int(statement, 1, generation);
    sqlite3_bind_int(statement, 2, place);
    sqlite3_bind_int(statement, 3, survivor->id);
    sqlite3_bind_int(statement, 4, survivor->rank);
    return finish(store, statement);
}

status store_add_generation(struct store *store, int generation, const struct individual *survivors, int count) {
    TRY(execute(store, "BEGIN"));
    for (int i = 0; i < count; i++)
        TRY(add_survivor(store, generation, i, &survivors[i]));
    return execute(store, "COMMIT");
}

static status read_candidate(sqlite3_stmt *statement, struct candidate *candidate) {
    memset(candidate, 0, sizeof *candidate);
    struct individual *individual = &candidate->individual;
    individual->id = sqlite3_column_int(statement, 0);
    individual->generation = sqlite3_column_int(statement, 1);
    individual->parents[0] = sqlite3_column_int(statement, 3);
    individual->parents[1] = sqlite3_column_int(statement, 4);
    read_evaluation(statement, 5, &candidate->evaluation);
    individual->failed = candidate->evaluation.failed;
    return genome_parse(column_text(statement, 2), &individual->genome);
}

status store_candidates(struct store *store, struct candidate **candidates, int *count) {
    struct text sql = {0};
    text_append(&sql, "SELECT min(c.id), c.generation, c.genome, c.parent_1, c.parent_2, " EVALUATION_COLUMNS);
    append_metric_columns(&sql);
    text_append(&sql, " FROM evaluations e JOIN candidates c ON c.genome = e.genome GROUP BY e.genome ORDER BY 1");
    sqlite3_stmt *statement;
    status outcome = prepare(store, sql.text, &statement);
    text_free(&sql);
    TRY(outcome);
    *candidates = NULL;
    *count = 0;
    for (bool row = true; row;) {
        outcome = next_row(store, statement, &row);
        if (outcome == STATUS_OK && row) {
            *candidates = memory_resize(*candidates, (size_t)*count + 1, sizeof **candidates);
            outcome = read_candidate(statement, &(*candidates)[*count]);
            ++*count;
            if (outcome != STATUS_OK)
                sqlite3_finalize(statement);
        }
        if (outcome != STATUS_OK) {
            free(*candidates);
            *candidates = NULL;
            return outcome;
        }
    }
    return STATUS_OK;
}

/* ---- events and checkpoints ---- */

static status write_event(struct store *store, const char *stamp, const char *kind, const cJSON *details) {
    char *text = cJSON_PrintUnformatted(details);
    sqlite3_stmt *statement;
    status outcome = prepare(store, "INSERT INTO events VALUES (?, ?, ?)", &statement);
    if (outcome == STATUS_OK) {
        bind_text(statement, 1, stamp);
        bind_text(statement, 2, kind);
        bind_text(statement, 3, text);
        outcome = finish(store, statement);
    }
    if (outcome == STATUS_OK && (fprintf(store->log, "%s\n", text) < 0 || fflush(store->log) != 0))
        outcome = fail("cannot write %s/log.jsonl: %s", store->path, strerror(errno));
    cJSON_free(text);
    return outcome;
}

status store_log(struct store *store, const char *kind, cJSON *details) {
    cJSON *event = details ? details : cJSON_CreateObject();
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    cJSON_AddStringToObject(event, "time", stamp);
    cJSON_AddStringToObject(event, "event", kind);
    status outcome = write_event(store, stamp, kind, event);
    cJSON_Delete(event);
    return outcome;
}

void store_checkpoint_path(const struct store *store, int id, const char *extension, char *path, size_t bytes) {
    snprintf(path, bytes, "%s/checkpoints/%d.%s", store->path, id, extension);
}
