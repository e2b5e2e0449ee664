/* The Pareto front of a run and one architecture, as tables for people and as JSON for scripts. */
#ifndef STARCL_REPORT_FRONT_H
#define STARCL_REPORT_FRONT_H

#include "model/architecture.h"
#include "run/store.h"

#include <stdio.h>

/* The non-dominated candidates over the run's objectives, best first objective first. */
status report_front(struct store *store, FILE *out) MUST_CHECK;
status report_front_json(struct store *store, FILE *out) MUST_CHECK;

/* LIV by LIV: class, what it shares, parameters, FLOPs a token and cache; and the sums. `graph` is of the genome. */
void report_architecture(const struct genome *genome, const struct catalogue *catalogue,
                         const struct model_settings *settings, const struct graph *graph, FILE *out);
void report_architecture_json(const struct genome *genome, const struct catalogue *catalogue,
                              const struct model_settings *settings, const struct graph *graph, FILE *out);

#endif
