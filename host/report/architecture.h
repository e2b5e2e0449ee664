/* One architecture, as a table for people and as JSON for scripts. */
#ifndef STARCL_REPORT_ARCHITECTURE_H
#define STARCL_REPORT_ARCHITECTURE_H

#include "run/config.h"
#include "run/evaluation.h"

#include <stdio.h>

/*
 * A genome at a config's sizes, LIV by LIV: class, what it shares, parameters, FLOPs a token and cache; and the sums.
 * Its depth may differ from the config's. What was measured of it on a device is told with its intervals; NULL: nothing
 * was. Fails if the genome is not valid.
 */
status report_architecture(const struct genome *genome, const struct catalogue *catalogue,
                           const struct run_config *config, const struct evaluation *measured, bool json,
                           FILE *out) MUST_CHECK;

#endif
