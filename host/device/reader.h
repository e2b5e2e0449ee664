/*
 * Reading from a device while kernels run there: copies to the host that go through a queue of their own.
 *
 *     device's queue   kernel | kernel | kernel | kernel
 *     reader's queue            |  copy of what the first kernel wrote |
 */
#ifndef STARCL_DEVICE_READER_H
#define STARCL_DEVICE_READER_H

#include "device/device.h"

#include <stdbool.h>

struct reader;

status reader_create(struct device *device, struct reader **reader) MUST_CHECK;
/* Waits for the copies that have begun; before the device is closed. */
void reader_destroy(struct reader *reader);

/*
 * Begins to copy the first `length` bytes of a buffer, as what is queued on the device so far leaves them. Until it is
 * done, the bytes are the reader's, and nothing that is queued later may write to the buffer or to what overlaps it:
 * where it is a part of another one (device_buffer_part()), all may go on beside it. *read is for one of the two below,
 * or for clReleaseEvent().
 */
status reader_begin(struct reader *reader, cl_mem buffer, void *bytes, size_t length, cl_event *read) MUST_CHECK;
/* Whether it is done, which makes *read NULL; what is NULL is done. */
status reader_test(struct reader *reader, cl_event *read, bool *done) MUST_CHECK;
/* Waits until it is. */
status reader_wait(struct reader *reader, cl_event *read) MUST_CHECK;

#endif
