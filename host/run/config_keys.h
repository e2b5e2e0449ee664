/*
 * The parts of reading a config: the table of keys (config_keys.c), and what must fit together (config_check.c). For
 * config.c, which is what others use.
 */
#ifndef STARCL_RUN_CONFIG_KEYS_H
#define STARCL_RUN_CONFIG_KEYS_H

#include "base/settings.h"
#include "run/config.h"

/* Sets every key to its default. */
status config_read_defaults(struct run_config *config) MUST_CHECK;

/* Sets the keys that the settings have; refuses unknown ones, wrong types and values out of range. */
status config_read_keys(const struct settings *settings, struct run_config *config) MUST_CHECK;

/* The setting of a key, or the nearest group above it that exists, to name in a message. */
const config_setting_t *config_locate(const struct settings *settings, const char *group, const char *key);

/* Refuses values that do not fit together, and words that name nothing. */
status config_check(const struct settings *settings, const struct run_config *config) MUST_CHECK;

#endif
