/*
 * An OpenCL layer (ocl-icd loads it through OPENCL_LAYERS) that takes the device away: kernel launches number FAIL_FROM
 * to FAIL_FROM + FAIL_COUNT - 1 fail with CL_OUT_OF_RESOURCES, and with FAIL_FOREVER set everything from there on does,
 * opening the device included. Of the reads of at least FAIL_READ_BYTES bytes, number FAIL_READ_FROM to FAIL_READ_FROM
 * + FAIL_READ_COUNT - 1 fail alike. With FAIL_ALONE set launches fail on the thread of launch FAIL_FROM alone,
 * FAIL_COUNT of them: those of one device, also when it is opened again. With FAIL_DEVICE=TEXT only devices with that
 * in their names are taken away, for good with FAIL_FOREVER. With SMALL_DEVICE set the device says that it
 * has 256 MiB and no extensions. With SUB_GROUP=N set every kernel's sub-groups have N work-items.
 *
 * With FAKE_GPU set the device says that it is a GPU with memory of its own, and with WORK_GROUP=N and LOCAL_BYTES=N
 * what its largest work-group and its local memory are, with UNITS=N how many compute units it has. With MOST_UNFLUSHED=N a launch fails when more than N were made
 * before it that the queue was not flushed behind. With LONG_LOG=N every program's build log is N bytes of x between
 * "begin" and "end". With IDLE set kernels are queued and do nothing, so that large models can be counted; with
 * LAUNCH_LOG=FILE the name of each is a line of that file.
 */
#define CL_TARGET_OPENCL_VERSION 210
#include <CL/cl_layer.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t bytes, void *value, size_t *needed);
CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint entries, const struct _cl_icd_dispatch *target,
                                            cl_uint *entries_out, const struct _cl_icd_dispatch **layer);

/* For who loads the layer as a library, too: kernels that were launched, and bytes of buffers that were made. */
_Atomic long layer_launches, layer_bytes;

static const struct _cl_icd_dispatch *driver;
static struct _cl_icd_dispatch dispatch;
static long fail_from, fail_count, forever, alone;
static const char *fail_device;
static pthread_t failing_thread; /* with `alone`; its launches that failed are `failed` */
static pthread_once_t thread_fails = PTHREAD_ONCE_INIT;
static long failed;
static long reads, read_bytes, read_from, read_count;
static long sub_group;
static long small_device, fake_gpu, work_group, local_bytes, units;
static long most_unflushed, unflushed, long_log;
static long idle;
static FILE *launch_log;

static int fails(void) {
    return layer_launches >= fail_from && (forever || layer_launches < fail_from + fail_count);
}

static void note_thread(void) {
    failing_thread = pthread_self();
}

static int is_meant(cl_device_id device) {
    char name[256] = "";
    if (!fail_device)
        return 1;
    driver->clGetDeviceInfo(device, CL_DEVICE_NAME, sizeof name, name, NULL);
    return strstr(name, fail_device) != NULL;
}

static int fails_here(cl_command_queue queue) {
    cl_device_id device = NULL;
    if (fail_device)
        driver->clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof device, &device, NULL);
    if (!is_meant(device))
        return 0;
    if (!alone)
        return fails();
    if (layer_launches < fail_from)
        return 0;
    pthread_once(&thread_fails, note_thread);
    return pthread_equal(failing_thread, pthread_self()) && (forever || failed++ < fail_count);
}

static cl_int CL_API_CALL enqueue_read(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                                       size_t bytes, void *to, cl_uint events, const cl_event *list, cl_event *event) {
    if (bytes >= (size_t)read_bytes) {
        reads++;
        if (reads >= read_from && reads < read_from + read_count)
            return CL_OUT_OF_RESOURCES;
    }
    unflushed = blocking ? 0 : unflushed;
    return driver->clEnqueueReadBuffer(queue, buffer, blocking, offset, bytes, to, events, list, event);
}

static void log_launch(cl_kernel kernel) {
    char name[256] = "";
    (void)driver->clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL);
    fprintf(launch_log, "%s\n", name);
    fflush(launch_log);
}

static cl_int CL_API_CALL enqueue_kernel(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                                         const size_t *offset, const size_t *global, const size_t *local,
                                         cl_uint events, const cl_event *list, cl_event *event) {
    layer_launches++;
    if (fails_here(queue) || (most_unflushed && unflushed++ >= most_unflushed))
        return CL_OUT_OF_RESOURCES;
    if (launch_log)
        log_launch(kernel);
    if (idle)
        return driver->clEnqueueMarkerWithWaitList(queue, events, list, event);
    return driver->clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, events, list, event);
}

static cl_context CL_API_CALL create_context(const cl_context_properties *properties, cl_uint count,
                                             const cl_device_id *devices,
                                             void(CL_CALLBACK *notify)(const char *, const void *, size_t, void *),
                                             void *data, cl_int *code) {
    if (forever && fails() && is_meant(devices[0])) {
        if (code)
            *code = CL_DEVICE_NOT_AVAILABLE;
        return NULL;
    }
    return driver->clCreateContext(properties, count, devices, notify, data, code);
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t bytes, void *host,
                                        cl_int *code) {
    layer_bytes += (long)bytes;
    return driver->clCreateBuffer(context, flags, bytes, host, code);
}

static cl_int CL_API_CALL flush(cl_command_queue queue) {
    unflushed = 0;
    return driver->clFlush(queue);
}

