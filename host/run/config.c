#include "run/config.h"

#include "base/memory.h"
#include "base/settings.h"
#include "base/text.h"
#include "device/discover.h"
#include "device/gemm.h"
#include "evolve/algorithm.h"
#include "train/trainer.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum key_type { KEY_INTEGER, KEY_NUMBER, KEY_TEXT, KEY_NAMES };

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

static const struct config_key keys[] = {
    TEXT(run, name, "\"run\"", "what the run is called; its folder is runs/<name>-<number>"),
    INTEGER(run, seed, 0, 9007199254740992.0, "1", "same config, seed and device: same result, bit for bit"),

    TEXT(data, path, "\"\"", "a text file, a .gz file or a folder of them, taken as bytes"),
    NUMBER(data, validation, 0.0001, 0.9, "0.05", "share of the text that selection is judged on"),
    NUMBER(data, test, 0.0001, 0.9, "0.05", "share of the text that reports quote and selection never sees"),

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
    INTEGER(train, warmup, 0, 1e9, "100", "steps of linear warm-up, then cosine decay"),
    NUMBER(train, final_rate, 0, 1, "0.1", "share of the peak rate that the last step has"),
    NUMBER(train, weight_decay, 0, 1, "0.1", "AdamW's weight decay, on matrices"),
    NUMBER(train, clip, 1e-6, 1e6, "1.0", "largest norm of the gradient"),
    INTEGER(train, checkpoint_steps, 1, 1e9, "500", "steps between the states that `starcl train` keeps"),
    INTEGER(train, validation_batches, 1, 1e6, "16",
            "batches over the validation or test part that an evaluation takes"),

    TEXT(search, algorithm, "\"nsga2\"", "how parents are paired and who survives: nsga2, random"),
    INTEGER(search, population, 2, 4096, "16", "candidates of a generation"),
    INTEGER(search, generations, 1, 100000, "18", "generations, the first, random one among them"),
    INTEGER(search, tournament, 1, 4096, "2", "candidates drawn to choose a parent from"),
    INTEGER(search, crossover_points, 1, GENOME_MAX_DEPTH, "2", "boundaries between LIVs where parents change over"),
    NUMBER(search, mutation, 0, 1, "0.1", "probability that a gene is drawn anew"),
    NAMES(search, levels, "[\"backbone\"]", "what evolves: backbone, operator, featurizer, or all"),
    INTEGER(search, depth_least, 0, GENOME_MAX_DEPTH, "0", "fewest LIVs; 0 is model.depth"),
    INTEGER(search, depth_most, 0, GENOME_MAX_DEPTH, "0", "most LIVs; 0 is model.depth"),
    NAMES(search, norms, "[\"pre\"]", "where norms may sit: pre, post, both"),
    NAMES(search, residuals, "[\"plain\"]", "what residuals may be: plain, or scaled by learned factors"),
    INTEGER(search, seeds, 1, 64, "1", "seeds that a candidate is trained with; selection sees the means"),
    NAMES(search, objectives, "[\"bits_per_byte\", \"parameters\", \"cache_bytes\"]", "metrics to optimise"),
    INTEGER(search.final, keep, 0, 4096, "0", "best candidates that are trained again at the end, from scratch"),
    INTEGER(search.final, steps, 0, 1e9, "0", "steps of that; 0 is four times train.steps"),
    INTEGER(search.final, seeds, 1, 64, "3", "seeds that each of them is trained with"),

    TEXT(devices, device, "\"\"", "index, cpu, gpu, accelerator or part of a name; \"\" is the best one"),
    TEXT(devices, gemm, "\"auto\"", "GEMM provider: auto, panel or clblast"),
    INTEGER(devices, memory, 0, 1e9, "0", "MiB of device memory to use at most; 0 is all that the device has"),
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
    case KEY_TEXT:
        TRY(settings_text(settings, setting, &text));
        if (strlen(text) >= key->bytes)
            return settings_refuse(settings, setting, "longer than %zu characters", key->bytes - 1);
        snprintf(field(config, key), key->bytes, "%s", text);
        return STATUS_OK;
    }
    return STATUS_OK;
}

