/*
 * PostgreSQL, of a server, as an engine: statements through libpq. What is asked goes through postgres_calls.c, which
 * asks again where the connection is lost.
 *
 * Beside `changes`, which that counts in, the engine has a table of its own for the version of the others:
 * `schema_version`, a row.
 */
#include "run/database_postgres.h"

#include "base/memory.h"
#include "run/postgres_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

struct postgres_statement {
    struct statement statement;
    struct call call;
    PGresult *result; /* NULL: it was not run yet */
    int row;
    unsigned char *bytes; /* of the column that was asked for last */
};

static const struct engine engine;

status postgres_open(const char *url, const char *schema, const char *name, enum database_access access,
                     struct database **result) {
    *result = NULL;
    TRY(postgres_check_url(url));
    struct postgres *postgres = memory_allocate(1, sizeof *postgres);
    postgres->database = (struct database){.engine = &engine, .name = memory_copy_text(name)};
    postgres->url = memory_copy_text(url);
    postgres->schema = memory_copy_text(schema);
    postgres->access = access;
    if (getrandom(&postgres->writer, sizeof postgres->writer, 0) != (ssize_t)sizeof postgres->writer)
        postgres->writer = ((long long)getpid() << 32) ^ (long long)time(NULL);
    status outcome = postgres_connect(postgres);
    if (outcome == STATUS_OK)
        *result = &postgres->database;
    else
        database_close(&postgres->database);
    return outcome;
}

/* ---- statements ---- */

static status execute(struct database *database, const char *sql) {
    struct postgres *postgres = postgres_of(database);
    struct call call = {.sql = memory_copy_text(sql), .several = true};
    PGresult *result = NULL;
    status outcome = postgres_run_call(postgres, "writing", &call, &result);
    PQclear(result);
    if (outcome == STATUS_OK && postgres->in_transaction)
        postgres_remember_call(postgres, &call);
    else
        postgres_free_call(&call);
    return outcome;
}

static status define(struct database *database, const char *sql) {
    char *ours = postgres_translate(sql);
    status outcome = execute(database, ours);
    free(ours);
    return outcome;
}

static status number_rows(struct database *database, const char *table) {
    char sql[128];
    snprintf(sql, sizeof sql, "ALTER TABLE %s ADD COLUMN rowid BIGINT GENERATED ALWAYS AS IDENTITY", table);
    return execute(database, sql);
}

/* $1 to the last one: those that are not bound are there, too, and NULL. */
static int count_parameters(const char *sql) {
    int count = 0;
    for (const char *dollar = strchr(sql, '$'); dollar; dollar = strchr(dollar + 1, '$')) {
        int place = atoi(dollar + 1);
        count = place > count && place <= POSTGRES_PARAMETERS ? place : count;
    }
    return count;
}

static status prepare(struct database *database, const char *sql, struct statement **result) {
    struct postgres_statement *statement = memory_allocate(1, sizeof *statement);
    statement->statement.database = database;
    statement->call = (struct call){.sql = memory_copy_text(sql), .count = count_parameters(sql)};
    *result = &statement->statement;
    return STATUS_OK;
}

static struct postgres_statement *of(struct statement *statement) {
    return (struct postgres_statement *)statement;
}

static void bind(struct statement *statement, int place, const void *bytes, size_t length, int format) {
    struct call *call = &of(statement)->call;
    char *copy = memory_allocate(length + 1, 1);
    memcpy(copy, bytes, length);
    free(call->values[place - 1]);
    call->values[place - 1] = copy;
    call->lengths[place - 1] = (int)length;
    call->formats[place - 1] = format;
}

static void bind_text(struct statement *statement, int place, const char *text) {
    if (!text)
        return;
    bind(statement, place, text, strlen(text), 0);
    postgres_make_utf8(of(statement)->call.values[place - 1]);
}

static void bind_integer(struct statement *statement, int place, long long value) {
    char text[32];
    bind(statement, place, text, (size_t)snprintf(text, sizeof text, "%lld", value), 0);
}

static void bind_number(struct statement *statement, int place, double value) {
    char text[64];
    bind(statement, place, text, (size_t)snprintf(text, sizeof text, "%.17g", value), 0);
}

static void bind_bytes(struct statement *statement, int place, const void *bytes, size_t length) {
    bind(statement, place, bytes, length, 1);
}

static void end(struct statement *statement) {
    struct postgres_statement *own = of(statement);
    postgres_free_call(&own->call);
    PQclear(own->result);
    PQfreemem(own->bytes);
    free(own);
}

static status finish_within(struct postgres_statement *statement) {
    struct postgres *postgres = postgres_of(statement->statement.database);
    TRY(postgres_run_call(postgres, "writing", &statement->call, &statement->result));
    if (postgres->in_transaction)
        postgres_remember_call(postgres, &statement->call);
    return STATUS_OK;
}

