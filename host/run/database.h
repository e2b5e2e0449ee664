/*
 * SQLite as a room of starcl wants it: statuses with the path and the reason in words, and transactions that are either
 * whole or rolled back. Knows nothing about what the tables hold; store.c does.
 */
#ifndef STARCL_RUN_DATABASE_H
#define STARCL_RUN_DATABASE_H

#include "base/status.h"

#include <sqlite3.h>
#include <stdbool.h>

struct database;

enum database_access {
    DATABASE_READ,
    DATABASE_WRITE,  /* of a database that exists */
    DATABASE_CREATE, /* of one that does not; it gets a write-ahead log, so that readers never wait */
};

/*
 * Opens the file. What a writer has committed is on the disk. Others that hold the database are waited for, ten seconds
 * at most.
 */
status database_open(const char *path, enum database_access access, struct database **database) MUST_CHECK;
/* A copy in memory, which may be written to without touching the file; `path` of the original stays in messages. */
status database_copy(struct database *from, struct database **copy) MUST_CHECK;
/* NULL is allowed. A transaction that is open is rolled back. */
void database_close(struct database *database);

/* Runs SQL that returns nothing; may be several statements. */
status database_execute(struct database *database, const char *sql) MUST_CHECK;

/* A statement, ended by database_finish(), by database_row() without a row or with a failure, or by database_end(). */
status database_prepare(struct database *database, const char *sql, sqlite3_stmt **statement) MUST_CHECK;
/* Copies the text. Parameters count from 1; those that are not bound are NULL. */
void database_bind_text(sqlite3_stmt *statement, int index, const char *text);
/* Runs a statement that returns no rows, and ends it. */
status database_finish(struct database *database, sqlite3_stmt *statement) MUST_CHECK;
/* Steps to the next row; *row tells whether there is one. Otherwise, and after a failure, the statement is ended. */
status database_row(struct database *database, sqlite3_stmt *statement, bool *row) MUST_CHECK;
/* Columns count from 0; "" for NULL. Valid until the next row. */
const char *database_column_text(sqlite3_stmt *statement, int index);
/* Ends a statement before its last row. */
void database_end(sqlite3_stmt *statement);

/* The first column of the first row, which must exist. */
status database_number(struct database *database, const char *sql, long long *value) MUST_CHECK;

/*
 * A transaction: begin, do, then conclude with the outcome of what was done. With STATUS_OK it is committed; after a
 * failure, of what was done or of the commit, everything since the beginning is rolled back, and the failure is
 * returned with its message as it was.
 */
status database_begin(struct database *database) MUST_CHECK;
status database_conclude(struct database *database, status outcome) MUST_CHECK;

/* From now on, until it is closed or this is called again, the database is read as it is now. */
status database_hold(struct database *database) MUST_CHECK;

#endif
