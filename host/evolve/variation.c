#include "evolve/variation.h"

#include <string.h>

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
        if (from_b && liv < b->depth)
            child->livs[liv] = b->livs[liv];
    }
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++)
        if ((a->classes[i].used || b->classes[i].used) && random_below(random, 2))
            child->classes[i] = b->classes[i];
}

/* One LIV more, or one less, at a random place. */
static void mutate_depth(struct genome *genome, const struct genome_space *space, struct random_stream *random) {
    bool adds = random_below(random, 2);
    int liv = (int)random_below(random, (uint32_t)genome->depth);
    size_t behind = (size_t)(genome->depth - liv - 1) * sizeof *genome->livs;
    if (adds && genome->depth < space->depth_most && genome->depth < GENOME_MAX_DEPTH) {
        memmove(&genome->livs[liv + 1], &genome->livs[liv], behind + sizeof *genome->livs);
        genome->depth++;
        for (int gene = 0; gene < LIV_GENES; gene++)
            genome_draw_gene(genome, liv, (enum liv_gene)gene, space, random);
    } else if (!adds && genome->depth > space->depth_least && genome->depth > 1) {
        memmove(&genome->livs[liv], &genome->livs[liv + 1], behind);
        genome->depth--;
        memset(&genome->livs[genome->depth], 0, sizeof *genome->livs);
    }
}

static void mutate_classes(struct genome *genome, const struct genome_space *space, double probability,
                           struct random_stream *random) {
    for (int i = 0; i < space->class_count; i++) {
        int class_gene = space->classes[i];
        struct liv_class liv_class;
        genome_class(genome, space->catalogue, class_gene, &liv_class);
        if (space->operators)
            class_mutate_operator(&liv_class, probability, random);
        if (space->featurizers)
            class_mutate_features(&liv_class, probability, random);
        class_repair(&liv_class, random);
        genome->classes[class_gene - 1] = class_genes_of(&liv_class);
    }
}

void mutate(struct genome *genome, const struct genome_space *space, double probability, struct random_stream *random) {
    if (space->operators || space->featurizers)
        mutate_classes(genome, space, probability, random);
    if (random_uniform(random) < probability)
        genome->norm = 0; /* repair draws it */
    if (random_uniform(random) < probability)
        genome->residual = 0;
    if (!space->backbone)
        return;
    if (space->depth_least < space->depth_most && random_uniform(random) < probability)
        mutate_depth(genome, space, random);
    for (int liv = 0; liv < genome->depth; liv++)
        for (int gene = 0; gene < LIV_GENES; gene++)
            if (random_uniform(random) < probability)
                genome_draw_gene(genome, liv, (enum liv_gene)gene, space, random);
}
