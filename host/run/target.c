#include "run/target.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "genome/builtin.h"
#include "run/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the config of a target is made from. */
struct config_source {
    const char *path;
    const char *const *assignments;
    int assignment_count;
    bool needs_data;
};

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

static status load_config(const struct config_source *source, struct run_config *config) {
    return config_load(source->path, source->assignments, source->assignment_count, source->needs_data, config);
}

static status read_stored(struct store *store, int64_t id, const struct config_source *source, struct target *target) {
    TRY(find_candidate(store, id, &target->genome));
    target->catalogue_text = memory_copy_text(store_fact(store, FACT_CATALOGUE));
    TRY(catalogue_read_text("the run's catalogue", target->catalogue_text, &target->catalogue));
    if (source->path)
        return load_config(source, &target->config);
    return config_load_text("the run's config", store_fact(store, FACT_CONFIG), source->assignments,
                            source->assignment_count, source->needs_data, &target->config);
}

/* "RUN:ID" */
static status read_candidate(const char *word, const char *colon, const struct config_source *source,
                             struct target *target) {
    char path[PATH_MAX];
    int64_t id;
    struct store *store;
    snprintf(path, sizeof path, "%.*s", (int)(colon - word), word);
    if (text_parse_integer(colon + 1, &id) != 0)
        return fail_usage("'%s' is not a candidate's id; RUN:ID looks like %s:7", colon + 1, path);
    TRY(store_open(path, false, &store));
    status outcome = read_stored(store, id, source, target);
    store_close(store);
    return outcome;
}

static status read_own(const char *word, const struct config_source *source, struct target *target) {
    size_t length;
    if (word)
        TRY(genome_parse(word, &target->genome));
    TRY(load_config(source, &target->config));
    const char *catalogue = target->config.model.catalogue;
    TRY(catalogue_read(catalogue, &target->catalogue));
    if (strcmp(catalogue, "builtin") == 0)
        target->catalogue_text = memory_copy_text(builtin_files[0].text);
    else
        TRY(file_read(catalogue, &target->catalogue_text, &length));
    return word ? STATUS_OK : config_pattern(&target->config, &target->catalogue, &target->genome);
}

/* Behind the run's name, or, where the URL has none, behind the database's: a port has a colon, too. */
static const char *url_id_colon(const char *url) {
    const char *colon = strrchr(url, ':'), *hash = strrchr(url, '#'), *host = strstr(url, "://") + 3;
    const char *name = hash ? hash : strchr(host, '/');
    return name && colon && colon > name ? colon : NULL;
}

const char *target_id_colon(const char *word) {
    const char *colon = strrchr(word, ':');
    if (store_is_url(word))
        return url_id_colon(word);
    return colon && !strchr(word, '|') ? colon : NULL;
}

status target_find(const char *word, const char *config_path, const char *const *assignments, int assignment_count,
                   bool needs_data, struct target *target) {
    const struct config_source source = {config_path, assignments, assignment_count, needs_data};
    memset(target, 0, sizeof *target);
    const char *colon = word ? target_id_colon(word) : NULL;
    return colon ? read_candidate(word, colon, &source, target) : read_own(word, &source, target);
}
