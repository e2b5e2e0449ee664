/*
 * Runs on a server of PostgreSQL: which there are, and opening one. A run NAME is the schema "starcl_NAME" of a
 * database, so that one database holds several, whose tables are those of run.db; dropping the schema deletes the run.
 *
 *     postgresql://user@host/database            the only run that this database holds; of a new one its number is
 * chosen postgresql://user@host/database#NAME       this one
 *
 * Who writes to a run holds an advisory lock of its database, which the server takes back when the connection ends,
 * however it does.
 */
#ifndef STARCL_RUN_STORE_SERVER_H
#define STARCL_RUN_STORE_SERVER_H

#include "run/database.h"

#include <limits.h>

enum { SERVER_NAME_BYTES = 57 }; /* a schema's name has 63 characters */

struct server_run {
    char url[PATH_MAX]; /* without the name */
    char name[SERVER_NAME_BYTES];
    char path[PATH_MAX]; /* with it, as messages have it */
};

/*
 * Reads such a word; where it names no run, `name` is "". STATUS_USAGE where the URL cannot be used or the name cannot
 * be one.
 */
status server_run_read(const char *word, struct server_run *run) MUST_CHECK;
/* Gives it a name; STATUS_USAGE where that cannot be one. */
status server_run_name(struct server_run *run, const char *name) MUST_CHECK;

/* Connects to where a run of the name is or will be; nothing is locked or looked at. */
status server_run_connect(const struct server_run *run, enum database_access access,
                          struct database **database) MUST_CHECK;
/* Whether there is a run of the name. */
status server_run_exists(struct database *database, const struct server_run *run, bool *exists) MUST_CHECK;
/* Refuses a name that is taken. */
status server_run_check_free(struct database *database, const struct server_run *run) MUST_CHECK;

/*
 * Opens a run that is there. One without a name gets it, if the database holds one run alone; otherwise it is
 * STATUS_USAGE with the names that there are.
 */
status server_run_open(struct server_run *run, enum database_access access, struct database **database) MUST_CHECK;

/* Locks it for its one writer; STATUS_FAILED, saying who has it, while another process does. */
status server_run_lock(struct database *database, const struct server_run *run) MUST_CHECK;
/* Whether somebody has locked it. */
status server_run_is_open(struct database *database, const struct server_run *run, bool *is_open) MUST_CHECK;

/* The first name of <name>-001, <name>-002, ... that is free. */
status server_run_next_name(struct database *database, struct server_run *run, const char *name) MUST_CHECK;
/* Makes the schema, within a transaction. */
status server_run_make(struct database *database, const struct server_run *run) MUST_CHECK;

#endif
