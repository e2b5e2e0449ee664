/*
 * What earlier runs know about a search's space, for its surrogate: their candidates with the objectives that training
 * told. Read once, when the search begins, and kept in its own database, so that resuming does not depend on runs that
 * may have gone on or be gone.
 */
#ifndef STARCL_RUN_EARLIER_H
#define STARCL_RUN_EARLIER_H

#include "run/config.h"
#include "run/store.h"

/*
 * Reads the runs of search.surrogate.runs: of each the newest candidates, all runs together no more than a surrogate
 * keeps, oldest first, one for each length of training. `catalogue_text` and `corpus` are those of the search
 * (corpus_text()). Only sizes, text and training that are the same say the same about a genome: a run of another
 * catalogue, text, model or training (but for its length), with a genome that this space does not have, or without an
 * evaluation of the objectives is STATUS_USAGE, with what differs. The caller frees the results.
 */
status earlier_read(const struct run_config *config, const struct genome_space *space, const char *catalogue_text,
                    const char *corpus, struct earlier_result **results, int *count) MUST_CHECK;

#endif
