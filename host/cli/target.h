/* What commands are told about genomes and configs, with --config, --set, --seed and --device. */
#ifndef STARCL_CLI_TARGET_H
#define STARCL_CLI_TARGET_H

#include "cli/command.h"
#include "run/target.h"

/* target_find() with the config and the assignments of the arguments. */
status target_read(const char *word, const struct arguments *arguments, bool needs_data,
                   struct target *target) MUST_CHECK;

/*
 * --set, and --seed and --device as assignments "path=value"; room for MAX_ARGUMENTS + OWN_ASSIGNMENTS. --device takes
 * the place of devices.use, too. The texts live as long as the program.
 */
enum { OWN_ASSIGNMENTS = 3 };
status arguments_assignments(const struct arguments *arguments, const char **assignments, int *count) MUST_CHECK;

/* The config of a path or an installed name (NULL: the defaults), with what --set, --seed and --device assign. */
status arguments_config(const struct arguments *arguments, const char *path, bool needs_data,
                        struct run_config *config) MUST_CHECK;

#endif
