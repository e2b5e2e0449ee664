/* Discovery, choice, buffers, and programs with their cache on disk. */
#include "test.h"

#include "base/file.h"
#include "base/text.h"
#include "device/device.h"
#include "device/program.h"
#include "device/shape.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char cache[TEST_PATH_BYTES];

static int make_cache(void **unused) {
    (void)unused;
    return test_make_folder(cache) == 0 ? setenv("XDG_CACHE_HOME", cache, 1) : -1;
}

static int remove_cache(void **unused) {
    (void)unused;
    return test_remove_folder(cache);
}

static void test_choice(void **unused) {
    (void)unused;
    /* Made up: a slow GPU, a fast CPU, and a GPU that cannot be used. */
    struct device_information devices[] = {
        {.platform_index = 0,
         .device_index = 0,
         .type = CL_DEVICE_TYPE_CPU,
         .compute_units = 64,
         .clock_megahertz = 5000,
         .name = "Quick CPU",
         .platform_name = "P0",
         .usable = true},
        {.platform_index = 1,
         .device_index = 0,
         .type = CL_DEVICE_TYPE_GPU,
         .compute_units = 8,
         .clock_megahertz = 1000,
         .name = "Small GPU",
         .platform_name = "P1",
         .usable = true},
        {.platform_index = 1,
         .device_index = 1,
         .type = CL_DEVICE_TYPE_GPU,
         .compute_units = 80,
         .clock_megahertz = 1000,
         .name = "Broken GPU",
         .platform_name = "P1",
         .usable = false},
    };
    struct device_information broken = devices[2];
    struct device_list list = {.devices = devices, .count = 3};
    const struct device_information *chosen;
    const char *reason;
    unsetenv("STARCL_DEVICE");
    assert_ok(device_choose(&list, NULL, &chosen, &reason));
    assert_ptr_equal(chosen, &devices[1]);
    assert_non_null(strstr(reason, "GPUs come before"));
    /* An integrated GPU counts more units, faster ones, than a card with memory of its own. */
    devices[2] = devices[1];
    devices[2].own_memory = true;
    devices[1].compute_units = 96;
    devices[1].clock_megahertz = 2400;
    assert_ok(device_choose(&list, NULL, &chosen, NULL));
    assert_ptr_equal(chosen, &devices[2]);
    /* Of two that share the host's memory the faster one, and whose memory it is does not make a CPU a GPU. */
    devices[2].own_memory = false;
    devices[0].own_memory = true;
    assert_ok(device_choose(&list, NULL, &chosen, NULL));
    assert_ptr_equal(chosen, &devices[1]);
    devices[2] = broken;
    assert_ok(device_choose(&list, "cpu", &chosen, NULL));
    assert_ptr_equal(chosen, &devices[0]);
    assert_true(device_prefers_half(&devices[1]) && !device_prefers_half(&devices[0]));
    assert_ok(device_choose(&list, "1.0", &chosen, NULL));
    assert_ptr_equal(chosen, &devices[1]);
    assert_ok(device_choose(&list, "quick", &chosen, NULL));
    assert_ptr_equal(chosen, &devices[0]);
    assert_fails(device_choose(&list, "1.1", &chosen, NULL), STATUS_USAGE, "1.1  GPU, Broken GPU (P1), not usable");
    assert_fails(device_choose(&list, "accelerator", &chosen, NULL), STATUS_USAGE, "matches 'accelerator'");
    setenv("STARCL_DEVICE", "0.0", 1);
    assert_ok(device_choose(&list, NULL, &chosen, &reason));
    assert_ptr_equal(chosen, &devices[0]);
    assert_non_null(strstr(reason, "STARCL_DEVICE"));
    unsetenv("STARCL_DEVICE");
}

static void test_error_names(void **unused) {
    (void)unused;
    assert_string_equal(opencl_error_name(-5), "CL_OUT_OF_RESOURCES (-5)");
    assert_string_equal(opencl_error_name(-1014), "CLBlastInvalidLeadDimC (-1014)");
    assert_string_equal(opencl_error_name(-4711), "OpenCL error -4711");
    assert_ok(opencl_check(CL_SUCCESS, "x"));
    assert_fails(opencl_check(-4, "allocating %d bytes", 7), STATUS_FAILED,
                 "allocating 7 bytes: CL_MEM_OBJECT_ALLOCATION_FAILURE (-4); the device has no memory for it");
}

