/* The Pareto front of a run, as a table for people and as JSON for scripts, and as other reports draw it. */
#ifndef STARCL_REPORT_FRONT_H
#define STARCL_REPORT_FRONT_H

#include "run/recorded.h"

#include <stdio.h>

/* A candidate of a run with what its evaluations say. */
struct member {
    struct individual individual; /* with objectives */
    struct summary search, final; /* over the seeds of either stage */
    bool is_tied;                 /* quality within noise of the member listed before it */
};

struct front {
    struct recorded *run;
    enum metric quality, test_quality; /* what quality is of this data: bits a byte, or accuracy */
    int failed, incomplete;            /* not failed, and not trained in full: on a lower rung, or stopped early */
    struct member *members;            /* of the front, the best first objective first */
    int count;
    struct member *finals; /* what was trained again, the best test part first */
    int final_count;
};

/*
 * The front as the store has it now, of what devices of this kind measured, or for NULL of what selection compares;
 * release with front_release(), after a failure too.
 */
status front_read(struct store *store, const char *kind, struct front *front) MUST_CHECK;
void front_release(struct front *front);
/* What `show RUN --json` prints; the caller deletes it. */
status front_describe(struct store *store, const struct front *front, cJSON **json) MUST_CHECK;
/* The metrics that were measured, by name. */
cJSON *front_describe_metrics(const struct metrics *metrics);
/* The objectives, and quality, size and cache even where they are none: what tables list. Returns how many. */
int front_columns(const struct front *front, enum metric columns[METRICS]);

/*
 * The non-dominated candidates over the run's objectives, best first objective first. Of a run that was measured on
 * several kinds of devices the front of each.
 */
status report_front(struct store *store, FILE *out) MUST_CHECK;
status report_front_json(struct store *store, FILE *out) MUST_CHECK;

#endif
