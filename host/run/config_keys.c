/* The table of all keys, and what goes by it: reading, printing, and telling what differs. */
#include "run/config_keys.h"

#include "base/memory.h"
#include "base/text.h"
#include "evolve/filter.h"
#include "train/mad.h"

#include <float.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum key_type { KEY_INTEGER, KEY_NUMBER, KEY_TEXT, KEY_NAMES, KEY_LIMITS, KEY_NUMBERS, KEY_SWITCH, KEY_TEXTS };

struct config_key {
    const char *group, *key;
    enum key_type type;
    size_t offset, bytes; /* of the field in struct run_config */
    double least, most;   /* of integers and numbers */
    const char *initial;  /* in libconfig's notation */
    const char *meaning;
};

#define INTEGER(group, key, least, most, initial, meaning)                                                             \
    {                                                                                                                  \
#group, #key, KEY_INTEGER, offsetof(struct run_config, group.key),                                             \
            sizeof(((struct run_config *)0)->group.key), least, most, initial, meaning                                 \
    }
#define NUMBER(group, key, least, most, initial, meaning)                                                              \
    {                                                                                                                  \
#group, #key, KEY_NUMBER, offsetof(struct run_config, group.key), sizeof(((struct run_config *)0)->group.key), \
            least, most, initial, meaning                                                                              \
    }
#define TEXT(group, key, initial, meaning)                                                                             \
    {                                                                                                                  \
#group, #key, KEY_TEXT, offsetof(struct run_config, group.key), sizeof(((struct run_config *)0)->group.key),   \
            0, 0, initial, meaning                                                                                     \
    }
#define NAMES(group, key, initial, meaning)                                                                            \
    {                                                                                                                  \
#group, #key, KEY_NAMES, offsetof(struct run_config, group.key), sizeof(((struct run_config *)0)->group.key),  \
            0, 0, initial, meaning                                                                                     \
    }

#define LIMITS(group, key, initial, meaning)                                                                           \
    {                                                                                                                  \
#group, #key, KEY_LIMITS, offsetof(struct run_config, group.key), sizeof(((struct run_config *)0)->group.key), \
            0, 0, initial, meaning                                                                                     \
    }

#define NUMBERS(group, key, least, most, initial, meaning)                                                             \
    {                                                                                                                  \
#group, #key, KEY_NUMBERS, offsetof(struct run_config, group.key),                                             \
            sizeof(((struct run_config *)0)->group.key), least, most, initial, meaning                                 \
    }
#define SWITCH(group, key, initial, meaning)                                                                           \
    {                                                                                                                  \
#group, #key, KEY_SWITCH, offsetof(struct run_config, group.key), sizeof(((struct run_config *)0)->group.key), \
            0, 0, initial, meaning                                                                                     \
    }
#define TEXTS(group, key, initial, meaning)                                                                            \
    {                                                                                                                  \
#group, #key, KEY_TEXTS, offsetof(struct run_config, group.key), sizeof(((struct run_config *)0)->group.key),  \
            0, 0, initial, meaning                                                                                     \
    }

