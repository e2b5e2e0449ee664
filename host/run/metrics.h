/*
 * What an evaluation measures. A metric is a row of one table, from which configs, the store, tables and JSON have its
 * name, unit and direction; a new one is a row, and the place that measures it.
 *
 *     name                  kind     unit         what it is
 *     bits_per_byte         trained  bits         loss on the validation part of the text
 *     perplexity            trained  none         e to the loss in nats
 *     test_bits_per_byte    trained  bits         loss on the test part, which selection must not see
 *     accuracy              trained  share        of counted targets predicted right; of several tasks, the mean
 *     test_accuracy         trained  share        the same on the test part
 *     accuracy_<task>       trained  share        of one of MAD's six tasks
 *     curve_bias            trained  none         nats by which the learning curve, at half of a whole training, led
 * higher than it came to: what early stopping corrects predictions by parameters            static   count shared ones
 * once flops_per_token       static   count        forward, at model.context cache_bytes           static   bytes what
 * decoding keeps for a sequence of model.cache_context tokens peak_bytes            static   bytes        device memory
 * while training train_tokens_per_s    device   per second   of training, without building kernels decode_us device
 * microseconds median time of a token with search.measure.context tokens behind it decode_p95_us         device
 * microseconds the time that 95 % of those tokens take at most first_token_us        device   microseconds median time
 * of a forward pass over that context and one token more prefill_tokens_per_s  device   per second   that context over
 * the median time of its forward pass energy_uj             device   microjoules  of the processor packages, a decoded
 * token
 */
#ifndef STARCL_RUN_METRICS_H
#define STARCL_RUN_METRICS_H

#include <stdbool.h>
#include <stddef.h>

enum metric {
    METRIC_BITS_PER_BYTE,
    METRIC_PERPLEXITY,
    METRIC_TEST_BITS_PER_BYTE,
    METRIC_ACCURACY,
    METRIC_TEST_ACCURACY,
    METRIC_ACCURACY_IN_CONTEXT_RECALL,
    METRIC_ACCURACY_FUZZY_RECALL,
    METRIC_ACCURACY_NOISY_RECALL,
    METRIC_ACCURACY_SELECTIVE_COPYING,
    METRIC_ACCURACY_MEMORIZATION,
    METRIC_ACCURACY_COMPRESSION,
    METRIC_CURVE_BIAS,
    METRIC_PARAMETERS,
    METRIC_FLOPS_PER_TOKEN,
    METRIC_CACHE_BYTES,
    METRIC_TRAIN_TOKENS_PER_S,
    METRIC_PEAK_BYTES,
    METRIC_DECODE_US,
    METRIC_DECODE_P95_US,
    METRIC_FIRST_TOKEN_US,
    METRIC_PREFILL_TOKENS_PER_S,
    METRIC_ENERGY_UJ,
    METRICS
};

/* What a value counts; limits.h says how a person may write it. */
enum metric_unit {
    UNIT_NONE,
    UNIT_BITS,
    UNIT_SHARE,
    UNIT_COUNT,
    UNIT_BYTES,
    UNIT_MICROSECONDS,
    UNIT_PER_SECOND,
    UNIT_MICROJOULES,
    METRIC_UNITS
};

enum metric_kind {
    METRIC_STATIC,  /* known from the genome and the config */
    METRIC_TRAINED, /* what training made, so that it differs with the seed */
    METRIC_DEVICE,  /* timed or counted on the device: never twice the same */
};

struct metric_information {
    const char *name;  /* "cache_bytes", everywhere */
    const char *title; /* of a table's column */
    enum metric_unit unit;
    enum metric_kind kind;
    bool larger_is_better;
    bool repeatable;    /* the same for the same config, seed and device */
    const char *hidden; /* why it can be no objective and no limit; NULL: it can */
};

extern const struct metric_information metric_table[METRICS];

struct metrics {
    double values[METRICS]; /* NaN: not measured */
};

/* Nothing measured yet. */
struct metrics metrics_absent(void);

/* The metric of this name, or METRICS. */
enum metric metric_find(const char *name);

/* The accuracy of the task of this name ("selective-copying"), or METRICS where it has none of its own. */
enum metric metric_of_task(const char *task);

/* The metric of quality that was measured, on the test part or the validation part: bits a byte of text, or accuracy.
 */
enum metric metrics_quality(const struct metrics *metrics, bool of_test);

/* The value as an objective of evolution, which minimises. */
double metric_objective(enum metric metric, double value);

/* The worse ends of the values' intervals: the high one where less is better. The value itself where it has no ends. */
struct metrics metrics_worst(const struct metrics *metrics, const struct metrics *low, const struct metrics *high);

/* Whether other seeds, or another measurement, give another value: means of it have an error. */
bool metric_varies(enum metric metric);

/* The value as a person reads it ("412k", "24.0 KiB", "1.52 ms", "-" for what was not measured); writes to buffer
 * (TEXT_NUMBER_BYTES) and returns it. */
const char *metric_text(enum metric metric, double value, char *buffer);

#endif
