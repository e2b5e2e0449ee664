#include "device/kernels.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

enum { KERNEL_SLOTS = 256 };

struct kernel_set {
    struct program_store *store;
    enum build_place where;
    struct kernel *kernels[KERNEL_SLOTS];
};

struct kernel_set *kernel_set_create(struct program_store *store, enum build_place where) {
    struct kernel_set *set = memory_allocate(1, sizeof *set);
    set->store = store;
    set->where = where;
    return set;
}

void kernel_set_destroy(struct kernel_set *set) {
    for (int slot = 0; set && slot < KERNEL_SLOTS; slot++) {
        for (struct kernel *kernel = set->kernels[slot], *next; kernel; kernel = next) {
            next = kernel->next;
            clReleaseKernel(kernel->kernel);
            free(kernel->program_name);
            free(kernel->options);
            free(kernel->name);
            free(kernel);
        }
    }
    free(set);
}

status kernel_set_find(struct kernel_set *set, const char *program, const char *kernel, const char *options,
                       struct kernel **result) {
    options = options ? options : "";
    uint64_t hash = hash_text(hash_text(hash_text(HASH_START, program), kernel), options);
    struct kernel **slot = &set->kernels[hash % KERNEL_SLOTS];
    for (struct kernel *known = *slot; known; known = known->next) {
        if (strcmp(known->name, kernel) == 0 && strcmp(known->program_name, program) == 0 &&
            strcmp(known->options, options) == 0) {
            *result = known;
            return STATUS_OK;
        }
    }
    struct program *owner;
    TRY(program_store_find(set->store, program, options, set->where, &owner));
    int code;
    cl_kernel created = clCreateKernel(program_opencl(owner), kernel, &code);
    TRY(opencl_check(code, "finding kernel %s in cl/%s.cl", kernel, program));
    struct kernel *added = memory_allocate(1, sizeof *added);
    *added = (struct kernel){.next = *slot,
                             .program = owner,
                             .program_name = memory_copy_text(program),
                             .options = memory_copy_text(options),
                             .name = memory_copy_text(kernel),
                             .kernel = created,
                             .may_be_new = true};
    *slot = added;
    *result = added;
    return STATUS_OK;
}

bool kernel_is_new(const struct kernel_set *set, struct kernel *kernel) {
    if (kernel->may_be_new)
        kernel->may_be_new = !program_was_launched(set->store, kernel->program, kernel->name);
    return kernel->may_be_new;
}

void kernel_launched(struct kernel_set *set, struct kernel *kernel, double seconds) {
    kernel->may_be_new = false;
    program_note_launched(set->store, kernel->program, kernel->name, set->where, seconds);
}
