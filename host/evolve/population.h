/*
 * Individuals, and which of them is better: the fast non-dominated sort, the crowding distance and the constraint
 * domination of NSGA-II (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC 6(2),
 * 2002).
 *
 * An individual with an objective that is infinite or not a number, or a violation that is not a number, counts as
 * failed, whatever its `failed` says.
 */
#ifndef STARCL_EVOLVE_POPULATION_H
#define STARCL_EVOLVE_POPULATION_H

#include "evolve/variation.h"

enum { MAX_OBJECTIVES = 8 };

/* How an individual came to be. */
enum origin { ORIGIN_RANDOM, ORIGIN_FOUNDER, ORIGIN_IMMIGRANT, ORIGIN_CHILD, ORIGIN_MUTANT, ORIGINS };
extern const char *const origin_names[ORIGINS]; /* "random", ... */

struct individual {
    int id; /* from 1, in order of creation; what lists of the run show */
    int generation;
    int parents[2]; /* ids, 0: none */
    enum origin origin;
    struct genome genome;
    struct liv_source sources[GENOME_MAX_DEPTH]; /* of each LIV, in the parents */
    uint64_t identity;                           /* genome_identity() */
    struct repairs repairs; /* of the children that were drawn until it was asked for, itself among them */
    bool failed;
    int rung;                          /* of the fidelity that it was evaluated with, from 0 */
    double violation;                  /* of limits, relative excesses added up; 0: it meets them all */
    double objectives[MAX_OBJECTIVES]; /* smaller is better */
    double descriptor; /* what map-elites spreads over besides the genome: cache bytes; of others without meaning */
    int mark;          /* the algorithm's own: the cell of map-elites, when it came of ageing */
    int rank;          /* front number from 0 */
    double crowding;
};

/* It failed, or has an objective that is no finite number, or a violation that is none. */
bool individual_failed(const struct individual *individual, int objectives);

/*
 * The first of these in which they differ decides: whatever did not fail dominates what did; less violation of limits
 * dominates more, so that what meets them dominates the rest (Deb's constraint domination); a higher rung dominates a
 * lower one, whose objectives are not comparable; and then a is no worse in every objective and better in one.
 */
bool dominates(const struct individual *a, const struct individual *b, int objectives);

/* The part of that which does not look at objectives: negative where a dominates b, positive where b dominates a, 0
 * where objectives decide or both failed. */
int compare_standing(const struct individual *a, const struct individual *b, int objectives);

/*
 * Sets rank and crowding of all. Those with the least and the greatest value of an objective within a front have an
 * infinite crowding distance; those that failed have one of 0. An individual of a front with both older and younger
 * ones that have equal objectives crowds them only: its distance is minus the number of these younger ones.
 */
void rank_population(struct individual *individuals, int count, int objectives);

/* The same, and puts the pointers in the order of compare_individuals(): best first. An individual is kilobytes large,
 * so populations are best kept as pointers. */
void sort_population(struct individual **individuals, int count, int objectives);

/* Better rank, then larger crowding distance, then the older one: a total order. For qsort too. */
int compare_individuals(const void *a, const void *b);

#endif
