/* A candidate in one line, as a search tells it when it was trained, and whoever follows one. */
#ifndef STARCL_RUN_CANDIDATE_LINE_H
#define STARCL_RUN_CANDIDATE_LINE_H

#include "base/text.h"
#include "evolve/population.h"
#include "run/config.h"
#include "run/summary.h"

/*
 * "generation 2, step 36  2.4774 +- 0.0045 bits/byte  124k parameters  ...": what trainings of so many steps came to;
 * the step only where there are rungs.
 */
void candidate_line(const struct run_config *config, const struct individual *individual, long long steps,
                    const struct summary *summary, struct text *line);

/* "candidate 9  2.2431 +- 0.0085 bits/byte  12.3 s  <genome>": of the final training. */
void candidate_final_line(const struct individual *individual, const struct summary *summary, struct text *line);

#endif
