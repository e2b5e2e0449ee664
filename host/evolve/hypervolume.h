/*
 * Hypervolume: the volume of what a set of points dominates, up to a reference point (Zitzler and Thiele, IEEE TEC
 * 3(4), 1999). Smaller is better in every coordinate; any front that is better has a larger hypervolume.
 *
 * Exact, in 1 to 8 dimensions. `points` has `count` rows of `dimensions` numbers, in any order; `reference` has
 * `dimensions` finite ones. Points that are not better than the reference in every coordinate, or are no finite
 * numbers, add nothing; nor do points that others dominate, and those that are there twice add once.
 *
 * Time for n points: n log n in 2 and 3 dimensions; beyond, it grows steeply with the dimensions, in the worst case as
 * n^(dimensions - 2).
 */
#ifndef STARCL_EVOLVE_HYPERVOLUME_H
#define STARCL_EVOLVE_HYPERVOLUME_H

double hypervolume(const double *points, int count, int dimensions, const double *reference);

/* What `point` adds to the hypervolume of `points`. Only the part of them that reaches into its box is looked at, so
 * this is much less work than two hypervolumes. */
double hypervolume_added(const double *points, int count, int dimensions, const double *reference, const double *point);

#endif
