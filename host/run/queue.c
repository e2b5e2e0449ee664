#include "run/queue.h"

#include "base/json.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"
#include "run/store_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Times are the server's, in seconds since 1970: clocks of machines differ. */
#define NOW "extract(epoch FROM clock_timestamp())::float8"
/*
 * For a table of the statement: its transaction does not wait until it is on the server's disk. Where the server
 * crashes before that, a lease or a result is as if it had never been, and the job is given out again when its lease is
 * over. What the driver records of a result waits, and so does then all that came before it.
 */
#define UNHURRIED "(SELECT set_config('synchronous_commit', 'off', true)) AS unhurried"
/* That a job is nobody's. */
#define FREE "(state = 'waiting' OR (state = 'leased' AND until < " NOW "))"

/* Of schema version 8. */
#define JOBS_FOR_A_KIND                                                                                                \
    "ALTER TABLE jobs ADD COLUMN IF NOT EXISTS kind TEXT;"                                                             \
    "CREATE INDEX IF NOT EXISTS jobs_for_a_kind ON jobs (state, id) WHERE kind IS NOT NULL;"                           \
    "ALTER TABLE workers ADD COLUMN IF NOT EXISTS kind TEXT;"

status queue_define(struct database *database) {
    return database_define(
        database,
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, job TEXT NOT NULL, state TEXT NOT NULL,"
        " attempts INTEGER NOT NULL, worker TEXT, until REAL, result TEXT);"
        "CREATE INDEX jobs_by_state ON jobs (state, id);"
        "CREATE TABLE workers (name TEXT PRIMARY KEY, device TEXT NOT NULL, seen REAL NOT NULL,"
        " job INTEGER, step INTEGER, steps INTEGER, loss REAL);" JOBS_FOR_A_KIND);
}

status queue_migrate(struct database *database) {
    return database_define(database, JOBS_FOR_A_KIND);
}

/* One statement without parameters but texts and integers that were bound. */
static status change(struct store *store, const char *sql, const char *text, long long number) {
    struct statement *statement;
    TRY(database_prepare(store->database, sql, &statement));
    if (text)
        statement_bind_text(statement, 1, text);
    else
        statement_bind_integer(statement, 1, number);
    return statement_finish(statement);
}

/*
 * One statement that may be done again where the server's answer was lost, for the second time changes nothing more:
 * it needs no transaction around it, whose count (database_postgres.c) would tell, and costs one answer.
 */
static status change_at_once(struct statement *statement, bool *changed) {
    bool row;
    TRY(statement_row(statement, &row));
    if (row)
        statement_end(statement);
    if (changed)
        *changed = row;
    return STATUS_OK;
}

/* ---- the driver ---- */

status queue_begin(struct store *store) {
    return database_execute(store->database, "DELETE FROM jobs WHERE state = 'waiting'");
}

/* [[key, job, kind], ...], or [key, job] of one for any kind */
static char *describe(const struct new_job *jobs, int count) {
    cJSON *json = cJSON_CreateArray();
    for (int j = 0; j < count; j++) {
        const char *const texts[] = {jobs[j].key, jobs[j].job, jobs[j].kind};
        cJSON_AddItemToArray(json, cJSON_CreateStringArray(texts, jobs[j].kind ? 3 : 2));
    }
    return json_take_text(json);
}

static void note_id(struct new_job *jobs, int count, const char *key, long long id) {
    for (int j = 0; j < count; j++)
        if (strcmp(jobs[j].key, key) == 0)
            jobs[j].id = id;
}

