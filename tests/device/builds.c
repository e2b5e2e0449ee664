/* Programs that several threads want, and a companion of a device, whose builds are the device's. */
#include "test.h"

#include "base/text.h"
#include "device/device.h"
#include "device/program.h"
#include "device/shape.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { FLOATS = 16 };

static char cache[TEST_PATH_BYTES];

static int make_cache(void **unused) {
    (void)unused;
    return test_make_folder(cache) == 0 ? setenv("XDG_CACHE_HOME", cache, 1) : -1;
}

static int remove_cache(void **unused) {
    (void)unused;
    return test_remove_folder(cache);
}

/* Programs in a shape that no device has, so that none is there yet; the caller destroys it. */
static struct program_store *store_of(struct device *device) {
    struct text options = {0};
    shape_build_options((struct device_shape){.lanes = 1, .width = 4, .items = 4, .rows = 1, .reduction_rows = 4},
                        &options);
    struct program_store *store =
        program_store_create(device_information(device), device_context(device), options.text, BINARIES_NOT_KEPT);
    text_free(&options);
    return store;
}

/* ---- many threads, one store ---- */

enum { THREADS = 6, NAMES = 3 };
static const char *const names[NAMES] = {"long_convolution", "spectral_convolution", "peaks"};

struct asker {
    pthread_t thread;
    struct program_store *store;
    int number;
    const char *options;
    struct program *programs[NAMES];
    bool failed;
    char message[256];
};

static void *ask(void *context) {
    struct asker *asker = context;
    for (int i = 0; i < NAMES; i++) {
        int name = (i + asker->number) % NAMES;
        if (program_store_find(asker->store, names[name], asker->options, asker->number % 2, &asker->programs[name]) ==
            STATUS_OK)
            continue;
        asker->failed = true;
        snprintf(asker->message, sizeof asker->message, "%s", status_message());
    }
    return NULL;
}

static void ask_together(struct program_store *store, const char *options, struct asker *askers) {
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (struct asker){.store = store, .number = i, .options = options};
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
}

static void test_many_threads(void **unused) {
    (void)unused;
    struct device *device;
    struct asker askers[THREADS];
    assert_ok(device_open_choice(NULL, NULL, &device));
    struct program_store *store = store_of(device);
    ask_together(store, "", askers);
    for (int i = 0; i < THREADS; i++) {
        assert_false(askers[i].failed);
        for (int name = 0; name < NAMES; name++)
            assert_ptr_equal(askers[i].programs[name], askers[0].programs[name]);
    }
    struct build_statistics built = program_store_statistics(store);
    assert_int_equal(built.programs_waited + built.programs_background, NAMES);
    assert_true(built.waited > 0);

    /* A build that fails fails for everybody, with the message, and stands in nobody's way afterwards. */
    ask_together(store, "-DWIDTH=3", askers);
    for (int i = 0; i < THREADS; i++) {
        assert_true(askers[i].failed);
        assert_non_null(strstr(askers[i].message, "building cl/"));
    }
    built = program_store_statistics(store);
    assert_int_equal(built.programs_waited + built.programs_background, NAMES);
    ask_together(store, "-DANOTHER", askers);
    assert_false(askers[0].failed);
    built = program_store_statistics(store);
    assert_int_equal(built.programs_waited + built.programs_background, 2 * NAMES);
    program_store_destroy(store);
    device_close(device);
}

/* Small files without options are one program; with options each is its own. */
static void test_small_files(void **unused) {
    (void)unused;
    struct device *device;
    struct program *rotary, *reduce;
    assert_ok(device_open_choice(NULL, NULL, &device));
    struct program_store *store = store_of(device);
    assert_ok(program_store_find(store, "rotary", "", BUILD_WAITED_FOR, &rotary));
    assert_ok(program_store_find(store, "reduce", "", BUILD_WAITED_FOR, &reduce));
    assert_ptr_equal(rotary, reduce);
    assert_fails(program_store_find(store, "reduce", "-DWIDTH=3", BUILD_WAITED_FOR, &reduce), STATUS_FAILED,
                 "building cl/reduce.cl");
    assert_ok(program_store_find(store, "reduce", "-DANOTHER", BUILD_WAITED_FOR, &reduce));
    assert_true(rotary != reduce);
    program_store_destroy(store);
    device_close(device);
}

/* ---- a companion ---- */

/* 1 + 1 on a device, by a kernel of the program elementwise; the launch's status. */
static status add(struct device *device) {
    float ones[FLOATS], sums[FLOATS];
    cl_mem buffers[3];
    for (int i = 0; i < FLOATS; i++)
        ones[i] = 1;
    for (int i = 0; i < 3; i++) {
        assert_ok(device_buffer_create(device, sizeof ones, &buffers[i]));
        assert_ok(device_write(device, buffers[i], 0, ones, sizeof ones));
    }
    status outcome = LAUNCH(device, ((struct kernel_name){"elementwise", "add_forward", NULL}),
                            groups_flat(device_shape(device), FLOATS), argument_buffer(buffers[0]),
                            argument_buffer(buffers[1]), argument_buffer(buffers[2]), argument_int(FLOATS));
    assert_ok(device_read(device, buffers[2], 0, sums, sizeof sums));
    for (int i = 0; i < FLOATS && outcome == STATUS_OK; i++)
        assert_true(sums[i] == 2);
    for (int i = 0; i < 3; i++)
        device_buffer_destroy(device, buffers[i]);
    return outcome;
}

static void *add_often(void *device) {
    status outcome = STATUS_OK;
    for (int i = 0; i < 100 && outcome == STATUS_OK; i++)
        outcome = add(device);
    return outcome == STATUS_OK ? device : NULL;
}

static void test_companion(void **unused) {
    (void)unused;
    struct device *device, *companion;
    pthread_t thread;
    void *result;
    assert_ok(device_open_choice(NULL, &(struct device_options){.without_program_cache = true}, &device));
    assert_ok(device_open_companion(device, 1 << 20, &companion));
    assert_int_equal(device_information(companion)->global_bytes, 1 << 20);
    assert_ok(add(companion));
    struct build_statistics built = device_build_statistics(device);
    assert_int_equal(built.programs_background, 1);
    assert_true(built.background > 0);
    /* Nothing is left to build or to wait for. */
    assert_ok(add(device));
    built = device_build_statistics(device);
    assert_int_equal(built.programs_waited, 0);
    assert_true(built.waited == 0);

    /* Both at once. */
    assert_int_equal(pthread_create(&thread, NULL, add_often, companion), 0);
    assert_non_null(add_often(device));
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_non_null(result);

    device_stop(companion);
    assert_fails(add(companion), STATUS_FAILED, "told to stop");
    assert_ok(add(device));
    device_close(companion);
    assert_ok(add(device));
    device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_threads),
        cmocka_unit_test(test_small_files),
        cmocka_unit_test(test_companion),
    };
    return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
