/*
 * What repair has to do: how many children of random parents are invalid before it, and why, when mutation draws from
 * the values that a gene can take at its place, and when it draws from all that it has anywhere.
 */
#ifndef STARCL_REPORT_CHILDREN_H
#define STARCL_REPORT_CHILDREN_H

#include "evolve/variation.h"
#include "run/config.h"

#include <cJSON.h>
#include <stdio.h>

/* The share of a part of all children, of which there is at least one; and all shares, {"invalid", "class", ...}, which
 * the caller deletes. */
double repairs_percent(const struct repairs *repairs, int part);
cJSON *repairs_describe(const struct repairs *repairs);

/* Breeds `count` children of each kind as the search would, with the config's seed, crossover and mutation. */
void report_children(const struct run_config *config, const struct genome_space *space, int64_t count, bool json,
                     FILE *out);

#endif
