/* Counters of energy, read from folders that look like Linux' powercap. */
#include "test.h"

#include "base/file.h"
#include "device/energy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char folder[TEST_PATH_BYTES];

static int set_up(void **unused) {
    (void)unused;
    return test_make_folder(folder);
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

static void put(const char *zone, const char *file, const char *text) {
    char path[TEST_PATH_BYTES + 80];
    snprintf(path, sizeof path, "%s/%s", folder, zone);
    assert_ok(file_make_directory(path));
    snprintf(path, sizeof path, "%s/%s/%s", folder, zone, file);
    assert_ok(file_write(path, text, strlen(text)));
}

static void put_zone(const char *zone, const char *name, const char *energy, const char *range) {
    put(zone, "name", name);
    put(zone, "energy_uj", energy);
    put(zone, "max_energy_range_uj", range);
}

static void test_counter(void **unused) {
    (void)unused;
    struct energy_counter counter;
    double used;
    put_zone("intel-rapl:0", "package-0\n", "1000000\n", "262143328850\n");
    put_zone("intel-rapl:1", "package-1\n", "5000\n", "10000\n");
    put_zone("intel-rapl:0:0", "core\n", "7\n", "262143328850\n"); /* a part of package 0 */
    put_zone("intel-rapl:2", "psys\n", "9\n", "262143328850\n");   /* the whole machine */
    put_zone("intel-rapl-mmio:0", "package-0\n", "1000000\n", "262143328850\n");
    assert_ok(energy_open(folder, &counter));
    assert_int_equal(counter.count, 2);
    assert_ok(energy_read(&counter, &used));
    assert_true(used == 0);
    put("intel-rapl:0", "energy_uj", "1000250\n");
    put("intel-rapl:0:0", "energy_uj", "1007\n");
    put("intel-rapl:2", "energy_uj", "100009\n");
    assert_ok(energy_read(&counter, &used));
    assert_true(used == 250);
    /* Package 1 goes from 5000 over 10000 to 40: it used 5040. */
    put("intel-rapl:1", "energy_uj", "40\n");
    assert_ok(energy_read(&counter, &used));
    assert_true(used == 250 + 5040);
    put("intel-rapl:1", "energy_uj", "41\n");
    assert_ok(energy_read(&counter, &used));
    assert_true(used == 250 + 5041);
}

static void test_refusals(void **unused) {
    (void)unused;
    struct energy_counter counter;
    double used;
    assert_fails(energy_open("/nowhere", &counter), STATUS_USAGE,
                 "there is no energy counter: /nowhere has no intel-rapl:N of a processor package");
    setenv("STARCL_POWERCAP", "/not/there", 1);
    assert_fails(energy_open(NULL, &counter), STATUS_USAGE, "/not/there has no");
    setenv("STARCL_POWERCAP", folder, 1);
    assert_ok(energy_open(NULL, &counter));
    unsetenv("STARCL_POWERCAP");
    put("intel-rapl:1", "energy_uj", "many\n");
    assert_fails(energy_read(&counter, &used), STATUS_FAILED, "intel-rapl:1/energy_uj: 'many' is no number");
    put("intel-rapl:1", "energy_uj", "");
    assert_fails(energy_open(folder, &counter), STATUS_USAGE, "the energy counter cannot be used: cannot read");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counter),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