/* One statement, whose jobs are there or not: it can be done again. */
status queue_put(struct store *store, struct new_job *jobs, int count) {
    struct statement *statement;
    char *text = describe(jobs, count);
    TRY(database_prepare(store->database,
                         "INSERT INTO jobs (key, job, kind, state, attempts)"
                         " SELECT job ->> 0, job ->> 1, job ->> 2, 'waiting', 0"
                         " FROM json_array_elements($1::json) WITH ORDINALITY AS new (job, place) ORDER BY place"
                         " ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING id, key",
                         &statement));
    statement_bind_text(statement, 1, text);
    free(text);
    for (int j = 0; j < count; j++)
        jobs[j].id = 0;
    for (bool row = true;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            break;
        note_id(jobs, count, statement_text(statement, 1), statement_integer(statement, 0));
    }
    for (int j = 0; j < count; j++)
        if (jobs[j].id == 0)
            return fail("%s: the server did not take a job", store->path);
    return STATUS_OK;
}

/* Jobs that every worker was lost with. */
static status give_up_jobs(struct store *store) {
    struct statement *statement;
    TRY(database_prepare(store->database, "UPDATE jobs SET state = 'done' WHERE " FREE " AND attempts >= $1",
                         &statement));
    statement_bind_integer(statement, 1, LEASES_MOST);
    return change_at_once(statement, NULL);
}

static status read_done(struct store *store, struct done_job **jobs, int *count) {
    struct statement *statement;
    bool row;
    TRY(database_prepare(store->database, "SELECT id, attempts, result FROM jobs WHERE state = 'done' ORDER BY id",
                         &statement));
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            return STATUS_OK;
        *jobs = memory_resize(*jobs, (size_t)*count + 1, sizeof **jobs);
        (*jobs)[(*count)++] = (struct done_job){
            .id = statement_integer(statement, 0),
            .attempts = (int)statement_integer(statement, 1),
            .result = statement_is_null(statement, 2) ? NULL : memory_copy_text(statement_text(statement, 2))};
    }
}

status queue_done(struct store *store, struct done_job **jobs, int *count) {
    *jobs = NULL;
    *count = 0;
    TRY(give_up_jobs(store));
    status outcome = read_done(store, jobs, count);
    if (outcome != STATUS_OK) {
        done_jobs_free(*jobs, *count);
        *jobs = NULL;
    }
    return outcome;
}

void done_jobs_free(struct done_job *jobs, int count) {
    for (int i = 0; i < count; i++)
        free(jobs[i].result);
    free(jobs);
}

status queue_forget(struct store *store, const long long *ids, int count) {
    struct text list = {0};
    for (int i = 0; i < count; i++)
        text_append(&list, "%s%lld", i ? "," : "{", ids[i]);
    text_append(&list, "%s}", count ? "" : "{");
    status outcome = change(store, "DELETE FROM jobs WHERE id = ANY ($1::bigint[])", list.text, 0);
    text_free(&list);
    return outcome;
}

static struct seen_worker read_worker(struct statement *statement) {
    struct seen_worker worker = {.job = statement_integer(statement, 2),
                                 .step = statement_integer(statement, 3),
                                 .steps = statement_integer(statement, 4),
                                 .loss = statement_is_null(statement, 5) ? NAN : statement_number(statement, 5)};
    snprintf(worker.name, sizeof worker.name, "%s", statement_text(statement, 0));
    snprintf(worker.device, sizeof worker.device, "%s", statement_text(statement, 1));
    snprintf(worker.kind, sizeof worker.kind, "%s", statement_text(statement, 6));
    return worker;
}

status queue_workers(struct store *store, double seconds, struct seen_worker **workers, int *count) {
    struct statement *statement;
    bool row;
    *workers = NULL;
    *count = 0;
    TRY(database_prepare(store->database,
                         "SELECT name, device, job, step, steps, loss, kind FROM workers WHERE seen > " NOW
                         " - $1::float8 ORDER BY name",
                         &statement));
    statement_bind_number(statement, 1, seconds);
    for (;;) {
        status outcome = statement_row(statement, &row);
        if (outcome != STATUS_OK) {
            free(*workers);
            *workers = NULL;
        }
        TRY(outcome);
        if (!row)
            return STATUS_OK;
        *workers = memory_resize(*workers, (size_t)*count + 1, sizeof **workers);
        (*workers)[(*count)++] = read_worker(statement);
    }
}

/* ---- a worker ---- */