static void test_buffers(void **unused) {
    (void)unused;
    struct device *device;
    cl_mem buffer, part;
    assert_ok(device_open_choice(NULL, NULL, &device));
    size_t alignment = device_information(device)->address_alignment_bytes;
    assert_ok(device_buffer_create(device, 4 * alignment, &buffer));
    assert_int_equal(device_allocated_bytes(device), 4 * alignment);
    assert_ok(device_fill_zero(device, buffer, 0, 4 * alignment));
    assert_ok(device_buffer_part(buffer, 2 * alignment, alignment, &part));
    int value = 42, read[2] = {0};
    assert_ok(device_write(device, part, 4, &value, sizeof value));
    assert_ok(device_read(device, buffer, 2 * alignment, read, sizeof read));
    assert_int_equal(read[0], 0);
    assert_int_equal(read[1], 42);
    clReleaseMemObject(part);
    device_buffer_destroy(device, buffer);
    assert_int_equal(device_allocated_bytes(device), 0);
    assert_fails(device_buffer_create(device, (size_t)1 << 60, &buffer), STATUS_FAILED, "in one buffer");
    device_close(device);
}

/* 1 + 1, by a kernel of a program with LANES 1 and WIDTH 4. */
static void add_ones(struct device *device, cl_program program) {
    enum { COUNT = 16, BUFFERS = 3 };
    float ones[COUNT], sums[COUNT] = {0};
    size_t one = 1;
    int code, count = COUNT;
    for (int i = 0; i < COUNT; i++)
        ones[i] = 1;
    cl_kernel kernel = clCreateKernel(program, "add_forward", &code);
    assert_int_equal(code, CL_SUCCESS);
    cl_command_queue queue = clCreateCommandQueue(device_context(device), device_information(device)->id, 0, &code);
    assert_int_equal(code, CL_SUCCESS);
    cl_mem buffers[BUFFERS];
    for (int i = 0; i < BUFFERS; i++) {
        buffers[i] = clCreateBuffer(device_context(device), CL_MEM_COPY_HOST_PTR, sizeof ones, ones, &code);
        assert_int_equal(code, CL_SUCCESS);
        assert_int_equal(clSetKernelArg(kernel, (cl_uint)i, sizeof buffers[i], &buffers[i]), CL_SUCCESS);
    }
    assert_int_equal(clSetKernelArg(kernel, BUFFERS, sizeof count, &count), CL_SUCCESS);
    assert_int_equal(clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL), CL_SUCCESS);
    assert_int_equal(clEnqueueReadBuffer(queue, buffers[2], CL_TRUE, 0, sizeof sums, sums, 0, NULL, NULL), CL_SUCCESS);
    for (int i = 0; i < COUNT; i++)
        assert_true(sums[i] == 2);
    for (int i = 0; i < BUFFERS; i++)
        clReleaseMemObject(buffers[i]);
    clReleaseCommandQueue(queue);
    clReleaseKernel(kernel);
}

/* Finds a program on an opened device and runs it, and tells how many were built from source for it. */
static int programs_built(enum binaries binaries) {
    struct device *device;
    struct program *program;
    struct text options = {0};
    assert_ok(device_open_choice(NULL, NULL, &device));
    shape_build_options((struct device_shape){.lanes = 1, .width = 4, .items = 4, .rows = 1, .reduction_rows = 4},
                        &options);
    struct program_store *store =
        program_store_create(device_information(device), device_context(device), options.text, binaries);
    text_free(&options);
    assert_ok(program_store_find(store, "elementwise", "-DALONE", BUILD_WAITED_FOR, &program));
    add_ones(device, program_opencl(program));
    int built = program_store_statistics(store).programs_waited;
    program_store_destroy(store);
    device_close(device);
    return built;
}

/* How many files the cache has of that program, and where one is; others are of what the driver was asked. */
static int cache_entries(char *path, size_t bytes) {
    char programs[96];
    snprintf(programs, sizeof programs, "%s/starcl/programs", cache);
    DIR *folder = opendir(programs);
    assert_non_null(folder);
    int files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (strncmp(entry->d_name, "elementwise-", strlen("elementwise-")) != 0)
            continue;
        snprintf(path, bytes, "%s/%s", programs, entry->d_name);
        files++;
    }
    closedir(folder);
    return files;
}

/* PoCL 3 is known to compile for a binary. */
static bool is_pocl_3(void) {
    struct device *device;
    assert_ok(device_open_choice(NULL, NULL, &device));
    const struct device_information *information = device_information(device);
    bool is = strstr(information->platform_name, "Portable Computing Language") && information->driver[0] == '3';
    device_close(device);
    return is;
}

