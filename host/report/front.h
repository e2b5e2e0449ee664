/* The Pareto front of a run and one architecture, as tables for people and as JSON for scripts. */
#ifndef STARCL_REPORT_FRONT_H
#define STARCL_REPORT_FRONT_H

#include "run/config.h"
#include "run/store.h"

#include <stdio.h>

/* The non-dominated candidates over the run's objectives, best first objective first. */
status report_front(struct store *store, FILE *out) MUST_CHECK;
status report_front_json(struct store *store, FILE *out) MUST_CHECK;

/*
 * A genome at a config's sizes, LIV by LIV: class, what it shares, parameters, FLOPs a token and cache; and the sums.
 * Its depth may differ from the config's. What was measured of it on a device is told with its intervals; NULL: nothing
 * was. Fails if the genome is not valid.
 */
status report_architecture(const struct genome *genome, const struct catalogue *catalogue,
                           const struct run_config *config, const struct evaluation *measured, bool json,
                           FILE *out) MUST_CHECK;

#endif
