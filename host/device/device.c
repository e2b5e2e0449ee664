#include "device/device.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/gemm.h"
#include "device/kernels.h"
#include "device/parts.h"
#include "device/shape.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * Launches after which the driver is told to begin, where nobody waits for the device before that: some drivers keep
 * what is queued until then (rusticl of Mesa 22.3), and the device would have nothing to do meanwhile.
 */
enum { FLUSH_EVERY = 32 };

enum { LARGE_PAGE = 2 << 20 };

/* Buffers of a kernel that are counted. */
enum { MOST_ARGUMENTS = 64 };

struct device {
    struct device_information information;
    struct device_shape shape;
    cl_context context;
    cl_command_queue queue;
    struct program_store *programs; /* shared with its companion */
    struct kernel_set *kernels;
    struct gemm_state *gemm;
    size_t allocated_bytes;
    int unflushed;              /* launches since the driver was told to begin */
    struct launch_tally *tally; /* of who counts; NULL: nobody */
    bool is_companion;
    atomic_bool stopped; /* a companion that launches no more */
};

status device_open(const struct device_information *information, const struct device_options *options,
                   struct device **result) {
    struct device *device = memory_allocate(1, sizeof *device);
    device->information = *information;
    if (options && options->memory && options->memory < information->global_bytes)
        device->information.global_bytes = options->memory;
    enum binaries binaries = options && options->without_program_cache ? BINARIES_NOT_KEPT : BINARIES_KEPT_IF_AT_HAND;
    *result = NULL;
    int code;
    status outcome;
    TRY_GOTO(outcome, part_create(information, &device->information.id), failed);
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)information->platform, 0};
    device->context = clCreateContext(properties, 1, &device->information.id, NULL, NULL, &code);
    TRY_GOTO(outcome, opencl_check(code, "opening the device %s", information->name), failed);
    device->queue = clCreateCommandQueue(device->context, device->information.id, 0, &code);
    TRY_GOTO(outcome, opencl_check(code, "making a queue on %s", information->name), failed);

    if (options && options->shape.lanes) {
        TRY_GOTO(outcome, shape_check(options->shape), failed);
        device->shape = options->shape;
    } else {
        TRY_GOTO(outcome, shape_choose(&device->information, device->context, device->queue, binaries, &device->shape),
                 failed);
    }
    struct text build_options = {0};
    shape_build_options(device->shape, &build_options);
    device->programs = program_store_create(&device->information, device->context, build_options.text, binaries);
    text_free(&build_options);
    device->kernels = kernel_set_create(device->programs, BUILD_WAITED_FOR);
    TRY_GOTO(outcome, gemm_state_create(device, options ? options->gemm : NULL, &device->gemm), failed);
    TRY_GOTO(outcome, gemm_use_products(device, options ? options->gemm : NULL, options ? options->products : NULL),
             failed);
    *result = device;
    return STATUS_OK;

failed:
    device_close(device);
    return outcome;
}

status device_open_companion(const struct device *device, uint64_t memory, struct device **result) {
    struct device *companion = memory_allocate(1, sizeof *companion);
    int code;
    *companion = (struct device){.information = device->information,
                                 .shape = device->shape,
                                 .context = device->context,
                                 .programs = device->programs,
                                 .is_companion = true};
    companion->information.global_bytes = memory;
    companion->queue = clCreateCommandQueue(device->context, device->information.id, 0, &code);
    status outcome = opencl_check(code, "making another queue on %s", device->information.name);
    if (outcome == STATUS_OK) {
        companion->kernels = kernel_set_create(companion->programs, BUILD_IN_BACKGROUND);
        companion->gemm = gemm_state_of_companion(device->gemm, companion);
    } else {
        free(companion);
        companion = NULL;
    }
    *result = companion;
    return outcome;
}

void device_stop(struct device *companion) {
    atomic_store(&companion->stopped, true);
}

status device_open_choice(const char *choice, const struct device_options *options, struct device **device) {
    struct device_list list;
    TRY(device_list_create(&list));
    const struct device_information *information;
    status outcome = device_choose(&list, choice, &information, NULL);
    if (outcome == STATUS_OK)
        outcome = device_open(information, options, device);
    device_list_destroy(&list);
    return outcome;
}

void device_close(struct device *device) {
    if (!device)
        return;
    if (device->queue)
        clFinish(device->queue);
    gemm_state_destroy(device->gemm);
    kernel_set_destroy(device->kernels);
    if (!device->is_companion)
        program_store_destroy(device->programs);
    if (device->queue)
        clReleaseCommandQueue(device->queue);
    if (device->context && !device->is_companion)
        clReleaseContext(device->context);
    if (!device->is_companion)
        part_release(&device->information, device->information.id);
    free(device);
}

