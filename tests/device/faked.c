/*
 * Devices that this machine does not have, by a layer that answers for its own (failing_layer.c): GPUs of all sizes, a
 * queue that nobody tells to begin, a compiler that talks much. Each is a process of its own, because a layer reads its
 * environment once.
 */
#include "test.h"

#include "device/device.h"
#include "device/program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the layer is told: NAME=N, a NULL ends them. */
struct fake {
    const char *name, *number;
};

enum { MOST_FAKES = 4 };

static void in_child(const struct fake fakes[MOST_FAKES], bool (*holds)(int expected), int expected) {
    int outcome;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("OPENCL_LAYERS", FAILING_LAYER, 1);
        for (int i = 0; i < MOST_FAKES && fakes[i].name; i++)
            setenv(fakes[i].name, fakes[i].number, 1);
        _exit(holds(expected) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &outcome, 0), child);
    assert_int_equal(outcome, 0);
}

static bool opens_with_lanes(int expected) {
    struct device *device;
    if (device_open_choice("gpu", NULL, &device) != STATUS_OK)
        return false;
    struct device_shape shape = device_shape(device);
    bool right = shape.lanes == expected && (expected == 1 || shape.width == 1);
    right = right && device_information(device)->own_memory && device_prefers_half(device_information(device));
    if (!right)
        fprintf(stderr, "%d lanes of %d floats, not %d lanes\n", shape.lanes, shape.width, expected);
    device_close(device);
    return right;
}

/* No more lanes than a work-group has, no more than there is local memory for, and a power of two. */
static void test_lanes(void **unused) {
    (void)unused;
    in_child((struct fake[MOST_FAKES]){{"FAKE_GPU", "1"}}, opens_with_lanes, 64);
    in_child((struct fake[MOST_FAKES]){{"FAKE_GPU", "1"}, {"WORK_GROUP", "63"}}, opens_with_lanes, 32);
    in_child((struct fake[MOST_FAKES]){{"FAKE_GPU", "1"}, {"LOCAL_BYTES", "32768"}}, opens_with_lanes, 64);
    in_child((struct fake[MOST_FAKES]){{"FAKE_GPU", "1"}, {"LOCAL_BYTES", "16384"}}, opens_with_lanes, 32);
    in_child((struct fake[MOST_FAKES]){{"FAKE_GPU", "1"}, {"LOCAL_BYTES", "16384"}, {"WORK_GROUP", "8"}},
             opens_with_lanes, 8);
    in_child((struct fake[MOST_FAKES]){{"FAKE_GPU", "1"}, {"WORK_GROUP", "1"}}, opens_with_lanes, 1);
}

static bool launches(int count) {
    struct device *device;
    cl_mem answer;
    if (device_open_choice("cpu", NULL, &device) != STATUS_OK ||
        device_buffer_create(device, sizeof(cl_int), &answer) != STATUS_OK)
        return false;
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        outcome = LAUNCH(device, ((struct kernel_name){"vector_width", "vector_width", NULL}),
                         ((struct launch_groups){1, 1, 1}), argument_buffer(answer));
    device_buffer_destroy(device, answer);
    device_close(device);
    return outcome == STATUS_OK;
}

/* Some drivers begin when they are told to: a step of training must not be queued whole before that. */
static void test_flushes(void **unused) {
    (void)unused;
    in_child((struct fake[MOST_FAKES]){{"MOST_UNFLUSHED", "64"}}, launches, 300);
}

static bool tells_log(int bytes) {
    struct device *device;
    if (device_open_choice("cpu", &(struct device_options){.without_program_cache = true}, &device) != STATUS_OK)
        return false;
    status outcome = LAUNCH(device, ((struct kernel_name){"elementwise", "f", "-DWIDTH=3"}),
                            ((struct launch_groups){1, 1, 1}), argument_int(1));
    const char *begin = strstr(status_message(), "beginx"), *end = strstr(status_message(), "xend\n");
    bool right = outcome == STATUS_FAILED && begin && end && strstr(end, "CL_BUILD_PROGRAM_FAILURE") &&
                 (end - begin == bytes - 4 || strstr(begin, " bytes ...]"));
    device_close(device);
    return right;
}

/* Logs that a message holds, and one that it does not, of which it has both ends. */
static void test_long_logs(void **unused) {
    (void)unused;
    in_child((struct fake[MOST_FAKES]){{"LONG_LOG", "500"}}, tells_log, 500);
    in_child((struct fake[MOST_FAKES]){{"LONG_LOG", "5000"}}, tells_log, 5000);
    in_child((struct fake[MOST_FAKES]){{"LONG_LOG", "200000"}}, tells_log, 200000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_flushes),
        cmocka_unit_test(test_long_logs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
