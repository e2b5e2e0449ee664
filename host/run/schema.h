/* The tables of a run, and how those of older versions become today's; database_version() tells which they are. */
#ifndef STARCL_RUN_SCHEMA_H
#define STARCL_RUN_SCHEMA_H

#include "run/database.h"

enum { SCHEMA_VERSION = 8 };

/* Makes the tables in an empty database. */
status schema_create(struct database *database) MUST_CHECK;
/* And those in the place of a folder's files: checkpoints, in parts, and notes. */
status schema_create_files(struct database *database) MUST_CHECK;

/*
 * Brings the tables from `version` (0 to SCHEMA_VERSION - 1) to SCHEMA_VERSION, in one transaction. `train_steps` is
 * what the run's config says: an older database does not say how long it trained. Only SQLite has version 0.
 */
status schema_migrate(struct database *database, long long version, long long train_steps) MUST_CHECK;

#endif
