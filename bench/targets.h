/*
 * One machine as several: instruction sets that its drivers can be told to compile for.
 *
 * Drivers for CPUs compile for the processor that they find, or for an older one where an environment variable says so.
 * What such a processor would lack, it lacks: registers, instructions, width. Caches, memory and clock stay those of
 * the machine, so this shows what kernels do with an instruction set, not how fast that processor was.
 *
 *     starcl bench ... --targets native,avx2
 *         ├── starcl bench ... --device 0.0 --json                             native
 *         └── POCL_KERNELLIB_NAME=avx2 starcl bench ... --device 0.0 --json    avx2
 *
 * A driver reads its variable when it is loaded, so each target is measured by a process of its own.
 */
#ifndef STARCL_BENCH_TARGETS_H
#define STARCL_BENCH_TARGETS_H

#include "device/discover.h"

#include <cJSON.h>
#include <stdbool.h>

enum { BENCH_MOST_TARGETS = 8, BENCH_TARGET_BYTES = 16 };

struct bench_targets {
    int count;
    char names[BENCH_MOST_TARGETS][BENCH_TARGET_BYTES];
};

/* Reads "native,avx2". STATUS_USAGE where a name is none, with those that are; and where nothing is named. */
status bench_targets_read(const char *list, struct bench_targets *targets) MUST_CHECK;

/* Whether the device's driver can be told this; all can be told nothing, which is "native". */
bool bench_has_target(const struct device_information *device, const char *target);

/*
 * Runs `starcl bench` with the words (ended by NULL; the suite and options, none of them --device or --json) on the
 * device as this target, and appends what it measured to the array: an object of bench_report_json() with the target as
 * "target". A process that measures nothing is a device without results, with an "error".
 */
status bench_run_target(const struct device_information *device, const char *target, const char *const *words,
                        cJSON *devices) MUST_CHECK;

#endif
