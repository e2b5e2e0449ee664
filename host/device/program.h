/*
 * Programs and kernels of an open device: built from the embedded cl/ sources at first use and kept as binaries on
 * disk, keyed by device, driver, source and options. A damaged or foreign cache entry is rebuilt.
 */
#ifndef STARCL_DEVICE_PROGRAM_H
#define STARCL_DEVICE_PROGRAM_H

#include "device/discover.h"

/* The cl/ folder and the headers that it shares with the host, embedded by cl/embed.cmake; ends with a NULL name. */
struct kernel_source {
    const char *name; /* file name without its ending */
    const char *text;
};
extern const struct kernel_source kernel_sources[];

struct program_store;

/*
 * `options` are passed to every build. With `use_disk` false nothing is read from or written to the disk; it is also
 * not used where no cache folder can be written.
 */
struct program_store *program_store_create(const struct device_information *information, cl_context context,
                                           const char *options, bool use_disk);
void program_store_destroy(struct program_store *store);

/*
 * The kernel `kernel` of cl/<program>.cl built with `options` added. Owned by the store. *is_new tells that this is the
 * first call for it and that its program was built from source: some drivers compile the rest at the first launch.
 */
status program_store_kernel(struct program_store *store, const char *program, const char *kernel, const char *options,
                            cl_kernel *result, bool *is_new) MUST_CHECK;

/* Programs built from source and the seconds it took; first launches are added by who measures them. */
void program_store_statistics(const struct program_store *store, int *built, double *seconds);
void program_store_add_seconds(struct program_store *store, double seconds);

#endif