static void test_program_cache(void **unused) {
    (void)unused;
    char path[512], *bytes;
    size_t length;
    /* What the driver has not at hand is not asked for, and what it has is kept: known once, it is so ever after. */
    assert_int_equal(programs_built(BINARIES_KEPT_IF_AT_HAND), 1);
    bool at_hand = programs_built(BINARIES_KEPT_IF_AT_HAND) == 0;
    assert_true(!at_hand || !is_pocl_3());
    assert_int_equal(cache_entries(path, sizeof path), at_hand);
    assert_int_equal(programs_built(BINARIES_KEPT_IF_AT_HAND), !at_hand);
    assert_int_equal(programs_built(BINARIES_NOT_KEPT), 1);
    assert_int_equal(programs_built(BINARIES_KEPT), !at_hand);
    assert_int_equal(programs_built(BINARIES_KEPT), 0);
    assert_int_equal(cache_entries(path, sizeof path), 1);
    assert_ok(file_read(path, &bytes, &length));
    /* A changed byte, a cut file, an empty one, one of something else: built again, and kept again. */
    bytes[length / 2] ^= 1;
    assert_ok(file_write(path, bytes, length));
    assert_int_equal(programs_built(BINARIES_KEPT), 1);
    assert_int_equal(programs_built(BINARIES_KEPT), 0);
    assert_ok(file_write(path, bytes, length / 3));
    assert_int_equal(programs_built(BINARIES_KEPT), 1);
    assert_ok(file_write(path, "", 0));
    assert_int_equal(programs_built(BINARIES_KEPT), 1);
    assert_ok(file_write(path, "not a program, but longer than the header of one", 48));
    assert_int_equal(programs_built(BINARIES_KEPT), 1);
    assert_int_equal(programs_built(BINARIES_KEPT), 0);
    free(bytes);
    /* Told to compile for something else, a driver may have the same name and version. */
    setenv("CL_CONFIG_CPU_TARGET_ARCH", "another", 1);
    assert_int_equal(programs_built(BINARIES_KEPT), 1);
    unsetenv("CL_CONFIG_CPU_TARGET_ARCH");
    assert_int_equal(programs_built(BINARIES_KEPT), 0);
    /* No place to write: slower, not broken. */
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    assert_int_equal(programs_built(BINARIES_KEPT), 1);
    setenv("XDG_CACHE_HOME", cache, 1);
}

/* Kernels add up halves of a work-group: lanes that are no power of two would compute wrong numbers. */
static void test_refused_shapes(void **unused) {
    (void)unused;
    struct device *device;
    struct device_options options = {.shape = {.lanes = 48, .width = 1, .items = 4, .rows = 1, .reduction_rows = 64}};
    assert_fails(device_open_choice(NULL, &options, &device), STATUS_USAGE, "a power of two of work-items");
    assert_null(device);
    options.shape.lanes = 32;
    options.shape.width = 2;
    assert_fails(device_open_choice(NULL, &options, &device), STATUS_USAGE, "vectors of 1, 4, 8 or 16 floats, not 2");
    options.shape.width = 1;
    options.shape.rows = 0;
    assert_fails(device_open_choice(NULL, &options, &device), STATUS_USAGE, "at least one item");
}

static void test_missing_kernels(void **unused) {
    (void)unused;
    struct device *device;
    assert_ok(device_open_choice(NULL, NULL, &device));
    assert_fails(LAUNCH(device, ((struct kernel_name){"nothing", "f", NULL}), ((struct launch_groups){1, 1, 1}),
                        argument_int(1)),
                 STATUS_FAILED, "no kernel file cl/nothing.cl");
    assert_fails(LAUNCH(device, ((struct kernel_name){"elementwise", "f", NULL}), ((struct launch_groups){1, 1, 1}),
                        argument_int(1)),
                 STATUS_FAILED, "kernel f in cl/elementwise.cl: CL_INVALID_KERNEL_NAME");
    assert_fails(LAUNCH(device, ((struct kernel_name){"elementwise", "f", "-DWIDTH=3"}),
                        ((struct launch_groups){1, 1, 1}), argument_int(1)),
                 STATUS_FAILED, "building cl/elementwise.cl");
    device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),         cmocka_unit_test(test_error_names),
        cmocka_unit_test(test_buffers),        cmocka_unit_test(test_program_cache),
        cmocka_unit_test(test_refused_shapes), cmocka_unit_test(test_missing_kernels),
    };
    return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
