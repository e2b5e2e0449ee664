#include "run/measure.h"

#include "base/clock.h"
#include "base/memory.h"
#include "device/energy.h"
#include "model/architecture.h"
#include "model/decoder.h"
#include "run/evaluator.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

status measure_check(const bool wanted[METRICS]) {
    struct energy_counter counter;
    if (!wanted[METRIC_ENERGY_UJ] || energy_open(NULL, &counter) == STATUS_OK)
        return STATUS_OK;
    return fail_usage("%s cannot be measured here, and search.objectives or search.limits names it: %s",
                      metric_table[METRIC_ENERGY_UJ].name, status_message());
}

/* ---- repeating ---- */

enum { UNCOUNTED = 2, LEAST_SAMPLES = 16, MOST_SAMPLES = 1 << 16, BLOCKS = 12, LEAST_OF_BLOCK = 4 };

/*
 * Another program takes the processor for tenths of a second, so samples that follow each other are alike, and order
 * statistics of all of them promise too much. The quantiles of twelve blocks, each a twelfth of the time, say how much
 * the time that was measured in matters; the interval covers what they say, too.
 *
 *     samples      |....'...|........|.::':...|...'....|   in order of time
 *     quantiles         a        b        c        d       the third and the tenth largest of twelve are the ends
 */
static void widen_by_blocks(const double *samples, int count, double *sorted, double quantile,
                            struct interval *interval) {
    double blocks[BLOCKS];
    if (count < BLOCKS * LEAST_OF_BLOCK)
        return;
    for (int b = 0; b < BLOCKS; b++) {
        int first = (int)((long long)count * b / BLOCKS), end = (int)((long long)count * (b + 1) / BLOCKS);
        memcpy(sorted, samples + first, (size_t)(end - first) * sizeof *sorted);
        sort_samples(sorted, end - first);
        blocks[b] = sample_quantile(sorted, end - first, quantile);
    }
    sort_samples(blocks, BLOCKS);
    struct interval of_blocks = quantile_interval(blocks, BLOCKS, 0.5);
    interval->low = fmin(interval->low, of_blocks.low);
    interval->high = fmax(interval->high, of_blocks.high);
}

/* Sets the intervals from samples in order of time; whether all of them are narrow. */
static bool assess_samples(const double *samples, int sample_count, double *sorted, const double *quantiles, int count,
                           double precision, struct interval *intervals) {
    bool narrow = true;
    memcpy(sorted, samples, (size_t)sample_count * sizeof *sorted);
    sort_samples(sorted, sample_count);
    for (int q = 0; q < count; q++)
        intervals[q] = quantile_interval(sorted, sample_count, quantiles[q]);
    for (int q = 0; q < count; q++) {
        if (!isnan(intervals[q].low))
            widen_by_blocks(samples, sample_count, sorted, quantiles[q], &intervals[q]);
        narrow = narrow && interval_is_narrow(&intervals[q], precision);
    }
    return narrow;
}

status measure_repeatedly(const struct measure_budget *budget, status (*take)(void *context, double *sample),
                          void *context, const double *quantiles, int count, struct interval *intervals) {
    double *samples = memory_allocate(MOST_SAMPLES, sizeof *samples), *sorted = NULL, start = 0;
    status outcome = STATUS_OK;
    int taken = 0;
    sorted = memory_allocate(MOST_SAMPLES, sizeof *sorted);
    for (int i = 0; outcome == STATUS_OK && i < UNCOUNTED; i++)
        outcome = take(context, &samples[0]);
    start = clock_seconds();
    /* Looked at each time that there are a quarter more. */
    for (int look = LEAST_SAMPLES; outcome == STATUS_OK && taken < MOST_SAMPLES;) {
        outcome = interrupt_requested() ? fail_interrupted() : take(context, &samples[taken]);
        if (outcome != STATUS_OK)
            break;
        taken++;
        double seconds = clock_seconds() - start;
        bool over = seconds >= budget->seconds;
        if (!over && (taken < look || seconds < budget->seconds / 10))
            continue;
        look = taken + taken / 4;
        if (assess_samples(samples, taken, sorted, quantiles, count, budget->precision, intervals) || over)
            break;
    }
    if (outcome == STATUS_OK)
        assess_samples(samples, taken, sorted, quantiles, count, budget->precision, intervals);
    free(samples);
    free(sorted);
    return outcome;
}

