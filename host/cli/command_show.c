#include "base/file.h"
#include "base/text.h"
#include "cli/command.h"
#include "report/front.h"
#include "run/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static status show_genome(const char *text, const struct arguments *arguments) {
    static struct run_config config;
    static struct catalogue catalogue;
    struct genome genome;
    const char *assignments[MAX_ARGUMENTS];
    int count = argument_values(arguments, "--set", assignments);
    TRY(genome_parse(text, &genome));
    TRY(config_load(argument_value(arguments, "--config"), assignments, count, false, &config));
    TRY(catalogue_read(config.model.catalogue, &catalogue));
    return report_architecture(&genome, &catalogue, &config, argument_given(arguments, "--json"), stdout);
}

static status show_front(const char *path, bool json) {
    struct store *store;
    TRY(store_open(path, false, &store));
    status outcome = (json ? report_front_json : report_front)(store, stdout);
    store_close(store);
    return outcome;
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
    free(candidates);
    return outcome;
}

static status show_stored(struct store *store, int64_t id, bool json) {
    static struct run_config config;
    static struct catalogue catalogue;
    struct genome genome;
    TRY(config_load_text("the run's config", store_fact(store, FACT_CONFIG), false, &config));
    TRY(catalogue_read_text("the run's catalogue", store_fact(store, FACT_CATALOGUE), &catalogue));
    TRY(find_candidate(store, id, &genome));
    return report_architecture(&genome, &catalogue, &config, json, stdout);
}

/* "RUN:ID" */
static status show_candidate(const char *word, const char *colon, bool json) {
    char path[4096];
    int64_t id;
    struct store *store;
    snprintf(path, sizeof path, "%.*s", (int)(colon - word), word);
    if (text_parse_integer(colon + 1, &id) != 0)
        return fail_usage("'%s' is not a candidate's id; RUN:ID looks like %s:7", colon + 1, path);
    TRY(store_open(path, false, &store));
    status outcome = show_stored(store, id, json);
    store_close(store);
    return outcome;
}

static status run(const struct arguments *arguments) {
    const char *word = arguments->words[0], *colon = strrchr(word, ':');
    bool json = argument_given(arguments, "--json");
    if (file_exists(word))
        return show_front(word, json);
    if (colon)
        return show_candidate(word, colon, json);
    if (isdigit((unsigned char)word[0]))
        return show_genome(word, arguments);
    return fail_usage("'%s' is not the folder of a run, and not a genome such as 11111-41111", word);
}

const struct command command_show = {
    .name = "show",
    .synopsis = "RUN|RUN:ID|GENOME [options]",
    .summary = "Shows the Pareto front of a run, or one architecture LIV by LIV with its costs",
    .details = "A genome is shown at the width, context and catalogue of --config, or of the defaults.",
    .words_least = 1,
    .words_most = 1,
    .options =
        (const struct option_information[]){
            {"--config", "CONFIG", "for a genome: the experiment it is for"}, OPTION_SET, OPTION_JSON, {0}},
    .run = run,
};
