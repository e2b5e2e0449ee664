/* Parts of a device, and several devices chosen at once. */
#include "test.h"

#include "device/device.h"
#include "device/parts.h"
#include "device/program_cache.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char cache[TEST_PATH_BYTES];

static int make_cache(void **unused) {
    (void)unused;
    return test_make_folder(cache) == 0 ? setenv("XDG_CACHE_HOME", cache, 1) : -1;
}

static int remove_cache(void **unused) {
    (void)unused;
    return test_remove_folder(cache);
}

/* Made up: a CPU of 7 units, a GPU that cannot be split, one that cannot be used, and one with a name like a part's. */
enum { CPU, GPU, BROKEN, TWIN, MADE_UP };
static struct device_list made_up(void) {
    static struct device_information devices[MADE_UP] = {
        [CPU] = {.platform_index = 0,
                 .type = CL_DEVICE_TYPE_CPU,
                 .compute_units = 7,
                 .most_parts = 7,
                 .global_bytes = 7000,
                 .largest_buffer_bytes = 4000,
                 .name = "Quick CPU",
                 .model = "Quick CPU",
                 .kind = "Quick CPU",
                 .driver = "D",
                 .usable = true},
        [GPU] = {.platform_index = 1,
                 .type = CL_DEVICE_TYPE_GPU,
                 .compute_units = 80,
                 .most_parts = 1,
                 .name = "Small GPU",
                 .model = "Small GPU",
                 .usable = true},
        [BROKEN] = {.platform_index = 1, .device_index = 1, .type = CL_DEVICE_TYPE_GPU, .name = "Broken"},
        [TWIN] = {.platform_index = 2,
                  .type = CL_DEVICE_TYPE_ACCELERATOR,
                  .compute_units = 4,
                  .most_parts = 4,
                  .name = "Twin 68/69",
                  .model = "Twin 68/69",
                  .usable = true},
    };
    return (struct device_list){.devices = devices, .count = MADE_UP};
}

static void test_one_part(void **unused) {
    (void)unused;
    struct device_list list = made_up();
    const struct device_information *chosen;
    char index[DEVICE_INDEX_BYTES];
    assert_ok(device_choose(&list, "cpu/3:2", &chosen, NULL));
    assert_string_equal(chosen->name, "Quick CPU (part 2 of 3)");
    assert_string_equal(chosen->kind, "Quick CPU (one of 3 parts)");
    assert_string_equal(chosen->model, "Quick CPU");
    assert_string_equal(chosen->driver, "D");
    assert_string_equal(device_index(chosen, index), "0.0/3:2");
    assert_int_equal(chosen->compute_units, 2);
    assert_int_equal(chosen->global_bytes, 7000 / 3);
    assert_int_equal(chosen->largest_buffer_bytes, 7000 / 3);
    /* What was chosen stays where it is. */
    const struct device_information *other;
    for (int i = 1; i <= 7; i++) {
        char words[16];
        snprintf(words, sizeof words, "0/7:%d", i);
        assert_ok(device_choose(&list, words, &other, NULL));
        assert_int_equal(other->part, i);
    }
    assert_int_equal(chosen->part, 2);
    assert_int_equal(chosen->parts, 3);
    /* One part is the whole, and a name may have a slash. */
    assert_ok(device_choose(&list, "0.0/1", &chosen, NULL));
    assert_ptr_equal(chosen, &list.devices[CPU]);
    assert_ok(device_choose(&list, "n 68/6", &chosen, NULL));
    assert_ptr_equal(chosen, &list.devices[TWIN]);
    assert_ok(device_choose(&list, "68/69/2:1", &chosen, NULL));
    assert_string_equal(chosen->name, "Twin 68/69 (part 1 of 2)");
    setenv("STARCL_DEVICE", "0.0/2:2", 1);
    assert_ok(device_choose(&list, NULL, &chosen, NULL));
    assert_string_equal(device_index(chosen, index), "0.0/2:2");
    unsetenv("STARCL_DEVICE");
    list.devices = NULL;
    device_list_destroy(&list);
}

