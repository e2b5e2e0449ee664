/* What a config means for evolution: the space that genomes are drawn from, objectives, and what is to be measured. */
#include "run/config.h"

#include "base/text.h"

#include <math.h>
#include <string.h>

bool name_list_has(const struct name_list *list, const char *name) {
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0)
            return true;
    return false;
}

const char *text_list_next(const struct text_list *list, const char *text) {
    const char *next = text ? text + strlen(text) + 1 : list->texts;
    return next < list->texts + list->bytes ? next : NULL;
}

bool text_list_add(struct text_list *list, const char *text) {
    size_t bytes = strlen(text) + 1;
    if (bytes > sizeof list->texts - list->bytes)
        return false;
    memcpy(list->texts + list->bytes, text, bytes);
    list->bytes += bytes;
    list->count++;
    return true;
}

double config_candidate_tokens(const struct run_config *config) {
    return (double)config_rung_steps(config, 0) * (double)config->train.batch * (double)config->model.context *
           (double)config->search.seeds;
}

bool config_has_budget(const struct run_config *config) {
    return config->search.budget.evaluations > 0 || config->search.budget.tokens > 0 || config->search.budget.hours > 0;
}

double config_candidates_most(const struct run_config *config) {
    double most =
        config_has_budget(config) ? INFINITY : (double)config->search.population * (double)config->search.generations;
    if (config->search.budget.evaluations > 0)
        most = (double)config->search.budget.evaluations;
    if (config->search.budget.tokens > 0)
        most = fmin(most, floor((double)config->search.budget.tokens / config_candidate_tokens(config)));
    return most;
}

struct variation config_variation(const struct run_config *config) {
    const double rates[RATE_LEVELS] = {[RATE_BACKBONE] = config->search.rates.backbone,
                                       [RATE_OPERATOR] = config->search.rates.operator,
                                       [RATE_FEATURIZER] = config->search.rates.featurizer };
    struct variation variation = {.crossover_points = (int)config->search.crossover_points,
                                  .mutation = config->search.mutation,
                                  .by_level = true,
                                  .free = config->search.free_mutation};
    for (int level = 0; level < RATE_LEVELS; level++)
        variation.rates[level] = rates[level] < 0 ? config->search.mutation : rates[level];
    return variation;
}

bool config_evolves(const struct run_config *config, const char *level) {
    return name_list_has(&config->search.levels, level) || name_list_has(&config->search.levels, "all");
}

int config_depth_least(const struct run_config *config) {
    return (int)(config->search.depth_least ? config->search.depth_least : config->model.depth);
}

int config_depth_most(const struct run_config *config) {
    return (int)(config->search.depth_most ? config->search.depth_most : config->model.depth);
}

/* The class gene of a name. */
static status class_gene(const struct catalogue *catalogue, const char *key, const char *name, short *gene) {
    int index = catalogue_find(catalogue, name);
    *gene = (short)(index + 1);
    if (index >= 0)
        return STATUS_OK;
    struct text names = {0};
    for (int c = 0; c < catalogue->class_count; c++)
        text_append(&names, "%s%s", c ? ", " : "", catalogue->classes[c].name);
    status outcome = fail_usage("model.%s: the catalogue has no class \"%s\"; allowed: %s", key, name, names.text);
    text_free(&names);
    return outcome;
}

status config_pattern(const struct run_config *config, const struct catalogue *catalogue, struct genome *genome) {
    const struct name_list *pattern = &config->model.pattern;
    if (pattern->count == 0)
        return fail_usage("model.pattern is empty; it names classes, such as [\"SA-1\", \"GMemless\"]");
    memset(genome, 0, sizeof *genome);
    genome->depth = (short)config->model.depth;
    genome->norm = NORM_PRE;
    genome->residual = RESIDUAL_PLAIN;
    for (int liv = 0; liv < genome->depth; liv++) {
        genome->livs[liv] = (struct liv){{0, 1, 1, 1, 1}};
        TRY(class_gene(catalogue, "pattern", pattern->names[liv % pattern->count],
                       &genome->livs[liv].genes[LIV_CLASS]));
    }
    genome_canonicalise(genome, catalogue);
    return STATUS_OK;
}

/* The names of a list as bits 1 << (index + 1). */
static unsigned name_bits(const struct name_list *list, const char *const *names, int count) {
    unsigned bits = 0;
    for (int i = 0; i < count; i++)
        if (name_list_has(list, names[i]))
            bits |= 2u << i;
    return bits;
}

status config_space(const struct run_config *config, const struct catalogue *catalogue, struct genome *fixed,
                    struct genome_space *space) {
    *space = genome_space_of(catalogue);
    space->depth_least = config_depth_least(config);
    space->depth_most = config_depth_most(config);
    space->norms = name_bits(&config->search.norms, norm_names, NORM_PLACEMENTS);
    space->residuals = name_bits(&config->search.residuals, residual_names, RESIDUAL_KINDS);
    space->backbone = config_evolves(config, "backbone");
    space->operators = config_evolves(config, "operator");
    space->featurizers = config_evolves(config, "featurizer");
    space->fixed = fixed;
    if (config->model.classes.count > 0)
        space->class_count = 0;
    for (int i = 0; i < config->model.classes.count; i++)
        TRY(class_gene(catalogue, "classes", config->model.classes.names[i], &space->classes[space->class_count++]));
    if (space->backbone)
        return STATUS_OK;
    TRY(config_pattern(config, catalogue, fixed));
    space->depth_least = space->depth_most = fixed->depth;
    return genome_validate(fixed, space);
}

int config_objectives(const struct run_config *config, enum metric objectives[METRICS]) {
    int count = 0;
    for (int i = 0; i < config->search.objectives.count; i++) {
        enum metric metric = metric_find(config->search.objectives.names[i]);
        if (metric < METRICS)
            objectives[count++] = metric;
    }
    return count;
}

void config_wanted_metrics(const struct run_config *config, bool wanted[METRICS]) {
    enum metric objectives[METRICS];
    int count = config_objectives(config, objectives);
    memset(wanted, 0, METRICS * sizeof *wanted);
    for (int i = 0; i < count; i++)
        wanted[objectives[i]] = true;
    for (int i = 0; i < config->search.limits.count; i++)
        wanted[config->search.limits.limits[i].metric] = true;
}

const char *config_timed_metric(const struct run_config *config) {
    bool wanted[METRICS];
    config_wanted_metrics(config, wanted);
    for (int m = 0; m < METRICS; m++)
        if (wanted[m] && metric_table[m].kind == METRIC_DEVICE)
            return metric_table[m].name;
    return NULL;
}

int config_measure_context(const struct run_config *config) {
    return (int)(config->search.measure.context ? config->search.measure.context : config->model.context);
}
