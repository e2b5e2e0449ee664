/*
 * Which OpenCL devices this machine has, and which of them a person means. A choice is words such as "0.1", "gpu" or
 * "radeon", with "/N:K" behind them for the K-th of N equal parts of the device (device/parts.h), or "/N" for all N.
 */
#ifndef STARCL_DEVICE_DISCOVER_H
#define STARCL_DEVICE_DISCOVER_H

#include "device/opencl.h"

#include <stdbool.h>
#include <stddef.h>

struct device_information {
    int platform_index, device_index; /* what a person types: "0.1" */
    int part, parts;                  /* part 1 .. parts of the device; 0 of 0: all of it */
    int most_parts;                   /* in how many it can be split; 1: in none */
    cl_platform_id platform;
    cl_device_id id;    /* of a part NULL until it is opened, then its own */
    cl_device_id whole; /* of a part: the device that it is of */
    cl_device_type type;
    char name[256];  /* what people read: the model, and which part */
    char model[256]; /* as the driver calls it: programs and tuning are for all devices, and parts, of one model */
    char kind[256];  /* the model, and of how many parts one is: what is measured on two of a kind can be compared */
    char platform_name[256], vendor[256], driver[256], version[256];
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
    struct chosen_part *parts; /* those that were chosen so far */
};

/*
 * Every device of every platform, in the ICD loader's order. Without any platform or device it fails and says what to
 * install. Free with device_list_destroy().
 */
status device_list_create(struct device_list *list) MUST_CHECK;
void device_list_destroy(struct device_list *list);

enum { DEVICE_INDEX_BYTES = 64 };
/* The choice that means this one alone, "0.1" or "0.1/2:1". Writes to index (DEVICE_INDEX_BYTES) and returns it. */
const char *device_index(const struct device_information *information, char *index);

/* The words that a choice stands for: `choice` itself, or where it is NULL or "" what STARCL_DEVICE says, or "". */
const char *device_words(const char *choice);

/*
 * The device a person means: an index "platform.device" (or "platform" for its first device), "cpu", "gpu",
 * "accelerator", or part of a name, case ignored. NULL or "" takes STARCL_DEVICE, or else "auto": a GPU before an
 * accelerator before a CPU; of one type one with memory of its own before one that shares the host's, because units of
 * two makers are two things (an integrated GPU may have more of them than a card that is ten times as fast); and of
 * these the one with the most compute units times clock. Words that mean several ("all", "0.0/2") are STATUS_USAGE.
 * `chosen` is valid as long as the list.
 * `reason` (may be NULL) becomes a sentence part valid for the program's life or as long as `choice`.
 */
status device_choose(struct device_list *list, const char *choice, const struct device_information **chosen,
                     const char **reason) MUST_CHECK;

/*
 * The devices that `choices` mean, in their order: each as for device_choose(), or "all" for every usable device, or
 * "D/N" for all N parts of the device D. None may be chosen twice, alone or with others' compute units: STATUS_USAGE.
 * A device that two platforms offer is two. The caller frees `chosen` with free(); what it points to is valid as long
 * as the list, and may be opened from any thread, again and again.
 */
status device_choose_several(struct device_list *list, const char *const *choices, int count,
                             const struct device_information ***chosen, int *found) MUST_CHECK;

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
