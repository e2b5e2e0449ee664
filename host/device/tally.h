/*
 * What a device is given to do, counted where it is queued: how many kernels and copies, and how many bytes they have
 * before them. See device_count().
 */
#ifndef STARCL_DEVICE_TALLY_H
#define STARCL_DEVICE_TALLY_H

#include "device/opencl.h"

#include <stdbool.h>

/* A kind of work: kernels of one name, or copies. */
struct tally_row {
    char name[64]; /* "rms_norm_forward", "clblast gemm", "copy" */
    bool is_copy;  /* within the device, or zeros written; no kernel */
    long long launches;
    double bytes;
};

/* Zeroed: nothing counted yet. The rows are in the order in which their work first came. */
struct launch_tally {
    int count;
    struct tally_row *rows;
};

/* A copy, or work of this name; a row is made for it where there is none. */
void tally_add(struct launch_tally *tally, const char *name, bool is_copy, long long launches, double bytes);
void tally_free(struct launch_tally *tally);

/* Sums over all rows: kernels, copies, and bytes of both. */
struct tally_row tally_kernels(const struct launch_tally *tally);
struct tally_row tally_copies(const struct launch_tally *tally);

/* Bytes of these buffers, each counted once however often it is there; NULL is none. */
double tally_bytes(const cl_mem *buffers, int count);

#endif
