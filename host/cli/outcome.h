/* What commands say at their ends. */
#ifndef STARCL_CLI_OUTCOME_H
#define STARCL_CLI_OUTCOME_H

#include "base/status.h"

/*
 * Prints the front of the run in `path` and how to see more, or after an interrupt how to go on. Returns `outcome`, or
 * the failure of printing.
 */
status outcome_of_run(status outcome, const char *path) MUST_CHECK;

/* Tells the user of a failure, unless somebody else does, or did already. */
void outcome_tell(status outcome);

#endif
