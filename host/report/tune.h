/* What tuning found, as a table for people and as JSON for scripts. */
#ifndef STARCL_REPORT_TUNE_H
#define STARCL_REPORT_TUNE_H

#include "device/tune.h"

#include <stdio.h>

/* `path` is the file that keeps the choice. */
void report_tune(const struct device_information *device, const struct tune_report *report, const char *path,
                 FILE *out);
/*
 * {"device", "driver", "seconds", "candidates", "refused", "path", "choice", "classes": [{"class", "m", "n", "k",
 * "panel", "clblast", "clblast_with_parameters", "chosen"}], "clblast_parameters": {...}}; speeds in GFLOP/s, null
 * where not measured.
 */
void report_tune_json(const struct device_information *device, const struct tune_report *report, const char *path,
                      FILE *out);

#endif