/* ---- what is repeated ---- */

struct measurement {
    struct device *device;
    const bool *wanted; /* by metric */
    struct measure_budget budget;
    int context, vocabulary;
    struct decoder *decoder;
    struct model *prefill; /* NULL: none is wanted */
    struct energy_counter energy;
    float *logits;
    struct evaluation *evaluation;
};

/* One token behind `context` others, and its logits. */
static status decode(struct measurement *measurement) {
    int32_t token = 1;
    TRY(decoder_seek(measurement->decoder, measurement->context));
    return decoder_step(measurement->decoder, &token, measurement->logits);
}

static status take_decode(void *context, double *microseconds) {
    double start = clock_seconds();
    TRY(decode(context));
    *microseconds = 1e6 * (clock_seconds() - start);
    return STATUS_OK;
}

static status take_prefill(void *context, double *microseconds) {
    struct measurement *measurement = context;
    double start = clock_seconds();
    TRY(model_forward(measurement->prefill));
    TRY(device_finish(measurement->device));
    *microseconds = 1e6 * (clock_seconds() - start);
    return STATUS_OK;
}

static status take_first_token(void *context, double *microseconds) {
    double start = clock_seconds();
    TRY(model_forward(((struct measurement *)context)->prefill));
    TRY(decode(context));
    *microseconds = 1e6 * (clock_seconds() - start);
    return STATUS_OK;
}

/* Counters move once a millisecond: tokens are decoded for fifty of them. */
static status take_energy(void *context, double *microjoules) {
    struct measurement *measurement = context;
    double before, after, start = clock_seconds();
    int tokens = 0;
    TRY(energy_read(&measurement->energy, &before));
    for (; tokens == 0 || clock_seconds() < start + 0.05; tokens++)
        TRY(decode(measurement));
    TRY(energy_read(&measurement->energy, &after));
    *microjoules = (after - before) / tokens;
    return STATUS_OK;
}

static void keep(struct measurement *measurement, enum metric metric, struct interval interval) {
    if (!measurement->wanted[metric])
        return;
    measurement->evaluation->metrics.values[metric] = interval.value;
    measurement->evaluation->low.values[metric] = interval.low;
    measurement->evaluation->high.values[metric] = interval.high;
}

static status measure_decoding(struct measurement *measurement) {
    const double quantiles[] = {0.5, 0.95};
    struct interval intervals[2];
    bool both = measurement->wanted[METRIC_DECODE_P95_US];
    if (!both && !measurement->wanted[METRIC_DECODE_US])
        return STATUS_OK;
    TRY(measure_repeatedly(&measurement->budget, take_decode, measurement, quantiles, both ? 2 : 1, intervals));
    keep(measurement, METRIC_DECODE_US, intervals[0]);
    if (both)
        keep(measurement, METRIC_DECODE_P95_US, intervals[1]);
    return STATUS_OK;
}

static status measure_median(struct measurement *measurement, enum metric metric,
                             status (*take)(void *context, double *sample)) {
    const double median = 0.5;
    struct interval interval;
    if (!measurement->wanted[metric])
        return STATUS_OK;
    TRY(measure_repeatedly(&measurement->budget, take, measurement, &median, 1, &interval));
    if (metric_table[metric].unit == UNIT_PER_SECOND) {
        double tokens = 1e6 * measurement->context;
        interval = (struct interval){tokens / interval.value, tokens / interval.high, tokens / interval.low};
    }
    keep(measurement, metric, interval);
    return STATUS_OK;
}

static status measure_all(struct measurement *measurement) {
    TRY(measure_decoding(measurement));
    TRY(measure_median(measurement, METRIC_PREFILL_TOKENS_PER_S, take_prefill));
    TRY(measure_median(measurement, METRIC_FIRST_TOKEN_US, take_first_token));
    return measure_median(measurement, METRIC_ENERGY_UJ, take_energy);
}

/* ---- start to end ---- */

