/*
 * PostgreSQL, of a server: where a run is kept that machines share. The address is a URL as libpq reads it
 * (https://www.postgresql.org/docs/current/libpq-connect.html), with everything that libpq knows: sslmode, services,
 * several hosts, a socket's folder. What it lacks comes from PGHOST, PGSERVICEFILE and the like.
 *
 * A URL with a password is refused, not stripped of it: it stands in the process list and in the shell's history
 * already when starcl begins, and whoever typed it should know. The password comes from ~/.pgpass or PGPASSFILE, a
 * service file, or PGPASSWORD; certificates and peer authentication need none.
 *
 * Without libpq these functions refuse in words (database_without_postgres.c).
 */
#ifndef STARCL_RUN_DATABASE_POSTGRES_H
#define STARCL_RUN_DATABASE_POSTGRES_H

#include "run/database.h"

#include <strings.h>

/* Whether a word is meant as such a URL: postgresql://, postgres://, or one of them mistyped, which is then refused. */
static inline bool postgres_is_url(const char *word) {
    return strncasecmp(word, "postgresql:", 11) == 0 || strncasecmp(word, "postgres:", 9) == 0;
}

/*
 * Refuses a URL that libpq cannot read, or that holds a password (STATUS_USAGE); the message does not repeat it. A
 * run's name may stand behind it: #NAME.
 */
status postgres_check_url(const char *url) MUST_CHECK;

/*
 * Connects to a server. Tables are those of the schema `schema`, which need not exist yet. `name` is what messages call
 * the database. DATABASE_CREATE is as DATABASE_WRITE: databases are made by who runs the server.
 */
status postgres_open(const char *url, const char *schema, const char *name, enum database_access access,
                     struct database **database) MUST_CHECK;

#endif
