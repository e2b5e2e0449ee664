#include "evolve/variation.h"

#include <string.h>

void repairs_note(struct repairs *repairs, unsigned faults) {
    repairs->children++;
    repairs->invalid += faults != 0;
    for (int f = 0; f < DRAFT_FAULTS; f++)
        repairs->faults[f] += (faults & fault_table[f].fault) != 0;
}

void repairs_add(struct repairs *repairs, const struct repairs *more) {
    repairs->children += more->children;
    repairs->invalid += more->invalid;
    for (int f = 0; f < DRAFT_FAULTS; f++)
        repairs->faults[f] += more->faults[f];
}

static void take_liv(struct draft *child, const struct draft *from, int liv) {
    child->genome.livs[liv] = from->genome.livs[liv];
    memcpy(child->wishes[liv], from->wishes[liv], sizeof child->wishes[liv]);
    child->sources[liv] = from->sources[liv];
}

void crossover(const struct draft *a, const struct draft *b, int points, struct random_stream *random,
               struct draft *child) {
    bool change[GENOME_MAX_DEPTH] = {false};
    int boundaries = a->genome.depth - 1;
    /* Floyd's algorithm: `points` distinct boundaries out of 1 .. depth - 1. */
    for (int last = boundaries - (points < boundaries ? points : boundaries) + 1; last <= boundaries; last++) {
        int boundary = 1 + (int)random_below(random, (uint32_t)last);
        change[change[boundary] ? last : boundary] = true;
    }
    *child = *a;
    bool from_b = false;
    for (int liv = 0; liv < a->genome.depth; liv++) {
        from_b = from_b != change[liv];
        if (!from_b || liv >= b->genome.depth)
            continue;
        take_liv(child, b, liv);
    }
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++)
        if ((a->genome.classes[i].used || b->genome.classes[i].used) && random_below(random, 2))
            child->genome.classes[i] = b->genome.classes[i];
}

static void draw_liv(struct draft *draft, int liv, const struct genome_space *space, bool free,
                     struct random_stream *random) {
    memset(&draft->genome.livs[liv], 0, sizeof draft->genome.livs[liv]);
    draft->sources[liv].parent = SOURCE_NEW;
    draft_draw_gene(draft, liv, LIV_CLASS, free, space, random);
}

/* One LIV more, or one less, at a random place. */
static void mutate_depth(struct draft *draft, const struct genome_space *space, bool free,
                         struct random_stream *random) {
    struct genome *genome = &draft->genome;
    bool adds = random_below(random, 2);
    int liv = (int)random_below(random, (uint32_t)genome->depth);
    size_t behind = (size_t)(genome->depth - liv - 1);
    if (adds && genome->depth < space->depth_most && genome->depth < GENOME_MAX_DEPTH) {
        memmove(&genome->livs[liv + 1], &genome->livs[liv], (behind + 1) * sizeof *genome->livs);
        memmove(&draft->wishes[liv + 1], &draft->wishes[liv], (behind + 1) * sizeof *draft->wishes);
        memmove(&draft->sources[liv + 1], &draft->sources[liv], (behind + 1) * sizeof *draft->sources);
        genome->depth++;
        draw_liv(draft, liv, space, free, random);
    } else if (!adds && genome->depth > space->depth_least && genome->depth > 1) {
        memmove(&genome->livs[liv], &genome->livs[liv + 1], behind * sizeof *genome->livs);
        memmove(&draft->wishes[liv], &draft->wishes[liv + 1], behind * sizeof *draft->wishes);
        memmove(&draft->sources[liv], &draft->sources[liv + 1], behind * sizeof *draft->sources);
        genome->depth--;
        memset(&genome->livs[genome->depth], 0, sizeof *genome->livs);
    }
}

static double rate_of(const struct variation *variation, int level) {
    return variation->by_level ? variation->rates[level] : variation->mutation;
}

static void mutate_classes(struct genome *genome, const struct genome_space *space, const struct variation *variation,
                           struct random_stream *random) {
    for (int i = 0; i < space->class_count; i++) {
        int class_gene = space->classes[i];
        struct liv_class liv_class;
        genome_class(genome, space->catalogue, class_gene, &liv_class);
        if (space->operators)
            class_mutate_operator(&liv_class, rate_of(variation, RATE_OPERATOR), variation->free, random);
        if (space->featurizers)
            class_mutate_features(&liv_class, rate_of(variation, RATE_FEATURIZER), variation->free, random);
        genome->classes[class_gene - 1] = class_genes_of(&liv_class);
    }
}

