/*
 * Whether cost grows as it should: training steps of one LIV of each class on 4096 tokens, in sequences of 256 to 4096.
 * The share is that of a length's speed of the speed at 256: near 1 where time is linear in the context. Lengths are
 * timed in turn, because a machine is not equally fast all day.
 */
#include "genome/catalogue.h"
#include "models.h"

#include <stdio.h>

static const int contexts[] = {256, 512, 1024, 2048, 4096};
enum { TOKENS = 4096, WIDTH = 256, LENGTHS = sizeof contexts / sizeof *contexts };

static status create(const struct bench *bench, const char *name, int class_gene, void *trainings[LENGTHS]) {
    char genome[32];
    snprintf(genome, sizeof genome, "%d.1.1.1.1", class_gene);
    for (int i = 0; i < LENGTHS; i++) {
        struct bench_model model = {name, genome, WIDTH, 1, contexts[i], TOKENS / contexts[i]};
        struct bench_training *training;
        TRY(bench_training_create(bench, &model, &training));
        trainings[i] = training;
    }
    return STATUS_OK;
}

static status add_class(struct bench *bench, const char *class_name, int class_gene) {
    void *trainings[LENGTHS] = {0};
    double seconds[LENGTHS], shares[LENGTHS];
    if (!bench_wants(bench, class_name))
        return STATUS_OK;
    status outcome = create(bench, class_name, class_gene, trainings);
    if (outcome == STATUS_OK)
        outcome = bench_time_each(bench, bench_training_queue, trainings, LENGTHS, seconds, shares);
    for (int i = 0; i < LENGTHS; i++)
        bench_training_destroy(trainings[i]);
    if (outcome != STATUS_OK)
        return bench_add(bench, class_name, outcome, 0, "tokens/s", 0);
    for (int i = 0; i < LENGTHS; i++) {
        char name[BENCH_NAME_BYTES];
        snprintf(name, sizeof name, "%s at %d", class_name, contexts[i]);
        TRY(bench_add(bench, name, STATUS_OK, TOKENS / seconds[i], "tokens/s", shares[i]));
    }
    return STATUS_OK;
}

status bench_context(struct bench *bench) {
    static struct catalogue catalogue;
    TRY(catalogue_read(NULL, &catalogue));
    for (int i = 0; i < catalogue.class_count; i++)
        TRY(add_class(bench, catalogue.classes[i].name, i + 1));
    return STATUS_OK;
}
