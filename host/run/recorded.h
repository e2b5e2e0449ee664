/* A run as its database has it: what every report about runs begins with. */
#ifndef STARCL_RUN_RECORDED_H
#define STARCL_RUN_RECORDED_H

#include "run/config.h"
#include "run/store.h"
#include "run/summary.h"

struct recorded {
    struct run_config config;
    struct catalogue catalogue;
    enum metric objectives[METRICS];
    int objective_count;
    struct kind_list kinds;       /* that measured: the first is what selection compares; 0: nothing does */
    struct candidate *candidates; /* with what devices of one kind measured, if any is compared */
    int candidate_count;
};

/* Which candidates: those that were evaluated, or also those that a filter or a limit kept from it. */
enum recorded_candidates { RECORDED_EVALUATED, RECORDED_EVERY };

/*
 * With what this kind of device measured, which is one of `kinds`; or for NULL what selection compares. Large, so on
 * the heap; release with recorded_release(). NULL where it fails.
 */
status recorded_read(struct store *store, enum recorded_candidates which, const char *kind,
                     struct recorded **recorded) MUST_CHECK;
void recorded_release(struct recorded *recorded);

/*
 * What selection saw of a candidate: the mean over its seeds of what was trained for config.train.steps, with what was
 * measured again in place of what it replaces.
 */
struct summary recorded_summary(const struct recorded *recorded, const struct candidate *candidate);

/*
 * The candidate's individual with these objectives, smaller is better. It has failed where it has no complete training
 * or one of them was not measured, too; its violation is of the run's limits.
 */
struct individual recorded_individual(const struct recorded *recorded, const struct candidate *candidate,
                                      const enum metric *objectives, int objective_count);

#endif