static cl_int CL_API_CALL finish(cl_command_queue queue) {
    unflushed = 0;
    return driver->clFinish(queue);
}

static cl_int CL_API_CALL build_info(cl_program program, cl_device_id device, cl_program_build_info what, size_t bytes,
                                     void *value, size_t *needed) {
    if (what != CL_PROGRAM_BUILD_LOG)
        return driver->clGetProgramBuildInfo(program, device, what, bytes, value, needed);
    if (needed)
        *needed = (size_t)long_log + 1;
    if (value && bytes <= (size_t)long_log)
        return CL_INVALID_VALUE;
    if (value) {
        memset(value, 'x', (size_t)long_log);
        memcpy(value, "begin", 5);
        memcpy((char *)value + long_log - 3, "end", 4);
    }
    return CL_SUCCESS;
}

/* The answers of a GPU; 0 where the driver's own is as good. */
static int faked(cl_device_info what, void *value) {
    if (what == CL_DEVICE_TYPE && fake_gpu)
        *(cl_device_type *)value = CL_DEVICE_TYPE_GPU;
    else if (what == CL_DEVICE_HOST_UNIFIED_MEMORY && fake_gpu)
        *(cl_bool *)value = CL_FALSE;
    else if (what == CL_DEVICE_MAX_WORK_GROUP_SIZE && work_group)
        *(size_t *)value = (size_t)work_group;
    else if (what == CL_DEVICE_MAX_COMPUTE_UNITS && units)
        *(cl_uint *)value = (cl_uint)units;
    else if (what == CL_DEVICE_LOCAL_MEM_SIZE && local_bytes)
        *(cl_ulong *)value = (cl_ulong)local_bytes;
    else
        return 0;
    return 1;
}

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info what, size_t bytes, void *value,
                                      size_t *needed) {
    if (value && faked(what, value))
        return CL_SUCCESS;
    if (!small_device)
        return driver->clGetDeviceInfo(device, what, bytes, value, needed);
    if (what == CL_DEVICE_GLOBAL_MEM_SIZE && value && bytes == sizeof(cl_ulong)) {
        *(cl_ulong *)value = (cl_ulong)256 << 20;
        return CL_SUCCESS;
    }
    if (what == CL_DEVICE_EXTENSIONS && needed)
        *needed = 1;
    if (what == CL_DEVICE_EXTENSIONS && value && bytes > 0)
        *(char *)value = '\0';
    return what == CL_DEVICE_EXTENSIONS ? CL_SUCCESS : driver->clGetDeviceInfo(device, what, bytes, value, needed);
}

static cl_int CL_API_CALL sub_group_info(cl_kernel kernel, cl_device_id device, cl_kernel_sub_group_info what,
                                         size_t bytes, const void *input, size_t value_bytes, void *value,
                                         size_t *needed) {
    (void)kernel, (void)device, (void)bytes, (void)input, (void)needed;
    if (what != CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE || value_bytes != sizeof(size_t))
        return CL_INVALID_VALUE;
    *(size_t *)value = (size_t)sub_group;
    return CL_SUCCESS;
}

cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t bytes, void *value, size_t *needed) {
    if (name != CL_LAYER_API_VERSION)
        return CL_INVALID_VALUE;
    if (value && bytes < sizeof(cl_layer_api_version))
        return CL_INVALID_VALUE;
    if (value)
        *(cl_layer_api_version *)value = CL_LAYER_API_VERSION_100;
    if (needed)
        *needed = sizeof(cl_layer_api_version);
    return CL_SUCCESS;
}

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

cl_int CL_API_CALL clInitLayer(cl_uint entries, const struct _cl_icd_dispatch *target, cl_uint *entries_out,
                               const struct _cl_icd_dispatch **layer) {
    if (entries < sizeof dispatch / sizeof(void *))
        return CL_INVALID_VALUE;
    fail_from = number("FAIL_FROM");
    fail_count = number("FAIL_COUNT");
    forever = number("FAIL_FOREVER");
    alone = number("FAIL_ALONE");
    fail_device = getenv("FAIL_DEVICE");
    read_bytes = number("FAIL_READ_BYTES");
    read_from = number("FAIL_READ_FROM");
    read_count = number("FAIL_READ_COUNT");
    sub_group = number("SUB_GROUP");
    driver = target;
    dispatch.clEnqueueNDRangeKernel = enqueue_kernel;
    dispatch.clEnqueueReadBuffer = enqueue_read;
    dispatch.clCreateContext = create_context;
    dispatch.clCreateBuffer = create_buffer;
    small_device = number("SMALL_DEVICE");
    fake_gpu = number("FAKE_GPU");
    work_group = number("WORK_GROUP");
    local_bytes = number("LOCAL_BYTES");
    units = number("UNITS");
    if (small_device || fake_gpu)
        dispatch.clGetDeviceInfo = device_info;
    most_unflushed = number("MOST_UNFLUSHED");
    if (most_unflushed) {
        dispatch.clFlush = flush;
        dispatch.clFinish = finish;
    }
    long_log = number("LONG_LOG");
    if (long_log)
        dispatch.clGetProgramBuildInfo = build_info;
    idle = number("IDLE");
    launch_log = getenv("LAUNCH_LOG") ? fopen(getenv("LAUNCH_LOG"), "w") : NULL;
    if (sub_group)
        dispatch.clGetKernelSubGroupInfo = sub_group_info;
    *layer = &dispatch;
    *entries_out = sizeof dispatch / sizeof(void *);
    return CL_SUCCESS;
}
