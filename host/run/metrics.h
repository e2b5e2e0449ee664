/* What an evaluation measures. One table gives names, units and directions to configs, the store, tables and JSON. */
#ifndef STARCL_RUN_METRICS_H
#define STARCL_RUN_METRICS_H

#include <stdbool.h>
#include <stddef.h>

enum metric {
    METRIC_BITS_PER_BYTE,
    METRIC_PERPLEXITY,
    METRIC_TEST_BITS_PER_BYTE,
    METRIC_PARAMETERS,
    METRIC_FLOPS_PER_TOKEN,
    METRIC_CACHE_BYTES,
    METRIC_TRAIN_TOKENS_PER_S,
    METRIC_PEAK_BYTES,
    METRICS
};

struct metric_information {
    const char *name;  /* "cache_bytes", everywhere */
    const char *title; /* of a table's column */
    bool larger_is_better;
    bool repeatable;  /* the same for the same config, seed and device */
    bool of_training; /* what training made, so that it differs with the seed */
    bool of_test;     /* measured on the test part of the text, which selection must not see */
};

extern const struct metric_information metric_table[METRICS];

struct metrics {
    double values[METRICS]; /* NaN: not measured */
};

/* Nothing measured yet. */
struct metrics metrics_absent(void);

/* The value as an objective of evolution, which minimises. */
double metric_objective(enum metric metric, double value);

/* The value as a person reads it ("412k", "24.0 KiB", "-" for what was not measured); writes to buffer
 * (TEXT_NUMBER_BYTES) and returns it. */
const char *metric_text(enum metric metric, double value, char *buffer);

#endif
