/*
 * A session: what its connection asks for, that it is one, and how it is set.
 *
 * A pooler (pgbouncer and the like) may give each transaction another session of the server's:
 *
 *     connection ──► pooler ──► session 1        connection ──► pooler ──► session 1
 *     second     ──►        ──► session 2        second     ──►        ──►     "       it begins a transaction
 *
 * On the right locks, settings and prepared statements are somebody else's from one moment to the next, so that is
 * refused, before anything is set that others would have then.
 */
#include "base/memory.h"
#include "base/text.h"
#include "run/postgres_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the connection ---- */

/* What is asked for unless the user says otherwise: seconds, and milliseconds for the timeout of what was sent. */
static const struct {
    const char *keyword, *value;
} presets[] = {
    {"connect_timeout", "10"}, {"keepalives_idle", "30"},     {"keepalives_interval", "10"},
    {"keepalives_count", "3"}, {"tcp_user_timeout", "60000"},
};
enum { PRESETS = sizeof presets / sizeof *presets };

/*
 * What URL, service file and environment say together, which libpq tells of a connection alone: of one to nowhere. NULL
 * where it has no memory. Free with PQconninfoFree().
 */
static PQconninfoOption *find_settings(const char *url) {
    const char *const keywords[] = {"dbname", "hostaddr", NULL}, *const values[] = {url, "nowhere", NULL};
    PGconn *nowhere = PQconnectStartParams(keywords, values, 1);
    PQconninfoOption *settings = PQconninfo(nowhere);
    PQfinish(nowhere);
    return settings;
}

static bool is_said(const PQconninfoOption *settings, const char *keyword) {
    for (; settings && settings->keyword; settings++)
        if (strcmp(settings->keyword, keyword) == 0)
            return settings->val != NULL;
    return false;
}

static PGconn *open_connection(const char *url) {
    const char *keywords[PRESETS + 4], *values[PRESETS + 4];
    char name[128], host[64] = "";
    PQconninfoOption *settings = find_settings(url);
    int count = 0;
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "starcl %s %ld", host, (long)getpid());
    for (int p = 0; p < PRESETS; p++) {
        keywords[count] = presets[p].keyword;
        values[count] = presets[p].value;
        count += !is_said(settings, presets[p].keyword);
    }
    keywords[count] = "fallback_application_name", values[count++] = name;
    keywords[count] = "dbname", values[count++] = url;
    keywords[count] = "client_encoding", values[count++] = "UTF8";
    keywords[count] = values[count] = NULL;
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    PQconninfoFree(settings);
    return connection;
}

/* ---- that it is a session ---- */

/* The number of the server's process that answers; 0 where none does. */
static int ask_process(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    int process = PQresultStatus(result) == PGRES_TUPLES_OK ? atoi(PQgetvalue(result, 0, 0)) : 0;
    PQclear(result);
    return process;
}

/* A second one in a transaction keeps the session that this one had, or this one has another one now. */
static bool is_shared(PGconn *connection, PGconn *second, int process) {
    int other = ask_process(second, "BEGIN; SELECT pg_backend_pid()");
    return other != 0 && (other == process || ask_process(connection, "SELECT pg_backend_pid()") != process);
}

/* A pooler tells the number of no process: only then it is worth a second connection. */
static status check_session(const struct postgres *postgres) {
    PGconn *connection = postgres->connection;
    int process = ask_process(connection, "SELECT pg_backend_pid()");
    if (process == 0 || process == PQbackendPID(connection))
        return STATUS_OK;
    PGconn *second = open_connection(postgres->url);
    bool shared = is_shared(connection, second, process);
    PQfinish(second);
    if (!shared)
        return STATUS_OK;
    return fail("cannot open %s: a pooler (such as pgbouncer) between here and the server gives each transaction "
                "another session, and a run needs one of its own; name the server itself, or have the pooler give "
                "sessions (pool_mode = session)",
                postgres->database.name);
}

/* ---- how it is set ---- */

/*
 * A connection whose other end is gone without a word is given up after a minute, here and by the server, whose locks
 * are then free; a server that flushes nothing to its disk at a commit is told to. Those before version 12 lack
 * tcp_user_timeout.
 */
static const char session[] =
    "SET extra_float_digits = 3; SET client_min_messages = warning; SET lock_timeout = '10s';"
    "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;"
    "SELECT set_config(name, '60000', false) FROM pg_settings WHERE name = 'tcp_user_timeout';"
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';";

static status set_up(struct postgres *postgres) {
    struct text sql = {0};
    char *schema = PQescapeIdentifier(postgres->connection, postgres->schema, strlen(postgres->schema));
    text_append(&sql, "%s SET search_path TO %s;", session, schema ? schema : "\"\"");
    if (postgres->access == DATABASE_READ)
        text_append(&sql, "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY;");
    PGresult *result = PQexec(postgres->connection, sql.text);
    bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
    status outcome = good ? STATUS_OK : postgres_error(postgres, "opening", result);
    PQclear(result);
    PQfreemem(schema);
    text_free(&sql);
    return outcome;
}

/* libpq calls these with what a server or a library wants to tell, on stderr otherwise. */
static void say_nothing(void *unused, const PGresult *result) {
    (void)unused, (void)result;
}

void postgres_forget_plans(struct postgres *postgres) {
    for (int p = 0; p < postgres->plan_count; p++)
        free(postgres->plans[p].sql);
    postgres->plan_count = 0;
}

status postgres_connect(struct postgres *postgres) {
    PQfinish(postgres->connection);
    postgres_forget_plans(postgres);
    postgres->connection = open_connection(postgres->url);
    if (PQstatus(postgres->connection) != CONNECTION_OK)
        return postgres_connect_error(postgres);
    PQsetNoticeReceiver(postgres->connection, say_nothing, NULL);
    TRY(check_session(postgres));
    return set_up(postgres);
}
