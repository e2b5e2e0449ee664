#include "run/metrics.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char sees_test[] = "selection must not see the test part of the text";
static const char tells_training[] = "it tells of training curves, not of candidates";

/* larger is better, repeatable, hidden */
const struct metric_information metric_table[METRICS] = {
#define ROW(id, name, title, unit, kind, larger, repeatable, hidden)                                                   \
    [METRIC_##id] = {name, title, UNIT_##unit, METRIC_##kind, larger, repeatable, hidden}
    ROW(BITS_PER_BYTE, "bits_per_byte", "bits/byte", BITS, TRAINED, false, true, NULL),
    ROW(PERPLEXITY, "perplexity", "perplexity", NONE, TRAINED, false, true, NULL),
    ROW(TEST_BITS_PER_BYTE, "test_bits_per_byte", "test bits/byte", BITS, TRAINED, false, true, sees_test),
    ROW(ACCURACY, "accuracy", "accuracy", SHARE, TRAINED, true, true, NULL),
    ROW(TEST_ACCURACY, "test_accuracy", "test accuracy", SHARE, TRAINED, true, true, sees_test),
    ROW(ACCURACY_IN_CONTEXT_RECALL, "accuracy_in_context_recall", "recall", SHARE, TRAINED, true, true, NULL),
    ROW(ACCURACY_FUZZY_RECALL, "accuracy_fuzzy_recall", "fuzzy recall", SHARE, TRAINED, true, true, NULL),
    ROW(ACCURACY_NOISY_RECALL, "accuracy_noisy_recall", "noisy recall", SHARE, TRAINED, true, true, NULL),
    ROW(ACCURACY_SELECTIVE_COPYING, "accuracy_selective_copying", "copying", SHARE, TRAINED, true, true, NULL),
    ROW(ACCURACY_MEMORIZATION, "accuracy_memorization", "memorization", SHARE, TRAINED, true, true, NULL),
    ROW(ACCURACY_COMPRESSION, "accuracy_compression", "compression", SHARE, TRAINED, true, true, NULL),
    ROW(CURVE_BIAS, "curve_bias", "curve bias", NONE, TRAINED, false, true, tells_training),
    ROW(PARAMETERS, "parameters", "parameters", COUNT, STATIC, false, true, NULL),
    ROW(FLOPS_PER_TOKEN, "flops_per_token", "FLOP/token", COUNT, STATIC, false, true, NULL),
    ROW(CACHE_BYTES, "cache_bytes", "cache", BYTES, STATIC, false, true, NULL),
    ROW(TRAIN_TOKENS_PER_S, "train_tokens_per_s", "train tok/s", PER_SECOND, DEVICE, true, false, NULL),
    ROW(PEAK_BYTES, "peak_bytes", "peak memory", BYTES, STATIC, false, true, NULL),
    ROW(DECODE_US, "decode_us", "decode/token", MICROSECONDS, DEVICE, false, false, NULL),
    ROW(DECODE_P95_US, "decode_p95_us", "decode 95 %", MICROSECONDS, DEVICE, false, false, NULL),
    ROW(FIRST_TOKEN_US, "first_token_us", "first token", MICROSECONDS, DEVICE, false, false, NULL),
    ROW(PREFILL_TOKENS_PER_S, "prefill_tokens_per_s", "prefill tok/s", PER_SECOND, DEVICE, true, false, NULL),
    ROW(ENERGY_UJ, "energy_uj", "energy/token", MICROJOULES, DEVICE, false, false, NULL),
#undef ROW
};

struct metrics metrics_absent(void) {
    struct metrics metrics;
    for (int m = 0; m < METRICS; m++)
        metrics.values[m] = NAN;
    return metrics;
}

enum metric metric_find(const char *name) {
    int m = 0;
    while (m < METRICS && strcmp(metric_table[m].name, name) != 0)
        m++;
    return (enum metric)m;
}

enum metric metric_of_task(const char *task) {
    static const struct {
        const char *task;
        enum metric metric;
    } rows[] = {
        {"in-context-recall", METRIC_ACCURACY_IN_CONTEXT_RECALL},
        {"fuzzy-in-context-recall", METRIC_ACCURACY_FUZZY_RECALL},
        {"noisy-in-context-recall", METRIC_ACCURACY_NOISY_RECALL},
        {"selective-copying", METRIC_ACCURACY_SELECTIVE_COPYING},
        {"memorization", METRIC_ACCURACY_MEMORIZATION},
        {"compression", METRIC_ACCURACY_COMPRESSION},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].task, task) == 0)
            return rows[i].metric;
    return METRICS;
}

enum metric metrics_quality(const struct metrics *metrics, bool of_test) {
    enum metric text = of_test ? METRIC_TEST_BITS_PER_BYTE : METRIC_BITS_PER_BYTE;
    enum metric other = of_test ? METRIC_TEST_ACCURACY : METRIC_ACCURACY;
    return isnan(metrics->values[text]) && !isnan(metrics->values[other]) ? other : text;
}

double metric_objective(enum metric metric, double value) {
    return metric_table[metric].larger_is_better ? -value : value;
}

struct metrics metrics_worst(const struct metrics *metrics, const struct metrics *low, const struct metrics *high) {
    struct metrics worst;
    for (int m = 0; m < METRICS; m++)
        worst.values[m] = metric_table[m].larger_is_better ? fmin(metrics->values[m], low->values[m])
                                                           : fmax(metrics->values[m], high->values[m]);
    return worst;
}

bool metric_varies(enum metric metric) {
    return metric_table[metric].kind != METRIC_STATIC;
}

/* "812 us", "5.12 ms", "1.30 s": three digits of whichever of three units, each 1000 of the one before, fits. */
static const char *thousands(double value, const char *const units[3], char *buffer) {
    int unit = 0;
    for (; fabs(value) >= 999.5 && unit < 2; unit++)
        value /= 1000;
    int digits = fabs(value) >= 99.95 ? 0 : fabs(value) >= 9.995 ? 1 : 2;
    snprintf(buffer, TEXT_NUMBER_BYTES, "%.*f %s", digits, value, units[unit]);
    return buffer;
}

const char *metric_text(enum metric metric, double value, char *buffer) {
    static const char *const times[] = {"us", "ms", "s"}, *const energies[] = {"uJ", "mJ", "J"};
    if (isnan(value)) {
        snprintf(buffer, TEXT_NUMBER_BYTES, "-");
        return buffer;
    }
    switch (metric_table[metric].unit) {
    case UNIT_BITS:
    case UNIT_SHARE:
        snprintf(buffer, TEXT_NUMBER_BYTES, "%.4f", value);
        return buffer;
    case UNIT_NONE:
        snprintf(buffer, TEXT_NUMBER_BYTES, "%.3f", value);
        return buffer;
    case UNIT_BYTES:
        return text_bytes(buffer, value);
    case UNIT_MICROSECONDS:
        return thousands(value, times, buffer);
    case UNIT_MICROJOULES:
        return thousands(value, energies, buffer);
    default:
        return text_count(buffer, value);
    }
}
