/*
 * A database as a room of starcl wants it, whichever engine keeps it: statuses with the place and the reason in words,
 * statements with parameters and columns, and transactions that are either whole or rolled back. Knows nothing about
 * what the tables hold; store.c does.
 *
 *     database_prepare() --> statement_bind_...() --> statement_finish()                            (nothing comes
 * back)
 *                                                 --> statement_row(), columns, statement_row(), ...
 *
 * Two engines: SQLite, of a file (database_sqlite.c), and PostgreSQL, of a server (database_postgres.c, where libpq was
 * there to build with). SQL is written once, in what both understand: parameters are $1, $2, ...; INSERT ... ON
 * CONFLICT, never INSERT OR REPLACE; tables are defined in SQLite's words by database_define().
 */
#ifndef STARCL_RUN_DATABASE_H
#define STARCL_RUN_DATABASE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

struct database;
struct statement;

enum database_access {
    DATABASE_READ,
    DATABASE_WRITE,  /* of a database that exists */
    DATABASE_CREATE, /* of one that does not; it gets a write-ahead log, so that readers never wait */
};

/*
 * Opens the file of a SQLite database. What a writer has committed is on the disk. Others that hold the database are
 * waited for, ten seconds at most.
 */
status database_open(const char *path, enum database_access access, struct database **database) MUST_CHECK;
/*
 * A copy in memory, which may be written to without touching the database; the original's name stays in messages.
 * Fails where the engine has none.
 */
status database_copy(struct database *from, struct database **copy) MUST_CHECK;
/* NULL is allowed. A transaction that is open is rolled back. */
void database_close(struct database *database);

/* What messages call it: the path of the file. Owned by the database. */
const char *database_name(const struct database *database);

/* ---- statements ---- */

/* Runs SQL that returns nothing; may be several statements. */
status database_execute(struct database *database, const char *sql) MUST_CHECK;
/*
 * The same of SQL that makes or alters tables. It says TEXT, INTEGER (64 bits), REAL (a double), BLOB, INTEGER PRIMARY
 * KEY (a number that a row gets by itself) and WITHOUT ROWID, and another engine puts its own words in their place.
 */
status database_define(struct database *database, const char *sql) MUST_CHECK;
/* From now on `rowid` tells the order in which rows were added to the table, which has no key of its own. */
status database_number_rows(struct database *database, const char *table) MUST_CHECK;

/* A statement, ended by statement_finish(), by statement_row() without a row or with a failure, or by statement_end().
 */
status database_prepare(struct database *database, const char *sql, struct statement **statement) MUST_CHECK;

/* Parameters $1, $2, ... are places 1, 2, ...; those that are not bound are NULL. What is bound is copied. */
void statement_bind_text(struct statement *statement, int place, const char *text);
void statement_bind_integer(struct statement *statement, int place, long long value);
/* Comes back bit for bit; NaN is NULL. */
void statement_bind_number(struct statement *statement, int place, double value);
void statement_bind_bytes(struct statement *statement, int place, const void *bytes, size_t length);

/* Runs a statement that returns no rows, and ends it. */
status statement_finish(struct statement *statement) MUST_CHECK;
/* The same of what nobody has to look at: database_changes() does not tell it. SQLite tells it all the same. */
status statement_finish_unseen(struct statement *statement) MUST_CHECK;
/* Steps to the next row; *row tells whether there is one. Otherwise, and after a failure, the statement is ended. */
status statement_row(struct statement *statement, bool *row) MUST_CHECK;
/* Ends a statement before its last row. */
void statement_end(struct statement *statement);

/* Columns of the row count from 0. Texts and bytes are valid until the next row. NULL is "", 0 and no bytes. */
const char *statement_text(struct statement *statement, int column);
long long statement_integer(struct statement *statement, int column);
double statement_number(struct statement *statement, int column);
const void *statement_bytes(struct statement *statement, int column, size_t *length);
bool statement_is_null(struct statement *statement, int column);

/* The first column of the first row, which must exist. */
status database_number(struct database *database, const char *sql, long long *value) MUST_CHECK;

/* ---- transactions ---- */

/*
 * A transaction: begin, do, then conclude with the outcome of what was done. With STATUS_OK it is committed; after a
 * failure, of what was done or of the commit, everything since the beginning is rolled back, and the failure is
 * returned with its message as it was. A statement outside is a transaction of its own.
 */
status database_begin(struct database *database) MUST_CHECK;
status database_conclude(struct database *database, status outcome) MUST_CHECK;

/* From now on, until it is closed or this is called again, the database is read as it is now. */
status database_hold(struct database *database) MUST_CHECK;

/* ---- what an engine keeps beside the tables ---- */

/* The version of the tables; 0 as long as none was set. */
status database_version(struct database *database, long long *version) MUST_CHECK;
status database_set_version(struct database *database, long long version) MUST_CHECK;

/* A number that is another one as soon as somebody else has committed something. */
status database_changes(struct database *database, long long *number) MUST_CHECK;

/*
 * Takes a lock, which `key` names, of the whole server's database, for as long as this one is open; *taken is false
 * while somebody else has it. A file is locked by its folder (folder.h): there it is always taken.
 */
status database_lock(struct database *database, long long key, bool *taken) MUST_CHECK;

/*
 * How long a server is waited for that is lost, 0 in the beginning. What a writer was doing is then done again, so that
 * nobody notices but the user, who is told; except for a transaction that has read something, which fails. Where the
 * server does not come back it is STATUS_INTERRUPTED, and every later call fails at once. A file is never lost.
 */
void database_set_patience(struct database *database, double seconds);

/* The libraries of the engines, for `starcl --version`; NULL: built without. */
const char *database_sqlite_version(void);
const char *database_postgres_version(void);

#endif
