#include "run/motifs.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A motif by number: its classes as digits of base CATALOGUE_MAX_CLASSES. */
static int number_of(const short *classes, int length) {
    int number = 0;
    for (int i = 0; i < length; i++)
        number = number * CATALOGUE_MAX_CLASSES + classes[i] - 1;
    return number;
}

static int numbers(int length) {
    int count = 1;
    for (int i = 0; i < length; i++)
        count *= CATALOGUE_MAX_CLASSES;
    return count;
}

/* Adds one to every motif that the genome has; `seen` is by number the last genome that had it, counted from 1. */
static void count_genome(const struct genome *genome, int length, int *holders, int *seen, int place) {
    for (int first = 0; first + length <= genome->depth; first++) {
        short classes[MOTIF_MOST_LENGTH];
        bool known = true;
        for (int i = 0; i < length; i++) {
            classes[i] = genome->livs[first + i].genes[LIV_CLASS];
            known = known && classes[i] >= 1 && classes[i] <= CATALOGUE_MAX_CLASSES;
        }
        int number = known ? number_of(classes, length) : -1;
        if (number < 0 || seen[number] == place)
            continue;
        seen[number] = place;
        holders[number]++;
    }
}

static void count_random(const struct genome_space *space, int length, int *holders, int *seen) {
    struct random_stream random = random_open(0, hash_text(HASH_START, "motifs"));
    for (int i = 0; i < MOTIF_RANDOM_GENOMES; i++) {
        struct genome genome;
        genome_random(&genome, space, &random);
        count_genome(&genome, length, holders, seen, i + 1);
    }
}

static int stands_out(const struct motif *motif, int genomes, int random_holders, double motifs) {
    const double most = 0.05 / 2 / motifs, all = MOTIF_RANDOM_GENOMES + 2;
    if (genomes == 0)
        return 0;
    double often = chance_of_at_least(motif->holders, genomes, fmin((random_holders + 1) / all, 0.999999));
    double seldom =
        chance_of_at_least(genomes - motif->holders, genomes, 1 - fmax((random_holders - 1) / all, 0.000001));
    return often < most ? 1 : seldom < most ? -1 : 0;
}

static int by_excess(const void *a, const void *b) {
    const struct motif *x = a, *y = b;
    double first = x->share.value - x->random_share, second = y->share.value - y->random_share;
    if (first != second)
        return first > second ? -1 : 1;
    return number_of(x->classes, x->length) - number_of(y->classes, y->length);
}

static struct motif describe(int number, int length, int holders, int genomes, int random_holders) {
    struct motif motif = {.length = length,
                          .holders = holders,
                          .share = share_interval(holders, genomes),
                          .random_share = (double)random_holders / MOTIF_RANDOM_GENOMES};
    for (int i = length - 1; i >= 0; i--, number /= CATALOGUE_MAX_CLASSES)
        motif.classes[i] = (short)(number % CATALOGUE_MAX_CLASSES + 1);
    return motif;
}

struct motif *motifs_find(const struct genome *const *genomes, int count, const struct genome_space *space, int length,
                          int *found) {
    size_t all = (size_t)numbers(length);
    int *holders = memory_allocate(all, sizeof *holders),
        *random_holders = memory_allocate(all, sizeof *random_holders);
    int *seen = memory_allocate(all, sizeof *seen);
    struct motif *motifs = NULL;
    *found = 0;
    for (int g = 0; g < count; g++)
        count_genome(genomes[g], length, holders, seen, g + 1);
    memset(seen, 0, all * sizeof *seen);
    if (count > 0)
        count_random(space, length, random_holders, seen);
    for (size_t number = 0; number < all; number++) {
        struct motif motif = describe((int)number, length, holders[number], count, random_holders[number]);
        motif.stands_out = stands_out(&motif, count, random_holders[number], pow(space->class_count, length));
        if (motif.holders == 0 && motif.stands_out == 0)
            continue;
        motifs = memory_resize(motifs, (size_t)*found + 1, sizeof *motifs);
        motifs[(*found)++] = motif;
    }
    if (*found > 0)
        qsort(motifs, (size_t)*found, sizeof *motifs, by_excess);
    free(holders);
    free(random_holders);
    free(seen);
    return motifs;
}
