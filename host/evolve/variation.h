/* Making new genomes from old ones. */
#ifndef STARCL_EVOLVE_VARIATION_H
#define STARCL_EVOLVE_VARIATION_H

#include "genome/genome.h"

/*
 * k-point crossover at LIV boundaries: the child takes LIVs of a, then of b, changing over at `points` distinct
 * boundaries. Parents have one depth. The child may need repair.
 */
void crossover(const struct genome *a, const struct genome *b, int points, struct random_stream *random,
               struct genome *child);

/* Draws each gene anew with this probability; the genome may need repair. */
void mutate(struct genome *genome, const struct backbone_space *space, double probability,
            struct random_stream *random);

#endif
