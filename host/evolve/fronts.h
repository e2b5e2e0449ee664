/* Pareto dominance of points, and non-dominated sorting: which front each belongs to. */
#ifndef STARCL_EVOLVE_FRONTS_H
#define STARCL_EVOLVE_FRONTS_H

#include <stdbool.h>

/* a is no worse than b in every coordinate and better in one; smaller is better. */
bool point_dominates(const double *a, const double *b, int dimensions);

/*
 * Sets ranks[i] to the number of the front of row i, from 0: the points that no other dominates, then those that only
 * points of the fronts before dominate, and so on. `points` has `count` rows of `dimensions` finite numbers; smaller is
 * better. Equal points have equal ranks.
 *
 * Time for n points: n log^2 n up to three dimensions; beyond, at most n^2.
 */
void pareto_ranks(const double *points, int count, int dimensions, int *ranks);

#endif
