#include "run/candidate_line.h"

#include <math.h>

/* "2.4774 bits/byte", and with several seeds "2.4774 +- 0.0045 bits/byte". */
static void append_quality(const struct summary *summary, enum metric metric, struct text *line) {
    double mean = summary->mean.values[metric], error = summary->errors.values[metric];
    text_append(line, "%.4f", mean);
    if (!isnan(error))
        text_append(line, " +- %.4f", error);
    text_append(line, " %s", metric_table[metric].title);
}

void candidate_line(const struct run_config *config, const struct individual *individual, long long steps,
                    const struct summary *summary, struct text *line) {
    char genome[GENOME_TEXT_BYTES], parameters[TEXT_NUMBER_BYTES], cache[TEXT_NUMBER_BYTES];
    const double *values = summary->mean.values;
    genome_print(&individual->genome, genome);
    text_append(line, "generation %d", individual->generation + 1);
    if (config_rungs(config) > 1)
        text_append(line, ", step %lld", steps);
    if (summary->failed || summary->stopped) {
        text_append(line, "  %s%s  %s", summary->failed ? "failed: " : "", summary->reason, genome);
        return;
    }
    text_append(line, "  ");
    append_quality(summary, metrics_quality(&summary->mean, false), line);
    text_append(line, "  %6s parameters  %9s cache  %5.1f s  %s",
                metric_text(METRIC_PARAMETERS, values[METRIC_PARAMETERS], parameters),
                metric_text(METRIC_CACHE_BYTES, values[METRIC_CACHE_BYTES], cache), summary->seconds, genome);
}

void candidate_final_line(const struct individual *individual, const struct summary *summary, struct text *line) {
    char genome[GENOME_TEXT_BYTES];
    text_append(line, "candidate %d  ", individual->id);
    if (summary->failed)
        text_append(line, "%s", summary->reason);
    else
        append_quality(summary, metrics_quality(&summary->mean, true), line);
    text_append(line, "  %5.1f s  %s", summary->seconds, genome_print(&individual->genome, genome));
}
