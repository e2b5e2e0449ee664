/*
 * Measuring a device: what it can do at most, and what starcl's work reaches of that.
 *
 * A suite is a row of a table in suites.c. Every number is the median of several timings; an efficiency is the share of
 * the bound that holds the workload back: multiply-adds, the best GEMM, or reading memory.
 */
#ifndef STARCL_BENCH_BENCH_H
#define STARCL_BENCH_BENCH_H

#include "device/device.h"
#include "device/tally.h"
#include "train/precision.h"

/* Measured peaks: kernels of multiply-adds, one pass over a buffer larger than caches, the best large GEMM. */
struct bench_peaks {
    double gflops, read_gbytes, gemm_gflops; /* a second */
};

enum { BENCH_NAME_BYTES = 48, BENCH_ERROR_BYTES = 256, BENCH_MAX_RESULTS = 128 };

/* What one call of a workload gives the device to do; without a tally it was not counted. */
struct bench_work {
    double amount; /* of the result's unit without "/s" */
    double flops;
    struct launch_tally tally;
};

struct bench_result {
    const char *suite;
    char name[BENCH_NAME_BYTES];
    double value; /* larger is better */
    const char *unit;
    double efficiency;             /* 0 .. 1; 0 where the workload failed */
    struct bench_work work;        /* the bench's */
    char error[BENCH_ERROR_BYTES]; /* "": it ran */
};

struct bench_options {
    double seconds;                    /* to measure each workload */
    const char *only;                  /* name of the one workload to run; NULL: all */
    const struct precision *precision; /* in which models are trained; NULL: float32 */
    const char *save; /* folder for architecture and weights of the models that are measured; NULL: none */
};

struct bench {
    struct device *device;
    struct bench_options options;
    struct bench_peaks peaks;
    const char *suite; /* that runs now */
    int count;
    struct bench_result results[BENCH_MAX_RESULTS];
};

/* "gemm, ops, ...", and whether a suite of that name exists. */
const char *bench_suites(void);
bool bench_has_suite(const char *suite);

/*
 * Measures the peaks at first use, then the suite's workloads, which are added to bench->results. A workload that fails
 * is a result with an error; what is returned is only an interrupt, or a usage error when `only` names nothing.
 */
status bench_run(struct bench *bench, const char *suite) MUST_CHECK;

/* All suites that devices are compared by, as bench_run() does one. */
status bench_run_portable(struct bench *bench) MUST_CHECK;

/* For suites: whether to run the workload of this name; tells its progress when so. */
bool bench_wants(const struct bench *bench, const char *name);
/*
 * Adds a result. `outcome` is how the workload ended: a failure is kept as its error, an interrupt is passed on.
 */
status bench_add(struct bench *bench, const char *name, status outcome, double value, const char *unit,
                 double efficiency) MUST_CHECK;
/* Adds to the last result what one call gives the device to do; the tally is the bench's then. */
void bench_add_work(struct bench *bench, const struct bench_work *work);
/* Frees what results hold. */
void bench_release(struct bench *bench);

/* Counts one call of `work`. */
status bench_count(const struct bench *bench, status (*work)(void *context), void *context,
                   struct launch_tally *tally) MUST_CHECK;

/*
 * Median seconds of one call of `work`, which queues something on the device: a call to warm up, then batches of calls
 * until the options' seconds are over.
 */
status bench_time(const struct bench *bench, status (*work)(void *context), void *context, double *seconds) MUST_CHECK;

/* The same for a peak: the fastest batch, because what disturbs can only slow it. */
status bench_time_best(const struct bench *bench, status (*work)(void *context), void *context,
                       double *seconds) MUST_CHECK;

/*
 * Median seconds of one call, and the median of how much of that a call of `other` takes, timed in turn with it: a
 * share that changes little where the machine is now fast, now slow.
 */
status bench_time_in_turn(const struct bench *bench, status (*work)(void *context), void *context,
                          status (*other)(void *context), void *other_context, double *seconds,
                          double *share) MUST_CHECK;

/*
 * Median seconds of a call of `work` with each of the contexts, at most BENCH_MOST_EACH, timed in turn, and the median
 * of how many times as long a call with the first one takes as that with each.
 */
enum { BENCH_MOST_EACH = 8 };
status bench_time_each(const struct bench *bench, status (*work)(void *context), void *contexts[], int count,
                       double *seconds, double *shares) MUST_CHECK;

/*
 * For work that reading memory bounds: median seconds of a call, and the median share that reading `bytes` would take
 * of it. Passes over memory are timed in turn with the work, because a machine's memory is not equally fast all day.
 */
status bench_time_beside_reading(const struct bench *bench, status (*work)(void *context), void *context, double bytes,
                                 double *seconds, double *share) MUST_CHECK;

status bench_measure_peaks(struct bench *bench) MUST_CHECK;
status bench_gemm(struct bench *bench) MUST_CHECK;
status bench_ops(struct bench *bench) MUST_CHECK;
status bench_train(struct bench *bench) MUST_CHECK;
status bench_decode(struct bench *bench) MUST_CHECK;
status bench_context(struct bench *bench) MUST_CHECK;

/* GFLOP/s of one product on buffers of its own; rows are dense. */
status bench_product(const struct bench *bench, int m, int n, int k, bool transpose_a, bool transpose_b,
                     double *gflops) MUST_CHECK;

#endif