static const struct config_key keys[] = {
    TEXT(run, name, "\"run\"", "what the run is called; its folder is runs/<name>-<number>"),
    INTEGER(run, seed, 0, 9007199254740992.0, "1", "same config, seed and device: same result, bit for bit"),

    TEXT(run, store, "\"\"",
         "postgresql://user@host/database[#name]: a database that keeps the run, its password in ~/.pgpass; \"\": a "
         "folder does"),
    INTEGER(run, lease, 5, 86400, "60", "seconds after which a job of a worker that says nothing is given to another"),
    INTEGER(run, patience, 0, 86400, "300",
            "seconds that a database which is gone is waited for, before it is given up"),

    TEXT(data, path, "\"\"", "a text file, a .gz file or a folder of them, taken as bytes; or a folder of .npy arrays"),
    NAMES(data, tasks, "[]", "MAD's tasks to train on instead, one after the other: [\"in-context-recall\"]"),
    NUMBER(data, validation, 0.0001, 0.9, "0.05", "share of the text that selection is judged on"),
    NUMBER(data, test, 0.0001, 0.9, "0.05", "share of the text that reports quote and selection never sees"),

    INTEGER(data.mad, vocabulary, 0, 65536, "0",
            "tokens of the tasks' vocabularies; 0 is as published, of arrays as found"),
    INTEGER(data.mad, length, 0, MAD_MOST_LENGTH, "0", "tokens of a sequence; 0 is as published, of arrays as found"),
    INTEGER(data.mad, examples, 0, 1e9, "0", "sequences to train on; 0 is as published"),
    INTEGER(data.mad, copy_tokens, 0, MAD_MOST_LENGTH, "0", "tokens to copy, of selective-copying; 0 is 16"),
    NUMBER(data.mad, noise, 0, 0.95, "0.0", "share of pairs that are noise, of noisy-in-context-recall; 0 is 0.2"),

    INTEGER(model, width, 16, 16384, "128", "channels of the residual stream, a multiple of 16"),
    INTEGER(model, depth, 1, GENOME_MAX_DEPTH, "6", "LIVs of a backbone"),
    INTEGER(model, context, 1, 65536, "128", "tokens of a training sequence"),
    INTEGER(model, head_channels, 2, 256, "32", "channels of an attention head, even; divides the width"),
    INTEGER(model, window, 1, 1048576, "64", "tokens that a banded mask sees"),
    INTEGER(model, block, 1, 1048576, "64", "tokens of a block of a blocked mask"),
    INTEGER(model, cache_context, 1, 1048576, "4096", "tokens for which cache_bytes is reported"),
    NUMBER(model, embedding_deviation, 1e-6, 1e6, "1.0", "standard deviation of the initial embeddings of tokens"),
    TEXT(model, catalogue, "\"builtin\"", "file of LIV classes, or \"builtin\""),
    NAMES(model, classes, "[]", "classes to search over, by name; [] is all of the catalogue"),
    NAMES(model, pattern, "[]", "classes of a fixed backbone, repeated over the depth"),

    INTEGER(train, steps, 1, 1e9, "400", "optimiser steps of a candidate"),
    INTEGER(train, batch, 1, 65536, "16", "sequences a step"),
    NUMBER(train, learning_rate, 0, 1, "2e-2", "peak of AdamW's learning rate; of a matrix, at 64 inputs"),
    INTEGER(train, warmup, 0, 1e9, "100", "steps of linear warm-up of the learning rate"),
    TEXT(train, schedule, "\"auto\"",
         "of the rate then: cosine, stable (decay at the end), auto: what suits the rungs"),
    NUMBER(train, decay, 0, 1, "0.2", "share of the steps that decay at the end of a stable schedule"),
    NUMBER(train, final_rate, 0, 1, "0.1", "share of the peak rate that the last step has"),
    NUMBER(train, weight_decay, 0, 1, "0.1", "AdamW's weight decay, on matrices"),
    NUMBER(train, clip, 1e-6, 1e6, "1.0", "largest norm of the gradient"),
    NUMBERS(train, parts, 1, 65536, "[]",
            "of `starcl train`: sequences of each part of a step, whose gradients are summed in order; []: one part"),
    TEXT(
        train, precision, "\"float32\"",
        "of products, where the device has instructions for it, and of what waits for the backward pass: float32, tf32 "
        "(products alone), bfloat16 or float16"),
    INTEGER(train, checkpoint_steps, 1, 1e9, "500", "steps between the states that `starcl train` keeps"),
    INTEGER(train, validation_batches, 1, 1e6, "16",
            "batches over the validation or test part that an evaluation takes"),

    TEXT(search, algorithm, "\"nsga2\"",
         "nsga2, nsga2-steady, ageing, map-elites; for one objective ga, firefly; or random"),
    INTEGER(search, population, 2, 4096, "16", "candidates of a generation"),
    INTEGER(search, generations, 1, 100000, "18", "generations, the first, random one among them"),
    INTEGER(search, tournament, 1, 4096, "2", "candidates drawn to choose a parent from"),
    INTEGER(search, crossover_points, 1, GENOME_MAX_DEPTH, "2", "boundaries between LIVs where parents change over"),
    NUMBER(search, mutation, 0, 1, "0.1", "probability that a gene is drawn anew"),
    SWITCH(search, free_mutation, "false", "it draws from all values of a gene, not from those valid at its place"),
    NUMBER(search, immigrants, 0, 1, "0.0", "share of the children that are random genomes instead"),
    INTEGER(search, elite, 0, 4095, "2", "of ga: the best that pass on to the next generation"),
    TEXTS(search, founders, "[]",
          "what the first population begins with: genomes, folders of runs, transformer++, striped-mamba, mamba, lfm2"),
    NUMBERS(search, reference, -1e300, 1e300, "[]",
            "what hypervolume is measured up to, a number an objective; []: chosen by the first generation"),
    NAMES(search, levels, "[\"backbone\"]", "what evolves: backbone, operator, featurizer, or all"),
    INTEGER(search, depth_least, 0, GENOME_MAX_DEPTH, "0", "fewest LIVs; 0 is model.depth"),
    INTEGER(search, depth_most, 0, GENOME_MAX_DEPTH, "0", "most LIVs; 0 is model.depth"),
    NAMES(search, norms, "[\"pre\"]", "where norms may sit: pre, post, both"),
    NAMES(search, residuals, "[\"plain\"]", "what residuals may be: plain, or scaled by learned factors"),
    INTEGER(search, seeds, 1, 64, "1", "seeds that a candidate is trained with; selection sees the means"),
    NUMBERS(search, rungs, 0, 1, "[]",
            "shares of train.steps at which only the best go on, rising to 1.0; []: all are trained in full"),
    NUMBER(search, promoted, 0, 1, "0.3333333333333333", "share of the candidates of a rung that go on to the next"),
    NUMBER(search, rung_decay, 0, 1, "0.0",
           "more steps, as a share of a rung's, in which the rate decays before it is measured; then forgotten"),
    SWITCH(search, early_stopping, "false", "stop a training when its curve leads to what another beats in everything"),
    SWITCH(search, inheritance, "false", "children begin with the weights of the LIVs that they kept"),
    NAMES(search, objectives, "[\"bits_per_byte\", \"parameters\", \"cache_bytes\"]", "metrics to optimise"),
    LIMITS(search, limits, "{ }",
           "what a candidate must keep to, by metric: { cache_bytes = \"64 KiB\"; decode_us = 900.0; }"),
    INTEGER(search.final, keep, 0, 4096, "0", "best candidates that are trained again at the end, from scratch"),
    INTEGER(search.final, steps, 0, 1e9, "0", "steps of that; 0 is four times train.steps"),
    INTEGER(search.final, seeds, 1, 64, "3", "seeds that each of them is trained with"),
    INTEGER(search.surrogate, candidates, 0, FILTER_MOST_CANDIDATES, "0",
            "children proposed for each that is trained, the most promising by a model; 0 is off"),
    INTEGER(search.surrogate, warmup, 0, 1e6, "8", "candidates that are trained before the model chooses"),
    NUMBER(search.surrogate, chance, 0, 1, "0.1", "share of the later ones that are not chosen but as they come"),
    TEXTS(search.surrogate, runs, "[]", "folders of earlier runs of the same space, for the model to learn from"),
    NUMBER(search.rates, backbone, -1, 1, "-1.0",
           "mutation of the backbone, norms and residuals; -1: as search.mutation"),
    NUMBER(search.rates, operator, - 1, 1, "-1.0", "mutation of operators"),
    NUMBER(search.rates, featurizer, -1, 1, "-1.0", "mutation of featurizers"),
    NUMBER(search.firefly, attraction, 0, 1, "1.0", "share of its LIVs that a firefly takes from a near brighter one"),
    NUMBER(search.firefly, absorption, 0, 1e6, "1.0", "how fast that falls with the distance"),
    INTEGER(search.budget, evaluations, 0, 1e9, "0",
            "candidates of the search; 0: no such bound; all three 0: population x generations"),
    INTEGER(search.budget, tokens, 0, 9e15, "0", "tokens that candidates are trained on, all together"),
    NUMBER(search.budget, hours, 0, 1e6, "0.0", "hours of evaluating candidates"),
    INTEGER(search.measure, context, 0, 65536, "0", "tokens behind which decoding is measured; 0 is model.context"),
    NUMBER(search.measure, precision, 1e-4, 1, "0.02",
           "a measurement repeats until its 95 % interval is this share of it"),
    NUMBER(search.measure, seconds, 1e-3, 600, "2.0", "or until so many seconds are over"),
    INTEGER(search.measure, processes, 1, 64, "5",
            "processes that share those seconds when the front is measured again; 1: the search's own"),

    TEXT(devices, device, "\"\"", "index, cpu, gpu, accelerator or part of a name; \"\" is the best one"),
    TEXTS(devices, use, "[]",
          "devices that a search uses at the same time, or \"all\", or parts of one: [\"0.0/2\"]; []: devices.device; "
          "[\"none\"]: those of starcl work alone"),
    TEXTS(devices, measure_on, "[]",
          "kinds of devices that time candidates, others only train them; the first is what selection compares; []: "
          "whoever trains"),
    TEXT(devices, gemm, "\"auto\"", "GEMM provider: auto, panel, clblast or tiles"),
    INTEGER(devices, memory, 0, 1e9, "0", "MiB of device memory to use at most; 0 is all that the device has"),
    SWITCH(devices, build_ahead, "true", "build kernels of the next candidates on another thread while one trains"),
};
enum { KEYS = sizeof keys / sizeof *keys };

