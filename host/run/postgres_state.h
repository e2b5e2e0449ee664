/* The engine of PostgreSQL from within: what database_postgres.c, postgres_calls.c, postgres_connection.c,
 * postgres_session.c and postgres_texts.c share. */
#ifndef STARCL_RUN_POSTGRES_STATE_H
#define STARCL_RUN_POSTGRES_STATE_H

#include "run/database_engine.h"

#include <libpq-fe.h>

enum { POSTGRES_PARAMETERS = 32, POSTGRES_PLANS = 64 };

/* SQL with its parameters, as text, or as bytes where the format is 1. */
struct call {
    char *sql;
    int count; /* of parameters; several statements take none */
    bool several;
    char *values[POSTGRES_PARAMETERS];
    int lengths[POSTGRES_PARAMETERS], formats[POSTGRES_PARAMETERS];
};

/* SQL that this session has run; from the second time on the server has it as a statement named by its place. */
struct plan {
    char *sql;
    bool prepared;
};

struct postgres {
    struct database database;
    PGconn *connection;
    char *url, *schema;
    enum database_access access;

    /* What the session has to be again when it was lost. */
    double patience; /* seconds that a lost server is waited for */
    bool given_up;   /* they are over */
    bool locked;
    long long lock;

    struct plan plans[POSTGRES_PLANS]; /* of this connection */
    int plan_count;

    bool in_transaction;
    bool told;          /* a row of it was read, so that it cannot be done again unseen; or it is held */
    struct call *calls; /* that it has done */
    int call_count;
    bool counted;              /* among `commits`, as far as it came */
    bool doubtful;             /* it was lost in a commit */
    long long writer, commits; /* who counts, and how many it has committed */
};

static inline struct postgres *postgres_of(struct database *database) {
    return (struct postgres *)database;
}

/* ---- postgres_calls.c ---- */

/*
 * Asks; where the connection is lost meanwhile, again on the next one, with all that its transaction had done. The
 * caller clears *result. "what": writing or reading, for messages.
 */
status postgres_run_call(struct postgres *postgres, const char *what, const struct call *call,
                         PGresult **result) MUST_CHECK;
/* Asks once. *done is false where the connection was lost meanwhile. */
status postgres_try_call(struct postgres *postgres, const char *what, const struct call *call, PGresult **result,
                         bool *done) MUST_CHECK;
/* Keeps a call that was done, which it takes over, for as long as its transaction is open. */
void postgres_remember_call(struct postgres *postgres, struct call *call);
void postgres_forget_calls(struct postgres *postgres);
void postgres_free_call(struct call *call);

/* Of struct engine. */
status postgres_begin(struct database *database) MUST_CHECK;
status postgres_commit(struct database *database) MUST_CHECK;
void postgres_roll_back(struct database *database);
status postgres_hold(struct database *database) MUST_CHECK;

/* ---- postgres_session.c ---- */

/* Connects and makes the session what it is to be. Fails at once. */
status postgres_connect(struct postgres *postgres) MUST_CHECK;
/* Of a connection that is gone. */
void postgres_forget_plans(struct postgres *postgres);

/* ---- postgres_connection.c ---- */

/* Whether a call failed because the server is no longer there for this session, and not of what it asked. */
bool postgres_is_lost(const struct postgres *postgres, const PGresult *result);
/*
 * Connects again, with growing pauses up to `patience`, and tells the user once that it does. STATUS_INTERRUPTED where
 * the user asks to stop meanwhile, or where a server that was waited for did not come back.
 */
status postgres_reconnect(struct postgres *postgres) MUST_CHECK;

/* "writing postgresql://host/db#run: disk full; ...": what the server said of a call, and what to do about it. */
status postgres_error(const struct postgres *postgres, const char *what, const PGresult *result) MUST_CHECK;

/* "cannot open postgresql://host/db#run: no such host; ...": that there is no connection. */
status postgres_connect_error(const struct postgres *postgres) MUST_CHECK;

/* postgres_texts.c. The words of database_define() as PostgreSQL has them; the caller frees the SQL. */
char *postgres_translate(const char *sql);
/* A server refuses what is no UTF-8, which a driver's words may be: each byte that is none becomes a question mark. */
void postgres_make_utf8(char *text);

/* Takes the lock if nobody has it. */
status postgres_try_lock(struct postgres *postgres, bool *taken) MUST_CHECK;

#endif
