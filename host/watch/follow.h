/* `starcl show RUN --follow`: a run as it goes on, without a browser. */
#ifndef STARCL_WATCH_FOLLOW_H
#define STARCL_WATCH_FOLLOW_H

#include "base/status.h"

/*
 * On a terminal, the front and what the search does now, drawn again when either changes. Elsewhere one line for each
 * candidate and length of training, the known ones first, as the search tells them; where it is interrupted or killed
 * stderr says so, and it is waited for who goes on with it.
 *
 * Ends when the run is done. STATUS_INTERRUPTED when the user stops it, STATUS_FAILED where the run is removed.
 */
status follow_run(const char *path) MUST_CHECK;

#endif
