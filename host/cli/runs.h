/* Runs that a call names by their folders. */
#ifndef STARCL_CLI_RUNS_H
#define STARCL_CLI_RUNS_H

#include "cli/command.h"

/* STATUS_USAGE where the words are more than a page has room for, or one is there twice and would hide behind itself.
 */
status runs_check(const struct arguments *arguments) MUST_CHECK;

#endif
