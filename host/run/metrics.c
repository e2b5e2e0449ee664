#include "run/metrics.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>

const struct metric_information metric_table[METRICS] = {
    [METRIC_BITS_PER_BYTE] = {"bits_per_byte", "bits/byte", false, true, true, false},
    [METRIC_PERPLEXITY] = {"perplexity", "perplexity", false, true, true, false},
    [METRIC_TEST_BITS_PER_BYTE] = {"test_bits_per_byte", "test bits/byte", false, true, true, true},
    [METRIC_PARAMETERS] = {"parameters", "parameters", false, true, false, false},
    [METRIC_FLOPS_PER_TOKEN] = {"flops_per_token", "FLOP/token", false, true, false, false},
    [METRIC_CACHE_BYTES] = {"cache_bytes", "cache", false, true, false, false},
    [METRIC_TRAIN_TOKENS_PER_S] = {"train_tokens_per_s", "train tok/s", true, false, false, false},
    [METRIC_PEAK_BYTES] = {"peak_bytes", "peak memory", false, true, false, false},
};

struct metrics metrics_absent(void) {
    struct metrics metrics;
    for (int m = 0; m < METRICS; m++)
        metrics.values[m] = NAN;
    return metrics;
}

double metric_objective(enum metric metric, double value) {
    return metric_table[metric].larger_is_better ? -value : value;
}

const char *metric_text(enum metric metric, double value, char *buffer) {
    if (isnan(value)) {
        snprintf(buffer, TEXT_NUMBER_BYTES, "-");
        return buffer;
    }
    switch (metric) {
    case METRIC_BITS_PER_BYTE:
    case METRIC_TEST_BITS_PER_BYTE:
        snprintf(buffer, TEXT_NUMBER_BYTES, "%.4f", value);
        return buffer;
    case METRIC_PERPLEXITY:
        snprintf(buffer, TEXT_NUMBER_BYTES, "%.3f", value);
        return buffer;
    case METRIC_CACHE_BYTES:
    case METRIC_PEAK_BYTES:
        return text_bytes(buffer, value);
    default:
        return text_count(buffer, value);
    }
}
