#include "run/founders.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "evolve/population.h"
#include "run/recorded.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The patterns of configs/baselines. */
static const struct {
    const char *name;
    struct name_list pattern;
} baselines[] = {
    {"transformer++", {2, {"SA-1", "GMemless"}}},
    {"striped-mamba", {8, {"Rec-1", "GMemless", "Rec-1", "GMemless", "SA-1", "GMemless", "Rec-1", "GMemless"}}},
    {"mamba", {1, {"Rec-1"}}},
    {"lfm2",
     {16,
      {"GConv-1", "GMemless", "GConv-1", "GMemless", "SA-3", "GMemless", "GConv-1", "GMemless", "GConv-1", "GMemless",
       "SA-3", "GMemless", "GConv-1", "GMemless", "SA-3", "GMemless"}}},
};
enum { BASELINES = sizeof baselines / sizeof *baselines };

struct resolving {
    const struct run_config *config;
    const char *catalogue_text;
    const struct genome_space *space;
    uint64_t *identities; /* of those found so far */
    struct text_list founders;
};

/* One more, unless another computes the same. */
static status add_genome(struct resolving *resolving, const struct genome *given) {
    struct genome genome = *given;
    char text[GENOME_TEXT_BYTES];
    TRY(genome_validate(&genome, resolving->space));
    genome_canonicalise(&genome, resolving->space->catalogue);
    uint64_t identity = genome_identity(&genome, resolving->space->catalogue);
    for (int i = 0; i < resolving->founders.count; i++)
        if (resolving->identities[i] == identity)
            return STATUS_OK;
    if (resolving->founders.count == resolving->config->search.population)
        return fail_usage("there are more than search.population, %lld", resolving->config->search.population);
    resolving->identities[resolving->founders.count] = identity;
    if (!text_list_add(&resolving->founders, genome_print(&genome, text)))
        return fail_usage("the founders' genomes are longer than %d characters together", CONFIG_TEXTS_BYTES);
    return STATUS_OK;
}

static status read_baseline(const struct run_config *of, const struct genome_space *space, int baseline,
                            struct genome *genome) {
    struct run_config *config = memory_allocate(1, sizeof *config);
    *config = *of;
    config->model.pattern = baselines[baseline].pattern;
    if (config->model.depth < space->depth_least)
        config->model.depth = space->depth_least;
    if (config->model.depth > space->depth_most)
        config->model.depth = space->depth_most;
    status outcome = config_pattern(config, space->catalogue, genome);
    free(config);
    return outcome;
}

static status add_baseline(struct resolving *resolving, int baseline) {
    struct genome genome;
    TRY(read_baseline(resolving->config, resolving->space, baseline, &genome));
    return add_genome(resolving, &genome);
}

/* ---- the front of an earlier run ---- */

/* The candidates as individuals, of which the front comes first. */
static struct individual **rank_candidates(const struct recorded *recorded, struct individual *individuals) {
    int count = recorded->candidate_count;
    struct individual **ranked = memory_allocate((size_t)count + 1, sizeof *ranked);
    for (int i = 0; i < count; i++) {
        individuals[i] =
            recorded_individual(recorded, &recorded->candidates[i], recorded->objectives, recorded->objective_count);
        ranked[i] = &individuals[i];
    }
    sort_population(ranked, count, recorded->objective_count);
    return ranked;
}

static status add_front(struct resolving *resolving, const struct recorded *recorded) {
    int count = recorded->candidate_count;
    struct individual *individuals = memory_allocate((size_t)count + 1, sizeof *individuals);
    struct individual **ranked = rank_candidates(recorded, individuals);
    status outcome = STATUS_OK;
    int population = (int)resolving->config->search.population;
    if (count == 0 || ranked[0]->failed)
        outcome = fail_usage("the run has no front yet");
    for (int i = 0; outcome == STATUS_OK && i < count && ranked[i]->rank == 0; i++)
        if (resolving->founders.count < population)
            outcome = add_genome(resolving, &ranked[i]->genome);
    free(ranked);
    free(individuals);
    return outcome;
}

