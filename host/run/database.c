/* What is the same for every engine, and the way to the one that a database has. */
#include "run/database.h"

#include "run/database_engine.h"

#include <math.h>

status database_copy(struct database *from, struct database **copy) {
    return from->engine->copy(from, copy);
}

void database_close(struct database *database) {
    if (database)
        database->engine->close(database);
}

const char *database_name(const struct database *database) {
    return database->name;
}

/* ---- statements ---- */

status database_execute(struct database *database, const char *sql) {
    return database->engine->execute(database, sql);
}

status database_define(struct database *database, const char *sql) {
    return database->engine->define(database, sql);
}

status database_number_rows(struct database *database, const char *table) {
    return database->engine->number_rows(database, table);
}

status database_prepare(struct database *database, const char *sql, struct statement **statement) {
    return database->engine->prepare(database, sql, statement);
}

void statement_bind_text(struct statement *statement, int place, const char *text) {
    statement->database->engine->bind_text(statement, place, text);
}

void statement_bind_integer(struct statement *statement, int place, long long value) {
    statement->database->engine->bind_integer(statement, place, value);
}

void statement_bind_number(struct statement *statement, int place, double value) {
    if (!isnan(value))
        statement->database->engine->bind_number(statement, place, value);
}

void statement_bind_bytes(struct statement *statement, int place, const void *bytes, size_t length) {
    statement->database->engine->bind_bytes(statement, place, bytes, length);
}

status statement_finish(struct statement *statement) {
    return statement->database->engine->finish(statement);
}

status statement_finish_unseen(struct statement *statement) {
    return statement->database->engine->finish_unseen(statement);
}

status statement_row(struct statement *statement, bool *row) {
    return statement->database->engine->row(statement, row);
}

void statement_end(struct statement *statement) {
    statement->database->engine->end(statement);
}

const char *statement_text(struct statement *statement, int column) {
    const char *text = statement->database->engine->text(statement, column);
    return text ? text : "";
}

long long statement_integer(struct statement *statement, int column) {
    return statement->database->engine->integer(statement, column);
}

double statement_number(struct statement *statement, int column) {
    return statement->database->engine->number(statement, column);
}

const void *statement_bytes(struct statement *statement, int column, size_t *length) {
    return statement->database->engine->bytes(statement, column, length);
}

bool statement_is_null(struct statement *statement, int column) {
    return statement->database->engine->is_null(statement, column);
}

status database_number(struct database *database, const char *sql, long long *value) {
    struct statement *statement;
    bool row;
    TRY(database_prepare(database, sql, &statement));
    TRY(statement_row(statement, &row));
    if (!row)
        return fail("reading %s: nothing answers %s", database->name, sql);
    *value = statement_integer(statement, 0);
    statement_end(statement);
    return STATUS_OK;
}

/* ---- transactions ---- */

status database_begin(struct database *database) {
    return database->engine->begin(database);
}

status database_conclude(struct database *database, status outcome) {
    if (outcome == STATUS_OK)
        outcome = database->engine->commit(database);
    if (outcome != STATUS_OK)
        database->engine->roll_back(database);
    return outcome;
}

status database_hold(struct database *database) {
    return database->engine->hold(database);
}

/* ---- what an engine keeps beside the tables ---- */

status database_version(struct database *database, long long *version) {
    return database->engine->version(database, version);
}

status database_set_version(struct database *database, long long version) {
    return database->engine->set_version(database, version);
}

status database_changes(struct database *database, long long *number) {
    return database->engine->changes(database, number);
}

/* ---- the session ---- */

status database_lock(struct database *database, long long key, bool *taken) {
    return database->engine->lock(database, key, taken);
}

void database_set_patience(struct database *database, double seconds) {
    database->engine->set_patience(database, seconds);
}
