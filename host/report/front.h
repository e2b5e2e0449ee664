/* The Pareto front of a run, as a table for people and as JSON for scripts. */
#ifndef STARCL_REPORT_FRONT_H
#define STARCL_REPORT_FRONT_H

#include "run/store.h"

#include <stdio.h>

/* The non-dominated candidates over the run's objectives, best first objective first. */
status report_front(struct store *store, FILE *out) MUST_CHECK;
status report_front_json(struct store *store, FILE *out) MUST_CHECK;

#endif
