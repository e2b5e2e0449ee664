/* A process that works on a run which another one drives: `starcl work`. */
#ifndef STARCL_RUN_JOIN_H
#define STARCL_RUN_JOIN_H

#include "base/status.h"

struct join_options {
    const char *const *devices; /* as devices.use has them; none: the best one */
    int device_count;
    const char *data;    /* where the run's text is here; NULL: where the run's config says, or on the server */
    double idle_seconds; /* leaves when it had nothing to do for so long; 0: only when the run is done */
};

/*
 * Takes jobs of the run on a server that `url` names until it is done; *jobs tells how many. Before that, everything
 * that cannot work is refused: another version of starcl, a text that is not the run's, a device that is not there. A
 * run that nobody drives at the moment is waited for. STATUS_INTERRUPTED when the user stopped it: what it had is given
 * to others.
 */
status join_run(const char *url, const struct join_options *options, int *jobs) MUST_CHECK;

#endif
