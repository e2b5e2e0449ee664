/* What must fit together in a config, and words that must name something. */
#include "run/config_keys.h"

#include "base/text.h"
#include "device/gemm.h"
#include "evolve/algorithm.h"
#include "run/database_postgres.h"
#include "run/evaluator.h"
#include "train/mad.h"
#include "train/precision.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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
        settings_refuse(settings, config_locate(settings, group, key), "\"%s\" is not known%s%s%s; allowed: %s", name,
                        nearest ? ", did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "", all.text);
    text_free(&all);
    return outcome;
}

/* Every name of a list is one of `names`, and there are least to most of them. */
static status check_list(const struct settings *settings, const char *group, const char *key,
                         const struct name_list *list, const char *const *names, int count, int least, int most) {
    if (list->count < least || list->count > most)
        return settings_refuse(settings, config_locate(settings, group, key), "%s needs %d to %d names", key, least,
                               most);
    for (int i = 0; i < list->count; i++)
        TRY(check_name(settings, group, key, list->names[i], names, count));
    return STATUS_OK;
}

/* "none" is no device beside others. */
static status check_none(const struct settings *settings, const struct run_config *config) {
    const struct text_list *use = &config->devices.use;
    for (const char *text = text_list_next(use, NULL); text && use->count > 1; text = text_list_next(use, text))
        if (strcmp(text, "none") == 0)
            return settings_refuse(settings, config_locate(settings, "devices", "use"), "\"none\" stands alone");
    return STATUS_OK;
}

/* MAD's tasks, and settings that they can have. */
static status check_tasks(const struct settings *settings, const struct run_config *config) {
    const struct name_list *tasks = &config->data.tasks;
    struct mad_settings asked = config_mad_settings(config), own;
    TRY(check_list(settings, "data", "tasks", tasks, mad_names, MAD_KINDS, 0, MAD_KINDS));
    if (tasks->count > 0 && asked.noise > 0 && !name_list_has(tasks, mad_names[MAD_NOISY_IN_CONTEXT_RECALL]))
        return settings_refuse(settings, config_locate(settings, "data.mad", "noise"),
                               "none of data.tasks has noise; %s does", mad_names[MAD_NOISY_IN_CONTEXT_RECALL]);
    if (tasks->count > 0 && asked.copy_tokens > 0 && !name_list_has(tasks, mad_names[MAD_SELECTIVE_COPYING]))
        return settings_refuse(settings, config_locate(settings, "data.mad", "copy_tokens"),
                               "none of data.tasks copies tokens; %s does", mad_names[MAD_SELECTIVE_COPYING]);
    for (int kind = 0; kind < MAD_KINDS; kind++)
        if (name_list_has(tasks, mad_names[kind]) && mad_resolve((enum mad_kind)kind, &asked, &own) != STATUS_OK)
            return settings_refuse(settings, config_locate(settings, "data", "mad"), "%s", status_message());
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
        if (!metric_table[m].hidden)
            allowed[count++] = metric_table[m].name;
        else if (name_list_has(objectives, metric_table[m].name))
            return settings_refuse(settings, config_locate(settings, "search", "objectives"),
                                   "\"%s\" cannot be an objective: %s", metric_table[m].name, metric_table[m].hidden);
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
        return settings_refuse(settings, config_locate(settings, "search", "objectives"),
                               "%d are more than \"%s\" can optimise; allowed: at most %d; choose another "
                               "search.algorithm, or put limits on the rest (search.limits)",
                               config->search.objectives.count, algorithm->name, algorithm->objectives_most);
    if (algorithm == &algorithm_ga && config->search.elite >= config->search.population)
        return settings_refuse(settings, config_locate(settings, "search", "elite"),
                               "%lld of a population of %lld leave no place for children; allowed: at most %lld",
                               config->search.elite, config->search.population, config->search.population - 1);
    return STATUS_OK;
}

static status check_surrogate(const struct settings *settings, const struct run_config *config) {
    if (config->search.surrogate.runs.count > 0 && config->search.surrogate.candidates < 2)
        return settings_refuse(settings, config_locate(settings, "search.surrogate", "runs"),
                               "there is no model to learn from them: search.surrogate.candidates is %lld; it needs 2 "
                               "or more",
                               config->search.surrogate.candidates);
    return STATUS_OK;
}