static status add_stored(struct resolving *resolving, struct store *store) {
    struct recorded *recorded;
    if (strcmp(store_fact(store, FACT_CATALOGUE), resolving->catalogue_text) != 0)
        return fail_usage("the run has another catalogue than model.catalogue, so its genomes mean something else; set "
                          "model.catalogue to the catalogue.cfg of the run");
    TRY(recorded_read(store, RECORDED_EVALUATED, NULL, &recorded));
    status outcome = add_front(resolving, recorded);
    recorded_release(recorded);
    return outcome;
}

static status add_run(struct resolving *resolving, const char *path) {
    struct store *store;
    TRY(store_open(path, false, &store));
    status outcome = add_stored(resolving, store);
    store_close(store);
    return outcome;
}

/* ---- words ---- */

static status refuse_word(const char *word) {
    const char *names[BASELINES];
    struct text all = {0};
    for (int b = 0; b < BASELINES; b++) {
        names[b] = baselines[b].name;
        text_append(&all, "%s%s", b ? ", " : "", names[b]);
    }
    const char *nearest = text_nearest(word, names, BASELINES);
    status outcome =
        fail_usage("it is no genome such as 11111-81111, no baseline (%s) and no folder of a run%s%s%s", all.text,
                   nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    text_free(&all);
    return outcome;
}

static status add_word(struct resolving *resolving, const char *word) {
    struct genome genome;
    for (int b = 0; b < BASELINES; b++)
        if (strcmp(word, baselines[b].name) == 0)
            return add_baseline(resolving, b);
    if (store_is_url(word) || file_is_directory(word))
        return add_run(resolving, word);
    if (!isdigit((unsigned char)word[0]))
        return refuse_word(word);
    TRY(genome_parse(word, &genome));
    return add_genome(resolving, &genome);
}

status founders_resolve(struct run_config *config, const char *catalogue_text, const struct genome_space *space) {
    status outcome = STATUS_OK;
    if (config->search.founders.count == 0)
        return STATUS_OK;
    struct resolving *resolving = memory_allocate(1, sizeof *resolving);
    *resolving = (struct resolving){.config = config, .catalogue_text = catalogue_text, .space = space};
    resolving->identities = memory_allocate((size_t)config->search.population, sizeof *resolving->identities);
    const char *word = NULL;
    while (outcome == STATUS_OK && (word = text_list_next(&config->search.founders, word)) != NULL)
        outcome = add_word(resolving, word);
    if (outcome == STATUS_OK)
        config->search.founders = resolving->founders;
    else if (store_is_url(word)) /* which may hold a password, and is named where it does not */
        outcome = fail_while(STATUS_USAGE, "search.founders");
    else
        outcome = fail_while(STATUS_USAGE, "search.founders: \"%.200s\"", word);
    free(resolving->identities);
    free(resolving);
    return outcome;
}

status founders_read(const struct run_config *config, struct genome **founders, int *count) {
    const char *text = NULL;
    struct genome *genomes = memory_allocate((size_t)config->search.founders.count + 1, sizeof *genomes);
    status outcome = STATUS_OK;
    *count = 0;
    while (outcome == STATUS_OK && (text = text_list_next(&config->search.founders, text)) != NULL)
        outcome = genome_parse(text, &genomes[(*count)++]);
    *founders = genomes;
    return outcome;
}

const char *founders_baseline(const struct run_config *config, const struct genome_space *space,
                              const struct genome *genome) {
    uint64_t identity = genome_identity(genome, space->catalogue);
    for (int b = 0; b < BASELINES; b++) {
        struct genome baseline;
        if (read_baseline(config, space, b, &baseline) == STATUS_OK &&
            genome_identity(&baseline, space->catalogue) == identity)
            return baselines[b].name;
    }
    return NULL;
}
