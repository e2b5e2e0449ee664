/*
 * Where a candidate comes from: itself and everything that it descends from, newest first, with how each came to be,
 * what it scored, and what it changed LIV by LIV.
 */
#ifndef STARCL_REPORT_LINEAGE_H
#define STARCL_REPORT_LINEAGE_H

#include "run/store.h"

#include <stdio.h>

/* Candidates that limits kept from training are shown too. STATUS_USAGE where the run has no candidate `id`, with the
 * ids that it has. */
status report_lineage(struct store *store, int id, bool json, FILE *out) MUST_CHECK;

#endif
