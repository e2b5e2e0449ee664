/*
 * PostgreSQL, of a server: statements and transactions through libpq.
 *
 * A server may be gone for a while, a connection may break at any moment. Until it is committed a transaction is kept
 * here as the calls that it made, and where the connection is lost the whole of it is done again on the next one:
 *
 *     BEGIN  call  call  count  COMMIT     what is remembered: call, call
 *                    x                     lost here: BEGIN, call, and on
 *                               x          lost here, it may be committed or not: BEGIN, count, call, call, COMMIT
 *
 * The count tells which. Each writer counts what it commits in a row of its own of the table `changes`, whose next
 * number goes in once: where it is there already, the commit had come through, and where the old session still works on
 * it, the row is locked until that is decided. The sum of these rows is what readers look at; writers do not wait for
 * each other.
 *
 * A call may be done again because writers ask nothing in a transaction. One that did read a row is not: it fails.
 *
 * Beside `changes` the engine has a table of its own for the version of the others: `schema_version`, a row.
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

/* ---- calls ---- */

static void free_call(struct call *call) {
    for (int i = 0; i < call->count; i++)
        free(call->values[i]);
    free(call->sql);
    *call = (struct call){.sql = NULL};
}

static void forget_calls(struct postgres *postgres) {
    for (int c = 0; c < postgres->call_count; c++)
        free_call(&postgres->calls[c]);
    free(postgres->calls);
    postgres->calls = NULL;
    postgres->call_count = 0;
    postgres->counted = postgres->doubtful = false;
    postgres->told = false;
}

/* Takes it over. */
static void remember_call(struct postgres *postgres, struct call *call) {
    postgres->calls = memory_resize(postgres->calls, (size_t)postgres->call_count + 1, sizeof *postgres->calls);
    postgres->calls[postgres->call_count++] = *call;
    *call = (struct call){.sql = NULL};
}

static bool is_good(const PGresult *result) {
    ExecStatusType outcome = PQresultStatus(result);
    return outcome == PGRES_COMMAND_OK || outcome == PGRES_TUPLES_OK;
}

/* NULL: there are too many others. */
static struct plan *find_plan(struct postgres *postgres, const char *sql) {
    for (int p = 0; p < postgres->plan_count; p++)
        if (strcmp(postgres->plans[p].sql, sql) == 0)
            return &postgres->plans[p];
    if (postgres->plan_count == POSTGRES_PLANS)
        return NULL;
    struct plan *plan = &postgres->plans[postgres->plan_count++];
    *plan = (struct plan){.sql = memory_copy_text(sql)};
    return plan;
}

static PGresult *send_prepared(struct postgres *postgres, struct plan *plan, const struct call *call) {
    char name[16];
    snprintf(name, sizeof name, "plan%d", (int)(plan - postgres->plans));
    if (!plan->prepared) {
        PGresult *result = PQprepare(postgres->connection, name, call->sql, call->count, NULL);
        plan->prepared = is_good(result);
        if (!plan->prepared)
            return result;
        PQclear(result);
    }
    return PQexecPrepared(postgres->connection, name, call->count, (const char *const *)call->values, call->lengths,
                          call->formats, 0);
}

/* What is asked once is not worth the answer that preparing it takes. */
static PGresult *send_call(struct postgres *postgres, const struct call *call) {
    if (call->several)
        return PQexec(postgres->connection, call->sql);
    int known = postgres->plan_count;
    struct plan *plan = find_plan(postgres, call->sql);
    if (plan && known == postgres->plan_count)
        return send_prepared(postgres, plan, call);
    return PQexecParams(postgres->connection, call->sql, call->count, NULL, (const char *const *)call->values,
                        call->lengths, call->formats, 0);
}

/* *done: it was; otherwise the connection was lost meanwhile. */
static status try_call(struct postgres *postgres, const char *what, const struct call *call, PGresult **result,
                       bool *done) {
    *result = send_call(postgres, call);
    *done = is_good(*result);
    if (*done)
        return STATUS_OK;
    status said = postgres_error(postgres, what, *result);
    bool lost = postgres_is_lost(postgres, *result);
    PQclear(*result);
    *result = NULL;
    return lost ? STATUS_OK : said;
}

static status count(struct postgres *postgres, bool *done, bool *is_there);

/*
 * The beginning of the transaction once more, on a connection that may break again: *done tells. Where it turns out to
 * be committed, nothing is open.
 */
static status repeat_transaction(struct postgres *postgres, bool *done) {
    const struct call begin = {.sql = (char *)"BEGIN", .several = true};
    PGresult *result;
    bool is_there = false;
    postgres->counted = false;
    TRY(try_call(postgres, "writing", &begin, &result, done));
    PQclear(result);
    if (*done && postgres->doubtful)
        TRY(count(postgres, done, &is_there));
    if (is_there) {
        PQclear(PQexec(postgres->connection, "ROLLBACK"));
        postgres->in_transaction = false;
        return STATUS_OK;
    }
    for (int c = 0; *done && c < postgres->call_count; c++) {
        TRY(try_call(postgres, "writing", &postgres->calls[c], &result, done));
        PQclear(result);
    }
    return STATUS_OK;
}

