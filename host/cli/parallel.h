/* A command as one of several processes that a launcher started, and how that ends. */
#ifndef STARCL_CLI_PARALLEL_H
#define STARCL_CLI_PARALLEL_H

#include "train/ranks.h"

/* ranks_open() with the module that is installed with the program or was built beside it. Only rank 0 says anything. */
status parallel_begin(struct ranks **ranks) MUST_CHECK;

/*
 * Ends a rank with what became of it, which is returned. What there is to tell of a failure is told here; where it is
 * this rank's alone, with how to go on if there is something to go on with (NULL: there is not), and it ends all ranks.
 */
status parallel_end(struct ranks *ranks, status outcome, const char *folder) MUST_CHECK;

/* "mpirun -n 2 starcl train --resume --out FOLDER", or without mpirun; on stderr, as a line. */
void parallel_tell_resume(const struct ranks *ranks, const char *words, const char *folder);

#endif
