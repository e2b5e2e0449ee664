/* Results as JSON, as tables, and compared between devices and machines. */
#ifndef STARCL_BENCH_REPORT_H
#define STARCL_BENCH_REPORT_H

#include "bench.h"

#include <cJSON.h>

/*
 * {"suite", "device", "driver", "gemm", "peaks": {...}, "results": [{"suite", "name", "value", "unit", "efficiency",
 * "error"}]}; the caller deletes it. `suite` is what the person asked for; a result's is the one that it belongs to.
 *
 * A training step and a token decoded also have "launches" of kernels, "copies" on the device, "bytes" (device.h says
 * of what), "flops", "launched" with the launches by kernel, and "estimates": [{"device", "value", "unit", "bound"}] by
 * roofline.h.
 */
cJSON *bench_report_json(const struct bench *bench, const char *suite);

/* One device's results as a table on stdout. */
void bench_report_table(const cJSON *results);

/*
 * Devices (an array of such objects) against workloads, efficiencies in percent, and how portable each workload is
 * (portability.h), on stdout.
 */
void bench_report_portability(const cJSON *devices);

/* The same as [{"name", "score"}]; the caller deletes it. */
cJSON *bench_report_scores(const cJSON *devices);

/* A device that could not be measured at all: it counts as one on which everything failed. The caller deletes it. */
cJSON *bench_report_failure(const struct device_information *device, const char *error);

/* Appends the devices of results as JSON to the array; false where the text is no such results. */
bool bench_report_parse(const char *text, cJSON *devices);

/* Appends the devices of a file that --out wrote to the array. Refuses files that are no such results. */
status bench_report_read(const char *path, cJSON *devices) MUST_CHECK;

#endif