static void mutate_placement(struct genome *genome, const struct genome_space *space, const struct variation *variation,
                             struct random_stream *random) {
    unsigned every_norm = (1u << (NORM_PLACEMENTS + 1)) - 2, every_residual = (1u << (RESIDUAL_KINDS + 1)) - 2;
    if (random_uniform(random) < rate_of(variation, RATE_BACKBONE))
        genome->norm = (unsigned char)random_bit(random, variation->free ? every_norm : space->norms);
    if (random_uniform(random) < rate_of(variation, RATE_BACKBONE))
        genome->residual = (unsigned char)random_bit(random, variation->free ? every_residual : space->residuals);
}

void mutate(struct draft *draft, const struct genome_space *space, const struct variation *variation,
            struct random_stream *random) {
    if (space->operators || space->featurizers)
        mutate_classes(&draft->genome, space, variation, random);
    mutate_placement(&draft->genome, space, variation, random);
    if (!space->backbone)
        return;
    if (space->depth_least < space->depth_most && random_uniform(random) < rate_of(variation, RATE_BACKBONE))
        mutate_depth(draft, space, variation->free, random);
    for (int liv = 0; liv < draft->genome.depth; liv++)
        for (int gene = 0; gene < LIV_GENES; gene++)
            if (random_uniform(random) < rate_of(variation, RATE_BACKBONE))
                draft_draw_gene(draft, liv, (enum liv_gene)gene, variation->free, space, random);
}

static void name_sources(struct draft *draft, signed char parent) {
    for (int liv = 0; liv < GENOME_MAX_DEPTH; liv++) {
        bool has = liv < draft->genome.depth;
        draft->sources[liv] = (struct liv_source){has ? parent : SOURCE_NEW, (short)(has ? liv : 0)};
    }
}

/* What repair and mutation left of where LIVs came from: those of the class that they had there. */
static void tell_sources(const struct genome *a, const struct genome *b, const struct genome *child,
                         const struct draft *draft, struct liv_source *sources) {
    for (int liv = 0; liv < GENOME_MAX_DEPTH; liv++) {
        struct liv_source source = draft->sources[liv];
        const struct genome *parent = source.parent == 0 ? a : b;
        bool kept = liv < child->depth && source.parent != SOURCE_NEW &&
                    parent->livs[source.liv].genes[LIV_CLASS] == child->livs[liv].genes[LIV_CLASS];
        sources[liv] = kept ? source : (struct liv_source){SOURCE_NEW, 0};
    }
}

/* From a draft to a child: mutation and repair. */
static unsigned finish(struct draft *draft, const struct genome *a, const struct genome *b,
                       const struct variation *variation, const struct genome_space *space,
                       struct random_stream *random, struct genome *child, struct liv_source *sources) {
    mutate(draft, space, variation, random);
    unsigned faults = draft_faults(draft, space);
    draft_settle(draft, space, random, child);
    if (sources)
        tell_sources(a, b, child, draft, sources);
    return faults;
}

static void loosen_parents(const struct genome *a, const struct genome *b, const struct genome_space *space,
                           struct random_stream *random, struct draft *a_draft, struct draft *b_draft) {
    draft_loosen_parents(a, b, space, random, a_draft, b_draft);
    name_sources(a_draft, 0);
    name_sources(b_draft, 1);
}

unsigned breed(const struct genome *a, const struct genome *b, const struct variation *variation,
               const struct genome_space *space, struct random_stream *random, struct genome *child,
               struct liv_source *sources) {
    struct draft a_draft, b_draft, draft;
    loosen_parents(a, b, space, random, &a_draft, &b_draft);
    crossover(&a_draft, &b_draft, variation->crossover_points, random, &draft);
    return finish(&draft, a, b, variation, space, random, child, sources);
}

unsigned breed_towards(const struct genome *a, const struct genome *b, double share, const struct variation *variation,
                       const struct genome_space *space, struct random_stream *random, struct genome *child,
                       struct liv_source *sources) {
    struct draft draft, b_draft;
    loosen_parents(a, b, space, random, &draft, &b_draft);
    for (int liv = 0; liv < a->depth && liv < b->depth; liv++)
        if (random_uniform(random) < share)
            take_liv(&draft, &b_draft, liv);
    for (int i = 0; i < CATALOGUE_MAX_CLASSES; i++)
        if ((a->classes[i].used || b->classes[i].used) && random_uniform(random) < share)
            draft.genome.classes[i] = b->classes[i];
    if (random_uniform(random) < share)
        draft.genome.norm = b->norm;
    if (random_uniform(random) < share)
        draft.genome.residual = b->residual;
    return finish(&draft, a, b, variation, space, random, child, sources);
}
