#include "run/store_server.h"

#include "base/text.h"
#include "run/database_postgres.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char prefix[] = "starcl_"; /* of the schemas that are runs */

/* ---- names ---- */

static const char *schema_of(const struct server_run *run, char *schema) {
    snprintf(schema, SERVER_NAME_BYTES + sizeof prefix, "%s%s", prefix, run->name);
    return schema;
}

status server_run_name(struct server_run *run, const char *name) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    if (!*name || strspn(name, letters) != strlen(name))
        return fail_usage("'%s' cannot name a run in a database; letters, digits, '-', '_' and '.' can", name);
    if (strlen(name) >= sizeof run->name)
        return fail_usage("'%s' is too long for the name of a run in a database; it has at most %zu characters", name,
                          sizeof run->name - 1);
    snprintf(run->name, sizeof run->name, "%s", name);
    snprintf(run->path, sizeof run->path, "%.*s#%s", PATH_MAX - 2 - SERVER_NAME_BYTES, run->url, run->name);
    return STATUS_OK;
}

status server_run_read(const char *word, struct server_run *run) {
    const char *hash = strrchr(word, '#');
    size_t length = hash ? (size_t)(hash - word) : strlen(word);
    *run = (struct server_run){.name = ""};
    if (length >= sizeof run->url - 2 * SERVER_NAME_BYTES)
        return fail_usage("the URL of the database is too long");
    TRY(postgres_check_url(word)); /* of a password with a # in it a part would pass for a name */
    memcpy(run->url, word, length);
    memcpy(run->path, word, length);
    TRY(postgres_check_url(run->url));
    return hash ? server_run_name(run, hash + 1) : STATUS_OK;
}

/* ---- what a database holds ---- */

status server_run_connect(const struct server_run *run, enum database_access access, struct database **database) {
    char schema[SERVER_NAME_BYTES + sizeof prefix];
    return postgres_open(run->url, schema_of(run, schema), run->path, access, database);
}

status server_run_exists(struct database *database, const struct server_run *run, bool *exists) {
    char schema[SERVER_NAME_BYTES + sizeof prefix];
    struct statement *statement;
    TRY(database_prepare(database, "SELECT 1 FROM pg_namespace WHERE nspname = $1", &statement));
    statement_bind_text(statement, 1, schema_of(run, schema));
    TRY(statement_row(statement, exists));
    if (*exists)
        statement_end(statement);
    return STATUS_OK;
}

/* The names of the runs that this user may see, and how many there are. */
static status list_runs(struct database *database, struct text *names, char *first, int *count) {
    enum { MOST = 20 };
    struct statement *statement;
    bool row;
    *count = 0;
    TRY(database_prepare(database,
                         "SELECT substr(nspname, length($1) + 1) FROM pg_namespace WHERE left(nspname, length($1)) = $1"
                         " AND has_schema_privilege(oid, 'USAGE') ORDER BY nspname",
                         &statement));
    statement_bind_text(statement, 1, prefix);
    for (;;) {
        TRY(statement_row(statement, &row));
        if (!row)
            break;
        const char *name = statement_text(statement, 0);
        if (++*count == 1)
            snprintf(first, SERVER_NAME_BYTES, "%s", name);
        if (*count <= MOST)
            text_append(names, "%s%s", names->length ? ", " : "", name);
    }
    if (*count > MOST)
        text_append(names, " and %d more", *count - MOST);
    return STATUS_OK;
}

static status refuse_none(const struct server_run *run, const struct text *names, int count) {
    if (count == 0)
        return fail_usage("%s is not a run: that database holds none of starcl's that this user may read", run->path);
    if (*run->name)
        return fail_usage("%s is not a run; that database holds: %s", run->path, names->text);
    return fail_usage("%s holds several runs: %s; add #NAME to the URL", run->path, names->text);
}

/* The only one that there is. */
static status choose_run(struct server_run *run) {
    struct database *database;
    struct text names = {0};
    char first[SERVER_NAME_BYTES];
    int count;
    TRY(server_run_connect(run, DATABASE_READ, &database));
    status outcome = list_runs(database, &names, first, &count);
    if (outcome == STATUS_OK)
        outcome = count == 1 ? server_run_name(run, first) : refuse_none(run, &names, count);
    text_free(&names);
    database_close(database);
    return outcome;
}

/* PostgreSQL would say that there are no tables. */
static status check_allowed(struct database *database, const struct server_run *run) {
    char schema[SERVER_NAME_BYTES + sizeof prefix];
    struct statement *statement;
    bool row;
    TRY(database_prepare(database, "SELECT current_user WHERE NOT has_schema_privilege($1, 'USAGE')", &statement));
    statement_bind_text(statement, 1, schema_of(run, schema));
    TRY(statement_row(statement, &row));
    if (!row)
        return STATUS_OK;
    status outcome = fail("the user %s may not read %s; its owner can GRANT USAGE ON SCHEMA \"%s\" and SELECT ON ALL "
                          "TABLES IN SCHEMA \"%s\"",
                          statement_text(statement, 0), run->path, schema, schema);
    statement_end(statement);
    return outcome;
}

