/* The URL of a server of PostgreSQL, waiting for one that is gone, and what went wrong in words. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "run/database_postgres.h"
#include "run/postgres_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- the URL ---- */

/* Behind a colon and before an at sign, as in "me:a/b#c@host": of a password with such letters libpq sees none. */
static bool may_hold_password(const char *url, size_t length) {
    const char *from = strchr(url, ':'), *end = url + length;
    while (from && from < end && strchr(":/", *from))
        from++;
    const char *colon = from && from < end ? memchr(from, ':', (size_t)(end - from)) : NULL;
    return colon && memchr(colon, '@', (size_t)(end - colon));
}

static bool is_password(const PQconninfoOption *option) {
    bool of_connection = strcmp(option->keyword, "password") == 0, of_key = strcmp(option->keyword, "sslpassword") == 0;
    return (of_connection || of_key) && option->val;
}

static status refuse_password(void) {
    return fail_usage("the URL of the database holds a password, which the process list, the shell's history and logs "
                      "would show; leave it out, and put it into ~/.pgpass or a file that PGPASSFILE names (a line "
                      "host:port:database:user:password, chmod 600), a service file, or PGPASSWORD");
}

status postgres_check_url(const char *url) {
    char *words = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &words);
    status outcome = STATUS_OK;
    for (const PQconninfoOption *option = options; option && option->keyword && outcome == STATUS_OK; option++)
        if (is_password(option))
            outcome = refuse_password();
    bool hidden = may_hold_password(url, options ? strcspn(url, "?") : strlen(url));
    if (outcome == STATUS_OK && (hidden || (!options && strstr(url, "password"))))
        outcome = fail_usage("the URL of the database cannot be read, and it may hold a password, so it is not "
                             "repeated here; it is to be like postgresql://user@host:port/database, the password "
                             "apart in ~/.pgpass, and an @ in a name written %%40");
    else if (!options)
        outcome = fail_usage("the URL of the database cannot be read: %.*s; it is to be like "
                             "postgresql://user@host:port/database",
                             words ? (int)strcspn(words, "\n") : 0, words ? words : "");
    PQconninfoFree(options);
    PQfreemem(words);
    return outcome;
}

/* ---- in words ---- */

/* libpq's words, which are lines, as one. */
static char *one_line(const char *words) {
    char *line = memory_copy_text(words);
    size_t end = strlen(line);
    while (end > 0 && line[end - 1] == '\n')
        line[--end] = '\0';
    for (char *letter = line; *letter; letter++)
        if (*letter == '\n' || *letter == '\t')
            *letter = ' ';
    return line;
}

/* What to do about an error, by its SQLSTATE or the class that this begins with. */
static const struct {
    const char *state, *advice;
} remedies[] = {
    {"53100", "the server's disk is full: make room there, and go on"},
    {"53200", "the server has no memory left"},
    {"53300", "the server takes no more connections: end others, or raise its max_connections"},
    {"25006", "this server, or this user, only reads (a standby, or default_transaction_read_only): name the primary "
              "server, for instance with ?target_session_attrs=read-write"},
    {"42501", "this user may not do that: ask who runs the server to GRANT CREATE, CONNECT ON DATABASE to it, or the "
              "run's owner to GRANT USAGE ON SCHEMA and SELECT ON ALL TABLES IN SCHEMA"},
    {"42P01", "there is no run of that name, or what is there was not made by starcl"},
    {"55P03", "another process holds it for longer than ten seconds"},
    {"22021", "the database's encoding cannot hold it: make one with ENCODING UTF8"},
    {"57P", "the server was stopped or ended the connection"},
};

static const char *remedy_of(const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    for (size_t i = 0; state && i < sizeof remedies / sizeof *remedies; i++)
        if (strncmp(state, remedies[i].state, strlen(remedies[i].state)) == 0)
            return remedies[i].advice;
    return NULL;
}

status postgres_error(const struct postgres *postgres, const char *what, const PGresult *result) {
    const char *said = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY), *remedy = remedy_of(result);
    char *words = one_line(said ? said : PQerrorMessage(postgres->connection));
    status outcome =
        fail("%s %s: %s%s%s", what, postgres->database.name, words, remedy ? "; " : "", remedy ? remedy : "");
    free(words);
    return outcome;
}

