/*
 * Limits: what a candidate must keep to, whatever its objectives are. At most, of a metric of which less is better, and
 * at least, of one of which more is.
 *
 *     limits = { cache_bytes = "64 KiB"; decode_us = 5000.0; parameters = "1.5 M"; };
 *
 * A value is a number in the metric's own unit, or a string with a unit that fits the metric.
 */
#ifndef STARCL_RUN_LIMITS_H
#define STARCL_RUN_LIMITS_H

#include "base/status.h"
#include "base/text.h"
#include "run/metrics.h"

enum { LIMIT_WRITTEN_BYTES = 32 };

struct limit {
    enum metric metric;
    double value;                      /* in the metric's unit, above 0 */
    char written[LIMIT_WRITTEN_BYTES]; /* "64 KiB"; "": as a number */
};

struct limit_list {
    int count;
    struct limit limits[METRICS]; /* of different metrics */
};

/*
 * Reads "64 KiB" as a limit of this metric. A failure is a STATUS_USAGE that says which units are allowed:
 *
 *     bytes         B, KiB, MiB, GiB, TiB, kB, MB, GB, TB
 *     microseconds  us, ms, s
 *     microjoules   uJ, mJ, J
 *     share         % or none
 *     counts        k, M, G, T or none; so for what is per second
 *     other         none
 */
status limit_parse(enum metric metric, const char *text, double *value) MUST_CHECK;

/*
 * How far the metrics are from the limits: 0 where all are met, otherwise the sum of the relative excesses (value /
 * limit - 1, or limit / value - 1 where more is better; each at most LIMIT_MOST_EXCESS). A metric that is not known,
 * NaN, counts as within its limit.
 */
#define LIMIT_MOST_EXCESS 1e9
double limits_violation(const struct limit_list *limits, const struct metrics *metrics);

/* Whether a limit is on a metric of this kind. */
bool limits_any(const struct limit_list *limits, enum metric_kind kind);

/* "at most 64.0 KiB", "at least 0.9900"; writes to buffer and returns it. */
enum { LIMIT_TEXT_BYTES = TEXT_NUMBER_BYTES + 16 };
const char *limit_text(const struct limit *limit, char *buffer);

#endif