/* ---- reading ---- */

static void *field(struct run_config *config, const struct config_key *key) {
    return (char *)config + key->offset;
}

/* Only a pattern may name something twice. */
static status read_names(const struct settings *settings, const config_setting_t *setting, bool repeats,
                         struct name_list *list) {
    TRY(settings_list(settings, setting, 0));
    list->count = 0;
    for (int i = 0; i < config_setting_length(setting); i++) {
        const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
        const char *name = NULL;
        TRY(settings_text(settings, element, &name));
        if (!*name || strlen(name) >= CLASS_NAME_BYTES)
            return settings_refuse(settings, element, "a name has 1 to %d characters", CLASS_NAME_BYTES - 1);
        if (list->count == CONFIG_MAX_CLASSES)
            return settings_refuse(settings, setting, "more than %d names", CONFIG_MAX_CLASSES);
        for (int j = 0; j < list->count && !repeats; j++)
            if (strcmp(list->names[j], name) == 0)
                return settings_refuse(settings, element, "\"%s\" is listed twice", name);
        snprintf(list->names[list->count++], CLASS_NAME_BYTES, "%s", name);
    }
    return STATUS_OK;
}

/* The metric of a limit, which selection may see. */
static status find_limited(const struct settings *settings, const config_setting_t *setting, enum metric *metric) {
    const char *name = config_setting_name(setting), *names[METRICS];
    size_t count = 0;
    *metric = metric_find(name);
    if (*metric < METRICS && metric_table[*metric].hidden)
        return settings_refuse(settings, setting, "no limit can be on it: %s", metric_table[*metric].hidden);
    if (*metric < METRICS)
        return STATUS_OK;
    struct text all = {0};
    for (int m = 0; m < METRICS; m++) {
        if (metric_table[m].hidden)
            continue;
        text_append(&all, "%s%s", count ? ", " : "", metric_table[m].name);
        names[count++] = metric_table[m].name;
    }
    const char *nearest = text_nearest(name, names, count);
    status outcome =
        settings_refuse(settings, setting, "is no metric%s%s%s; allowed: %s", nearest ? ", did you mean '" : "",
                        nearest ? nearest : "", nearest ? "'?" : "", all.text);
    text_free(&all);
    return outcome;
}

