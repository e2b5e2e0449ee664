/*
 * Which of several candidates to train, when their objectives are known or predicted: the one that promises most
 * against the population. acquisition.c says what that means.
 */
#ifndef STARCL_EVOLVE_ACQUISITION_H
#define STARCL_EVOLVE_ACQUISITION_H

#include "evolve/population.h"

/* Objectives (smaller is better) of a candidate that was not evaluated. */
struct forecast {
    double means[MAX_OBJECTIVES];
    double deviations[MAX_OBJECTIVES]; /* 0: known exactly */
    double violation;                  /* of limits, as far as it is known; 0: it meets them */
};

/*
 * The index of the forecast of forecasts[0..count), count >= 1, that promises most against the population: of those
 * that violate limits least, the one with the greatest expected hypervolume improvement, and where that is 0, the one
 * that is dominated by least. The first of equal ones. Of the population count those that neither failed nor
 * violate limits, of the highest rung among them, with a rank of 0 (rank_population(); where ranks are not set, all of
 * them); without one, there is nothing to compare with and the first forecast of least violation is it. A function of
 * its arguments alone.
 */
int acquisition_choose(const struct forecast *forecasts, int count, const struct individual *population,
                       int individuals, int objectives);

#endif
