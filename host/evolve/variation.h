/*
 * Making new genomes from old ones: crossover and mutation of drafts (genome/draft.h), in which sharing is a wish of
 * each LIV, so that a sharing group is never torn into halves that repair would dissolve one after the other.
 */
#ifndef STARCL_EVOLVE_VARIATION_H
#define STARCL_EVOLVE_VARIATION_H

#include "genome/draft.h"

/* The levels of a genome, with a rate of mutation each; norms and residuals go with the backbone. */
enum { RATE_BACKBONE, RATE_OPERATOR, RATE_FEATURIZER, RATE_LEVELS };

struct variation {
    int crossover_points;
    double mutation; /* probability a gene */
    bool by_level;   /* `rates` count, not `mutation` */
    double rates[RATE_LEVELS];
    bool free; /* mutation draws from all values of a gene, not from those that it can take at its place */
};

/* How many children there were, and how many of them were invalid before repair; one can have several faults. */
struct repairs {
    int children, invalid, faults[DRAFT_FAULTS]; /* in the order of fault_table */
};

/* Counts a child with these faults (enum draft_fault). */
void repairs_note(struct repairs *repairs, unsigned faults);
void repairs_add(struct repairs *repairs, const struct repairs *more);

/*
 * A child of two valid, canonical genomes, valid and canonical: crossover, mutation, repair (STAR, arXiv 2411.17800,
 * section 4.2). `sources` [GENOME_MAX_DEPTH], which may be NULL, tells of each LIV of the child which parent's LIV it
 * was; one that had its class drawn, as another than it was, is SOURCE_NEW. Returns what was wrong with the child
 * before repair (enum draft_fault).
 */
unsigned breed(const struct genome *a, const struct genome *b, const struct variation *variation,
               const struct genome_space *space, struct random_stream *random, struct genome *child,
               struct liv_source *sources);

/*
 * The same with another crossover: a child of `a` that takes each LIV, class and kind of norm and residual of `b` with
 * the probability `share`. Its depth is that of `a`.
 */
unsigned breed_towards(const struct genome *a, const struct genome *b, double share, const struct variation *variation,
                       const struct genome_space *space, struct random_stream *random, struct genome *child,
                       struct liv_source *sources);

/*
 * k-point crossover at LIV boundaries: the child takes LIVs of a, then of b, changing over at `points` distinct
 * boundaries; it has the depth of a, and where b has no LIV it keeps a's. Class genes come from either parent, a class
 * at a time. The child may need repair.
 */
void crossover(const struct draft *a, const struct draft *b, int points, struct random_stream *random,
               struct draft *child);

/*
 * Draws each gene of the levels that evolve anew with the probability of its level, norm and residual among them; where
 * depths may vary, a LIV is added or left out with this probability. The draft may need repair.
 */
void mutate(struct draft *draft, const struct genome_space *space, const struct variation *variation,
            struct random_stream *random);

#endif