static status finish(struct statement *statement) {
    struct database *database = statement->database;
    bool alone = !postgres_of(database)->in_transaction;
    status outcome = alone ? postgres_begin(database) : STATUS_OK;
    if (outcome == STATUS_OK)
        outcome = finish_within(of(statement));
    end(statement);
    return alone ? database_conclude(database, outcome) : outcome;
}

/* Nobody depends on it, so nobody waits for it. */
static status finish_unseen(struct statement *statement) {
    struct postgres *postgres = postgres_of(statement->database);
    bool done;
    status outcome = postgres_try_call(postgres, "writing", &of(statement)->call, &of(statement)->result, &done);
    end(statement);
    return outcome == STATUS_OK && !done ? STATUS_FAILED : outcome; /* with the message that there is */
}

static status row(struct statement *statement, bool *is_row) {
    struct postgres_statement *own = of(statement);
    struct postgres *postgres = postgres_of(statement->database);
    status outcome = STATUS_OK;
    if (own->result)
        own->row++;
    else {
        outcome = postgres_run_call(postgres, "reading", &own->call, &own->result);
        postgres->told = postgres->told || postgres->in_transaction;
    }
    *is_row = outcome == STATUS_OK && own->row < PQntuples(own->result);
    if (!*is_row)
        end(statement);
    return outcome;
}

static bool is_null(struct statement *statement, int column) {
    return PQgetisnull(of(statement)->result, of(statement)->row, column);
}

static const char *text(struct statement *statement, int column) {
    return PQgetvalue(of(statement)->result, of(statement)->row, column); /* "" for NULL */
}

static long long integer(struct statement *statement, int column) {
    return strtoll(text(statement, column), NULL, 10);
}

static double number(struct statement *statement, int column) {
    return strtod(text(statement, column), NULL);
}

static const void *bytes(struct statement *statement, int column, size_t *length) {
    struct postgres_statement *own = of(statement);
    PQfreemem(own->bytes);
    own->bytes = NULL;
    *length = 0;
    if (!is_null(statement, column))
        own->bytes = PQunescapeBytea((const unsigned char *)text(statement, column), length);
    return own->bytes;
}

/* ---- what is kept beside the tables ---- */

static status version(struct database *database, long long *number_of_tables) {
    return database_number(database, "SELECT version FROM schema_version", number_of_tables);
}

static status set_version(struct database *database, long long number_of_tables) {
    char sql[512];
    snprintf(sql, sizeof sql,
             "CREATE TABLE IF NOT EXISTS changes (writer BIGINT PRIMARY KEY, number BIGINT NOT NULL);"
             "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL);"
             "DELETE FROM schema_version; INSERT INTO schema_version VALUES (%lld);",
             number_of_tables);
    return execute(database, sql);
}

static status changes(struct database *database, long long *number_of_changes) {
    return database_number(database, "SELECT coalesce(sum(number), 0)::bigint FROM changes", number_of_changes);
}

/* ---- the session ---- */

static status copy(struct database *from, struct database **result) {
    *result = NULL;
    return fail_usage("%s has tables of an older version, which are renewed when it is opened to go on with: "
                      "starcl resume",
                      from->name);
}

static status lock(struct database *database, long long key, bool *taken) {
    struct postgres *postgres = postgres_of(database);
    postgres->lock = key;
    TRY(postgres_try_lock(postgres, taken));
    postgres->locked = *taken;
    return STATUS_OK;
}

static void set_patience(struct database *database, double seconds) {
    postgres_of(database)->patience = seconds;
}

static void close_database(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    postgres_forget_calls(postgres);
    PQfinish(postgres->connection);
    postgres_forget_plans(postgres);
    free(postgres->url);
    free(postgres->schema);
    free(database->name);
    free(postgres);
}

const char *database_postgres_version(void) {
    static char version_text[32];
    int number_of_library = PQlibVersion(); /* 150018 is 15.18 */
    snprintf(version_text, sizeof version_text, "%d.%d", number_of_library / 10000, number_of_library % 10000);
    return version_text;
}

static const struct engine engine = {
    .copy = copy,
    .close = close_database,
    .execute = execute,
    .define = define,
    .number_rows = number_rows,
    .prepare = prepare,
    .bind_text = bind_text,
    .bind_integer = bind_integer,
    .bind_number = bind_number,
    .bind_bytes = bind_bytes,
    .finish = finish,
    .finish_unseen = finish_unseen,
    .row = row,
    .end = end,
    .text = text,
    .integer = integer,
    .number = number,
    .bytes = bytes,
    .is_null = is_null,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .roll_back = postgres_roll_back,
    .hold = postgres_hold,
    .version = version,
    .set_version = set_version,
    .changes = changes,
    .lock = lock,
    .set_patience = set_patience,
};