static status read_limit(const struct settings *settings, const config_setting_t *setting, struct limit *limit) {
    TRY(find_limited(settings, setting, &limit->metric));
    if (config_setting_type(setting) != CONFIG_TYPE_STRING)
        TRY(settings_number(settings, setting, -DBL_MAX, DBL_MAX, &limit->value));
    else {
        const char *written = config_setting_get_string(setting);
        if (limit_parse(limit->metric, written, &limit->value) != STATUS_OK)
            return settings_refuse(settings, setting, "%s", status_message());
        if (strlen(written) >= LIMIT_WRITTEN_BYTES)
            return settings_refuse(settings, setting, "longer than %d characters", LIMIT_WRITTEN_BYTES - 1);
        snprintf(limit->written, LIMIT_WRITTEN_BYTES, "%s", written);
    }
    if (!(limit->value > 0))
        return settings_refuse(settings, setting, "a limit is above 0, not %g", limit->value);
    return STATUS_OK;
}

static status read_limits(const struct settings *settings, const config_setting_t *setting, struct limit_list *list) {
    memset(list, 0, sizeof *list);
    if (!config_setting_is_group(setting))
        return settings_refuse(settings, setting, "must be a group: limits = { cache_bytes = \"64 KiB\"; };");
    for (int i = 0; i < config_setting_length(setting); i++)
        TRY(read_limit(settings, config_setting_get_elem(setting, (unsigned)i), &list->limits[list->count++]));
    return STATUS_OK;
}

