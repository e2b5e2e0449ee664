/*
 * One open OpenCL device: its queue, its buffers and its kernels.
 *
 * Work goes into one in-order queue and is not waited for; device_read() and device_finish() wait. All of it is used
 * from one thread; a companion may be used from another at the same time.
 */
#ifndef STARCL_DEVICE_DEVICE_H
#define STARCL_DEVICE_DEVICE_H

#include "device/discover.h"
#include "device/program.h"
#include "device/tally.h"

#include <stdint.h>

/*
 * How kernels are shaped for a device. They are written once, for a work-group of `lanes` work-items that each handle
 * vectors of `width` floats; the shape is compiled in.
 */
struct device_shape {
    int lanes;          /* work-items of a work-group */
    int width;          /* floats of a vector: 1, 4, 8 or 16 */
    int items;          /* vectors a work-item handles in a kernel over a flat array */
    int rows;           /* rows a work-group handles in a kernel over rows */
    int reduction_rows; /* rows summed by one work-group when a column is reduced */
};

struct device;

struct device_options {
    struct device_shape shape;  /* zeroed: shape_choose() of device/shape.h */
    const char *gemm;           /* name of a GEMM provider; NULL or "auto": the default for the device */
    const char *products;       /* in what products multiply: float32 (NULL), tf32, bfloat16 or float16 */
    bool without_program_cache; /* build every program from source */
    uint64_t memory;            /* bytes that the device counts as having; 0, or more than it has: what it has */
};

/*
 * Opens the device; `options` may be NULL. The list that `information` is from may be destroyed afterwards. As long as
 * it lives the same device may be opened again, after a loss as well, and from several threads at the same time.
 */
status device_open(const struct device_information *information, const struct device_options *options,
                   struct device **device) MUST_CHECK;
/* Chooses as device_choose() does and opens. */
status device_open_choice(const char *choice, const struct device_options *options, struct device **device) MUST_CHECK;
/* After its companion. */
void device_close(struct device *device);

/*
 * The same device with a queue and buffers of its own, for another thread, and the same programs: what it builds, and
 * what the driver compiles when it launches a kernel for the first time, is there for both. It counts as having
 * `memory` bytes. Must be closed before the device.
 */
status device_open_companion(const struct device *device, uint64_t memory, struct device **companion) MUST_CHECK;
/* From any thread: the companion's next launches fail, so that who uses it comes to an end. */
void device_stop(struct device *companion);

const struct device_information *device_information(const struct device *device);
struct device_shape device_shape(const struct device *device);
/* For OpenCL and CLBlast calls of this room. */
cl_context device_context(const struct device *device);
cl_command_queue device_queue(const struct device *device);

/* Device memory. Buffers hold undefined bytes at first; the caller releases them, NULL is allowed. */
status device_buffer_create(struct device *device, size_t bytes, cl_mem *buffer) MUST_CHECK;
void device_buffer_destroy(struct device *device, cl_mem buffer);
/* A part of a buffer; offset is a multiple of the device's address alignment. Destroyed with clReleaseMemObject(). */
status device_buffer_part(cl_mem buffer, size_t offset, size_t bytes, cl_mem *part) MUST_CHECK;
/* Bytes of all buffers that exist now. */
size_t device_allocated_bytes(const struct device *device);

/* Copies to the device; `bytes` may be reused when it returns. */
status device_write(struct device *device, cl_mem buffer, size_t offset, const void *bytes, size_t length) MUST_CHECK;
/* Waits for the work queued so far and copies to the host. */
status device_read(struct device *device, cl_mem buffer, size_t offset, void *bytes, size_t length) MUST_CHECK;
status device_copy(struct device *device, cl_mem from, size_t from_offset, cl_mem to, size_t to_offset,
                   size_t length) MUST_CHECK;
status device_fill_zero(struct device *device, cl_mem buffer, size_t offset, size_t length) MUST_CHECK;
status device_finish(struct device *device) MUST_CHECK;

