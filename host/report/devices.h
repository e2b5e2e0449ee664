/* The OpenCL devices of this machine, as a table for people and as JSON for scripts. */
#ifndef STARCL_REPORT_DEVICES_H
#define STARCL_REPORT_DEVICES_H

#include "device/discover.h"

#include <stdio.h>

/* `chosen`, or the device that it is a part of, is marked and explained with `reason`. */
void report_devices(const struct device_list *list, const struct device_information *chosen, const char *reason,
                    FILE *out);
void report_devices_json(const struct device_list *list, const struct device_information *chosen, FILE *out);

#endif
