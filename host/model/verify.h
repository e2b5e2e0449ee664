/*
 * Does this device compute what the double-precision reference computes? Every operator genome that the rules allow,
 * with featurizers chosen so that every valid pair of gene values occurs, forward and backward.
 */
#ifndef STARCL_MODEL_VERIFY_H
#define STARCL_MODEL_VERIFY_H

#include "genome/catalogue.h"
#include "genome/genome.h"

struct device;

/* Errors must stay below this. */
#define VERIFY_LARGEST_ERROR 1e-3

/* One operator genome: how many featurizers it was tried with, and the largest errors. */
struct verify_group {
    struct liv_class liv_class; /* its operator genes; features are of the last featurizer tried */
    int featurizers;
    double forward;                /* largest |device - reference| of any tensor, over that tensor's largest value */
    double backward;               /* of directional derivatives of the loss a parameter, over the gradient's norm */
    char worst[GENOME_TEXT_BYTES]; /* the genome with the largest error */
};

bool verify_group_holds(const struct verify_group *group);

struct verify_summary {
    int groups, failed, genomes;
    double pairs, known_pairs; /* pairs of gene values that occurred, and that can occur as far as drawing finds them */
};

/*
 * Tries all groups at contexts 1, 3, 64 and 257, telling each when it is done. A failure of the device ends it; errors
 * that are too large do not. `catalogue` is the default one, whose class numbers the worst genomes are written with.
 */
status verify_device(struct device *device, const struct catalogue *catalogue,
                     void (*tell)(void *context, const struct verify_group *group), void *tell_context,
                     struct verify_summary *summary) MUST_CHECK;

#endif