static status check_rates(const struct settings *settings, const struct run_config *config) {
    static const char *const names[] = {"backbone", "operator", "featurizer"};
    const double rates[] = {config->search.rates.backbone, config->search.rates.operator,
                            config->search.rates.featurizer };
    for (int i = 0; i < 3; i++)
        if (rates[i] < 0 && rates[i] != -1)
            return settings_refuse(settings, config_locate(settings, "search.rates", names[i]),
                                   "%g is no probability; allowed: 0 to 1, or -1, which is as search.mutation",
                                   rates[i]);
    return STATUS_OK;
}

static status check_reference(const struct settings *settings, const struct run_config *config) {
    int count = config->search.reference.count, objectives = config->search.objectives.count;
    if (count == 0 || count == objectives)
        return STATUS_OK;
    return settings_refuse(settings, config_locate(settings, "search", "reference"),
                           "%d numbers for %d objectives; one for each, in the order of search.objectives, or [], and "
                           "the first generation chooses",
                           count, objectives);
}

static status check_founders(const struct settings *settings, const struct run_config *config) {
    if (config->search.founders.count <= config->search.population)
        return STATUS_OK;
    return settings_refuse(settings, config_locate(settings, "search", "founders"),
                           "%d are more than a population of %lld; leave some out, or set search.population",
                           config->search.founders.count, config->search.population);
}

/* A URL is not repeated: it may hold a password. */
static status check_store(const struct settings *settings, const struct run_config *config) {
    const char *store = config->run.store;
    const config_setting_t *setting = config_locate(settings, "run", "store");
    if (*store && !postgres_is_url(store))
        return settings_refuse(settings, setting,
                               "run.store is a URL like postgresql://user@host/database; --run names a folder");
    if (*store && postgres_check_url(store) != STATUS_OK)
        return settings_refuse(settings, setting, "%s", status_message());
    return STATUS_OK;
}