static void test_refused(void **unused) {
    (void)unused;
    static const char *const refused[][2] = {
        {"0.0/8:1", "Quick CPU cannot be split in 8 parts: its 7 compute units make at most 7"},
        {"0.0/99999999999999:1", "in 99999999999999 parts"},
        {"0.0/0", "in 0 parts: they are 1 or more"},
        {"0.0/-2:1", "in -2 parts: they are 1 or more"},
        {"0.0/2:3", "Quick CPU has no part 3 of 2; its parts are 1 to 2"},
        {"0.0/2:0", "has no part 0 of 2"},
        {"0.0/1:2", "has no part 2 of 1"},
        {"1.0/2:1", "Small GPU cannot be split: its driver does not do that"},
        {"1.1/2:1", "no usable OpenCL device matches '1.1'"},
        {"0.0/2:x", "no usable OpenCL device matches '0.0/2:x'"},
        {"0.0/", "no usable OpenCL device matches '0.0/'"},
        {"/2:1", "no usable OpenCL device matches '/2:1'"},
        {"0.0/2", "'0.0/2' means 2 devices where one is needed: name one of them, such as 0.0/2:1"},
        {"all", "'all' means 3 devices where one is needed: name one of them, such as 0.0"},
    };
    struct device_list list = made_up();
    const struct device_information *chosen;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_fails(device_choose(&list, refused[i][0], &chosen, NULL), STATUS_USAGE, refused[i][1]);
        assert_null(chosen);
    }
    list.devices = NULL;
    device_list_destroy(&list);
}

/* The indices of what the choices, ended by NULL, mean, each with a blank behind it. */
static status choose(const char *const *choices, char *indices) {
    struct device_list list = made_up();
    const struct device_information **chosen;
    int count = 0, found;
    char index[DEVICE_INDEX_BYTES];
    while (choices[count])
        count++;
    status outcome = device_choose_several(&list, choices, count, &chosen, &found);
    *indices = '\0';
    for (int i = 0; i < found; i++)
        strcat(strcat(indices, device_index(chosen[i], index)), " ");
    assert_true(outcome == STATUS_OK || (!chosen && found == 0));
    free(chosen);
    list.devices = NULL;
    device_list_destroy(&list);
    return outcome;
}

#define CHOICES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_several(void **unused) {
    (void)unused;
    char indices[256];
    assert_ok(choose(CHOICES("all"), indices));
    assert_string_equal(indices, "0.0 1.0 2.0 ");
    assert_ok(choose(CHOICES("gpu", "0.0/3", "2"), indices));
    assert_string_equal(indices, "1.0 0.0/3:1 0.0/3:2 0.0/3:3 2.0 ");
    /* Units 1 to 3, 4 and 5 of the seven; those of another device are others. */
    assert_ok(choose(CHOICES("0.0/2:1", "0.0/3:3", "0.0/7:4", "2/2:1"), indices));
    assert_string_equal(indices, "0.0/2:1 0.0/3:3 0.0/7:4 2.0/2:1 ");
    assert_fails(choose(CHOICES("all", "gpu"), indices), STATUS_USAGE, "the device 1.0, Small GPU, is chosen twice");
    assert_fails(choose(CHOICES("0.0/2", "cpu/2:2"), indices), STATUS_USAGE, "0.0/2:2, Quick CPU (part 2 of 2), is");
    assert_fails(choose(CHOICES("0.0/2:1", "0.0"), indices), STATUS_USAGE, "0.0/2:1 and 0.0 have compute units");
    assert_fails(choose(CHOICES("0.0/2:1", "0.0/3:2"), indices), STATUS_USAGE, "0.0/2:1 and 0.0/3:2 have compute");
    assert_fails(choose(CHOICES("gpu", "0.0/8"), indices), STATUS_USAGE, "cannot be split in 8 parts");
    assert_fails(choose(CHOICES("9.9"), indices), STATUS_USAGE, "matches '9.9'");
}

/* ---- the machine's own device ---- */

/* What a driver was asked for, seen on the way: leaks of drivers are not reported, so what is made is counted here. */
enum { MOST_MADE = 4096 };
static atomic_int made_and_kept;
static _Atomic(cl_device_id) last_made[MOST_MADE];

cl_int clCreateSubDevices(cl_device_id device, const cl_device_partition_property *way, cl_uint count,
                          cl_device_id *devices, cl_uint *found) {
    cl_int (*next)(cl_device_id, const cl_device_partition_property *, cl_uint, cl_device_id *, cl_uint *);
    *(void **)&next = dlsym(RTLD_NEXT, "clCreateSubDevices");
    cl_uint made = 0;
    cl_int code = next(device, way, count, devices, &made);
    if (code == CL_SUCCESS && devices) {
        atomic_fetch_add(&made_and_kept, (int)made);
        for (cl_uint i = 0; i < made && i < MOST_MADE; i++)
            atomic_store(&last_made[i], devices[i]);
    }
    if (found)
        *found = made;
    return code;
}

