/*
 * NSGA-II (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2), 2002), STAR's
 * default.
 *
 *     parents (N)  --tournaments, crossover, mutation-->  children (N)
 *        ^                                                   |
 *        '---- best N of both: rank, then crowding <---------'      (survival.c)
 */
#include "evolve/algorithm.h"

static void propose(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    const struct individual *a = tournament(evolution, random), *b = tournament(evolution, random);
    propose_child(evolution, a, b, random, child);
}

const struct algorithm algorithm_nsga2 = {
    .name = "nsga2",
    .meaning = "NSGA-II, a generation at a time",
    .objectives_most = MAX_OBJECTIVES,
    .generational = true,
    .elitist = true,
    .propose = propose,
    .accept = accept_generation,
};
