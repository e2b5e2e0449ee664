/* A run seen from outside: what is new, who works in it, what its search does, and what became of it. */
#include "test.h"

#include "base/file.h"
#include "run/folder.h"
#include "run/sight.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES];
static const char *const facts[RUN_FACTS] = {"name",   "config text", "catalogue text", "corpus", "device",
                                             "driver", "1",           "panel",          "/text"};

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

static void assert_sight(struct sight *sight, enum sight_state state, bool changed, const char *words) {
    char text[SIGHT_TEXT_BYTES];
    sight_look(sight);
    if (sight->state != state || sight->changed != changed || !strstr(sight_text(sight, text), words))
        fail_test("state %d, changed %d: %s", sight->state, sight->changed, sight_text(sight, text));
}

static void test_states(void **unused) {
    (void)unused;
    struct store *store;
    struct sight *sight;
    assert_fails(sight_open("run", &sight), STATUS_USAGE, "run is not a run");
    assert_ok(store_create("run", facts, &store));
    assert_ok(sight_open("run/", &sight));
    assert_true(sight->changed);
    assert_string_equal(sight->device, "device");
    assert_sight(sight, SIGHT_RUNNING, false, "running");

    /* Each thing that is recorded is one change, and no other. */
    assert_ok(store_log(store, "started", NULL));
    assert_sight(sight, SIGHT_RUNNING, true, "running");
    assert_sight(sight, SIGHT_RUNNING, false, "running");
    assert_ok(store_set_status(store, "done"));
    assert_sight(sight, SIGHT_DONE, true, "done");
    assert_ok(store_set_status(store, "interrupted"));
    assert_sight(sight, SIGHT_INTERRUPTED, true, "go on with: starcl resume run");
    cJSON *details = cJSON_CreateObject();
    cJSON_AddStringToObject(details, "reason", "the disk is full");
    assert_ok(store_set_status(store, "stopped"));
    assert_ok(store_log(store, "stopped", details));
    assert_sight(sight, SIGHT_STOPPED, true, "stopped by a failure: the disk is full");

    /* It says that it runs, but nobody works in it; until somebody goes on. */
    assert_ok(store_set_status(store, "running"));
    store_close(store);
    assert_sight(sight, SIGHT_KILLED, true, "killed");
    assert_ok(store_open("run", true, &store));
    sight_look(sight);
    assert_int_equal(sight->state, SIGHT_RUNNING);
    store_close(store);

    /* Moved away, and another one in its place, which is a change whatever it holds. */
    assert_int_equal(rename("run", "away"), 0);
    assert_sight(sight, SIGHT_GONE, false, "run was moved or deleted");
    assert_ok(store_create("run", facts, &store));
    assert_sight(sight, SIGHT_RUNNING, true, "running");
    store_close(store);
    assert_ok(file_write("run/run.db", "no database, but long enough to be looked at as one", 51));
    assert_sight(sight, SIGHT_UNREADABLE, true, "run/run.db");
    sight_close(sight);
}

/* What was recorded while a reader was there is in the file itself when the writer has closed: it may be copied. */
static void test_file_is_whole(void **unused) {
    (void)unused;
    struct store *store, *copy;
    struct sight *sight;
    char *bytes, word[32];
    size_t length;
    assert_ok(store_create("whole", facts, &store));
    assert_ok(sight_open("whole", &sight));
    assert_ok(store_set_status(store, "done"));
    store_close(store);
    assert_int_equal(sight->state, SIGHT_RUNNING);
    assert_ok(file_read("whole/run.db", &bytes, &length));
    assert_ok(file_make_directory("copy"));
    assert_ok(file_write("copy/run.db", bytes, length));
    free(bytes);
    assert_ok(store_open("copy", false, &copy));
    assert_ok(store_get_status(copy, word, sizeof word));
    assert_string_equal(word, "done");
    store_close(copy);
    sight_close(sight);
}

static void test_lock(void **unused) {
    (void)unused;
    struct store *store;
    assert_false(folder_is_open("nowhere"));
    assert_ok(store_create("locked", facts, &store));
    assert_true(folder_is_open("locked"));
    store_close(store);
    assert_false(folder_is_open("locked"));
}

/* ---- what a search does ---- */

static void tell(struct now_teller *teller, struct store *store, const char *what, int64_t step, double left,
                 const struct now_curve *curve) {
    struct now now = {.training = {.step = step, .steps = 1000, .loss = 2000 - (double)step},
                      .share = 0.5,
                      .seconds_left = left,
                      .curve = *curve,
                      .devices = {{.device = "a card", .what = "candidate 8", .step = 3, .steps = 9, .loss = 1.5},
                                  {.device = "another", .loss = NAN}},
                      .device_count = 2};
    snprintf(now.training.what, sizeof now.training.what, "%s", what);
    teller->last_clock -= 2; /* two seconds have passed */
    assert_true(now_is_due(teller));
    now_tell(teller, store, &now);
    assert_false(now_is_due(teller));
}