static status check_words(const struct settings *settings, const struct run_config *config) {
    TRY(check_algorithm(settings, config));
    TRY(check_rates(settings, config));
    TRY(check_reference(settings, config));
    TRY(check_founders(settings, config));
    TRY(check_none(settings, config));
    if (!gemm_provider_exists(config->devices.gemm))
        return settings_refuse(settings, config_locate(settings, "devices", "gemm"),
                               "\"%s\" is not a GEMM provider; allowed: %s", config->devices.gemm,
                               gemm_provider_names());
    if (!precision_find(config->train.precision))
        return settings_refuse(settings, config_locate(settings, "train", "precision"),
                               "nothing is trained in \"%s\"; allowed: %s", config->train.precision, precision_names());
    TRY(check_store(settings, config));
    const char *name = config->run.name;
    if (!*name || strchr(name, '/') || name[0] == '.')
        return settings_refuse(settings, config_locate(settings, "run", "name"),
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
    double candidates = config_candidates_most(config), bytes = fixed + candidates * individual;
    char needed[TEXT_NUMBER_BYTES], allowed[TEXT_NUMBER_BYTES];
    if (bytes <= most_bytes || isinf(candidates)) /* hours know nothing of it */
        return STATUS_OK;
    if (config_has_budget(config))
        return settings_refuse(settings, config_locate(settings, "search", "budget"),
                               "%.0f candidates take %s of the host's memory; allowed: at most %s, which is %.0f",
                               candidates, text_bytes(needed, bytes), text_bytes(allowed, most_bytes),
                               floor((most_bytes - fixed) / individual));
    return settings_refuse(settings, config_locate(settings, "search", "generations"),
                           "%.0f x %.0f are %.0f individuals, which take %s of the host's memory; allowed: at most %s, "
                           "which is at most %.0f generations of this population",
                           population, generations, population * generations, text_bytes(needed, bytes),
                           text_bytes(allowed, most_bytes), floor((most_bytes - fixed) / (population * individual)));
}

static status check_schedule(const struct settings *settings, const struct run_config *config) {
    const char *names[SCHEDULE_SHAPES + 1] = {"auto"};
    for (int i = 0; i < SCHEDULE_SHAPES; i++)
        names[i + 1] = schedule_names[i];
    return check_name(settings, "train", "schedule", config->train.schedule, names, SCHEDULE_SHAPES + 1);
}

static status check_parts(const struct settings *settings, const struct run_config *config) {
    const config_setting_t *setting = config_locate(settings, "train", "parts");
    const struct number_list *parts = &config->train.parts;
    struct division division = config_division(config);
    for (int part = 0; part < parts->count; part++)
        if (parts->numbers[part] != division.sequences[part])
            return settings_refuse(settings, setting, "%g is no number of sequences", parts->numbers[part]);
    status outcome = division_check(&division, (int)config->train.batch);
    return outcome == STATUS_OK ? outcome : settings_refuse(settings, setting, "%s", status_message());
}

/* Rungs rise to the whole training, each by a step at least. */
static status check_rise(const struct settings *settings, const struct run_config *config) {
    const struct number_list *rungs = &config->search.rungs;
    const config_setting_t *setting = config_locate(settings, "search", "rungs");
    for (int i = 0; i < rungs->count; i++) {
        double rung = rungs->numbers[i], before = i ? rungs->numbers[i - 1] : 0;
        if (rung <= before)
            return settings_refuse(settings, setting, "%g is not above %g; rungs are shares that rise to 1.0", rung,
                                   before);
        if (i && config_rung_steps(config, i) == config_rung_steps(config, i - 1))
            return settings_refuse(settings, setting, "%g and %g are both %lld of %lld steps (train.steps)", before,
                                   rung, config_rung_steps(config, i), config->train.steps);
    }
    if (rungs->count && rungs->numbers[rungs->count - 1] != 1)
        return settings_refuse(settings, setting, "the last rung is %g; it must be 1.0, the whole training",
                               rungs->numbers[rungs->count - 1]);
    return STATUS_OK;
}

/* Training goes on from one to the next. */
static status check_rungs(const struct settings *settings, const struct run_config *config) {
    TRY(check_rise(settings, config));
    if (config_rungs(config) == 1)
        return STATUS_OK;
    if (config_schedule(config) != SCHEDULE_STABLE)
        return settings_refuse(settings, config_locate(settings, "train", "schedule"),
                               "\"%s\" depends on the last step from the first on, so search.rungs cannot go on from "
                               "rung to rung; allowed: \"stable\" or \"auto\"",
                               config->train.schedule);
    if (config->search.promoted == 0)
        return settings_refuse(settings, config_locate(settings, "search", "promoted"),
                               "nobody would reach the last rung; it must be above 0");
    return STATUS_OK;
}

status config_check(const struct settings *settings, const struct run_config *config) {
    if (config->model.width % 16 != 0)
        return settings_refuse(settings, config_locate(settings, "model", "width"), "%lld is not a multiple of 16",
                               config->model.width);
    if (config->model.head_channels % 2 != 0 || config->model.width % config->model.head_channels != 0)
        return settings_refuse(settings, config_locate(settings, "model", "head_channels"),
                               "%lld must be even and divide model.width, %lld", config->model.head_channels,
                               config->model.width);
    if (config->train.warmup > config->train.steps)
        return settings_refuse(settings, config_locate(settings, "train", "warmup"),
                               "%lld is more than train.steps, %lld", config->train.warmup, config->train.steps);
    if (config_depth_least(config) > config_depth_most(config))
        return settings_refuse(settings, config_locate(settings, "search", "depth_least"),
                               "the fewest LIVs are %d and the most %d (0 stands for model.depth)",
                               config_depth_least(config), config_depth_most(config));
    if (config->data.validation + config->data.test >= 1)
        return settings_refuse(settings, config_locate(settings, "data", "test"),
                               "data.validation, %g, and data.test, %g, leave no text to train on; their sum must be "
                               "below 1",
                               config->data.validation, config->data.test);
    if (config->train.batch * config->model.context > TRAIN_MOST_TOKENS)
        return settings_refuse(settings, config_locate(settings, "train", "batch"),
                               "%lld sequences of model.context, %lld, are %lld tokens a step; at most %d are possible",
                               config->train.batch, config->model.context, config->train.batch * config->model.context,
                               TRAIN_MOST_TOKENS);
    TRY(check_parts(settings, config));
    TRY(check_tasks(settings, config));
    TRY(check_schedule(settings, config));
    TRY(check_rungs(settings, config));
    TRY(check_population(settings, config));
    TRY(check_lists(settings, config));
    if (!config_evolves(config, "backbone") && config->model.pattern.count == 0)
        return settings_refuse(settings, config_locate(settings, "search", "levels"),
                               "where the backbone does not evolve, model.pattern must say what it is");
    TRY(check_surrogate(settings, config));
    return check_words(settings, config);
}
