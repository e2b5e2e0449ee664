/* Run folders: made whole or not at all, never overwritten, held by one writer, and what is recorded comes back. */
#include "test.h"

#include "base/file.h"
#include "run/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES];
static const char *const facts[RUN_FACTS] = {"name",   "config text", "catalogue text", "corpus", "device",
                                             "driver", "1",           "panel"};

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

static void test_create(void **unused) {
    (void)unused;
    struct store *store, *second;
    char run_status[32], *bytes;
    size_t length;
    assert_ok(store_create("deep/er/run/", facts, &store));
    assert_string_equal(store_path(store), "deep/er/run");
    assert_string_equal(store_fact(store, FACT_CATALOGUE), "catalogue text");
    assert_ok(store_get_status(store, run_status, sizeof run_status));
    assert_string_equal(run_status, "running");
    assert_ok(file_read("deep/er/run/config.cfg", &bytes, &length));
    assert_string_equal(bytes, "config text");
    free(bytes);

    /* One writer; readers beside it. */
    assert_fails(store_open("deep/er/run", true, &second), STATUS_FAILED, "another starcl is working on the run");
    assert_ok(store_open("deep/er/run", false, &second));
    assert_ok(store_set_status(store, "done"));
    assert_ok(store_get_status(second, run_status, sizeof run_status));
    assert_string_equal(run_status, "done");
    store_close(second);
    store_close(store);
    assert_ok(store_open("deep/er/run", true, &store));
    store_close(store);
}

static void test_never_overwrites(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(file_make_directory("mine"));
    assert_fails(store_create("mine", facts, &store), STATUS_USAGE, "mine exists and is not overwritten");
    assert_ok(file_write("file", "x", 1));
    assert_fails(store_create("file", facts, &store), STATUS_USAGE, "file exists and is not overwritten");
    assert_fails(store_open("mine", false, &store), STATUS_USAGE, "mine is not a run: it has no run.db");
    assert_fails(store_open("nothing", true, &store), STATUS_USAGE, "nothing is not a run");
    assert_ok(file_make_directory("broken"));
    assert_ok(file_write("broken/run.db", "this is not a database, however long it is", 42));
    assert_fails(store_open("broken", false, &store), STATUS_FAILED, "broken/run.db");
    /* Nothing half made is left behind. */
    assert_int_not_equal(system("ls -A . | grep -q new"), 0);
}

static void test_default_names(void **unused) {
    (void)unused;
    struct store *first, *second;
    assert_ok(store_create(NULL, facts, &first));
    assert_ok(store_create(NULL, facts, &second));
    assert_string_equal(store_path(first), "runs/name-001");
    assert_string_equal(store_path(second), "runs/name-002");
    store_close(first);
    store_close(second);
}

static struct individual individual(int id, const char *genome) {
    struct individual result = {.id = id, .generation = id / 2, .parents = {id - 1, 0}};
    assert_ok(genome_parse(genome, &result.genome));
    return result;
}

static void test_records(void **unused) {
    (void)unused;
    struct store *store;
    struct individual a = individual(1, "11111"), b = individual(2, "21111"), copy = individual(3, "11111");
    struct evaluation good = {.seed = 5, .seconds = 1.5}, bad = {.failed = true, .reason = "it's \"broken\""}, read;
    struct candidate *candidates;
    bool found;
    int count;
    for (int m = 0; m < METRICS; m++)
        good.metrics.values[m] = 1.0 / (m + 3);
    assert_ok(store_create("records", facts, &store));
    assert_ok(store_add_candidate(store, &a));
    assert_ok(store_add_candidate(store, &a));
    assert_ok(store_find_evaluation(store, &a.genome, &found, &read));
    assert_false(found);
    assert_ok(store_add_evaluation(store, &a.genome, "device", &good));
    assert_ok(store_add_candidate(store, &b));
    assert_ok(store_add_evaluation(store, &b.genome, "device", &bad));
    assert_ok(store_add_candidate(store, &copy));
    assert_ok(store_add_generation(store, 0, &a, 1));
    assert_ok(store_add_generation(store, 0, &a, 1));
    cJSON *details = cJSON_CreateObject();
    cJSON_AddStringToObject(details, "reason", bad.reason);
    assert_ok(store_log(store, "failed", details));
    assert_ok(store_log(store, "plain", NULL));
    store_close(store);

    assert_ok(store_open("records", true, &store));
    assert_ok(store_find_evaluation(store, &a.genome, &found, &read));
    assert_true(found && !read.failed && read.seed == 5 && read.seconds == 1.5);
    assert_memory_equal(&read.metrics, &good.metrics, sizeof good.metrics);
    assert_ok(store_find_evaluation(store, &b.genome, &found, &read));
    assert_true(found && read.failed);
    assert_string_equal(read.reason, bad.reason);
    assert_ok(store_candidates(store, &candidates, &count));
    assert_int_equal(count, 2);
    assert_int_equal(candidates[0].individual.id, 1);
    assert_int_equal(candidates[1].individual.id, 2);
    assert_int_equal(candidates[1].individual.parents[0], 1);
    assert_true(candidates[1].individual.failed);
    free(candidates);
    store_close(store);

    char *log;
    size_t length;
    assert_ok(file_read("records/log.jsonl", &log, &length));
    cJSON *line = cJSON_ParseWithLength(log, (size_t)(strchr(log, '\n') - log));
    assert_string_equal(cJSON_GetObjectItem(line, "reason")->valuestring, bad.reason);
    assert_string_equal(cJSON_GetObjectItem(line, "event")->valuestring, "failed");
    cJSON_Delete(line);
    free(log);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_never_overwrites),
        cmocka_unit_test(test_default_names),
        cmocka_unit_test(test_records),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
