/* SQLite, of a file: the engine that every starcl has. No other file calls it. */
#include "base/memory.h"
#include "run/database_engine.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sqlite {
    struct database database;
    sqlite3 *handle;
};

struct sqlite_statement {
    struct statement statement;
    sqlite3_stmt *handle;
};

static const struct engine engine;

static sqlite3 *handle_of(const struct database *database) {
    return ((const struct sqlite *)database)->handle;
}

static sqlite3_stmt *steps_of(const struct statement *statement) {
    return ((const struct sqlite_statement *)statement)->handle;
}

/* "writing runs/x/run.db: disk I/O error (No space left on device)": SQLite's words, and the system's where it has any.
 */
static status error(const struct database *database, const char *what) {
    sqlite3 *handle = handle_of(database);
    int code = sqlite3_errcode(handle) & 0xff, system = sqlite3_system_errno(handle);
    bool of_system = system != 0 && (code == SQLITE_IOERR || code == SQLITE_FULL || code == SQLITE_CANTOPEN);
    return fail("%s %s: %s%s%s%s", what, database->name, sqlite3_errmsg(handle), of_system ? " (" : "",
                of_system ? strerror(system) : "", of_system ? ")" : "");
}

/* ---- opening ---- */

static struct sqlite *new_database(const char *path) {
    struct sqlite *sqlite = memory_allocate(1, sizeof *sqlite);
    sqlite->database = (struct database){.engine = &engine, .name = memory_copy_text(path)};
    return sqlite;
}

static status open_handle(struct sqlite *sqlite, const char *file, int flags) {
    if (sqlite3_open_v2(file, &sqlite->handle, flags, NULL) != SQLITE_OK)
        return error(&sqlite->database, "opening");
    sqlite3_busy_timeout(sqlite->handle, 10000);
    return STATUS_OK;
}