static status check_there(struct database *database, const struct server_run *run) {
    struct text names = {0};
    char first[SERVER_NAME_BYTES];
    bool exists;
    int count;
    TRY(server_run_exists(database, run, &exists));
    if (exists)
        return check_allowed(database, run);
    status outcome = list_runs(database, &names, first, &count);
    if (outcome == STATUS_OK)
        outcome = refuse_none(run, &names, count);
    text_free(&names);
    return outcome;
}

status server_run_open(struct server_run *run, enum database_access access, struct database **database) {
    *database = NULL;
    if (!*run->name)
        TRY(choose_run(run));
    TRY(server_run_connect(run, access, database));
    status outcome = check_there(*database, run);
    if (outcome != STATUS_OK) {
        database_close(*database);
        *database = NULL;
    }
    return outcome;
}

/* ---- making one ---- */

status server_run_check_free(struct database *database, const struct server_run *run) {
    bool exists;
    TRY(server_run_exists(database, run, &exists));
    if (!exists)
        return STATUS_OK;
    return fail_usage("%s exists and is not overwritten; choose another name behind the '#', or go on with it: "
                      "starcl resume '%s'",
                      run->path, run->path);
}

status server_run_next_name(struct database *database, struct server_run *run, const char *name) {
    bool exists = true;
    for (int number = 1; exists; number++) {
        char numbered[2 * SERVER_NAME_BYTES];
        snprintf(numbered, sizeof numbered, "%.*s-%03d", SERVER_NAME_BYTES + 8, name, number);
        TRY(server_run_name(run, numbered));
        TRY(server_run_exists(database, run, &exists));
    }
    return STATUS_OK;
}

status server_run_make(struct database *database, const struct server_run *run) {
    char schema[SERVER_NAME_BYTES + sizeof prefix], sql[128];
    /* The name has nothing that ends the quotes (server_run_name()). */
    snprintf(sql, sizeof sql, "CREATE SCHEMA \"%s\"", schema_of(run, schema));
    return database_execute(database, sql);
}

/* ---- its one writer ---- */

/* FNV-1a of the schema's name, as an advisory lock of PostgreSQL is named. */
static uint64_t lock_key(const struct server_run *run) {
    char schema[SERVER_NAME_BYTES + sizeof prefix];
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *letter = schema_of(run, schema); *letter; letter++)
        hash = (hash ^ (unsigned char)*letter) * UINT64_C(1099511628211);
    return hash;
}

/* "starcl host 4711, since 2024-05-01 10:00", "" where nobody does. */
static status find_writer(struct database *database, const struct server_run *run, char *words, size_t bytes) {
    struct statement *statement;
    uint64_t key = lock_key(run);
    bool row;
    words[0] = '\0';
    TRY(database_prepare(database,
                         "SELECT coalesce(nullif(a.application_name, ''), 'a process') || ', since '"
                         " || to_char(a.backend_start, 'YYYY-MM-DD HH24:MI')"
                         " FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
                         " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
                         " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
                         " AND l.classid::bigint = $1 AND l.objid::bigint = $2",
                         &statement));
    statement_bind_integer(statement, 1, (long long)(key >> 32));
    statement_bind_integer(statement, 2, (long long)(key & 0xffffffffu));
    TRY(statement_row(statement, &row));
    if (!row)
        return STATUS_OK;
    snprintf(words, bytes, "%s", statement_is_null(statement, 0) ? "a process" : statement_text(statement, 0));
    statement_end(statement);
    return STATUS_OK;
}

/* The server may hold the lock of a process that was just killed for a moment more. */
status server_run_lock(struct database *database, const struct server_run *run) {
    enum { TRIES = 30 };
    static const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};
    char writer[256];
    bool taken = false;
    for (int tries = 0; tries <= TRIES; tries++) {
        TRY(database_lock(database, (long long)lock_key(run), &taken));
        if (taken)
            return STATUS_OK;
        nanosleep(&pause, NULL);
    }
    TRY(find_writer(database, run, writer, sizeof writer));
    return fail("another starcl is working in %s%s%s%s; if that one is gone without a word, as its machine may be, the "
                "server notices within a minute",
                run->path, *writer ? " (" : "", writer, *writer ? ")" : "");
}

status server_run_is_open(struct database *database, const struct server_run *run, bool *is_open) {
    char writer[256];
    TRY(find_writer(database, run, writer, sizeof writer));
    *is_open = *writer != '\0';
    return STATUS_OK;
}
