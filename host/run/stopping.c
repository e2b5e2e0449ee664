#include "run/stopping.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_CURVES = 5 };

struct stopping {
    bool applies;
    int static_count;
    enum metric statics[METRICS];
    /* The candidates that were told: their loss in nats, then the static objectives, smaller is better. */
    double *known;
    int count, capacity;
    int curves;
    double bias_sum, bias_squares;
};

static bool is_loss(enum metric metric) {
    return metric == METRIC_BITS_PER_BYTE || metric == METRIC_PERPLEXITY;
}

struct stopping *stopping_create(const enum metric *objectives, int count) {
    struct stopping *stopping = memory_allocate(1, sizeof *stopping);
    bool others_static = true;
    for (int i = 0; i < count; i++) {
        stopping->applies = stopping->applies || is_loss(objectives[i]);
        if (is_loss(objectives[i]))
            continue;
        others_static = others_static && metric_table[objectives[i]].kind == METRIC_STATIC;
        stopping->statics[stopping->static_count++] = objectives[i];
    }
    stopping->applies = stopping->applies && others_static;
    return stopping;
}

void stopping_destroy(struct stopping *stopping) {
    if (stopping)
        free(stopping->known);
    free(stopping);
}

static double *row(const struct stopping *stopping, int candidate) {
    return stopping->known + (size_t)candidate * (size_t)(stopping->static_count + 1);
}

void stopping_tell(struct stopping *stopping, const struct metrics *metrics) {
    double bits = metrics->values[METRIC_BITS_PER_BYTE], bias = metrics->values[METRIC_CURVE_BIAS];
    if (!stopping->applies || !isfinite(bits))
        return;
    if (stopping->count == stopping->capacity) {
        stopping->capacity = stopping->capacity ? 2 * stopping->capacity : 64;
        stopping->known = memory_resize(stopping->known, (size_t)stopping->capacity,
                                        (size_t)(stopping->static_count + 1) * sizeof *stopping->known);
    }
    double *values = row(stopping, stopping->count++);
    values[0] = bits * log(2);
    for (int i = 0; i < stopping->static_count; i++)
        values[i + 1] = metric_objective(stopping->statics[i], metrics->values[stopping->statics[i]]);
    if (!isfinite(bias))
        return;
    stopping->curves++;
    stopping->bias_sum += bias;
    stopping->bias_squares += bias * bias;
}

/* The least loss of those that are no worse in every static objective; NAN where there are none. */
static double loss_to_beat(const struct stopping *stopping, const struct metrics *metrics) {
    double least = NAN;
    for (int c = 0; c < stopping->count; c++) {
        const double *values = row(stopping, c);
        bool no_worse = true;
        for (int i = 0; i < stopping->static_count && no_worse; i++)
            no_worse = values[i + 1] <= metric_objective(stopping->statics[i], metrics->values[stopping->statics[i]]);
        if (no_worse)
            least = fmin(least, values[0]); /* of a number and NAN it is the number */
    }
    return least;
}

struct stop_rule stopping_rule(const struct stopping *stopping, const struct metrics *metrics) {
    struct stop_rule rule = {.above = NAN};
    if (!stopping->applies || stopping->curves < LEAST_CURVES)
        return rule;
    double count = stopping->curves, mean = stopping->bias_sum / count;
    double squares = fmax(stopping->bias_squares - count * mean * mean, 0);
    rule.above = loss_to_beat(stopping, metrics);
    rule.bias = mean;
    /* Of the next one: its own deviation, and that of the mean. */
    rule.spread = sqrt(squares / (count - 1) * (1 + 1 / count));
    return rule;
}
