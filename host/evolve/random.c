/* Random search: what every other algorithm must beat. Its population is the best so far, which no child descends from.
 */
#include "evolve/algorithm.h"

const struct algorithm algorithm_random = {
    .name = "random",
    .meaning = "random genomes",
    .objectives_most = MAX_OBJECTIVES,
    .generational = true,
    .blind = true,
    .elitist = true,
    .propose = propose_random,
    .accept = accept_generation,
};
