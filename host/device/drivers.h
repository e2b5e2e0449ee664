/*
 * The OpenCL drivers that are installed, as the loader finds them: files with the ending .icd, each of which names a
 * library (cl_khr_icd). The loader leaves out in silence what it cannot load; this says why.
 */
#ifndef STARCL_DEVICE_DRIVERS_H
#define STARCL_DEVICE_DRIVERS_H

#include <limits.h>
#include <stddef.h>

struct driver {
    char file[PATH_MAX];    /* the .icd file; the library itself where the environment names one */
    char library[PATH_MAX]; /* "" where the file cannot be read */
    char problem[512];      /* why it cannot be loaded; "" where it can */
};

struct driver_list {
    char place[PATH_MAX]; /* where the loader looks: OCL_ICD_VENDORS, OPENCL_VENDOR_PATH, or /etc/OpenCL/vendors */
    struct driver *drivers;
    size_t count;
};

/* In the order of their names. Loads each library. Free with driver_list_destroy(). */
void driver_list_create(struct driver_list *list);
void driver_list_destroy(struct driver_list *list);

#endif
