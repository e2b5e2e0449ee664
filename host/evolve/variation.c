#include "evolve/variation.h"

void crossover(const struct genome *a, const struct genome *b, int points, struct random_stream *random,
               struct genome *child) {
    bool change[GENOME_MAX_DEPTH] = {false};
    int boundaries = a->depth - 1;
    /* Floyd's algorithm: `points` distinct boundaries out of 1 .. depth - 1. */
    for (int last = boundaries - (points < boundaries ? points : boundaries) + 1; last <= boundaries; last++) {
        int boundary = 1 + (int)random_below(random, (uint32_t)last);
        change[change[boundary] ? last : boundary] = true;
    }
    *child = *a;
    bool from_b = false;
    for (int liv = 0; liv < a->depth; liv++) {
        from_b = from_b != change[liv];
        if (from_b)
            child->livs[liv] = b->livs[liv];
    }
}

void mutate(struct genome *genome, const struct backbone_space *space, double probability,
            struct random_stream *random) {
    for (int liv = 0; liv < genome->depth; liv++)
        for (int gene = 0; gene < LIV_GENES; gene++)
            if (random_uniform(random) < probability)
                genome_draw_gene(genome, liv, (enum liv_gene)gene, space, random);
}
