/*
 * Kernels that one queue launches. A kernel holds the arguments of its next launch, so queues that are used from
 * different threads have their own, of the same programs.
 */
#ifndef STARCL_DEVICE_KERNELS_H
#define STARCL_DEVICE_KERNELS_H

#include "device/program.h"

struct kernel_set;

/* The store must outlive it. `where`: what building a program is for who uses this set. */
struct kernel_set *kernel_set_create(struct program_store *store, enum build_place where);
void kernel_set_destroy(struct kernel_set *set);

struct kernel {
    struct kernel *next;
    struct program *program;
    char *program_name, *options, *name;
    cl_kernel kernel;
    bool may_be_new; /* as far as this set knows */
};

/* The kernel `kernel` of cl/<program>.cl built with `options` added, or NULL for none. Owned by the set. */
status kernel_set_find(struct kernel_set *set, const char *program, const char *kernel, const char *options,
                       struct kernel **result) MUST_CHECK;

/* Before and after a first launch, which takes longer than others: program_was_launched(). */
bool kernel_is_new(const struct kernel_set *set, struct kernel *kernel);
void kernel_launched(struct kernel_set *set, struct kernel *kernel, double seconds);

#endif
