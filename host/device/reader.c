#include "device/reader.h"

#include "base/memory.h"

#include <stdlib.h>

struct reader {
    struct device *device;
    cl_command_queue queue;
};

static const char *name_of(const struct reader *reader) {
    return device_information(reader->device)->name;
}

status reader_create(struct device *device, struct reader **result) {
    struct reader *reader = memory_allocate(1, sizeof *reader);
    int code;
    reader->device = device;
    reader->queue = clCreateCommandQueue(device_context(device), device_information(device)->id, 0, &code);
    status outcome = opencl_check(code, "making a queue for reading on %s", name_of(reader));
    if (outcome != STATUS_OK) {
        free(reader);
        reader = NULL;
    }
    *result = reader;
    return outcome;
}

void reader_destroy(struct reader *reader) {
    if (!reader)
        return;
    clFinish(reader->queue);
    clReleaseCommandQueue(reader->queue);
    free(reader);
}

static status check(const struct reader *reader, int code) {
    return opencl_check(code, "reading from %s while it computes", name_of(reader));
}

status reader_begin(struct reader *reader, cl_mem buffer, void *bytes, size_t length, cl_event *read) {
    cl_command_queue kernels = device_queue(reader->device);
    cl_event written;
    *read = NULL;
    TRY(check(reader, clEnqueueMarkerWithWaitList(kernels, 0, NULL, &written)));
    int code = clEnqueueReadBuffer(reader->queue, buffer, CL_FALSE, 0, length, bytes, 1, &written, read);
    clReleaseEvent(written);
    TRY(check(reader, code));
    /* Who waits for a command of another queue must see to it that it is on its way. */
    TRY(check(reader, clFlush(kernels)));
    return check(reader, clFlush(reader->queue));
}

status reader_test(struct reader *reader, cl_event *read, bool *done) {
    cl_int state = CL_COMPLETE;
    if (*read)
        TRY(check(reader, clGetEventInfo(*read, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof state, &state, NULL)));
    *done = state <= CL_COMPLETE; /* below are errors */
    return *done ? reader_wait(reader, read) : STATUS_OK;
}

status reader_wait(struct reader *reader, cl_event *read) {
    if (!*read)
        return STATUS_OK;
    int code = clWaitForEvents(1, read);
    clReleaseEvent(*read);
    *read = NULL;
    return check(reader, code);
}
