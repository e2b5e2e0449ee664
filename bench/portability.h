/*
 * How portable performance is over platforms, as numbers: what the table, the picture and the file for other programs
 * are made from.
 *
 *                       platform 1   platform 2   score
 *     gemm                    0.84         0.83    0.83      many small workloads are a line, their harmonic mean
 *     train mixed-256         0.84         0.93    0.88      a model is a line of its own
 *
 * A platform is a device with its driver, and the target that the driver compiles for. The score is the performance
 * portability of Pennycook, Sewall and Lee ("A metric for performance portability", 2016): the harmonic mean of the
 * efficiencies over all platforms, 0 where one of them failed or lacks the workload. What exceeds its bound, which is a
 * measurement, too, counts as 1: as their metric has it, and their library.
 */
#ifndef STARCL_BENCH_PORTABILITY_H
#define STARCL_BENCH_PORTABILITY_H

#include <cJSON.h>

enum { PORTABILITY_NAME_BYTES = 128 };

struct portability_cell {
    double efficiency; /* share of the platform's bound; 0: it failed or was not measured */
    double value;      /* what was measured, larger is better: harmonic mean over the line; 0 where units differ */
    const char *unit;  /* of that; belongs to the devices; NULL where there is none */
};

struct portability_line {
    char name[PORTABILITY_NAME_BYTES];
    double score;
    struct portability_cell *cells; /* one a platform */
};

struct portability {
    int platform_count, line_count;
    char (*platforms)[2 * PORTABILITY_NAME_BYTES]; /* "cpu-haswell, target avx2, driver 3.1"; no two are equal */
    struct portability_line *lines;
};

/* The efficiency as the score has it: at most 1. */
double portability_share(const struct portability_cell *cell);

/* From an array of objects of bench_report_json(), which must outlive it. Free with portability_destroy(). */
void portability_create(const cJSON *devices, struct portability *portability);
void portability_destroy(struct portability *portability);

/*
 * Results of one platform that were measured in several calls, a suite each, become those of one object of the array.
 * Objects that share a workload stay apart, since they are two measurements or two machines; so do those that failed.
 */
void portability_join(cJSON *devices);

#endif
