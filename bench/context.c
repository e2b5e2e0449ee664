/*
 * Whether cost grows as it should: training steps of one LIV of each class on 4096 tokens in one sequence. The share is
 * that of its speed on the same tokens in sequences of 256: near 1 where time is linear in the context.
 */
#include "genome/catalogue.h"
#include "models.h"

#include <stdio.h>

enum { TOKENS = 4096, SHORT = 256, WIDTH = 256 };

static status measure(const struct bench *bench, const char *name, int class_gene, int context,
                      double *tokens_per_second) {
    char genome[32];
    double seconds, flops;
    snprintf(genome, sizeof genome, "%d.1.1.1.1", class_gene);
    struct bench_model model = {name, genome, WIDTH, 1, context, TOKENS / context};
    TRY(bench_training_step(bench, &model, &seconds, &flops, NULL));
    *tokens_per_second = TOKENS / seconds;
    return STATUS_OK;
}

static status add_class(struct bench *bench, const char *name, int class_gene) {
    double at_short = 1, at_long = 0;
    if (!bench_wants(bench, name))
        return STATUS_OK;
    status outcome = measure(bench, name, class_gene, SHORT, &at_short);
    if (outcome == STATUS_OK)
        outcome = measure(bench, name, class_gene, TOKENS, &at_long);
    return bench_add(bench, name, outcome, at_long, "tokens/s", at_long / at_short);
}

status bench_context(struct bench *bench) {
    static struct catalogue catalogue;
    TRY(catalogue_read(NULL, &catalogue));
    for (int i = 0; i < catalogue.class_count; i++)
        TRY(add_class(bench, catalogue.classes[i].name, i + 1));
    return STATUS_OK;
}