/*
 * From now on adds everything that is queued to the tally, which must live until another takes its place; NULL: no
 * more. The bytes of a launch are those of its buffers, each once: what it has to read and write at least, where it
 * needs all of them. Copies count twice what is copied. What goes to the host and comes from it is not counted.
 */
void device_count(struct device *device, struct launch_tally *tally);
/* Whether anybody counts, for who has to find out what there is to count. */
bool device_is_counted(const struct device *device);
/* For work that a library queues: so many launches with these buffers before them. */
void device_count_others(struct device *device, const char *name, long long launches, const cl_mem *buffers, int count);

/* What it and its companion have built so far. */
struct build_statistics device_build_statistics(const struct device *device);
/* Seconds of waiting for what the companion builds, where its user waited in another way than by a launch. */
void device_add_build_wait(struct device *device, double seconds);

/*
 * A kernel argument: a buffer, a number or a struct of numbers (starcl/arguments.h) passed by value, or local memory
 * that each work-group has.
 */
struct kernel_argument {
    size_t bytes;
    enum { ARGUMENT_BUFFER, ARGUMENT_VALUE, ARGUMENT_STRUCT, ARGUMENT_LOCAL } kind;
    union {
        cl_mem buffer;
        cl_int integer;
        cl_float number;
        const void *structure;
    } value;
};

static inline struct kernel_argument argument_buffer(cl_mem buffer) {
    return (struct kernel_argument){.bytes = sizeof(cl_mem), .value.buffer = buffer};
}

static inline struct kernel_argument argument_int(int value) {
    return (struct kernel_argument){.bytes = sizeof(cl_int), .kind = ARGUMENT_VALUE, .value.integer = value};
}

static inline struct kernel_argument argument_float(float value) {
    return (struct kernel_argument){.bytes = sizeof(cl_float), .kind = ARGUMENT_VALUE, .value.number = value};
}

/* The struct must stay until the launch returns. */
static inline struct kernel_argument argument_struct(const void *value, size_t bytes) {
    return (struct kernel_argument){.bytes = bytes, .kind = ARGUMENT_STRUCT, .value.structure = value};
}

static inline struct kernel_argument argument_local(size_t bytes) {
    return (struct kernel_argument){.bytes = bytes, .kind = ARGUMENT_LOCAL};
}

/* Work-groups in each dimension; a work-group is shape.lanes x 1 x 1 work-items. */
struct launch_groups {
    size_t x, y, z;
};

/* Groups of `by` that hold `count`. */
static inline size_t divide_up(size_t count, size_t by) {
    return (count + by - 1) / by;
}

/* Groups for a kernel over a flat array of `count` floats, and for one over `rows` rows. */
struct launch_groups groups_flat(struct device_shape shape, size_t count);
struct launch_groups groups_rows(struct device_shape shape, int rows);
/* Groups needed for each lane to take one vector of `columns`, and to take shape.reduction_rows rows each. */
int groups_over_columns(struct device_shape shape, int columns);
int groups_of_reduction(struct device_shape shape, int rows);

/* Which kernel: its name in cl/<program>.cl, with further build options such as "-DSTATE=16" or NULL. */
struct kernel_name {
    const char *program, *kernel, *options;
};

/* Queues a kernel, building its program at first use. An empty range is no work. Use the macro LAUNCH. */
status device_launch(struct device *device, struct kernel_name name, struct launch_groups groups,
                     const struct kernel_argument *arguments, int argument_count) MUST_CHECK;
/* For kernels of larger work-groups: shape.lanes x lane_rows x 1 work-items. */
status device_launch_rows(struct device *device, struct kernel_name name, struct launch_groups groups, int lane_rows,
                          const struct kernel_argument *arguments, int argument_count) MUST_CHECK;

#define LAUNCH(device, name, groups, ...)                                                                              \
    device_launch(device, name, groups, (struct kernel_argument[]){__VA_ARGS__},                                       \
                  sizeof((struct kernel_argument[]){__VA_ARGS__}) / sizeof(struct kernel_argument))

#endif