static status read_numbers(const struct settings *settings, const config_setting_t *setting,
                           const struct config_key *key, struct number_list *list) {
    TRY(settings_list(settings, setting, 0));
    list->count = 0;
    for (int i = 0; i < config_setting_length(setting); i++) {
        if (list->count == CONFIG_MAX_NUMBERS)
            return settings_refuse(settings, setting, "more than %d numbers", CONFIG_MAX_NUMBERS);
        TRY(settings_number(settings, config_setting_get_elem(setting, (unsigned)i), key->least, key->most,
                            &list->numbers[list->count++]));
    }
    return STATUS_OK;
}

static status read_switch(const struct settings *settings, const config_setting_t *setting, bool *value) {
    if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
        return settings_refuse(settings, setting, "must be true or false");
    *value = config_setting_get_bool(setting);
    return STATUS_OK;
}

static status read_texts(const struct settings *settings, const config_setting_t *setting, struct text_list *list) {
    TRY(settings_list(settings, setting, 0));
    memset(list, 0, sizeof *list);
    for (int i = 0; i < config_setting_length(setting); i++) {
        const config_setting_t *element = config_setting_get_elem(setting, (unsigned)i);
        const char *text = NULL;
        TRY(settings_text(settings, element, &text));
        if (!*text)
            return settings_refuse(settings, element, "is empty");
        if (!text_list_add(list, text))
            return settings_refuse(settings, setting, "longer than %d characters together", CONFIG_TEXTS_BYTES);
    }
    return STATUS_OK;
}

static status read_key(const struct settings *settings, const config_setting_t *setting, const struct config_key *key,
                       struct run_config *config) {
    const char *text = NULL;
    switch (key->type) {
    case KEY_INTEGER:
        return settings_integer(settings, setting, (long long)key->least, (long long)key->most, field(config, key));
    case KEY_NUMBER:
        return settings_number(settings, setting, key->least, key->most, field(config, key));
    case KEY_NAMES:
        return read_names(settings, setting, strcmp(key->key, "pattern") == 0, field(config, key));
    case KEY_LIMITS:
        return read_limits(settings, setting, field(config, key));
    case KEY_NUMBERS:
        return read_numbers(settings, setting, key, field(config, key));
    case KEY_SWITCH:
        return read_switch(settings, setting, field(config, key));
    case KEY_TEXTS:
        return read_texts(settings, setting, field(config, key));
    case KEY_TEXT:
        TRY(settings_text(settings, setting, &text));
        if (strlen(text) >= key->bytes)
            return settings_refuse(settings, setting, "longer than %zu characters", key->bytes - 1);
        snprintf(field(config, key), key->bytes, "%s", text);
        return STATUS_OK;
    }
    return STATUS_OK;
}

status config_read_defaults(struct run_config *config) {
    for (int i = 0; i < KEYS; i++) {
        struct text line = {0};
        struct settings settings;
        text_append(&line, "%s = %s;", keys[i].key, keys[i].initial);
        status outcome = settings_read_text("the defaults", line.text, &settings);
        text_free(&line);
        TRY(outcome);
        outcome = read_key(&settings, config_lookup(&settings.config, keys[i].key), &keys[i], config);
        settings_destroy(&settings);
        TRY(outcome);
    }
    return STATUS_OK;
}