status database_open(const char *path, enum database_access access, struct database **result) {
    static const int flags[] = {[DATABASE_READ] = SQLITE_OPEN_READONLY,
                                [DATABASE_WRITE] = SQLITE_OPEN_READWRITE,
                                [DATABASE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    struct sqlite *sqlite = new_database(path);
    *result = NULL;
    status outcome = open_handle(sqlite, path, flags[access]);
    if (outcome == STATUS_OK && access == DATABASE_CREATE)
        outcome = database_execute(&sqlite->database, "PRAGMA journal_mode = WAL;");
    if (outcome == STATUS_OK && access != DATABASE_READ)
        outcome = database_execute(&sqlite->database, "PRAGMA synchronous = FULL;");
    if (outcome == STATUS_OK)
        *result = &sqlite->database;
    else
        database_close(&sqlite->database);
    return outcome;
}

static status copy(struct database *from, struct database **result) {
    struct sqlite *to = new_database(from->name);
    *result = NULL;
    status outcome = open_handle(to, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (outcome == STATUS_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(to->handle, "main", handle_of(from), "main");
        if (backup)
            sqlite3_backup_step(backup, -1);
        if (!backup || sqlite3_backup_finish(backup) != SQLITE_OK)
            outcome = error(&to->database, "reading");
    }
    if (outcome == STATUS_OK)
        *result = &to->database;
    else
        database_close(&to->database);
    return outcome;
}

static void close_database(struct database *database) {
    sqlite3 *handle = handle_of(database);
    /* SQLite does so by itself only where nobody else reads: a copy of the file alone is to hold everything. */
    if (handle)
        (void)sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    sqlite3_close(handle);
    free(database->name);
    free(database);
}

/* ---- statements ---- */

static status execute(struct database *database, const char *sql) {
    if (sqlite3_exec(handle_of(database), sql, NULL, NULL, NULL) != SQLITE_OK)
        return error(database, "writing");
    return STATUS_OK;
}

/* It numbers rows by itself. */
static status number_rows(struct database *database, const char *table) {
    (void)database, (void)table;
    return STATUS_OK;
}

static status prepare(struct database *database, const char *sql, struct statement **result) {
    sqlite3_stmt *handle;
    if (sqlite3_prepare_v2(handle_of(database), sql, -1, &handle, NULL) != SQLITE_OK)
        return error(database, "reading");
    struct sqlite_statement *statement = memory_allocate(1, sizeof *statement);
    *statement = (struct sqlite_statement){.statement = {database}, .handle = handle};
    *result = &statement->statement;
    return STATUS_OK;
}

/* To SQLite "$3" is the name of a parameter. */
static int parameter(const struct statement *statement, int place) {
    char name[16];
    snprintf(name, sizeof name, "$%d", place);
    return sqlite3_bind_parameter_index(steps_of(statement), name);
}

static void bind_text(struct statement *statement, int place, const char *text) {
    sqlite3_bind_text(steps_of(statement), parameter(statement, place), text, -1, SQLITE_TRANSIENT);
}

static void bind_integer(struct statement *statement, int place, long long value) {
    sqlite3_bind_int64(steps_of(statement), parameter(statement, place), value);
}

static void bind_number(struct statement *statement, int place, double value) {
    sqlite3_bind_double(steps_of(statement), parameter(statement, place), value);
}

static void bind_bytes(struct statement *statement, int place, const void *bytes, size_t length) {
    sqlite3_bind_blob64(steps_of(statement), parameter(statement, place), bytes, length, SQLITE_TRANSIENT);
}

static void end(struct statement *statement) {
    sqlite3_finalize(steps_of(statement));
    free(statement);
}

static status finish(struct statement *statement) {
    int code = sqlite3_step(steps_of(statement));
    status outcome = code == SQLITE_DONE ? STATUS_OK : error(statement->database, "writing");
    end(statement);
    return outcome;
}

static status row(struct statement *statement, bool *is_row) {
    int code = sqlite3_step(steps_of(statement));
    *is_row = code == SQLITE_ROW;
    if (*is_row)
        return STATUS_OK;
    status outcome = code == SQLITE_DONE ? STATUS_OK : error(statement->database, "reading");
    end(statement);
    return outcome;
}

static const char *text(struct statement *statement, int column) {
    return (const char *)sqlite3_column_text(steps_of(statement), column);
}

static long long integer(struct statement *statement, int column) {
    return sqlite3_column_int64(steps_of(statement), column);
}

static double number(struct statement *statement, int column) {
    return sqlite3_column_double(steps_of(statement), column);
}

static const void *bytes(struct statement *statement, int column, size_t *length) {
    const void *found = sqlite3_column_blob(steps_of(statement), column);
    *length = (size_t)sqlite3_column_bytes(steps_of(statement), column);
    return found;
}

static bool is_null(struct statement *statement, int column) {
    return sqlite3_column_type(steps_of(statement), column) == SQLITE_NULL;
}

/* ---- transactions ---- */

static status begin(struct database *database) {
    /* Immediate: a transaction that will write waits for its turn here, and not in its middle. */
    return execute(database, "BEGIN IMMEDIATE");
}

static status commit(struct database *database) {
    return execute(database, "COMMIT");
}

static void roll_back(struct database *database) {
    /* A full disk has rolled back by itself. What a roll-back could fail of, the next opening repairs. */
    if (!sqlite3_get_autocommit(handle_of(database)))
        sqlite3_exec(handle_of(database), "ROLLBACK", NULL, NULL, NULL);
}

static status hold(struct database *database) {
    long long version;
    if (!sqlite3_get_autocommit(handle_of(database)))
        TRY(execute(database, "COMMIT"));
    TRY(execute(database, "BEGIN"));
    /* SQLite takes the snapshot with the first reading. */
    return database_number(database, "PRAGMA schema_version", &version);
}

/* ---- what is kept beside the tables ---- */

static status version(struct database *database, long long *number_of_tables) {
    return database_number(database, "PRAGMA user_version", number_of_tables);
}

static status set_version(struct database *database, long long number_of_tables) {
    char sql[64];
    snprintf(sql, sizeof sql, "PRAGMA user_version = %lld;", number_of_tables);
    return execute(database, sql);
}

static status changes(struct database *database, long long *number_of_changes) {
    return database_number(database, "PRAGMA data_version", number_of_changes);
}

/* ---- the session: a file is locked by its folder, and never lost ---- */

static status lock(struct database *database, long long key, bool *taken) {
    (void)database, (void)key;
    *taken = true;
    return STATUS_OK;
}

static void set_patience(struct database *database, double seconds) {
    (void)database, (void)seconds;
}

const char *database_sqlite_version(void) {
    return sqlite3_libversion();
}

static const struct engine engine = {
    .copy = copy,
    .close = close_database,
    .execute = execute,
    .define = execute,
    .number_rows = number_rows,
    .prepare = prepare,
    .bind_text = bind_text,
    .bind_integer = bind_integer,
    .bind_number = bind_number,
    .bind_bytes = bind_bytes,
    .finish = finish,
    .finish_unseen = finish,
    .row = row,
    .end = end,
    .text = text,
    .integer = integer,
    .number = number,
    .bytes = bytes,
    .is_null = is_null,
    .begin = begin,
    .commit = commit,
    .roll_back = roll_back,
    .hold = hold,
    .version = version,
    .set_version = set_version,
    .changes = changes,
    .lock = lock,
    .set_patience = set_patience,
};
