#include "bench.h"

#include "base/clock.h"
#include "base/progress.h"
#include "base/statistics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct suite {
    const char *name;
    status (*run)(struct bench *bench);
    bool portable; /* its shares are of a device's bounds, so devices can be compared by them */
} suites[] = {{"gemm", bench_gemm, true},
              {"ops", bench_ops, true},
              {"train", bench_train, true},
              {"decode", bench_decode, true},
              {"context", bench_context, false}};
enum { SUITES = sizeof suites / sizeof *suites };

const char *bench_suites(void) {
    return "gemm, ops, train, decode, context";
}

static const struct suite *find(const char *name) {
    for (int i = 0; i < SUITES; i++)
        if (strcmp(suites[i].name, name) == 0)
            return &suites[i];
    return NULL;
}

bool bench_has_suite(const char *suite) {
    return find(suite);
}

status bench_run(struct bench *bench, const char *suite) {
    int before = bench->count;
    const struct suite *found = find(suite);
    if (!found)
        return fail_usage("there is no suite '%s'; suites: %s", suite, bench_suites());
    if (bench->peaks.gflops == 0)
        TRY(bench_measure_peaks(bench));
    bench->suite = found->name;
    TRY(found->run(bench));
    if (bench->count == before)
        return fail_usage("the suite %s has no workload '%s'; without --only it names all", suite, bench->options.only);
    return STATUS_OK;
}

status bench_run_portable(struct bench *bench) {
    for (int i = 0; i < SUITES; i++)
        if (suites[i].portable)
            TRY(bench_run(bench, suites[i].name));
    return STATUS_OK;
}

bool bench_wants(const struct bench *bench, const char *name) {
    if (bench->options.only && strcmp(bench->options.only, name) != 0)
        return false;
    progress_update("%s", name);
    return true;
}

status bench_add(struct bench *bench, const char *name, status outcome, double value, const char *unit,
                 double efficiency) {
    if (outcome == STATUS_INTERRUPTED)
        return outcome;
    if (bench->count == BENCH_MAX_RESULTS)
        return fail("more than %d results", BENCH_MAX_RESULTS);
    struct bench_result *result = &bench->results[bench->count++];
    *result = (struct bench_result){.suite = bench->suite, .value = value, .unit = unit, .efficiency = efficiency};
    snprintf(result->name, sizeof result->name, "%s", name);
    if (outcome != STATUS_OK) {
        result->value = result->efficiency = 0;
        snprintf(result->error, sizeof result->error, "%s", status_message());
    }
    return STATUS_OK;
}

void bench_add_work(struct bench *bench, const struct bench_work *work) {
    bench->results[bench->count - 1].work = *work;
}

void bench_release(struct bench *bench) {
    for (int i = 0; i < bench->count; i++)
        tally_free(&bench->results[i].work.tally);
}

status bench_count(const struct bench *bench, status (*work)(void *context), void *context,
                   struct launch_tally *tally) {
    device_count(bench->device, tally);
    status outcome = work(context);
    device_count(bench->device, NULL);
    return outcome;
}

enum { BATCHES = 7, TURNS = 21, MOST_CALLS = 10000 };

static status time_calls(const struct bench *bench, status (*work)(void *context), void *context, int calls,
                         double *seconds) {
    double start = clock_seconds();
    for (int i = 0; i < calls; i++)
        TRY(work(context));
    TRY(device_finish(bench->device));
    *seconds = (clock_seconds() - start) / calls;
    return interrupt_requested() ? fail_interrupted() : STATUS_OK;
}

/* Calls that together take about so long, after a first one that may build kernels. */
static status count_calls(const struct bench *bench, status (*work)(void *context), void *context, double seconds,
                          int *calls) {
    double once;
    TRY(time_calls(bench, work, context, 1, &once));
    TRY(time_calls(bench, work, context, 1, &once));
    double wanted = seconds / once;
    *calls = wanted < 1 ? 1 : wanted > MOST_CALLS ? MOST_CALLS : (int)wanted;
    return STATUS_OK;
}

/* Seconds of a call in each batch, ascending. */
static status time_batches(const struct bench *bench, status (*work)(void *context), void *context,
                           double times[BATCHES]) {
    int calls;
    TRY(count_calls(bench, work, context, bench->options.seconds / BATCHES, &calls));
    for (int i = 0; i < BATCHES; i++)
        TRY(time_calls(bench, work, context, calls, &times[i]));
    sort_samples(times, BATCHES);
    return STATUS_OK;
}

status bench_time(const struct bench *bench, status (*work)(void *context), void *context, double *seconds) {
    double times[BATCHES];
    TRY(time_batches(bench, work, context, times));
    *seconds = times[BATCHES / 2];
    return STATUS_OK;
}

status bench_time_in_turn(const struct bench *bench, status (*work)(void *context), void *context,
                          status (*other)(void *context), void *other_context, double *seconds, double *share) {
    double times[TURNS], shares[TURNS], other_seconds;
    int calls;
    TRY(count_calls(bench, work, context, bench->options.seconds / TURNS, &calls));
    TRY(time_calls(bench, other, other_context, 1, &other_seconds));
    for (int i = 0; i < TURNS; i++) {
        TRY(time_calls(bench, work, context, calls, &times[i]));
        TRY(time_calls(bench, other, other_context, 1, &other_seconds));
        shares[i] = other_seconds / times[i];
    }
    sort_samples(times, TURNS);
    sort_samples(shares, TURNS);
    *seconds = times[TURNS / 2];
    *share = shares[TURNS / 2];
    return STATUS_OK;
}

status bench_time_each(const struct bench *bench, status (*work)(void *context), void *contexts[], int count,
                       double *seconds, double *shares) {
    double times[BENCH_MOST_EACH][TURNS], times_as_long[BENCH_MOST_EACH][TURNS];
    int calls[BENCH_MOST_EACH];
    for (int i = 0; i < count; i++)
        TRY(count_calls(bench, work, contexts[i], bench->options.seconds / TURNS, &calls[i]));
    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < count; i++) {
            TRY(time_calls(bench, work, contexts[i], calls[i], &times[i][turn]));
            times_as_long[i][turn] = times[0][turn] / times[i][turn];
        }
    }
    for (int i = 0; i < count; i++) {
        sort_samples(times[i], TURNS);
        sort_samples(times_as_long[i], TURNS);
        seconds[i] = times[i][TURNS / 2];
        shares[i] = times_as_long[i][TURNS / 2];
    }
    return STATUS_OK;
}

status bench_time_best(const struct bench *bench, status (*work)(void *context), void *context, double *seconds) {
    double times[BATCHES];
    TRY(time_batches(bench, work, context, times));
    *seconds = times[0];
    return STATUS_OK;
}
