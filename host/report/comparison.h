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

/* A run as it is compared. */
struct contestant {
    const char *path;
    int evaluated, failed;
    double (*front)[MAX_OBJECTIVES]; /* smaller is better */
    int front_count;
    double best[MAX_OBJECTIVES]; /* of the front; infinite where there is none */
    double hypervolume;
    double tokens, seconds; /* trained, and taken, by all evaluations */
};

struct comparison {
    enum metric objectives[METRICS];
    int objective_count;
    double ideal[MAX_OBJECTIVES], reference[MAX_OBJECTIVES];
    struct contestant *contestants;
    int count;
};

/*
 * Compares runs[0..count), 1 <= count <= COMPARISON_MOST_RUNS. STATUS_USAGE where their objectives differ: such fronts
 * have no common measure. Release with comparison_release(), after a failure too. The runs outlive it.
 */
status comparison_read(struct store *const *runs, int count, struct comparison *comparison) MUST_CHECK;
void comparison_release(struct comparison *comparison);
/* What `show RUN --compare RUN... --json` prints; the caller deletes it. */
cJSON *comparison_describe(const struct comparison *comparison);
/* A value of an objective in units of the box. */
double comparison_share(const struct comparison *comparison, int objective, double value);

/* Compares and prints; as comparison_read(). */
status report_comparison(struct store *const *runs, int count, bool json, FILE *out) MUST_CHECK;

#endif