/* The oldest of those in a state, by an index that gives them in order: a look at one row, however many there are. */
#define OLDEST(of_state)                                                                                               \
    "(SELECT id FROM jobs WHERE " of_state " AND attempts < $3 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)"
#define OVERDUE "state = 'leased' AND until < " NOW
#define WAITING "state = 'waiting'"
#define TAKE(first)                                                                                                    \
    "UPDATE jobs SET state = 'leased', worker = $1, attempts = attempts + 1, until = " NOW " + $2::float8"             \
    " FROM " UNHURRIED " WHERE id = coalesce(" first ") RETURNING id, attempts, job"
/* Of $4, names in JSON. */
#define FOR_KIND "kind IN (SELECT json_array_elements_text($4::json))"
#define OVERDUE_HERE OVERDUE " AND (kind IS NULL OR " FOR_KIND ")"
#define TO_TIME WAITING " AND kind IS NOT NULL AND " FOR_KIND
#define TO_TRAIN WAITING " AND kind IS NULL"

static const char take_any[] = TAKE(OLDEST(OVERDUE) ", " OLDEST(WAITING));
static const char take_of_kinds[] = TAKE(OLDEST(OVERDUE_HERE) ", " OLDEST(TO_TIME) ", " OLDEST(TO_TRAIN));

status queue_lease(struct store *store, const char *worker, const struct kind_list *kinds, double seconds, bool *found,
                   struct leased_job *leased) {
    struct statement *statement;
    *found = false;
    TRY(database_prepare(store->database, kinds ? take_of_kinds : take_any, &statement));
    statement_bind_text(statement, 1, worker);
    statement_bind_number(statement, 2, seconds);
    statement_bind_integer(statement, 3, LEASES_MOST);
    if (kinds) {
        char *names = kind_list_print(kinds);
        statement_bind_text(statement, 4, names);
        free(names);
    }
    TRY(statement_row(statement, found));
    if (!*found)
        return STATUS_OK;
    *leased = (struct leased_job){.id = statement_integer(statement, 0),
                                  .attempt = (int)statement_integer(statement, 1),
                                  .job = memory_copy_text(statement_text(statement, 2))};
    snprintf(leased->worker, sizeof leased->worker, "%s", worker);
    statement_end(statement);
    return STATUS_OK;
}

status queue_see(struct store *store, const struct seen_worker *worker, double seconds) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "WITH renewed AS (UPDATE jobs SET until = " NOW " + $7::float8"
                         " WHERE state = 'leased' AND worker = $1)"
                         "INSERT INTO workers SELECT $1, $2, " NOW
                         ", $3::bigint, $4::bigint, $5::bigint, $6::float8, $8"
                         " FROM " UNHURRIED " ON CONFLICT (name) DO UPDATE"
                         " SET device = excluded.device, seen = excluded.seen,"
                         " job = excluded.job, step = excluded.step, steps = excluded.steps, loss = excluded.loss,"
                         " kind = excluded.kind",
                         &statement));
    statement_bind_text(statement, 1, worker->name);
    statement_bind_text(statement, 2, worker->device);
    statement_bind_integer(statement, 3, worker->job);
    statement_bind_integer(statement, 4, worker->step);
    statement_bind_integer(statement, 5, worker->steps);
    statement_bind_number(statement, 6, worker->loss); /* NaN is NULL */
    statement_bind_number(statement, 7, seconds);
    statement_bind_text(statement, 8, worker->kind);
    return change_at_once(statement, NULL);
}

const char *queue_file_name(const struct leased_job *leased, const char *file, char *name) {
    snprintf(name, QUEUE_FILE_BYTES, "lease-%lld-%d-%llx-%.200s", leased->id, leased->attempt,
             (unsigned long long)hash_text(0, leased->worker), file);
    return name;
}

/* That $1, $2 and $3, id, attempt and worker, name a lease that was given to nobody else. */
#define LEASE "id = $1 AND attempts = $2 AND worker = $3 AND state = 'leased'"
#define HAS_LEASE "EXISTS (SELECT 1 FROM jobs WHERE " LEASE ")"

