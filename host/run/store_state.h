/* A store from within: what store.c, store_open.c, store_candidates.c, store_analysis.c and store_files.c share. */
#ifndef STARCL_RUN_STORE_STATE_H
#define STARCL_RUN_STORE_STATE_H

#include "run/database.h"
#include "run/folder.h"
#include "run/store.h"

struct store {
    char *path;            /* the folder, or the URL with the run's name */
    bool on_server;        /* PostgreSQL's; its writer has no folder but a scratch one */
    struct folder *folder; /* NULL when reading, and on a server */
    struct scratch *scratch;
    struct database *database;
    char *facts[RUN_FACTS];
    char *rolled_back; /* why the last transaction was, as long as no event says so; NULL: none was */
};

/* A value of the table `run`; *value is NULL where there is none, and the caller frees it. */
status store_put_value(struct database *database, const char *key, const char *value) MUST_CHECK;
status store_get_value(struct database *database, const char *key, char **value) MUST_CHECK;

/* store_files.c. The folder for checkpoints of who writes to a run on a server, with those that are there; and its end.
 */
status store_make_scratch(struct store *store) MUST_CHECK;
void store_remove_scratch(struct store *store);
/* Brings to the server what is new in that folder, and removes there what is gone; elsewhere nothing. */
status store_bring_files(struct store *store) MUST_CHECK;

/* Ends a transaction that database_begin() began, and remembers why it was rolled back. */
status store_conclude(struct store *store, status outcome) MUST_CHECK;

#endif
