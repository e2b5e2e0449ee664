#include "run/summary.h"

#include "base/statistics.h"

#include <math.h>

/* A seed that was evaluated on two devices counts once; the evaluations are in order of seeds. */
static bool counts(const struct evaluation *evaluations, int index, long long steps) {
    const struct evaluation *evaluation = &evaluations[index], *before = evaluation - 1;
    return evaluation->steps == steps && (index == 0 || before->steps != steps || before->seed != evaluation->seed);
}

static void add_metric(const struct evaluation *evaluations, int count, long long steps, int metric,
                       struct summary *summary) {
    double sum = 0, squares = 0;
    for (int i = 0; i < count; i++)
        if (counts(evaluations, i, steps)) {
            sum += evaluations[i].metrics.values[metric];
            summary->low.values[metric] = summary->seeds == 1 ? evaluations[i].low.values[metric] : NAN;
            summary->high.values[metric] = summary->seeds == 1 ? evaluations[i].high.values[metric] : NAN;
        }
    double mean = sum / summary->seeds;
    for (int i = 0; i < count; i++)
        if (counts(evaluations, i, steps))
            squares += pow(evaluations[i].metrics.values[metric] - mean, 2);
    summary->mean.values[metric] = mean;
    summary->errors.values[metric] = summary->seeds > 1 ? sqrt(squares / (summary->seeds - 1) / summary->seeds) : NAN;
}

struct summary summarise(const struct evaluation *evaluations, int count, long long steps) {
    struct summary summary = {.reason = ""};
    for (int i = 0; i < count; i++) {
        if (!counts(evaluations, i, steps))
            continue;
        if ((evaluations[i].failed && !summary.failed) || (evaluations[i].stopped && !*summary.reason))
            summary.reason = evaluations[i].reason;
        summary.failed = summary.failed || evaluations[i].failed;
        summary.stopped = summary.stopped || evaluations[i].stopped;
        summary.seconds += evaluations[i].seconds;
        summary.seeds++;
    }
    for (int metric = 0; metric < METRICS; metric++) {
        summary.mean.values[metric] = summary.errors.values[metric] = NAN;
        summary.low.values[metric] = summary.high.values[metric] = NAN;
        if (summary.seeds > 0 && !summary.failed)
            add_metric(evaluations, count, steps, metric, &summary);
    }
    summary.judged = summary.mean;
    return summary;
}

void summary_measured_again(const struct evaluation *evaluations, int count, struct summary *summary) {
    struct summary again = summarise(evaluations, count, 0);
    struct metrics worst = metrics_worst(&again.mean, &again.low, &again.high);
    if (again.failed && !summary->failed)
        summary->reason = again.reason;
    summary->failed = summary->failed || again.failed;
    for (int metric = 0; metric < METRICS; metric++) {
        if (metric_table[metric].kind != METRIC_DEVICE || isnan(again.mean.values[metric]))
            continue;
        summary->mean.values[metric] = again.mean.values[metric];
        summary->errors.values[metric] = again.errors.values[metric];
        summary->low.values[metric] = again.low.values[metric];
        summary->high.values[metric] = again.high.values[metric];
        summary->judged.values[metric] = worst.values[metric];
    }
}

bool has_failed(const struct evaluation *evaluations, int count, long long most_steps) {
    for (int i = 0; i < count; i++)
        if (evaluations[i].failed && evaluations[i].steps <= most_steps)
            return true;
    return false;
}

bool within_noise(const struct summary *a, const struct summary *b, enum metric metric) {
    double difference = a->mean.values[metric] - b->mean.values[metric];
    double error = hypot(a->errors.values[metric], b->errors.values[metric]);
    return error > 0 && fabs(difference) < student_t(a->seeds + b->seeds - 2) * error;
}