/* To where the connection was lost. */
static status restore(struct postgres *postgres) {
    if (postgres->told)
        return fail("the connection to %s was lost while it was read", postgres->database.name);
    for (bool done = false; !done;) {
        done = true;
        TRY(postgres_reconnect(postgres));
        if (postgres->in_transaction)
            TRY(repeat_transaction(postgres, &done));
    }
    return STATUS_OK;
}

/* A server that each time breaks the connection at the same call is not asked for ever. */
static status run_call(struct postgres *postgres, const char *what, const struct call *call, PGresult **result) {
    enum { TRIES = 10 };
    bool done = false;
    for (int tries = 0; tries < TRIES; tries++) {
        TRY(try_call(postgres, what, call, result, &done));
        if (done)
            return STATUS_OK;
        TRY(restore(postgres));
    }
    return fail("%s %s: the connection breaks each time", what, postgres->database.name);
}

/* Runs SQL without parameters that says nothing of interest. */
static status run_sql(struct postgres *postgres, const char *what, const char *sql) {
    const struct call call = {.sql = (char *)sql, .several = true};
    PGresult *result;
    TRY(run_call(postgres, what, &call, &result));
    PQclear(result);
    return STATUS_OK;
}

/* ---- transactions ---- */

static status begin(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    TRY(run_sql(postgres, "writing", "BEGIN"));
    postgres->in_transaction = true;
    return STATUS_OK;
}

static void roll_back(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    if (postgres->in_transaction)
        PQclear(PQexec(postgres->connection, "ROLLBACK")); /* one of a lost connection has been */
    postgres->in_transaction = false;
    forget_calls(postgres);
}

/* Counts the transaction among this writer's; *is_there: it is one of them already. *done as that of try_call(). */
static status count(struct postgres *postgres, bool *done, bool *is_there) {
    char writer[32], number[32];
    const struct call call = {.sql = (char *)"INSERT INTO changes VALUES ($1, $2) ON CONFLICT (writer) DO UPDATE"
                                             " SET number = excluded.number WHERE changes.number < excluded.number"
                                             " RETURNING number",
                              .count = 2,
                              .values = {writer, number}};
    PGresult *result;
    snprintf(writer, sizeof writer, "%lld", postgres->writer);
    snprintf(number, sizeof number, "%lld", postgres->commits + 1);
    TRY(try_call(postgres, "writing", &call, &result, done));
    *is_there = *done && PQntuples(result) == 0;
    postgres->counted = *done;
    PQclear(result);
    return STATUS_OK;
}

/* Ends with *committed, or where the connection was lost with the transaction open as it was. */
static status try_commit(struct postgres *postgres, bool *committed) {
    const struct call call = {.sql = (char *)"COMMIT", .several = true};
    PGresult *result;
    bool done = true, is_there = false;
    if (!postgres->counted)
        TRY(count(postgres, &done, &is_there));
    if (done) {
        postgres->doubtful = true;
        TRY(try_call(postgres, "writing", &call, &result, &done));
        PQclear(result);
    }
    if (!done)
        TRY(restore(postgres));
    *committed = done || !postgres->in_transaction;
    return STATUS_OK;
}

static status commit(struct database *database) {
    enum { TRIES = 10 };
    struct postgres *postgres = postgres_of(database);
    bool committed = false;
    for (int tries = 0; !committed; tries++) {
        if (tries == TRIES)
            return fail("writing %s: the connection breaks each time", database->name);
        TRY(try_commit(postgres, &committed));
    }
    postgres->commits++;
    postgres->in_transaction = false;
    forget_calls(postgres);
    return STATUS_OK;
}

static status hold(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    roll_back(database);
    TRY(run_sql(postgres, "reading", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    postgres->in_transaction = postgres->told = true;
    /* The snapshot is taken with the first reading. */
    return run_sql(postgres, "reading", "SELECT 1");
}

/* ---- statements ---- */

static status execute(struct database *database, const char *sql) {
    struct postgres *postgres = postgres_of(database);
    struct call call = {.sql = memory_copy_text(sql), .several = true};
    PGresult *result = NULL;
    status outcome = run_call(postgres, "writing", &call, &result);
    PQclear(result);
    if (outcome == STATUS_OK && postgres->in_transaction)
        remember_call(postgres, &call);
    else
        free_call(&call);
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
    free_call(&own->call);
    PQclear(own->result);
    PQfreemem(own->bytes);
    free(own);
}

static status finish_within(struct postgres_statement *statement) {
    struct postgres *postgres = postgres_of(statement->statement.database);
    TRY(run_call(postgres, "writing", &statement->call, &statement->result));
    if (postgres->in_transaction)
        remember_call(postgres, &statement->call);
    return STATUS_OK;
}

static status finish(struct statement *statement) {
    struct database *database = statement->database;
    bool alone = !postgres_of(database)->in_transaction;
    status outcome = alone ? begin(database) : STATUS_OK;
    if (outcome == STATUS_OK)
        outcome = finish_within(of(statement));
    end(statement);
    return alone ? database_conclude(database, outcome) : outcome;
}

/* Nobody depends on it, so nobody waits for it. */
static status finish_unseen(struct statement *statement) {
    struct postgres *postgres = postgres_of(statement->database);
    bool done;
    status outcome = try_call(postgres, "writing", &of(statement)->call, &of(statement)->result, &done);
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
        outcome = run_call(postgres, "reading", &own->call, &own->result);
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
    forget_calls(postgres);
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