static void test_now(void **unused) {
    (void)unused;
    struct store *store;
    struct sight *sight;
    struct now_teller teller = {.last_clock = 0};
    struct now_curve told = {.count = 0};
    assert_ok(store_create("now", facts, &store));
    assert_ok(sight_open("now", &sight));
    assert_false(sight->has_now);
    now_curve_add(&told, 20, 1980);
    tell(&teller, store, "candidate 1", 20, NAN, &told);
    now_curve_add(&told, 40, 1960);
    tell(&teller, store, "candidate 1", 40, 90, &told);
    sight_look(sight);
    assert_false(sight->changed); /* that is the database's */
    assert_true(sight->has_now);
    assert_string_equal(sight->now.training.what, "candidate 1");
    assert_int_equal(sight->now.training.step, 40);
    assert_int_equal(sight->now.training.steps, 1000);
    assert_float_equal(sight->now.training.loss, 1960, 1e-6);
    assert_float_equal(sight->now.share, 0.5, 1e-6);
    assert_float_equal(sight->now.seconds_left, 90, 1e-6);
    assert_float_equal(sight->now.steps_per_second, 10, 0.5);
    assert_true(sight->now.cores >= 1);
    assert_int_equal(sight->now.curve.count, 2);
    assert_float_equal(sight->now.curve.losses[1], 1960, 1e-6);

    /* What each device does. */
    assert_int_equal(sight->now.device_count, 2);
    assert_string_equal(sight->now.devices[0].device, "a card");
    assert_string_equal(sight->now.devices[0].what, "candidate 8");
    assert_int_equal(sight->now.devices[0].step, 3);
    assert_float_equal(sight->now.devices[0].loss, 1.5, 1e-6);
    assert_string_equal(sight->now.devices[1].what, "");

    /* Of another training the speed is not known at once: one with fewer steps, or of another name. */
    tell(&teller, store, "candidate 1", 10, NAN, &told);
    sight_look(sight);
    assert_true(isnan(sight->now.steps_per_second));
    tell(&teller, store, "candidate 2", 20, NAN, &told);
    sight_look(sight);
    assert_true(isnan(sight->now.steps_per_second));
    assert_true(isnan(sight->now.seconds_left));

    /* A long one is thinned evenly. */
    told = (struct now_curve){.count = 0};
    for (int64_t step = 10; step <= 1001; step++)
        now_curve_add(&told, step, (double)step);
    tell(&teller, store, "candidate 1", 1001, 3, &told);
    sight_look(sight);
    const struct now_curve *curve = &sight->now.curve;
    assert_in_range(curve->count, NOW_POINTS / 2, NOW_POINTS);
    for (int i = 1; i < curve->count; i++)
        assert_float_equal(curve->steps[i] - curve->steps[i - 1], 8, 1e-9);
    assert_true(curve->steps[0] <= 18 && curve->steps[curve->count - 1] > 980);

    /* With the event of its evaluation a curve is read back. */
    struct loss_curve *curves;
    int curve_count;
    cJSON *event = cJSON_CreateObject(),
          *hostile = cJSON_Parse("{\"candidate\": \"x\", \"curve\": [1, [2], [\"a\", 3]]}");
    cJSON_AddNumberToObject(event, "candidate", 7);
    cJSON_AddItemToObject(event, "curve", now_curve_json(&told));
    /* Older runs had a word for two things: a training that was stopped early, and a search that failed. */
    cJSON *early = cJSON_Duplicate(event, true), *older = cJSON_Duplicate(event, true), *failed = cJSON_CreateObject();
    cJSON_AddStringToObject(failed, "reason", "the disk is full");
    assert_ok(store_log(store, "evaluated", event));
    assert_ok(store_log(store, "evaluated", hostile));
    assert_ok(store_log(store, "stopped_early", early));
    assert_ok(store_log(store, "stopped", older));
    assert_ok(store_log(store, "stopped", failed));
    assert_ok(store_loss_curves(store, &curves, &curve_count));
    assert_int_equal(curve_count, 3);
    for (int c = 0; c < curve_count; c++)
        assert_int_equal(curves[c].candidate, 7);
    assert_int_equal(curves[0].count, curve->count);
    assert_float_equal(curves[0].losses[3], curve->losses[3], 1e-6);
    loss_curves_free(curves, curve_count);

    /* Nothing of it is left when the search ends; what cannot be read is not there. */
    now_end(store);
    assert_false(file_exists("now/now.json"));
    assert_ok(file_write("now/now.json", "{\"what\": ", 9));
    sight_look(sight);
    assert_false(sight->has_now);
    assert_ok(file_write("now/now.json", "{\"step\": \"x\", \"curve\": [1, [2], [3, 4]], \"what\": 5}", 52));
    sight_look(sight);
    assert_true(sight->has_now);
    assert_string_equal(sight->now.training.what, "");
    assert_int_equal(sight->now.curve.count, 0);
    sight_close(sight);
    store_close(store);
}

/* A note that cannot be written is none, and nothing half made is left of it. */
static void test_note(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(store_create("note", facts, &store));
    assert_ok(file_make_directory("note/taken"));
    store_note(store, "taken", "text");
    assert_false(file_exists("note/taken.new"));
    assert_true(file_is_directory("note/taken"));
    store_note(store, "free", "text");
    assert_true(file_exists("note/free"));
    store_note(store, "free", NULL);
    assert_false(file_exists("note/free"));
    store_close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states), cmocka_unit_test(test_file_is_whole), cmocka_unit_test(test_lock),
        cmocka_unit_test(test_now),    cmocka_unit_test(test_note),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
