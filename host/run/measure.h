/*
 * Measuring an architecture on a device: what its tokens take in time and energy.
 *
 * Everything is of one sequence, float32 weights and search.measure.context tokens. No kernel's time depends on what
 * weights and tokens are, so nothing needs to be trained first: weights are initial ones, and the caches of decoding
 * hold zeros.
 *
 *     decode_us, decode_p95_us   a step of the decoder behind `context` tokens, until its logits are on the host
 *     prefill_tokens_per_s       a forward pass over `context` tokens, which computes the logits of all of them
 *     first_token_us             such a pass and the step behind it
 *     energy_uj                  what all processor packages used while decoding, a token
 *
 * A measurement repeats until the 95 % interval of the median (of decode_p95_us: of that quantile) is no wider than
 * search.measure.precision of it, and at least for a tenth of search.measure.seconds, which ends it. Medians, because
 * times have long tails, and their intervals from order statistics (base/statistics.h), widened where the value
 * differed between parts of the time. What an interval cannot know is that the machine is slower an hour later, or was
 * busy all the time: measure where nothing else runs. Nor does it know that another process would be faster or slower
 * throughout: measure_apart.h.
 */
#ifndef STARCL_RUN_MEASURE_H
#define STARCL_RUN_MEASURE_H

#include "base/statistics.h"
#include "device/device.h"
#include "run/config.h"
#include "run/evaluation.h"

/* Whether a metric is one of those above. */
bool is_measured_on_device(enum metric metric);

/*
 * Refuses a wanted metric that cannot be had on this device, by name (STATUS_USAGE). `wanted` is by metric; those that
 * are not measured here are passed over, here and below.
 */
status measure_check(const bool wanted[METRICS]) MUST_CHECK;

/* Whether measure_device() measures any of them. */
bool measures_any(const bool wanted[METRICS]);

/*
 * Measures those of the wanted metrics that are described above, and sets their value, `low` and `high` in the
 * evaluation; other values are left alone. STATUS_INTERRUPTED when the user asked to stop.
 */
status measure_device(struct device *device, const struct genome *genome, const struct catalogue *catalogue,
                      const struct run_config *config, const bool wanted[METRICS],
                      struct evaluation *evaluation) MUST_CHECK;

/* How long and how exactly to measure. */
struct measure_budget {
    double precision; /* share of the value that its interval may be */
    double seconds;   /* ends it, whatever is known */
};

/*
 * Takes samples until the intervals of all quantiles[0..count), results in `intervals`, are narrow enough or the time
 * is over; at least one. The first two that are taken do not count: they may build kernels.
 */
status measure_repeatedly(const struct measure_budget *budget, status (*take)(void *context, double *sample),
                          void *context, const double *quantiles, int count, struct interval *intervals) MUST_CHECK;

#endif