const struct device_information *device_information(const struct device *device) {
    return &device->information;
}

struct device_shape device_shape(const struct device *device) {
    return device->shape;
}

cl_context device_context(const struct device *device) {
    return device->context;
}

cl_command_queue device_queue(const struct device *device) {
    return device->queue;
}

struct gemm_state *device_gemm_state(struct device *device) {
    return device->gemm;
}

/*
 * Asks for large pages where the device's memory is the host's: reading rows of a weight one after the other touches a
 * page a row, and translating their addresses cost decoding a tenth of its speed. Only a wish, so failures are none.
 */
static void want_large_pages(struct device *device, cl_mem buffer, size_t bytes) {
#ifdef MADV_HUGEPAGE
    if (!(device->information.type & CL_DEVICE_TYPE_CPU) || bytes < 2 * LARGE_PAGE)
        return;
    int code;
    void *mapped = clEnqueueMapBuffer(device->queue, buffer, CL_TRUE, CL_MAP_WRITE_INVALIDATE_REGION, 0, bytes, 0, NULL,
                                      NULL, &code);
    if (code != CL_SUCCESS)
        return;
    uintptr_t first = ((uintptr_t)mapped + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    uintptr_t last = ((uintptr_t)mapped + bytes) / LARGE_PAGE * LARGE_PAGE;
    (void)madvise((void *)first, last - first, MADV_HUGEPAGE);
    (void)clEnqueueUnmapMemObject(device->queue, buffer, mapped, 0, NULL, NULL);
#else
    (void)device, (void)buffer, (void)bytes;
#endif
}

status device_buffer_create(struct device *device, size_t bytes, cl_mem *buffer) {
    *buffer = NULL;
    if (bytes > device->information.largest_buffer_bytes)
        return fail("the device %s allows at most %llu bytes in one buffer, %zu are needed", device->information.name,
                    (unsigned long long)device->information.largest_buffer_bytes, bytes);
    int code;
    cl_mem created = clCreateBuffer(device->context, CL_MEM_READ_WRITE, bytes ? bytes : 4, NULL, &code);
    TRY(opencl_check(code, "allocating %zu bytes on %s", bytes, device->information.name));
    want_large_pages(device, created, bytes);
    device->allocated_bytes += bytes;
    *buffer = created;
    return STATUS_OK;
}

void device_buffer_destroy(struct device *device, cl_mem buffer) {
    if (!buffer)
        return;
    size_t bytes = 0;
    if (clGetMemObjectInfo(buffer, CL_MEM_SIZE, sizeof bytes, &bytes, NULL) == CL_SUCCESS)
        device->allocated_bytes -= bytes < device->allocated_bytes ? bytes : device->allocated_bytes;
    clReleaseMemObject(buffer);
}

status device_buffer_part(cl_mem buffer, size_t offset, size_t bytes, cl_mem *part) {
    cl_buffer_region region = {.origin = offset, .size = bytes};
    int code;
    *part = clCreateSubBuffer(buffer, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION, &region, &code);
    return opencl_check(code, "taking %zu bytes at %zu of a buffer", bytes, offset);
}

size_t device_allocated_bytes(const struct device *device) {
    return device->allocated_bytes;
}

status device_write(struct device *device, cl_mem buffer, size_t offset, const void *bytes, size_t length) {
    if (length == 0)
        return STATUS_OK;
    return opencl_check(clEnqueueWriteBuffer(device->queue, buffer, CL_TRUE, offset, length, bytes, 0, NULL, NULL),
                        "copying %zu bytes to the device", length);
}

status device_read(struct device *device, cl_mem buffer, size_t offset, void *bytes, size_t length) {
    if (length == 0)
        return STATUS_OK;
    return opencl_check(clEnqueueReadBuffer(device->queue, buffer, CL_TRUE, offset, length, bytes, 0, NULL, NULL),
                        "copying %zu bytes from the device", length);
}

status device_copy(struct device *device, cl_mem from, size_t from_offset, cl_mem to, size_t to_offset, size_t length) {
    if (length == 0)
        return STATUS_OK;
    if (device->tally)
        tally_add(device->tally, "copy", true, 1, 2 * (double)length);
    return opencl_check(clEnqueueCopyBuffer(device->queue, from, to, from_offset, to_offset, length, 0, NULL, NULL),
                        "copying %zu bytes on the device", length);
}

status device_fill_zero(struct device *device, cl_mem buffer, size_t offset, size_t length) {
    if (length == 0)
        return STATUS_OK;
    float zero = 0;
    if (device->tally)
        tally_add(device->tally, "clear", true, 1, (double)length);
    return opencl_check(clEnqueueFillBuffer(device->queue, buffer, &zero, sizeof zero, offset, length, 0, NULL, NULL),
                        "clearing %zu bytes on the device", length);
}

status device_finish(struct device *device) {
    return opencl_check(clFinish(device->queue), "waiting for the device %s", device->information.name);
}

void device_count(struct device *device, struct launch_tally *tally) {
    device->tally = tally;
}

bool device_is_counted(const struct device *device) {
    return device->tally != NULL;
}

void device_count_others(struct device *device, const char *name, long long launches, const cl_mem *buffers,
                         int count) {
    if (device->tally)
        tally_add(device->tally, name, false, launches, tally_bytes(buffers, count));
}

struct build_statistics device_build_statistics(const struct device *device) {
    return program_store_statistics(device->programs);
}

void device_add_build_wait(struct device *device, double seconds) {
    program_store_add_seconds(device->programs, BUILD_WAITED_FOR, seconds);
}

struct launch_groups groups_flat(struct device_shape shape, size_t count) {
    return (struct launch_groups){divide_up(count, (size_t)shape.lanes * (size_t)shape.width * (size_t)shape.items), 1,
                                  1};
}

struct launch_groups groups_rows(struct device_shape shape, int rows) {
    return (struct launch_groups){divide_up((size_t)rows, (size_t)shape.rows), 1, 1};
}

int groups_over_columns(struct device_shape shape, int columns) {
    return (int)divide_up((size_t)columns, (size_t)shape.lanes * (size_t)shape.width);
}

int groups_of_reduction(struct device_shape shape, int rows) {
    return (int)divide_up((size_t)rows, (size_t)shape.reduction_rows);
}

/* What clSetKernelArg() reads. */
static const void *argument_value(const struct kernel_argument *argument) {
    return argument->kind == ARGUMENT_LOCAL    ? NULL
           : argument->kind == ARGUMENT_STRUCT ? argument->value.structure
                                               : &argument->value;
}

static void count_launch(struct device *device, const char *name, const struct kernel_argument *arguments, int count) {
    cl_mem buffers[MOST_ARGUMENTS];
    int found = 0;
    for (int i = 0; i < count && found < MOST_ARGUMENTS; i++)
        if (arguments[i].kind == ARGUMENT_BUFFER)
            buffers[found++] = arguments[i].value.buffer;
    device_count_others(device, name, 1, buffers, found);
}

static status flush_at_times(struct device *device) {
    if (++device->unflushed < FLUSH_EVERY)
        return STATUS_OK;
    device->unflushed = 0;
    return opencl_check(clFlush(device->queue), "starting what is queued on %s", device->information.name);
}

status device_launch_rows(struct device *device, struct kernel_name name, struct launch_groups groups, int lane_rows,
                          const struct kernel_argument *arguments, int argument_count) {
    if (groups.x == 0 || groups.y == 0 || groups.z == 0)
        return STATUS_OK;
    if (atomic_load(&device->stopped))
        return fail("the device was told to stop");
    struct kernel *kernel;
    TRY(kernel_set_find(device->kernels, name.program, name.kernel, name.options, &kernel));
    for (int i = 0; i < argument_count; i++)
        TRY(opencl_check(clSetKernelArg(kernel->kernel, (cl_uint)i, arguments[i].bytes, argument_value(&arguments[i])),
                         "argument %d of kernel %s", i, name.kernel));
    if (device->tally)
        count_launch(device, name.kernel, arguments, argument_count);
    size_t local[3] = {(size_t)device->shape.lanes, (size_t)lane_rows, 1};
    size_t global[3] = {groups.x * local[0], groups.y * local[1], groups.z};
    bool is_new = kernel_is_new(device->kernels, kernel);
    if (is_new)
        TRY(device_finish(device));
    double start = clock_seconds();
    TRY(opencl_check(clEnqueueNDRangeKernel(device->queue, kernel->kernel, 3, NULL, global, local, 0, NULL, NULL),
                     "running kernel %s on %s", name.kernel, device->information.name));
    if (is_new) {
        TRY(device_finish(device));
        kernel_launched(device->kernels, kernel, clock_seconds() - start);
        device->unflushed = 0;
    }
    return flush_at_times(device);
}

status device_launch(struct device *device, struct kernel_name name, struct launch_groups groups,
                     const struct kernel_argument *arguments, int argument_count) {
    return device_launch_rows(device, name, groups, 1, arguments, argument_count);
}
