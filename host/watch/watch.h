/* `starcl watch`: the page about runs, live, while others write to them. */
#ifndef STARCL_WATCH_WATCH_H
#define STARCL_WATCH_WATCH_H

#include "base/status.h"

/*
 * Serves the page about runs at a port of loopback, 0 for a free one, until the user stops it, which is no failure.
 * Prints the address. What changes is seen within half a second, and the page made anew once for it, however many
 * clients ask; where it takes long to make, not more often than a search can bear. Runs that are removed while they are
 * watched stay as they were last seen, until something else has their name.
 *
 * STATUS_USAGE where one of them is no run or their objectives differ, and as server_open().
 */
status watch_runs(const char *const *paths, int count, int port) MUST_CHECK;

#endif
