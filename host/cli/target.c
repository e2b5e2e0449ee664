#include "cli/target.h"

#include "base/text.h"
#include "cli/installed_configs.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

status arguments_assignments(const struct arguments *arguments, const char **assignments, int *count) {
    static char seed[64], device[160];
    const char *value = argument_value(arguments, "--seed");
    *count = argument_values(arguments, "--set", assignments);
    if (value) {
        int64_t number;
        if (text_parse_integer(value, &number) != 0 || number < 0)
            return fail_usage("--seed needs a whole number from 0, not '%s'", value);
        snprintf(seed, sizeof seed, "run.seed=%lld%s", (long long)number, number > INT_MAX ? "L" : "");
        assignments[(*count)++] = seed;
    }
    if ((value = argument_value(arguments, "--device"))) {
        if (strlen(value) > 100 || strchr(value, '"'))
            return fail_usage("--device '%s' cannot name a device", value);
        snprintf(device, sizeof device, "devices.device=\"%s\"", value);
        assignments[(*count)++] = device;
        assignments[(*count)++] = "devices.use=[]";
    }
    return STATUS_OK;
}

status arguments_config(const struct arguments *arguments, const char *path, bool needs_data,
                        struct run_config *config) {
    const char *assignments[MAX_ARGUMENTS + OWN_ASSIGNMENTS];
    char file[PATH_MAX];
    int count;
    TRY(arguments_assignments(arguments, assignments, &count));
    if (path)
        TRY(installed_config_find(path, file));
    return config_load(path ? file : NULL, assignments, count, needs_data, config);
}

status target_read(const char *word, const struct arguments *arguments, bool needs_data, struct target *target) {
    const char *assignments[MAX_ARGUMENTS + OWN_ASSIGNMENTS], *config = argument_value(arguments, "--config");
    char file[PATH_MAX];
    int count;
    memset(target, 0, sizeof *target);
    TRY(arguments_assignments(arguments, assignments, &count));
    if (config)
        TRY(installed_config_find(config, file));
    return target_find(word, config ? file : NULL, assignments, count, needs_data, target);
}