/* What stands behind "path." in a group's path with no dot more: the name of a group within the group `path`. */
static const char *name_within(const char *group, const char *path) {
    size_t length = strlen(path);
    if (length > 0 && (strncmp(group, path, length) != 0 || group[length] != '.'))
        return NULL;
    const char *name = group + length + (length > 0);
    return strchr(name, '.') ? NULL : name;
}

/* The keys of a group ("": of the file), then those of the groups within it. */
static status read_group(const struct settings *settings, const config_setting_t *group, const char *path,
                         struct run_config *config) {
    const char *names[2 * KEYS], *groups[KEYS];
    size_t name_count = 0, group_count = 0;
    for (int i = 0; i < KEYS; i++) {
        bool first = i == 0 || strcmp(keys[i].group, keys[i - 1].group) != 0;
        const char *within = first ? name_within(keys[i].group, path) : NULL;
        if (strcmp(keys[i].group, path) == 0)
            names[name_count++] = keys[i].key;
        if (within)
            groups[group_count++] = keys[i].group;
        if (within)
            names[name_count++] = within;
    }
    TRY(settings_only(settings, group, names, name_count));
    for (int i = 0; i < KEYS; i++) {
        const config_setting_t *setting =
            strcmp(keys[i].group, path) == 0 ? config_setting_get_member(group, keys[i].key) : NULL;
        if (setting)
            TRY(read_key(settings, setting, &keys[i], config));
    }
    for (size_t g = 0; g < group_count; g++) {
        const char *name = name_within(groups[g], path);
        const config_setting_t *inner = config_setting_get_member(group, name);
        if (inner && !config_setting_is_group(inner))
            return settings_refuse(settings, inner, "must be a group: %s = { ... };", name);
        if (inner)
            TRY(read_group(settings, inner, groups[g], config));
    }
    return STATUS_OK;
}

/* Keys of earlier versions, which the configs that their runs keep have: with the value that says nothing. */
static const struct former_key {
    const char *group, *key, *nothing, *now;
} former_keys[] = {{"devices", "products", "float32", "train.precision"}};

static status drop_former_keys(const struct settings *settings) {
    for (size_t i = 0; i < sizeof former_keys / sizeof *former_keys; i++) {
        const struct former_key *former = &former_keys[i];
        config_setting_t *group = config_setting_lookup(config_root_setting(&settings->config), former->group);
        const config_setting_t *setting =
            group && config_setting_is_group(group) ? config_setting_get_member(group, former->key) : NULL;
        const char *text = setting ? config_setting_get_string(setting) : NULL;
        if (!setting)
            continue;
        if (!text || strcmp(text, former->nothing) != 0)
            return settings_refuse(settings, setting, "is %s now", former->now);
        config_setting_remove(group, former->key);
    }
    return STATUS_OK;
}

status config_read_keys(const struct settings *settings, struct run_config *config) {
    TRY(drop_former_keys(settings));
    return read_group(settings, config_root_setting(&settings->config), "", config);
}

const config_setting_t *config_locate(const struct settings *settings, const char *group, const char *key) {
    config_setting_t *root = config_root_setting(&settings->config);
    config_setting_t *group_setting = config_setting_lookup(root, group);
    config_setting_t *setting = group_setting ? config_setting_get_member(group_setting, key) : NULL;
    return setting ? setting : group_setting ? group_setting : root;
}

/* ---- writing ---- */

static void print_quoted(struct text *text, const char *word) {
    text_append(text, "\"");
    for (; *word; word++)
        text_append(text, *word == '"' || *word == '\\' ? "\\%c" : "%c", *word);
    text_append(text, "\"");
}

static void print_limits(struct text *text, const struct limit_list *list) {
    char number[TEXT_NUMBER_BYTES];
    text_append(text, "{ ");
    for (int i = 0; i < list->count; i++) {
        const struct limit *limit = &list->limits[i];
        text_append(text, "%s = ", metric_table[limit->metric].name);
        if (limit->written[0])
            print_quoted(text, limit->written);
        else
            text_append(text, "%s", text_exact(number, limit->value));
        text_append(text, "; ");
    }
    text_append(text, "}");
}

