/*
 * Reading libconfig files with messages that name file, line, key and what is allowed. Everything refused here is a
 * STATUS_USAGE.
 */
#ifndef STARCL_BASE_SETTINGS_H
#define STARCL_BASE_SETTINGS_H

#include "base/status.h"

#include <libconfig.h>
#include <stddef.h>

struct settings {
    config_t config;
    char *name; /* as messages show it: a path, or what a text is */
};

/* Free with settings_destroy() when they succeed. */
status settings_read_file(const char *path, struct settings *settings) MUST_CHECK;
status settings_read_text(const char *name, const char *text, struct settings *settings) MUST_CHECK;
void settings_destroy(struct settings *settings);

/*
 * Sets a value by path, as `--set model.width=64` does: `assignment` is "path=value", value in libconfig's notation; a
 * value that is none is taken as a string. Groups on the way are made. Later messages about it name "--set".
 */
status settings_assign(struct settings *settings, const char *assignment) MUST_CHECK;

/* "name:line: path: words" as a STATUS_USAGE; `setting` may be a group or a list element. */
status settings_refuse(const struct settings *settings, const config_setting_t *setting, const char *format, ...)
    PRINTF_LIKE(3, 4) MUST_CHECK;

/* Refuses members of `group` that are not among the keys, suggesting the nearest one. */
status settings_only(const struct settings *settings, const config_setting_t *group, const char *const *keys,
                     size_t count) MUST_CHECK;

/* The value of a setting, of the right type and in the range, or a refusal. */
status settings_integer(const struct settings *settings, const config_setting_t *setting, long long least,
                        long long most, long long *value) MUST_CHECK;
status settings_number(const struct settings *settings, const config_setting_t *setting, double least, double most,
                       double *value) MUST_CHECK;
/* The text belongs to the settings. */
status settings_text(const struct settings *settings, const config_setting_t *setting, const char **value) MUST_CHECK;
/* The index of the text among `choices`. */
status settings_choice(const struct settings *settings, const config_setting_t *setting, const char *const *choices,
                       size_t count, int *index) MUST_CHECK;
/* Refuses what is not a list, an array, or `count` elements (0: any number). */
status settings_list(const struct settings *settings, const config_setting_t *setting, int count) MUST_CHECK;
/* The member `key` of a group; refuses its absence. */
status settings_member(const struct settings *settings, const config_setting_t *group, const char *key,
                       const config_setting_t **member) MUST_CHECK;

#endif
