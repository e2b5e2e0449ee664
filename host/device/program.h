/*
 * Programs of an open device: built from the embedded cl/ sources at first use and kept as binaries on disk, keyed by
 * device, driver, source and options. A damaged or foreign cache entry is rebuilt.
 *
 * A store may be used from several threads. What one of them builds another waits for, and nothing is built twice.
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
struct program;

/* Drivers that compile anew when they are asked for a binary keep what they compile themselves, so it is theirs. */
enum binaries { BINARIES_NOT_KEPT, BINARIES_KEPT_IF_AT_HAND, BINARIES_KEPT };

/* `options` are passed to every build. Nothing is kept where no cache folder can be written. */
struct program_store *program_store_create(const struct device_information *information, cl_context context,
                                           const char *options, enum binaries binaries);
/* When no other thread uses it. */
void program_store_destroy(struct program_store *store);

/* Who builds: the work that needs it stands still, or it goes on. */
enum build_place { BUILD_WAITED_FOR, BUILD_IN_BACKGROUND };

/* The program that has the kernels of cl/<name>.cl, built with `options` added. Owned by the store. */
status program_store_find(struct program_store *store, const char *name, const char *options, enum build_place where,
                          struct program **program) MUST_CHECK;
cl_program program_opencl(const struct program *program);

/*
 * Whether a kernel has been launched, or is of a program that was loaded: some drivers compile the rest at the first
 * launch. Who measures that says how long it took.
 */
bool program_was_launched(struct program_store *store, const struct program *program, const char *kernel);
void program_note_launched(struct program_store *store, struct program *program, const char *kernel,
                           enum build_place where, double seconds);
void program_store_add_seconds(struct program_store *store, enum build_place where, double seconds);

/* Programs built from source, their kernels' first launches, and seconds of both and of waiting for another thread's.
 */
struct build_statistics {
    int programs_waited, programs_background;
    int launches_waited, launches_background;
    double waited, background;
};
struct build_statistics program_store_statistics(struct program_store *store);

#endif
