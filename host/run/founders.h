/*
 * Founders: the genomes that a first population begins with. A config names them (search.founders) as
 *
 *     "11111-81111-41111"        a genome
 *     "transformer++"            a baseline: its pattern of classes, over model.depth
 *     "runs/quickstart-001"      the front of an earlier run of the same catalogue
 */
#ifndef STARCL_RUN_FOUNDERS_H
#define STARCL_RUN_FOUNDERS_H

#include "run/config.h"

/*
 * Replaces the words of search.founders by genomes, canonical and none computing what another does: a run keeps these
 * and needs nothing else to go on. `catalogue_text` is the content of the catalogue's file. Of a front that is larger
 * than what the population has room for, the least crowded stay.
 *
 * STATUS_USAGE for a word that is none of these, a genome that is not in the space, a run of another catalogue.
 */
status founders_resolve(struct run_config *config, const char *catalogue_text,
                        const struct genome_space *space) MUST_CHECK;

/* The genomes of a resolved config; the caller frees them. */
status founders_read(const struct run_config *config, struct genome **founders, int *count) MUST_CHECK;

/* The name of the baseline that computes what the valid genome does, or NULL. */
const char *founders_baseline(const struct run_config *config, const struct genome_space *space,
                              const struct genome *genome);

#endif
