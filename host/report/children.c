#include "report/children.h"

#include "base/json.h"

static struct repairs breed_children(const struct run_config *config, const struct genome_space *space, bool free,
                                     int64_t count) {
    struct variation variation = config_variation(config);
    variation.free = free;
    struct random_stream random = random_open((uint64_t)config->run.seed, hash_text(HASH_START, "children"));
    struct repairs repairs = {0};
    for (int64_t i = 0; i < count; i++) {
        struct genome a, b, child;
        genome_random(&a, space, &random);
        genome_random(&b, space, &random);
        repairs_note(&repairs, breed(&a, &b, &variation, space, &random, &child, NULL));
    }
    return repairs;
}

double repairs_percent(const struct repairs *repairs, int part) {
    return 100 * (part / (double)repairs->children);
}

cJSON *repairs_describe(const struct repairs *repairs) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "invalid", repairs->invalid / (double)repairs->children);
    for (int f = 0; f < DRAFT_FAULTS; f++)
        cJSON_AddNumberToObject(json, fault_table[f].name, repairs->faults[f] / (double)repairs->children);
    return json;
}

void report_children(const struct run_config *config, const struct genome_space *space, int64_t count, bool json,
                     FILE *out) {
    struct repairs constrained = breed_children(config, space, false, count);
    struct repairs free = breed_children(config, space, true, count);
    if (json) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "children", (double)count);
        cJSON_AddNumberToObject(object, "mutation", config->search.mutation);
        cJSON_AddItemToObject(object, "constrained", repairs_describe(&constrained));
        cJSON_AddItemToObject(object, "free", repairs_describe(&free));
        json_print(object, out);
        return;
    }
    fprintf(out,
            "Children of two random genomes that are invalid before repair, of %lld each, in percent. Mutation (%g a\n"
            "gene) draws from the values that a gene can take at its place, or freely from all that it has anywhere.\n"
            "The search does the %s. A child can have several causes.\n\n%-58s %11s %7s\n",
            (long long)count, config->search.mutation, config->search.free_mutation ? "second" : "first", "",
            "constrained", "free");
    fprintf(out, "%-58s %11.1f %7.1f\n", "invalid", repairs_percent(&constrained, constrained.invalid),
            repairs_percent(&free, free.invalid));
    for (int f = 0; f < DRAFT_FAULTS; f++)
        fprintf(out, "  %-56s %11.1f %7.1f\n", fault_table[f].title,
                repairs_percent(&constrained, constrained.faults[f]), repairs_percent(&free, free.faults[f]));
}
