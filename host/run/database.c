#include "run/database.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct database {
    char *path; /* of messages */
    sqlite3 *handle;
};

/* "writing runs/x/run.db: disk I/O error (No space left on device)": SQLite's words, and the system's where it has any.
 */
static status database_error(const struct database *database, const char *what) {
    int code = sqlite3_errcode(database->handle) & 0xff, system = sqlite3_system_errno(database->handle);
    bool of_system = system != 0 && (code == SQLITE_IOERR || code == SQLITE_FULL || code == SQLITE_CANTOPEN);
    return fail("%s %s: %s%s%s%s", what, database->path, sqlite3_errmsg(database->handle), of_system ? " (" : "",
                of_system ? strerror(system) : "", of_system ? ")" : "");
}

static struct database *new_database(const char *path) {
    struct database *database = memory_allocate(1, sizeof *database);
    database->path = memory_copy_text(path);
    return database;
}

static status open_handle(struct database *database, const char *file, int flags) {
    if (sqlite3_open_v2(file, &database->handle, flags, NULL) != SQLITE_OK)
        return database_error(database, "opening");
    sqlite3_busy_timeout(database->handle, 10000);
    return STATUS_OK;
}

status database_open(const char *path, enum database_access access, struct database **result) {
    static const int flags[] = {[DATABASE_READ] = SQLITE_OPEN_READONLY,
                                [DATABASE_WRITE] = SQLITE_OPEN_READWRITE,
                                [DATABASE_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE};
    struct database *database = new_database(path);
    *result = NULL;
    status outcome = open_handle(database, path, flags[access]);
    if (outcome == STATUS_OK && access == DATABASE_CREATE)
        outcome = database_execute(database, "PRAGMA journal_mode = WAL;");
    if (outcome == STATUS_OK && access != DATABASE_READ)
        outcome = database_execute(database, "PRAGMA synchronous = FULL;");
    if (outcome == STATUS_OK)
        *result = database;
    else
        database_close(database);
    return outcome;
}

status database_copy(struct database *from, struct database **result) {
    struct database *copy = new_database(from->path);
    *result = NULL;
    status outcome = open_handle(copy, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    if (outcome == STATUS_OK) {
        sqlite3_backup *backup = sqlite3_backup_init(copy->handle, "main", from->handle, "main");
        if (backup)
            sqlite3_backup_step(backup, -1);
        if (!backup || sqlite3_backup_finish(backup) != SQLITE_OK)
            outcome = database_error(copy, "reading");
    }
    if (outcome == STATUS_OK)
        *result = copy;
    else
        database_close(copy);
    return outcome;
}

void database_close(struct database *database) {
    if (!database)
        return;
    /* SQLite does so by itself only where nobody else reads: a copy of the file alone is to hold everything. */
    if (database->handle)
        (void)sqlite3_wal_checkpoint_v2(database->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    sqlite3_close(database->handle);
    free(database->path);
    free(database);
}

status database_execute(struct database *database, const char *sql) {
    if (sqlite3_exec(database->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        return database_error(database, "writing");
    return STATUS_OK;
}

status database_prepare(struct database *database, const char *sql, sqlite3_stmt **statement) {
    if (sqlite3_prepare_v2(database->handle, sql, -1, statement, NULL) != SQLITE_OK)
        return database_error(database, "reading");
    return STATUS_OK;
}

void database_bind_text(sqlite3_stmt *statement, int index, const char *text) {
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

status database_finish(struct database *database, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    status outcome = code == SQLITE_DONE ? STATUS_OK : database_error(database, "writing");
    sqlite3_finalize(statement);
    return outcome;
}

status database_row(struct database *database, sqlite3_stmt *statement, bool *row) {
    int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (*row)
        return STATUS_OK;
    status outcome = code == SQLITE_DONE ? STATUS_OK : database_error(database, "reading");
    sqlite3_finalize(statement);
    return outcome;
}

const char *database_column_text(sqlite3_stmt *statement, int index) {
    const unsigned char *text = sqlite3_column_text(statement, index);
    return text ? (const char *)text : "";
}

void database_end(sqlite3_stmt *statement) {
    sqlite3_finalize(statement);
}

status database_number(struct database *database, const char *sql, long long *value) {
    sqlite3_stmt *statement;
    bool row;
    TRY(database_prepare(database, sql, &statement));
    TRY(database_row(database, statement, &row));
    if (!row)
        return fail("reading %s: nothing answers %s", database->path, sql);
    *value = sqlite3_column_int64(statement, 0);
    database_end(statement);
    return STATUS_OK;
}

status database_begin(struct database *database) {
    /* Immediate: a transaction that will write waits for its turn here, and not in its middle. */
    return database_execute(database, "BEGIN IMMEDIATE");
}

status database_conclude(struct database *database, status outcome) {
    if (outcome == STATUS_OK)
        outcome = database_execute(database, "COMMIT");
    /* A full disk has rolled back by itself. What a roll-back could fail of, the next opening repairs. */
    if (outcome != STATUS_OK && !sqlite3_get_autocommit(database->handle))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
    return outcome;
}

status database_hold(struct database *database) {
    long long version;
    if (!sqlite3_get_autocommit(database->handle))
        TRY(database_execute(database, "COMMIT"));
    TRY(database_execute(database, "BEGIN"));
    /* SQLite takes the snapshot with the first reading. */
    return database_number(database, "PRAGMA schema_version", &version);
}
