/*
 * A run generation by generation: how the scores of its candidates are distributed, which classes they have, what they
 * share and how different they are; and how well lengths of training agree. A generation is a window of
 * search.population candidates, whatever the algorithm.
 */
#ifndef STARCL_REPORT_GENERATIONS_H
#define STARCL_REPORT_GENERATIONS_H

#include "run/store.h"

#include <stdio.h>

status report_generations(struct store *store, bool json, FILE *out) MUST_CHECK;

#endif