cl_int clReleaseDevice(cl_device_id device) {
    cl_int (*next)(cl_device_id);
    *(void **)&next = dlsym(RTLD_NEXT, "clReleaseDevice");
    atomic_fetch_sub(&made_and_kept, 1);
    return next(device);
}

enum { VALUES = 1024, OPENINGS = 3 };

/* Opens, computes and closes, again and again. */
static void *use_part(void *argument) {
    const struct device_information *information = argument;
    for (int i = 0; i < OPENINGS; i++) {
        struct device *device;
        cl_mem a, b, c;
        float values[VALUES];
        assert_ok(device_open(information, NULL, &device));
        assert_non_null(device_information(device)->id);
        cl_uint units = 0;
        assert_int_equal(
            clGetDeviceInfo(device_information(device)->id, CL_DEVICE_MAX_COMPUTE_UNITS, sizeof units, &units, NULL),
            CL_SUCCESS);
        assert_int_equal(units, information->compute_units);
        for (int j = 0; j < VALUES; j++)
            values[j] = (float)(j + information->part);
        assert_ok(device_buffer_create(device, sizeof values, &a));
        assert_ok(device_buffer_create(device, sizeof values, &b));
        assert_ok(device_buffer_create(device, sizeof values, &c));
        assert_ok(device_write(device, a, 0, values, sizeof values));
        assert_ok(device_write(device, b, 0, values, sizeof values));
        struct launch_groups groups = groups_flat(device_shape(device), VALUES);
        assert_ok(LAUNCH(device, ((struct kernel_name){"elementwise", "add_forward", NULL}), groups, argument_buffer(a),
                         argument_buffer(b), argument_buffer(c), argument_int(VALUES)));
        assert_ok(device_read(device, c, 0, values, sizeof values));
        for (int j = 0; j < VALUES; j++)
            assert_true(values[j] == (float)(2 * (j + information->part)));
        device_buffer_destroy(device, a);
        device_buffer_destroy(device, b);
        device_buffer_destroy(device, c);
        device_close(device);
    }
    return NULL;
}

static void test_parts_at_once(void **unused) {
    (void)unused;
    struct device_list list;
    const struct device_information *whole, **parts;
    int count;
    pthread_t threads[2];
    unsetenv("STARCL_DEVICE");
    assert_ok(device_list_create(&list));
    assert_ok(device_choose(&list, NULL, &whole, NULL));
    if (whole->most_parts < 2) {
        printf("%s cannot be split\n", whole->name);
        device_list_destroy(&list);
        skip();
    }
    char words[DEVICE_INDEX_BYTES + 2], index[DEVICE_INDEX_BYTES];
    snprintf(words, sizeof words, "%s/2", device_index(whole, index));
    assert_ok(device_choose_several(&list, CHOICES(words), 1, &parts, &count));
    assert_int_equal(count, 2);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_part, (void *)(uintptr_t)parts[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&made_and_kept), 0);
    /* Programs are those of the whole device. */
    char *of_whole = program_cache_key(whole, "", "", ""), *of_part = program_cache_key(parts[1], "", "", "");
    assert_string_equal(of_whole, of_part);
    free(of_whole);
    free(of_part);
    free(parts);
    device_list_destroy(&list);
}

/* Who opens by words needs no list, and an open part says what can be opened again. */
static void test_opened_by_words(void **unused) {
    (void)unused;
    struct device *device, *again;
    status outcome = device_open_choice("cpu/2:2", NULL, &device);
    if (outcome != STATUS_OK) {
        printf("%s\n", status_message());
        skip();
    }
    assert_non_null(strstr(device_information(device)->name, " (part 2 of 2)"));
    assert_ptr_equal(device_information(device)->id, last_made[1]);
    assert_int_equal(atomic_load(&made_and_kept), 1);
    assert_ok(device_open(device_information(device), NULL, &again));
    assert_ptr_equal(device_information(again)->id, last_made[1]);
    assert_int_equal(device_information(again)->compute_units, device_information(device)->compute_units);
    device_close(again);
    assert_int_equal(atomic_load(&made_and_kept), 1);
    device_close(device);
    assert_int_equal(atomic_load(&made_and_kept), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_part),      cmocka_unit_test(test_refused),         cmocka_unit_test(test_several),
        cmocka_unit_test(test_parts_at_once), cmocka_unit_test(test_opened_by_words),
    };
    return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
