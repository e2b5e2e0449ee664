#include "cli/target.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "genome/builtin.h"
#include "run/store.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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
    }
    return STATUS_OK;
}

status arguments_config(const struct arguments *arguments, const char *path, bool needs_data,
                        struct run_config *config) {
    const char *assignments[MAX_ARGUMENTS + 2];
    int count;
    TRY(arguments_assignments(arguments, assignments, &count));
    return config_load(path, assignments, count, needs_data, config);
}

static status find_candidate(struct store *store, int64_t id, struct genome *genome) {
    struct candidate *candidates;
    int count;
    TRY(store_candidates(store, &candidates, &count));
    status outcome = fail_usage("the run %s has no evaluated candidate %lld", store_path(store), (long long)id);
    for (int i = 0; i < count; i++) {
        if (candidates[i].individual.id != id)
            continue;
        *genome = candidates[i].individual.genome;
        outcome = STATUS_OK;
    }
    candidates_free(candidates, count);
    return outcome;
}

static status read_stored(struct store *store, int64_t id, const struct arguments *arguments, bool needs_data,
                          struct target *target) {
    const char *config_path = argument_value(arguments, "--config"), *assignments[MAX_ARGUMENTS + 2];
    int count;
    TRY(find_candidate(store, id, &target->genome));
    target->catalogue_text = memory_copy_text(store_fact(store, FACT_CATALOGUE));
    TRY(catalogue_read_text("the run's catalogue", target->catalogue_text, &target->catalogue));
    if (config_path)
        return arguments_config(arguments, config_path, needs_data, &target->config);
    TRY(arguments_assignments(arguments, assignments, &count));
    return config_load_text("the run's config", store_fact(store, FACT_CONFIG), assignments, count, needs_data,
                            &target->config);
}

/* "RUN:ID" */
static status read_candidate(const char *word, const char *colon, const struct arguments *arguments, bool needs_data,
                             struct target *target) {
    char path[PATH_MAX];
    int64_t id;
    struct store *store;
    snprintf(path, sizeof path, "%.*s", (int)(colon - word), word);
    if (text_parse_integer(colon + 1, &id) != 0)
        return fail_usage("'%s' is not a candidate's id; RUN:ID looks like %s:7", colon + 1, path);
    TRY(store_open(path, false, &store));
    status outcome = read_stored(store, id, arguments, needs_data, target);
    store_close(store);
    return outcome;
}

static status read_own(const char *word, const struct arguments *arguments, bool needs_data, struct target *target) {
    size_t length;
    if (word)
        TRY(genome_parse(word, &target->genome));
    TRY(arguments_config(arguments, argument_value(arguments, "--config"), needs_data, &target->config));
    const char *catalogue = target->config.model.catalogue;
    TRY(catalogue_read(catalogue, &target->catalogue));
    if (strcmp(catalogue, "builtin") == 0)
        target->catalogue_text = memory_copy_text(builtin_files[0].text);
    else
        TRY(file_read(catalogue, &target->catalogue_text, &length));
    return word ? STATUS_OK : config_pattern(&target->config, &target->catalogue, &target->genome);
}

/* A run's path may hold colons; a genome's class genes do, behind '|'. */
static const char *id_colon(const char *word) {
    const char *colon = word ? strrchr(word, ':') : NULL;
    return colon && !strchr(word, '|') ? colon : NULL;
}

status target_read(const char *word, const struct arguments *arguments, bool needs_data, struct target *target) {
    memset(target, 0, sizeof *target);
    const char *colon = id_colon(word);
    return colon ? read_candidate(word, colon, arguments, needs_data, target)
                 : read_own(word, arguments, needs_data, target);
}
