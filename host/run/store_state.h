/* A store from within: what store.c, store_candidates.c and store_analysis.c share. */
#ifndef STARCL_RUN_STORE_STATE_H
#define STARCL_RUN_STORE_STATE_H

#include "run/database.h"
#include "run/folder.h"
#include "run/store.h"

struct store {
    char *path;
    struct folder *folder; /* NULL when reading */
    struct database *database;
    char *facts[RUN_FACTS];
    char *rolled_back; /* why the last transaction was, as long as no event says so; NULL: none was */
};

/* A value of the table `run`; *value is NULL where there is none, and the caller frees it. */
status store_put_value(struct database *database, const char *key, const char *value) MUST_CHECK;
status store_get_value(struct database *database, const char *key, char **value) MUST_CHECK;

/* Ends a transaction that database_begin() began, and remembers why it was rolled back. */
status store_conclude(struct store *store, status outcome) MUST_CHECK;

#endif
