/* What a search will cost, told before it begins: `starcl search --dry-run`. */
#ifndef STARCL_RUN_FORECAST_H
#define STARCL_RUN_FORECAST_H

#include "run/config.h"

struct forecast {
    double candidates; /* as far as the budget tells, or the time that one takes */
    double tokens;     /* of their training, and of the final one */
    double final_tokens;
    double seconds, final_seconds; /* on this device, kernels built */
    double build_seconds; /* building the kernels of the candidates that were timed; those of others come on top */
    int programs;         /* so many were built */
    int timed;            /* random candidates that were timed */
    double seconds_least, seconds_most; /* of a whole candidate, among them */
    int planned, unfit;                 /* random candidates whose memory was planned, and those that do not fit */
    double memory_bytes;                /* of the device: the most among them; 0: none fits */
    double disk_bytes;                  /* weights, if all candidates were on the front together, and the database */
    char device[128];
};

/*
 * Draws random candidates as the first population of this seed would be, plans the memory of 32, and trains four or
 * fewer for a few steps. Everything that would make search_start() refuse the config is refused here, too; nothing is
 * written but kernels to the cache. Fails where no candidate can be trained.
 */
status forecast_search(const struct run_config *config, struct forecast *forecast) MUST_CHECK;

#endif