static status write_tokens(struct measurement *measurement) {
    const struct graph *graph = model_graph(measurement->prefill);
    size_t bytes = (size_t)measurement->context * sizeof(int32_t);
    int32_t *tokens = memory_allocate((size_t)measurement->context, sizeof *tokens);
    for (int i = 0; i < measurement->context; i++)
        tokens[i] = i * 31 % measurement->vocabulary;
    status outcome =
        device_write(measurement->device, model_value(measurement->prefill, graph->tokens), 0, tokens, bytes);
    if (outcome == STATUS_OK)
        outcome =
            device_write(measurement->device, model_value(measurement->prefill, graph->targets), 0, tokens, bytes);
    free(tokens);
    return outcome;
}

/* The graphs: one for a token behind `context`, one for `context` tokens at once. */
static status build_graphs(const struct measurement *measurement, const struct genome *genome,
                           const struct catalogue *catalogue, struct model_settings settings, bool whole,
                           struct graph *graphs[2]) {
    struct device_shape shape = device_shape(measurement->device);
    settings.context = 1;
    settings.reach = measurement->context + 1;
    TRY(architecture_build(genome, catalogue, &settings, 1, shape, &graphs[0]));
    settings.context = measurement->context;
    settings.reach = 0;
    return whole ? architecture_build(genome, catalogue, &settings, 1, shape, &graphs[1]) : STATUS_OK;
}

static status prepare_and_measure(struct measurement *measurement, const struct genome *genome,
                                  const struct catalogue *catalogue, const struct model_settings *settings,
                                  struct graph *graphs[2]) {
    bool whole = measurement->wanted[METRIC_PREFILL_TOKENS_PER_S] || measurement->wanted[METRIC_FIRST_TOKEN_US];
    TRY(build_graphs(measurement, genome, catalogue, *settings, whole, graphs));
    TRY(decoder_create(measurement->device, graphs[0], NULL, &measurement->decoder));
    TRY(decoder_start(measurement->decoder));
    if (whole) {
        TRY(model_create(measurement->device, graphs[1], &(struct model_options){.inference = true},
                         &measurement->prefill));
        TRY(write_tokens(measurement));
    }
    if (measurement->wanted[METRIC_ENERGY_UJ])
        TRY(energy_open(NULL, &measurement->energy));
    return measure_all(measurement);
}

bool is_measured_on_device(enum metric metric) {
    static const bool measured[METRICS] = {[METRIC_DECODE_US] = true,
                                           [METRIC_DECODE_P95_US] = true,
                                           [METRIC_FIRST_TOKEN_US] = true,
                                           [METRIC_PREFILL_TOKENS_PER_S] = true,
                                           [METRIC_ENERGY_UJ] = true};
    return metric < METRICS && measured[metric];
}

bool measures_any(const bool wanted[METRICS]) {
    bool any = false;
    for (int m = 0; m < METRICS; m++)
        any = any || (wanted[m] && is_measured_on_device((enum metric)m));
    return any;
}

status measure_device(struct device *device, const struct genome *genome, const struct catalogue *catalogue,
                      const struct run_config *config, const bool wanted[METRICS], struct evaluation *evaluation) {
    struct model_settings settings = config_model_settings(config);
    settings.encodes = false; /* a whole sequence is decoded by an encoder: what is timed is its backbone */
    struct measurement measurement = {.device = device,
                                      .wanted = wanted,
                                      .budget = {config->search.measure.precision, config->search.measure.seconds},
                                      .context = config_measure_context(config),
                                      .vocabulary = settings.vocabulary,
                                      .evaluation = evaluation};
    struct graph *graphs[2] = {NULL, NULL};
    if (!measures_any(wanted))
        return STATUS_OK;
    measurement.logits = memory_allocate((size_t)settings.vocabulary, sizeof *measurement.logits);
    status outcome = prepare_and_measure(&measurement, genome, catalogue, &settings, graphs);
    model_destroy(measurement.prefill);
    decoder_destroy(measurement.decoder);
    graph_destroy(graphs[1]);
    graph_destroy(graphs[0]);
    free(measurement.logits);
    return outcome == STATUS_OK || outcome == STATUS_INTERRUPTED ? outcome
                                                                 : fail_while(outcome, "measuring it on the device");
}