/* The same where there is no connection: by words of libpq, which has no codes for them. */
static const struct {
    const char *words, *advice;
} refusals[] = {
    /* Of several attempts, as with and without TLS, all are told, and the last one had no password. */
    {"password authentication failed", "if the password is wrong: it came from PGPASSWORD, a service file, PGPASSFILE "
                                       "or ~/.pgpass"},
    {"root certificate file", "sslmode=verify-ca and verify-full need the certificate of the authority that signed the "
                              "server's: ask who runs the server for it, and name it with sslrootcert"},
    {"certificate verify failed", "the server's certificate is not signed by the authority that sslrootcert names: "
                                  "ask who runs the server for the right one; it may also be another server"},
    {"does not match host name", "the certificate is another server's, or this one's under another name: the URL's "
                                 "host is to be as the certificate has it (hostaddr=ADDRESS says where that is)"},
    {"does not support SSL", "that server has no TLS: ask who runs it; sslmode=disable goes without, and then whoever "
                             "is on the way can read it all"},
    {"definition of service", "services stand in ~/.pg_service.conf, or the file that PGSERVICEFILE names"},
    {"service file", "PGSERVICEFILE names it; without that it is ~/.pg_service.conf"},
};

static const char *advice_on_refusal(const PGconn *connection, const char *words) {
    if (PQconnectionNeedsPassword(connection))
        return "it asks for a password: put a line host:port:database:user:password into ~/.pgpass (chmod 600) or a "
               "file that PGPASSFILE names, or set PGPASSWORD";
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strstr(words, refusals[i].words))
            return refusals[i].advice;
    return "see whether the server runs there, has that database, and lets this user and machine in";
}

status postgres_connect_error(const struct postgres *postgres) {
    char *words = one_line(PQerrorMessage(postgres->connection));
    status outcome =
        fail("cannot open %s: %s; %s", postgres->database.name, words, advice_on_refusal(postgres->connection, words));
    free(words);
    return outcome;
}

/* ---- a session ---- */

/* A connection that breaks while it is written to may seem good, but the error is then none of the server's. */
bool postgres_is_lost(const struct postgres *postgres, const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool is_ending = state && (strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0);
    return PQstatus(postgres->connection) != CONNECTION_OK || !state || is_ending;
}

status postgres_try_lock(struct postgres *postgres, bool *taken) {
    char key[32];
    const char *const values[] = {key};
    snprintf(key, sizeof key, "%lld", postgres->lock);
    PGresult *result =
        PQexecParams(postgres->connection, "SELECT pg_try_advisory_lock($1::bigint)", 1, NULL, values, NULL, NULL, 0);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK;
    *taken = good && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    status outcome = good ? STATUS_OK : postgres_error(postgres, "locking", result);
    PQclear(result);
    return outcome;
}

/* ---- a server that is gone ---- */

/* The lock that the lost session had, which the server may not have given up yet. */
static status connect_as_before(struct postgres *postgres) {
    bool taken = true;
    TRY(postgres_connect(postgres));
    if (postgres->locked)
        TRY(postgres_try_lock(postgres, &taken));
    if (taken)
        return STATUS_OK;
    return fail("another starcl is working in %s", postgres->database.name);
}

/* Until a signal, or so many seconds. */
static void rest(double seconds) {
    double whole = (double)(time_t)seconds;
    nanosleep(&(struct timespec){.tv_sec = (time_t)whole, .tv_nsec = (long)(1e9 * (seconds - whole))}, NULL);
}

/* A server that was waited for; whoever only asked fails. */
static status give_up(struct postgres *postgres) {
    char waited[TEXT_NUMBER_BYTES];
    postgres->given_up = true;
    if (postgres->patience <= 0)
        return STATUS_FAILED; /* with the message that there is */
    progress_line("%s; it did not come back within %s", status_message(), text_duration(waited, postgres->patience));
    return fail_interrupted();
}

status postgres_reconnect(struct postgres *postgres) {
    const double first_pause = 0.25, longest_pause = 30;
    double begun = clock_seconds(), pause = first_pause;
    char duration[TEXT_NUMBER_BYTES];
    if (postgres->given_up)
        return fail("%s is lost", postgres->database.name);
    for (bool told = false; connect_as_before(postgres) != STATUS_OK; told = true) {
        double left = postgres->patience - (clock_seconds() - begun);
        if (left <= 0)
            return give_up(postgres);
        if (!told)
            progress_line("%s; trying again for %s", status_message(), text_duration(duration, postgres->patience));
        rest(pause < left ? pause : left);
        if (interrupt_requested())
            return fail_interrupted();
        pause = 2 * pause < longest_pause ? 2 * pause : longest_pause;
    }
    if (clock_seconds() - begun > first_pause && postgres->patience > 0)
        progress_line("%s is back", postgres->database.name);
    return STATUS_OK;
}
