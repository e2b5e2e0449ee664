/* A genome as commands are told it: as text, as RUN:ID, or as the pattern of a config. */
#ifndef STARCL_CLI_TARGET_H
#define STARCL_CLI_TARGET_H

#include "cli/command.h"
#include "run/config.h"

struct target {
    struct genome genome;
    struct run_config config;
    struct catalogue catalogue;
    char *catalogue_text; /* the caller frees it */
};

/*
 * `word` is a genome, RUN:ID, or NULL for model.pattern. The config is --config with --set and --device, or for RUN:ID
 * without --config the run's with these; the catalogue is the config's, or the run's.
 */
status target_read(const char *word, const struct arguments *arguments, bool needs_data,
                   struct target *target) MUST_CHECK;

/*
 * --set, and --seed and --device as assignments "path=value"; room for MAX_ARGUMENTS + 2. The texts live as long as the
 * program.
 */
status arguments_assignments(const struct arguments *arguments, const char **assignments, int *count) MUST_CHECK;

/* A config with the assignments of --set, --seed and --device. */
status arguments_config(const struct arguments *arguments, const char *path, bool needs_data,
                        struct run_config *config) MUST_CHECK;

#endif
