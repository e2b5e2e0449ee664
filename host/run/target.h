/* A genome as a person names it: as text, as RUN:ID, or as the pattern of a config. */
#ifndef STARCL_RUN_TARGET_H
#define STARCL_RUN_TARGET_H

#include "run/config.h"

struct target {
    struct genome genome;
    struct run_config config;
    struct catalogue catalogue;
    char *catalogue_text; /* the caller frees it */
};

/* The colon of RUN:ID, where a word is that and the run may be a folder or the URL of a database; NULL: it is none. */
const char *target_id_colon(const char *word);

/*
 * `word` is a genome, RUN:ID, or NULL for model.pattern. The config is the file `config_path` (NULL: the defaults) with
 * the assignments, or for RUN:ID without a file the run's with these; the catalogue is the config's, or the run's.
 * `needs_data` is config_load()'s. What does not parse or is not there is STATUS_USAGE.
 */
status target_find(const char *word, const char *config_path, const char *const *assignments, int assignment_count,
                   bool needs_data, struct target *target) MUST_CHECK;

#endif
