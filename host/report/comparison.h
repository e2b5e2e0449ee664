/*
 * Several runs side by side: their fronts by one measure, the best they found, and what it cost.
 *
 * The hypervolume is that of a run's front in units of the box between the best value of every objective in all runs
 * and a reference a tenth of the range beyond the worst value on any of the fronts: 1 would be a candidate that is best
 * in everything. It is the same measure for the runs of one call and for no other.
 */
#ifndef STARCL_REPORT_COMPARISON_H
#define STARCL_REPORT_COMPARISON_H

#include "run/store.h"

#include <stdio.h>

enum { COMPARISON_MOST_RUNS = 64 };

/*
 * Compares runs[0..count), 2 <= count <= COMPARISON_MOST_RUNS. STATUS_USAGE where their objectives differ: such fronts
 * have no common measure.
 */
status report_comparison(struct store *const *runs, int count, bool json, FILE *out) MUST_CHECK;

#endif
