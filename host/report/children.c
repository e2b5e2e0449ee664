#include "report/children.h"

#include "base/json.h"
#include "evolve/variation.h"

#include <cJSON.h>

static const struct {
    enum draft_fault fault;
    const char *name, *title;
} causes[] = {
    {FAULT_CLASS, "class", "a class that is not in use"},
    {FAULT_STRATEGY, "strategy", "a sharing strategy that the class does not list"},
    {FAULT_ALONE, "group_of_one", "a LIV that should share is alone in its group"},
    {FAULT_RULE, "rule", "an operator or features against the rules"},
    {FAULT_PLACE, "placement", "norms, residuals or depth that the space does not have"},
};
enum { CAUSES = sizeof causes / sizeof *causes };

/* Shares of all children. */
struct invalid {
    double any, by_cause[CAUSES];
};

static struct invalid breed_children(const struct run_config *config, const struct genome_space *space, bool free,
                                     int64_t count) {
    struct variation variation = config_variation(config);
    variation.free = free;
    struct random_stream random = random_open((uint64_t)config->run.seed, hash_text(HASH_START, "children"));
    struct invalid invalid = {0};
    for (int64_t i = 0; i < count; i++) {
        struct genome a, b, child;
        genome_random(&a, space, &random);
        genome_random(&b, space, &random);
        unsigned faults = breed(&a, &b, &variation, space, &random, &child, NULL);
        invalid.any += faults != 0;
        for (int c = 0; c < CAUSES; c++)
            invalid.by_cause[c] += (faults & causes[c].fault) != 0;
    }
    invalid.any /= (double)count;
    for (int c = 0; c < CAUSES; c++)
        invalid.by_cause[c] /= (double)count;
    return invalid;
}

static cJSON *describe(const struct invalid *invalid) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "invalid", invalid->any);
    for (int c = 0; c < CAUSES; c++)
        cJSON_AddNumberToObject(json, causes[c].name, invalid->by_cause[c]);
    return json;
}

void report_children(const struct run_config *config, const struct genome_space *space, int64_t count, bool json,
                     FILE *out) {
    struct invalid constrained = breed_children(config, space, false, count);
    struct invalid free = breed_children(config, space, true, count);
    if (json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "children", (double)count);
        cJSON_AddNumberToObject(object, "mutation", config->search.mutation);
        cJSON_AddItemToObject(object, "constrained", describe(&constrained));
        cJSON_AddItemToObject(object, "free", describe(&free));
        json_print(object, out);
        return;
    }
    fprintf(out,
            "Children of two random genomes that are invalid before repair, of %lld each, in percent. Mutation (%g a\n"
            "gene) draws from the values that a gene can take at its place, or freely from all that it has anywhere.\n"
            "The search does the %s. A child can have several causes.\n\n%-58s %11s %7s\n",
            (long long)count, config->search.mutation, config->search.free_mutation ? "second" : "first", "",
            "constrained", "free");
    fprintf(out, "%-58s %11.1f %7.1f\n", "invalid", 100 * constrained.any, 100 * free.any);
    for (int c = 0; c < CAUSES; c++)
        fprintf(out, "  %-56s %11.1f %7.1f\n", causes[c].title, 100 * constrained.by_cause[c], 100 * free.by_cause[c]);
}
