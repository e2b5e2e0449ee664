/* Which OpenCL devices this machine has, and which of them a person means. */
#ifndef STARCL_DEVICE_DISCOVER_H
#define STARCL_DEVICE_DISCOVER_H

#include "device/opencl.h"

#include <stdbool.h>
#include <stddef.h>

struct device_information {
    int platform_index, device_index; /* what a person types: "0.1" */
    cl_platform_id platform;
    cl_device_id id;
    cl_device_type type;
    char platform_name[256], name[256], vendor[256], driver[256], version[256];
    cl_uint compute_units, clock_megahertz;
    cl_uint float_vector_width; /* native, 1 where the device is scalar */
    cl_ulong global_bytes, largest_buffer_bytes, local_bytes;
    bool own_memory; /* global memory is not the host's */
    size_t largest_work_group;
    cl_uint address_alignment_bytes; /* of sub-buffers */
    bool half;                       /* computes with float16 (cl_khr_fp16); every device can read and write it */
    bool float64;                    /* computes with float64 (cl_khr_fp64), which no kernel needs */
    bool usable;                     /* available, with a compiler, little endian */
};

struct device_list {
    struct device_information *devices;
    size_t count;
};

/*
 * Every device of every platform, in the ICD loader's order. Without any platform or device it fails and says what to
 * install. Free with device_list_destroy().
 */
status device_list_create(struct device_list *list) MUST_CHECK;
void device_list_destroy(struct device_list *list);

/* The words that a choice stands for: `choice` itself, or where it is NULL or "" what STARCL_DEVICE says, or "". */
const char *device_words(const char *choice);

/*
 * The device a person means: an index "platform.device" (or "platform" for its first device), "cpu", "gpu",
 * "accelerator", or part of a name, case ignored. NULL or "" takes STARCL_DEVICE, or else "auto": a GPU before an
 * accelerator before a CPU; of one type one with memory of its own before one that shares the host's, because units of
 * two makers are two things (an integrated GPU may have more of them than a card that is ten times as fast); and of
 * these the one with the most compute units times clock.
 * `reason` (may be NULL) becomes a sentence part valid for the program's life or as long as `choice`.
 */
status device_choose(const struct device_list *list, const char *choice, const struct device_information **chosen,
                     const char **reason) MUST_CHECK;

/* How to get a driver, as a sentence. */
extern const char device_driver_advice[];

/*
 * Whether weights are better read in float16 where nobody says how: on GPUs, all of which widen it for nothing, also
 * those that do not compute with it, and on other devices that compute with it.
 */
bool device_prefers_half(const struct device_information *device);

/* "GPU", "CPU", "accelerator". */
const char *device_type_name(cl_device_type type);

#endif