static void bind_lease(struct statement *statement, const struct leased_job *leased) {
    statement_bind_integer(statement, 1, leased->id);
    statement_bind_integer(statement, 2, leased->attempt);
    statement_bind_text(statement, 3, leased->worker);
}

static status with_lease(struct store *store, const char *sql, const struct leased_job *leased, const char *fourth,
                         const char *fifth) {
    struct statement *statement;
    TRY(database_prepare(store->database, sql, &statement));
    bind_lease(statement, leased);
    if (fourth)
        statement_bind_text(statement, 4, fourth);
    if (fifth)
        statement_bind_text(statement, 5, fifth);
    return statement_finish(statement);
}

status queue_has_lease(struct store *store, const struct leased_job *leased, bool *has) {
    struct statement *statement;
    TRY(database_prepare(store->database, "SELECT 1 FROM jobs WHERE " LEASE, &statement));
    bind_lease(statement, leased);
    TRY(statement_row(statement, has));
    if (*has)
        statement_end(statement);
    return STATUS_OK;
}

/* In place of a file of that name; without the lease it is thrown away. */
static status settle_file(struct store *store, const struct leased_job *leased, const char *file) {
    char name[QUEUE_FILE_BYTES];
    queue_file_name(leased, file, name);
    TRY(with_lease(store, "DELETE FROM files WHERE name = $4 AND " HAS_LEASE, leased, file, NULL));
    TRY(with_lease(store, "UPDATE files SET name = $5 WHERE name = $4 AND " HAS_LEASE, leased, name, file));
    return change(store, "DELETE FROM files WHERE name = $1", name, 0);
}

/* What was done already is done again, and tells the same. */
static status finish_alone(struct store *store, const struct leased_job *leased, const char *result, bool *counts) {
    struct statement *statement;
    TRY(database_prepare(store->database,
                         "UPDATE jobs SET state = 'done', result = $4 FROM " UNHURRIED
                         " WHERE id = $1 AND attempts = $2 AND worker = $3 AND (state = 'leased' OR (state = 'done' "
                         "AND result = $4)) RETURNING id",
                         &statement));
    bind_lease(statement, leased);
    statement_bind_text(statement, 4, result);
    return change_at_once(statement, counts);
}

/* Nothing is read, so that it can be done again whatever becomes of the server: the second time changes nothing. */
static status finish_with_files(struct store *store, const struct leased_job *leased, const char *result,
                                const char *const *file_names, int file_count) {
    TRY(database_execute(store->database, "SET LOCAL synchronous_commit = off"));
    /* The row is locked from here on, and nobody is given the job meanwhile. */
    TRY(with_lease(store, "UPDATE jobs SET until = until WHERE " LEASE, leased, NULL, NULL));
    for (int i = 0; i < file_count; i++)
        TRY(settle_file(store, leased, file_names[i]));
    return with_lease(store, "UPDATE jobs SET state = 'done', result = $4 WHERE " LEASE, leased, result, NULL);
}

status queue_finish(struct store *store, const struct leased_job *leased, const char *result,
                    const char *const *file_names, int file_count, bool *counts) {
    if (file_count == 0)
        return finish_alone(store, leased, result, counts);
    TRY(queue_has_lease(store, leased, counts));
    TRY(database_begin(store->database));
    return database_conclude(store->database, finish_with_files(store, leased, result, file_names, file_count));
}

status queue_hand_back(struct store *store, const struct leased_job *leased) {
    return with_lease(store, "UPDATE jobs SET state = 'waiting', worker = NULL WHERE " LEASE, leased, NULL, NULL);
}

status queue_leave(struct store *store, const char *worker) {
    TRY(change(store,
               "UPDATE jobs SET state = 'waiting', attempts = attempts - 1, worker = NULL WHERE state = 'leased'"
               " AND worker = $1",
               worker, 0));
    return change(store, "DELETE FROM workers WHERE name = $1", worker, 0);
}
