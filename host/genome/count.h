/* How large search spaces are. */
#ifndef STARCL_GENOME_COUNT_H
#define STARCL_GENOME_COUNT_H

#include "genome/genome.h"

/* Different backbones of this depth, that is canonical ones, over the space's classes as the catalogue has them. */
long double count_backbones(const struct genome_space *space, int depth);

/* Valid pairs of operator and featurizer genome. */
double count_classes(void);

#endif