static status read_defaults(struct run_config *config) {
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

/* The setting of a key, or the nearest group above it that exists, to name in a message. */
static const config_setting_t *locate(const struct settings *settings, const char *group, const char *key) {
    config_setting_t *root = config_root_setting(&settings->config);
    config_setting_t *group_setting = config_setting_lookup(root, group);
    config_setting_t *setting = group_setting ? config_setting_get_member(group_setting, key) : NULL;
    return setting ? setting : group_setting ? group_setting : root;
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

/* ---- what must fit together ---- */

/* The name is one of `names`. */
static status check_name(const struct settings *settings, const char *group, const char *key, const char *name,
                         const char *const *names, int count) {
    struct text all = {0};
    for (int n = 0; n < count; n++) {
        if (strcmp(name, names[n]) == 0) {
            text_free(&all);
            return STATUS_OK;
        }
        text_append(&all, "%s%s", n ? ", " : "", names[n]);
    }
    const char *nearest = text_nearest(name, names, (size_t)count);
    status outcome =
        settings_refuse(settings, locate(settings, group, key), "\"%s\" is not known%s%s%s; allowed: %s", name,
                        nearest ? ", did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "", all.text);
    text_free(&all);
    return outcome;
}

/* Every name of a list is one of `names`, and there are least to most of them. */
static status check_list(const struct settings *settings, const char *group, const char *key,
                         const struct name_list *list, const char *const *names, int count, int least, int most) {
    if (list->count < least || list->count > most)
        return settings_refuse(settings, locate(settings, group, key), "%s needs %d to %d names", key, least, most);
    for (int i = 0; i < list->count; i++)
        TRY(check_name(settings, group, key, list->names[i], names, count));
    return STATUS_OK;
}

static const char *const level_names[] = {"backbone", "operator", "featurizer", "all"};
enum { LEVELS = sizeof level_names / sizeof *level_names };

/* Metrics that selection may see. */
static status check_objectives(const struct settings *settings, const struct run_config *config) {
    const struct name_list *objectives = &config->search.objectives;
    const char *allowed[METRICS];
    int count = 0;
    for (int m = 0; m < METRICS; m++) {
        if (!metric_table[m].of_test)
            allowed[count++] = metric_table[m].name;
        else if (name_list_has(objectives, metric_table[m].name))
            return settings_refuse(settings, locate(settings, "search", "objectives"),
                                   "\"%s\" cannot be an objective: selection must not see the test part of the text",
                                   metric_table[m].name);
    }
    return check_list(settings, "search", "objectives", objectives, allowed, count, 1,
                      count < (int)MAX_OBJECTIVES ? count : (int)MAX_OBJECTIVES);
}

static status check_lists(const struct settings *settings, const struct run_config *config) {
    TRY(check_objectives(settings, config));
    TRY(check_list(settings, "search", "levels", &config->search.levels, level_names, LEVELS, 1, LEVELS));
    TRY(check_list(settings, "search", "norms", &config->search.norms, norm_names, NORM_PLACEMENTS, 1,
                   NORM_PLACEMENTS));
    return check_list(settings, "search", "residuals", &config->search.residuals, residual_names, RESIDUAL_KINDS, 1,
                      RESIDUAL_KINDS);
}

static status check_algorithm(const struct settings *settings, const struct run_config *config) {
    enum { MOST = 16 };
    const struct algorithm *algorithm = algorithm_find(config->search.algorithm);
    const char *names[MOST];
    int count = 0;
    for (; count < MOST && algorithm_at(count); count++)
        names[count] = algorithm_at(count)->name;
    if (!algorithm)
        return check_name(settings, "search", "algorithm", config->search.algorithm, names, count);
    if (config->search.objectives.count > algorithm->objectives_most)
        return settings_refuse(settings, locate(settings, "search", "objectives"),
                               "%d are more than \"%s\" can optimise; allowed: at most %d",
                               config->search.objectives.count, algorithm->name, algorithm->objectives_most);
    return STATUS_OK;
}

static status check_words(const struct settings *settings, const struct run_config *config) {
    TRY(check_algorithm(settings, config));
    if (!gemm_provider_exists(config->devices.gemm))
        return settings_refuse(settings, locate(settings, "devices", "gemm"),
                               "\"%s\" is not a GEMM provider; allowed: %s", config->devices.gemm,
                               gemm_provider_names());
    const char *name = config->run.name;
    if (!*name || strchr(name, '/') || name[0] == '.')
        return settings_refuse(settings, locate(settings, "run", "name"),
                               "\"%s\" cannot name a folder; letters, digits, '-', '_' and '.' can", name);
    return STATUS_OK;
}

/*
 * A search holds all its individuals: two populations and a hash of every genome in evolve, and everything that was
 * evaluated in run/search.c.
 */
static status check_population(const struct settings *settings, const struct run_config *config) {
    const double most_bytes = 4.0 * 1024 * 1024 * 1024;
    double population = (double)config->search.population, generations = (double)config->search.generations;
    double fixed = 2 * population * sizeof(struct individual),
           individual = sizeof(struct individual) + sizeof(uint64_t);
    double bytes = fixed + population * generations * individual;
    char needed[TEXT_NUMBER_BYTES], allowed[TEXT_NUMBER_BYTES];
    if (bytes <= most_bytes)
        return STATUS_OK;
    return settings_refuse(settings, locate(settings, "search", "generations"),
                           "%.0f x %.0f are %.0f individuals, which take %s of the host's memory; allowed: at most %s, "
                           "which is at most %.0f generations of this population",
                           population, generations, population * generations, text_bytes(needed, bytes),
                           text_bytes(allowed, most_bytes), floor((most_bytes - fixed) / (population * individual)));
}

static status check_together(const struct settings *settings, const struct run_config *config) {
    if (config->model.width % 16 != 0)
        return settings_refuse(settings, locate(settings, "model", "width"), "%lld is not a multiple of 16",
                               config->model.width);
    if (config->model.head_channels % 2 != 0 || config->model.width % config->model.head_channels != 0)
        return settings_refuse(settings, locate(settings, "model", "head_channels"),
                               "%lld must be even and divide model.width, %lld", config->model.head_channels,
                               config->model.width);
    if (config->train.warmup > config->train.steps)
        return settings_refuse(settings, locate(settings, "train", "warmup"), "%lld is more than train.steps, %lld",
                               config->train.warmup, config->train.steps);
    if (config_depth_least(config) > config_depth_most(config))
        return settings_refuse(settings, locate(settings, "search", "depth_least"),
                               "the fewest LIVs are %d and the most %d (0 stands for model.depth)",
                               config_depth_least(config), config_depth_most(config));
    if (config->data.validation + config->data.test >= 1)
        return settings_refuse(settings, locate(settings, "data", "test"),
                               "data.validation, %g, and data.test, %g, leave no text to train on; their sum must be "
                               "below 1",
                               config->data.validation, config->data.test);
    if (config->train.batch * config->model.context > TRAIN_MOST_TOKENS)
        return settings_refuse(settings, locate(settings, "train", "batch"),
                               "%lld sequences of model.context, %lld, are %lld tokens a step; at most %d are possible",
                               config->train.batch, config->model.context, config->train.batch * config->model.context,
                               TRAIN_MOST_TOKENS);
    TRY(check_population(settings, config));
    TRY(check_lists(settings, config));
    if (!config_evolves(config, "backbone") && config->model.pattern.count == 0)
        return settings_refuse(settings, locate(settings, "search", "levels"),
                               "where the backbone does not evolve, model.pattern must say what it is");
    return check_words(settings, config);
}

/* The text must exist now, and be found again when the run is resumed from another folder. */
static status resolve_path(const struct settings *settings, struct run_config *config) {
    const config_setting_t *setting = locate(settings, "data", "path");
    if (!config->data.path[0])
        return settings_refuse(settings, setting,
                               "data.path is missing: a text file, a .gz file or a folder; --set data.path=FILE sets "
                               "it too");
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
    TRY(read_defaults(config));
    TRY(read_group(settings, config_root_setting(&settings->config), "", config));
    TRY(check_together(settings, config));
    resolve_catalogue(config);
    if (!needs_data)
        return STATUS_OK;
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

/* ---- writing ---- */

static void print_quoted(struct text *text, const char *word) {
    text_append(text, "\"");
    for (; *word; word++)
        text_append(text, *word == '"' || *word == '\\' ? "\\%c" : "%c", *word);
    text_append(text, "\"");
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
