/*
 * Equal parts of a device (clCreateSubDevices), each used as if it were a device: of N parts each has the compute units
 * of the device divided by N, rounded down, and counts as having an N-th of its memory. What is left over is not used.
 */
#ifndef STARCL_DEVICE_PARTS_H
#define STARCL_DEVICE_PARTS_H

#include "device/discover.h"

#include <stdint.h>

/* In how many parts the device can be split; 1 where it cannot. */
int parts_most(cl_device_id id, cl_uint compute_units);

/* What is known of part `part` = 1 .. `parts` of the device. STATUS_USAGE where it has none such. */
status part_describe(const struct device_information *whole, int64_t parts, int64_t part,
                     struct device_information *information) MUST_CHECK;

/*
 * What OpenCL calls take for the device or the part: of a part a sub-device that is made now, so that one that was lost
 * can be made again. Released with part_release().
 */
status part_create(const struct device_information *information, cl_device_id *id) MUST_CHECK;
void part_release(const struct device_information *information, cl_device_id id);

#endif
