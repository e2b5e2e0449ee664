#include "run/measure_apart.h"

#include "base/memory.h"
#include "base/process.h"
#include "base/progress.h"
#include "base/statistics.h"
#include "base/text.h"
#include "run/measure.h"

#include <cJSON.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool measures_apart(const struct run_config *config) {
    return config->search.measure.processes > 1 && process_own() != NULL;
}

/* The call of a process: the same for all of them. */
struct call {
    const char *words[16 + 2 * METRICS];
    int count;
    char candidate[PATH_MAX + 16], seconds[64];
};

static void add_word(struct call *call, const char *word) {
    call->words[call->count++] = word;
    call->words[call->count] = NULL;
}

/* False where nothing is to be measured. */
static bool compose_call(const char *run_path, int id, const struct run_config *config, const char *device,
                         const bool wanted[METRICS], struct call *call) {
    char number[TEXT_NUMBER_BYTES];
    double seconds = config->search.measure.seconds / (double)config->search.measure.processes;
    const double least_seconds = 1e-3; /* that the config takes */
    bool any = false;
    *call = (struct call){.count = 0};
    snprintf(call->seconds, sizeof call->seconds, "search.measure.seconds=%s",
             text_exact(number, fmax(seconds, least_seconds)));
    snprintf(call->candidate, sizeof call->candidate, "%s:%d", run_path, id);
    add_word(call, process_own());
    add_word(call, "show");
    add_word(call, "--measure");
    add_word(call, "--json");
    add_word(call, "--set");
    add_word(call, call->seconds);
    add_word(call, "--device");
    add_word(call, device);
    for (int m = 0; m < METRICS; m++) {
        if (!wanted[m] || !is_measured_on_device((enum metric)m))
            continue;
        add_word(call, "--only");
        add_word(call, metric_table[m].name);
        any = true;
    }
    add_word(call, "--"); /* a folder's name may begin with a dash */
    add_word(call, call->candidate);
    return any;
}

/* What `starcl show --measure --json` printed; a metric that it lacks is NaN. */
static status read_values(const char *json_text, struct metrics *metrics) {
    cJSON *json = cJSON_Parse(json_text);
    const cJSON *measured = cJSON_GetObjectItem(json, "measured");
    *metrics = metrics_absent();
    for (int m = 0; m < METRICS; m++) {
        const cJSON *value = cJSON_GetObjectItem(cJSON_GetObjectItem(measured, metric_table[m].name), "value");
        if (cJSON_IsNumber(value))
            metrics->values[m] = value->valuedouble;
    }
    status outcome = measured ? STATUS_OK : fail("a process that measures printed no measurement: %.200s", json_text);
    cJSON_Delete(json);
    return outcome;
}

/* That the process failed (1), or was ended by a signal, is the candidate's; a call that it refuses is not. */
static status judge(struct process_result *result, struct evaluation *evaluation, struct metrics *metrics) {
    if (result->code == STATUS_OK)
        return read_values(result->output, metrics);
    int signal_number = result->code - 128;
    const char *reason = process_reason(result);
    if (result->code != STATUS_FAILED && signal_number <= 0)
        return fail("a process that measures ended with %d%s%s", result->code, reason ? ": " : "",
                    reason ? reason : "");
    evaluation->failed = true;
    if (signal_number > 0)
        snprintf(evaluation->reason, sizeof evaluation->reason, "the process that measured it was ended by signal %d",
                 signal_number);
    else
        snprintf(evaluation->reason, sizeof evaluation->reason, "%s", reason ? reason : "measuring it failed");
    return STATUS_OK;
}

static status run_processes(const struct call *call, int id, int processes, struct metrics *metrics,
                            struct evaluation *evaluation) {
    for (int p = 0; p < processes && !evaluation->failed; p++) {
        struct process_result result;
        progress_update("measuring candidate %d again: process %d/%d", id, p + 1, processes);
        TRY(process_run(call->words, NULL, true, &result));
        status outcome = judge(&result, evaluation, &metrics[p]);
        process_result_free(&result);
        TRY(outcome);
    }
    return STATUS_OK;
}

static void join(const struct metrics *metrics, int processes, struct evaluation *evaluation) {
    double *values = memory_allocate((size_t)processes, sizeof *values);
    for (int m = 0; m < METRICS; m++) {
        for (int p = 0; p < processes; p++)
            values[p] = metrics[p].values[m];
        struct interval interval = mean_interval(values, processes); /* NaN where one of them is */
        evaluation->metrics.values[m] = interval.value;
        evaluation->low.values[m] = interval.low < 0 ? 0 : interval.low; /* times, rates and energies have no sign */
        evaluation->high.values[m] = interval.high;
    }
    free(values);
}

status measure_apart(const char *run_path, int id, const struct run_config *config, const char *device,
                     const bool wanted[METRICS], struct evaluation *evaluation) {
    int processes = (int)config->search.measure.processes;
    struct call call;
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
    if (!compose_call(run_path, id, config, device, wanted, &call))
        return STATUS_OK;
    struct metrics *metrics = memory_allocate((size_t)processes, sizeof *metrics);
    status outcome = run_processes(&call, id, processes, metrics, evaluation);
    if (outcome == STATUS_OK && !evaluation->failed)
        join(metrics, processes, evaluation);
    free(metrics);
    return outcome;
}
