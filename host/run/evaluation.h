/* An evaluation: what was measured of a genome with one seed and one number of training steps, or why it failed. */
#ifndef STARCL_RUN_EVALUATION_H
#define STARCL_RUN_EVALUATION_H

#include "genome/genome.h"
#include "run/metrics.h"

#include <stdbool.h>

enum { KIND_BYTES = 128 }; /* of the name of a kind of device */

struct evaluation {
    bool failed;
    bool stopped;             /* early, because it was hopeless: its quality is what it was predicted to come to */
    char reason[512];         /* of a failure, or why it was stopped */
    struct metrics metrics;   /* NaN: not measured, for example in a run that was begun before the metric existed */
    struct metrics low, high; /* ends of the 95 % interval of what was measured often; NaN: it has none */
    unsigned long long seed;
    long long steps;              /* of training, the fidelity */
    double trained_steps;         /* that it took now: fewer where a training was gone on with, or stopped */
    char device[KIND_BYTES];      /* that trained it, by its kind */
    char measured_on[KIND_BYTES]; /* the kind that timed it, where that was another; "" */
    double seconds;               /* that it took */
};

/* What identifies an evaluation in a run: each key is evaluated once. */
struct evaluation_key {
    const struct genome *genome;
    unsigned long long seed;
    long long steps;
    const char *device;
};

#endif
