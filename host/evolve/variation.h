/* Making new genomes from old ones. */
#ifndef STARCL_EVOLVE_VARIATION_H
#define STARCL_EVOLVE_VARIATION_H

#include "genome/genome.h"

/*
 * k-point crossover at LIV boundaries: the child takes LIVs of a, then of b, changing over at `points` distinct
 * boundaries; it has the depth of a, and where b has no LIV it keeps a's. Class genes come from either parent, a class
 * at a time. The child may need repair.
 */
void crossover(const struct genome *a, const struct genome *b, int points, struct random_stream *random,
               struct genome *child);

/*
 * Draws each gene of the levels that evolve anew with this probability, norm and residual among them; where depths may
 * vary, a LIV is added or left out with this probability. The genome may need repair.
 */
void mutate(struct genome *genome, const struct genome_space *space, double probability, struct random_stream *random);

#endif
