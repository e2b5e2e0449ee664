#include "run/config.h"

#include "device/discover.h"
#include "run/config_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The text must exist now, and be found again when the run is resumed from another folder. */
static status resolve_path(const struct settings *settings, struct run_config *config) {
    const config_setting_t *setting = config_locate(settings, "data", "path");
    if (!config->data.path[0])
        return settings_refuse(settings, setting,
                               "data.path is missing: a text file, a .gz file or a folder; --set data.path=FILE sets "
                               "it too, and data.tasks names tasks that need none");
    char absolute[PATH_MAX];
    if (!realpath(config->data.path, absolute)) {
        bool dictionary = strncmp(config->data.path, "/usr/share/dictd/", 17) == 0;
        return settings_refuse(settings, setting, "there is no file or folder %s%s", config->data.path,
                               dictionary ? "; `apt-get install dict-gcide` brings the dictionary" : "");
    }
    snprintf(config->data.path, sizeof config->data.path, "%s", absolute);
    return STATUS_OK;
}

/*
 * A catalogue of one's own is found again from another folder. One that is not there is left to whoever reads it: a run
 * has a copy, and goes on without the file.
 */
static void resolve_catalogue(struct run_config *config) {
    char absolute[PATH_MAX];
    if (strcmp(config->model.catalogue, "builtin") != 0 && realpath(config->model.catalogue, absolute))
        snprintf(config->model.catalogue, sizeof config->model.catalogue, "%s", absolute);
}

/* Earlier runs likewise: what they taught is kept in the run. */
static void resolve_runs(struct text_list *runs) {
    struct text_list given = *runs;
    char absolute[PATH_MAX];
    memset(runs, 0, sizeof *runs);
    for (const char *path = text_list_next(&given, NULL); path; path = text_list_next(&given, path))
        if (!realpath(path, absolute) || !text_list_add(runs, absolute))
            (void)text_list_add(runs, path);
}

/* STARCL_DEVICE's choice becomes the config's: resuming without the variable takes the same device. */
static status resolve_device(struct run_config *config) {
    const char *words = device_words(config->devices.device);
    if (words == config->devices.device)
        return STATUS_OK;
    if (strlen(words) >= sizeof config->devices.device)
        return fail_usage("STARCL_DEVICE is longer than %zu characters: %s", sizeof config->devices.device - 1, words);
    snprintf(config->devices.device, sizeof config->devices.device, "%s", words);
    return STATUS_OK;
}

static status read_settings(struct settings *settings, bool needs_data, struct run_config *config) {
    memset(config, 0, sizeof *config);
    TRY(config_read_defaults(config));
    TRY(config_read_keys(settings, config));
    TRY(config_check(settings, config));
    resolve_catalogue(config);
    resolve_runs(&config->search.surrogate.runs);
    if (!needs_data)
        return STATUS_OK;
    if (config->data.tasks.count == 0)
        TRY(resolve_path(settings, config));
    return resolve_device(config);
}

static status load_settings(struct settings *settings, const char *const *assignments, int assignment_count,
                            bool needs_data, struct run_config *config) {
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < assignment_count; i++)
        outcome = settings_assign(settings, assignments[i]);
    if (outcome == STATUS_OK)
        outcome = read_settings(settings, needs_data, config);
    settings_destroy(settings);
    return outcome;
}

status config_load(const char *path, const char *const *assignments, int assignment_count, bool needs_data,
                   struct run_config *config) {
    struct settings settings;
    if (path)
        TRY(settings_read_file(path, &settings));
    else
        TRY(settings_read_text("the defaults", "", &settings));
    return load_settings(&settings, assignments, assignment_count, needs_data, config);
}

status config_load_text(const char *name, const char *text, const char *const *assignments, int assignment_count,
                        bool needs_data, struct run_config *config) {
    struct settings settings;
    TRY(settings_read_text(name, text, &settings));
    return load_settings(&settings, assignments, assignment_count, needs_data, config);
}