static void print_numbers(struct text *text, const struct number_list *list) {
    char number[TEXT_NUMBER_BYTES];
    text_append(text, "[");
    for (int i = 0; i < list->count; i++)
        text_append(text, "%s%s", i ? ", " : "", text_exact(number, list->numbers[i]));
    text_append(text, "]");
}

static void print_texts(struct text *text, const struct text_list *list) {
    text_append(text, "[");
    for (const char *one = text_list_next(list, NULL); one; one = text_list_next(list, one)) {
        text_append(text, one == list->texts ? "" : ", ");
        print_quoted(text, one);
    }
    text_append(text, "]");
}

static void print_value(struct text *text, const struct config_key *key, const struct run_config *config) {
    const void *value = (const char *)config + key->offset;
    switch (key->type) {
    case KEY_INTEGER:
        text_append(text, *(const long long *)value > INT_MAX ? "%lldL" : "%lld", *(const long long *)value);
        break;
    case KEY_NUMBER: {
        char number[TEXT_NUMBER_BYTES];
        text_append(text, "%s", text_exact(number, *(const double *)value));
        break;
    }
    case KEY_TEXT:
        print_quoted(text, value);
        break;
    case KEY_LIMITS:
        print_limits(text, value);
        break;
    case KEY_NUMBERS:
        print_numbers(text, value);
        break;
    case KEY_SWITCH:
        text_append(text, "%s", *(const bool *)value ? "true" : "false");
        break;
    case KEY_TEXTS:
        print_texts(text, value);
        break;
    case KEY_NAMES: {
        const struct name_list *list = value;
        text_append(text, "[");
        for (int i = 0; i < list->count; i++) {
            text_append(text, i ? ", " : "");
            print_quoted(text, list->names[i]);
        }
        text_append(text, "]");
        break;
    }
    }
}

/* Names that two paths of groups begin with: "search" and "search.final" share 1. */
static int shared_depth(const char *a, const char *b) {
    int depth = 0;
    for (; *a && *a == *b; a++, b++)
        depth += *a == '.';
    bool ends = (!*a || *a == '.') && (!*b || *b == '.');
    return depth + ends;
}

/* A group within another stands behind that one's own keys, in the table and so in the file. */
char *config_print(const struct run_config *config) {
    struct text text = {0};
    for (int i = 0; i < KEYS; i++) {
        const char *group = keys[i].group, *name = strrchr(group, '.');
        int depth = shared_depth(group, group), indent = 4 * depth;
        if (i == 0 || strcmp(group, keys[i - 1].group) != 0)
            text_append(&text, "%*s%s = {\n", indent - 4, "", name ? name + 1 : group);
        size_t start = text.length;
        text_append(&text, "%*s%s = ", indent, "", keys[i].key);
        print_value(&text, &keys[i], config);
        int used = (int)(text.length - start);
        text_append(&text, ";%*s # %s\n", used < 40 ? 40 - used : 0, "", keys[i].meaning);
        int stay_open = i + 1 < KEYS ? shared_depth(group, keys[i + 1].group) : 0;
        for (; depth > stay_open; depth--)
            text_append(&text, "%*s};\n", 4 * (depth - 1), "");
    }
    return text.text;
}

static bool is_excepted(const struct config_key *key, const char *const *except) {
    char name[2 * CONFIG_NAME_BYTES];
    snprintf(name, sizeof name, "%s.%s", key->group, key->key);
    for (; *except; except++) {
        size_t length = strlen(*except);
        bool group = (*except)[length - 1] == '.';
        if (group ? strncmp(name, *except, length) == 0 : strcmp(name, *except) == 0)
            return true;
    }
    return false;
}

char *config_differences(const struct run_config *a, const struct run_config *b, const char *const *except) {
    struct text names = {0};
    for (int i = 0; i < KEYS; i++) {
        struct text value_a = {0}, value_b = {0};
        print_value(&value_a, &keys[i], a);
        print_value(&value_b, &keys[i], b);
        if (strcmp(value_a.text, value_b.text) != 0 && !is_excepted(&keys[i], except))
            text_append(&names, "%s%s.%s", names.length ? ", " : "", keys[i].group, keys[i].key);
        text_free(&value_a);
        text_free(&value_b);
    }
    return names.text;
}
