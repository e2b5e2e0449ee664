/*
 * What is asked of a server, and transactions that outlive the connection.
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
 */
#include "run/postgres_state.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- calls ---- */

void postgres_free_call(struct call *call) {
    for (int i = 0; i < call->count; i++)
        free(call->values[i]);
    free(call->sql);
    *call = (struct call){.sql = NULL};
}

void postgres_forget_calls(struct postgres *postgres) {
    for (int c = 0; c < postgres->call_count; c++)
        postgres_free_call(&postgres->calls[c]);
    free(postgres->calls);
    postgres->calls = NULL;
    postgres->call_count = 0;
    postgres->counted = postgres->doubtful = false;
    postgres->told = false;
}

/* Takes it over. */
void postgres_remember_call(struct postgres *postgres, struct call *call) {
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
status postgres_try_call(struct postgres *postgres, const char *what, const struct call *call, PGresult **result,
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
    TRY(postgres_try_call(postgres, "writing", &begin, &result, done));
    PQclear(result);
    if (*done && postgres->doubtful)
        TRY(count(postgres, done, &is_there));
    if (is_there) {
        PQclear(PQexec(postgres->connection, "ROLLBACK"));
        postgres->in_transaction = false;
        return STATUS_OK;
    }
    for (int c = 0; *done && c < postgres->call_count; c++) {
        TRY(postgres_try_call(postgres, "writing", &postgres->calls[c], &result, done));
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
status postgres_run_call(struct postgres *postgres, const char *what, const struct call *call, PGresult **result) {
    enum { TRIES = 10 };
    bool done = false;
    for (int tries = 0; tries < TRIES; tries++) {
        TRY(postgres_try_call(postgres, what, call, result, &done));
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
    TRY(postgres_run_call(postgres, what, &call, &result));
    PQclear(result);
    return STATUS_OK;
}

/* ---- transactions ---- */

status postgres_begin(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    TRY(run_sql(postgres, "writing", "BEGIN"));
    postgres->in_transaction = true;
    return STATUS_OK;
}

void postgres_roll_back(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    if (postgres->in_transaction)
        PQclear(PQexec(postgres->connection, "ROLLBACK")); /* one of a lost connection has been */
    postgres->in_transaction = false;
    postgres_forget_calls(postgres);
}

/* Counts the transaction among this writer's; *is_there: it is one of them already. *done as that of
 * postgres_try_call(). */
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
    TRY(postgres_try_call(postgres, "writing", &call, &result, done));
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
        TRY(postgres_try_call(postgres, "writing", &call, &result, &done));
        PQclear(result);
    }
    if (!done)
        TRY(restore(postgres));
    *committed = done || !postgres->in_transaction;
    return STATUS_OK;
}

status postgres_commit(struct database *database) {
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
    postgres_forget_calls(postgres);
    return STATUS_OK;
}

status postgres_hold(struct database *database) {
    struct postgres *postgres = postgres_of(database);
    postgres_roll_back(database);
    TRY(run_sql(postgres, "reading", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
    postgres->in_transaction = postgres->told = true;
    /* The snapshot is taken with the first reading. */
    return run_sql(postgres, "reading", "SELECT 1");
}
