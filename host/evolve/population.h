/*
 * Individuals, and which of them is better: Pareto dominance with failures last, the fast non-dominated sort and the
 * crowding distance of NSGA-II (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC
 * 6(2), 2002).
 *
 * An individual with an objective that is infinite or not a number counts as failed, whatever its `failed` says.
 */
#ifndef STARCL_EVOLVE_POPULATION_H
#define STARCL_EVOLVE_POPULATION_H

#include "genome/genome.h"

enum { MAX_OBJECTIVES = 8 };

struct individual {
    int id; /* from 1, in order of creation; what lists of the run show */
    int generation;
    int parents[2]; /* ids, 0: none */
    struct genome genome;
    uint64_t identity; /* genome_identity() */
    bool failed;
    double objectives[MAX_OBJECTIVES]; /* smaller is better */
    int rank;                          /* front number from 0 */
    double crowding;
};

/* It failed, or has an objective that is no finite number. */
bool individual_failed(const struct individual *individual, int objectives);

/* a is no worse in every objective and better in one; whatever did not fail dominates what did. */
bool dominates(const struct individual *a, const struct individual *b, int objectives);

/*
 * Sets rank and crowding of all. Those with the least and the greatest value of an objective within a front have an
 * infinite crowding distance; those that failed have one of 0.
 */
void rank_population(struct individual *individuals, int count, int objectives);

/* Better rank, then larger crowding distance, then the older one: a total order. For qsort too. */
int compare_individuals(const void *a, const void *b);

#endif
