/*
 * What a search does at this moment, for those who watch it: now.json in the folder of its run, or on a server a row of
 * `notes`, one object
 *
 *     {"time": seconds since 1970, "what": "generation 2/4, candidate 3/8", "step": 36, "steps": 120, "loss": nats,
 *      "steps_per_second": rate, "share": of the whole search, 0 to 1, "seconds_left": of it, "cores_used": by this
 *      process, "cores": of the machine, "curve": [[step, loss], ...],
 *      "devices": [{"device": name, "what", "step", "steps", "loss"}, ...]}
 *
 * in which what is not known is missing. What is above the devices is of the training that was begun first; a device
 * that has nothing to do has its name alone. The file is replaced at most once a second while candidates are trained,
 * which a search does not feel: it is not flushed to the disk, and what cannot be written is told a second later.
 * Nobody needs it to go on with a run. It is there as long as a search is in progress, and where one was killed.
 */
#ifndef STARCL_RUN_NOW_H
#define STARCL_RUN_NOW_H

#include "run/store.h"

#include <stdbool.h>
#include <stdint.h>

enum { NOW_POINTS = 128, NOW_TEXT_BYTES = 160, NOW_DEVICES = 64 };

/* Steps and losses of a training, thinned where it has many; how a search keeps it, and how it is read. */
struct now_curve {
    double steps[NOW_POINTS], losses[NOW_POINTS];
    int count;
    int64_t stride; /* of what is told, so many make a point; 0: nothing was told */
    int64_t told;
};
void now_curve_add(struct now_curve *curve, int64_t step, double loss);
/* [[step, loss], ...]; the caller deletes it. */
cJSON *now_curve_json(const struct now_curve *curve);
/* Reads that back, as much as can be read; of what is no such list, nothing. */
void now_curve_read(const cJSON *json, struct now_curve *curve);

/* What is done on one device: a training. Without `what`, nothing is. */
struct now_training {
    char device[NOW_TEXT_BYTES], what[NOW_TEXT_BYTES];
    int64_t step, steps;
    double loss; /* nats */
};

struct now {
    double time;                  /* seconds since 1970 */
    struct now_training training; /* that was begun first */
    double steps_per_second;      /* the last second's; this and the rest are NaN where they are not known */
    double share, seconds_left, cores_used, cores;
    struct now_curve curve;
    struct now_training devices[NOW_DEVICES];
    int device_count;
};

/* What is told, second after second. */
struct now_teller {
    double last_clock, last_processor; /* seconds, when it was written last; of this process's processor time */
    int64_t last_step;
    char last_what[NOW_TEXT_BYTES];
};

/* Whether a second has passed, so that now_tell() would write. */
bool now_is_due(const struct now_teller *teller);
/* Sets time, rates and cores, and writes. */
void now_tell(struct now_teller *teller, struct store *store, struct now *now);
/* The search ends: nothing is done any more. */
void now_end(struct store *store);

/* *found tells whether the folder of a run has a now.json that can be read; or whether a text is one. */
void now_read(const char *run, bool *found, struct now *now);
void now_read_text(const char *text, bool *found, struct now *now);

#endif
