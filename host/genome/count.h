/* How large search spaces are. */
#ifndef STARCL_GENOME_COUNT_H
#define STARCL_GENOME_COUNT_H

#include "genome/genome.h"

/*
 * Backbones of this depth over the space's classes as the catalogue has them, whatever the numbers of their groups.
 * Those in which sharing changes nothing (sharing.h) are counted beside the ones that compute the same, so this is an
 * upper bound of the different computations.
 */
long double count_backbones(const struct genome_space *space, int depth);

/* Valid pairs of operator and featurizer genome. */
double count_classes(void);

#endif
