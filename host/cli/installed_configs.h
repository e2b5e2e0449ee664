/* The configs that are installed with the program, by name: `starcl search quickstart` from any folder. */
#ifndef STARCL_CLI_INSTALLED_CONFIGS_H
#define STARCL_CLI_INSTALLED_CONFIGS_H

#include "base/status.h"

#include <limits.h>

/*
 * The file that CONFIG means: the word itself where such a file is, or else the installed config of that name, with or
 * without ".cfg" ("quickstart", "hour/quality.cfg"). STATUS_USAGE, with the names that there are, where it is neither.
 * Without installed configs, as in a build folder, every word means itself, and whoever reads it says what is missing.
 */
status installed_config_find(const char *word, char path[PATH_MAX]) MUST_CHECK;

#endif
