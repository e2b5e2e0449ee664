/* Folders of searches and trainings: one name, one folder, one writer, and files that are old or new, never between. */
#include "test.h"

#include "base/file.h"
#include "run/folder.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char base[TEST_PATH_BYTES];

static int make_base(void **unused) {
    (void)unused;
    return test_make_folder(base) == 0 && chdir(base) == 0 ? 0 : -1;
}

static int remove_base(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(base) : -1;
}

static bool holds(const char *path, const char *expected) {
    char *text;
    size_t length;
    assert_ok(file_read(path, &text, &length));
    bool equal = strcmp(text, expected) == 0;
    free(text);
    return equal;
}

static void nothing_unfinished(void) {
    assert_int_equal(system("! find . -name '*.new*' | grep ."), 0);
}

static struct folder *begun(const char *path) {
    struct folder *folder;
    assert_ok(folder_create(&folder_of_training, path, &folder));
    assert_ok(folder_write(folder, "genome.txt", "11111"));
    return folder;
}

static void test_life(void **unused) {
    (void)unused;
    struct folder *folder, *second;
    folder = begun("a/b/life/");
    assert_false(file_exists("a/b/life"));
    assert_ok(folder_publish(folder));
    assert_string_equal(folder_path(folder), "a/b/life");
    assert_true(holds("a/b/life/genome.txt", "11111"));
    nothing_unfinished();
    assert_fails(folder_create(&folder_of_training, "a/b/life", &second), STATUS_USAGE,
                 "a/b/life exists and is not overwritten; choose another folder with --out, or go on with it: starcl "
                 "train --resume --out a/b/life");
    assert_fails(folder_open(&folder_of_training, "a/b/life", &second), STATUS_FAILED,
                 "another starcl is working in a/b/life");
    /* The lock outlives the replacement of every other file. */
    assert_ok(folder_write(folder, "genome.txt", "21111"));
    assert_ok(folder_write(folder, "config.cfg", "x"));
    assert_fails(folder_open(&folder_of_training, "a/b/life", &second), STATUS_FAILED, "another starcl");
    folder_close(folder);
    assert_ok(folder_open(&folder_of_training, "a/b/life", &folder));
    folder_close(folder);
    assert_fails(folder_open(&folder_of_search, "a/b/life", &folder), STATUS_USAGE, "a/b/life is not a run: it has no");
    assert_false(file_exists("nothing"));
    assert_fails(folder_open(&folder_of_training, "nothing", &folder), STATUS_USAGE, "nothing is not a folder that");
    assert_false(file_exists("nothing"));
}

static void test_not_published(void **unused) {
    (void)unused;
    struct folder *folder = begun("given-up");
    assert_ok(folder_make_directory(folder, "checkpoints"));
    folder_close(folder);
    assert_false(file_exists("given-up"));
    nothing_unfinished();
}

/* Whatever gets the name first keeps it, an empty folder and a file too. */
static void test_never_replaces(void **unused) {
    (void)unused;
    static const char *const others[] = {"mkdir taken", "touch taken", "mkdir taken && touch taken/mine",
                                         "ln -s nowhere taken"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct folder *folder = begun("taken");
        assert_int_equal(system(others[i]), 0);
        assert_fails(folder_publish(folder), STATUS_USAGE, "taken exists and is not overwritten");
        folder_close(folder);
        assert_false(file_exists("taken/genome.txt"));
        nothing_unfinished();
        assert_int_equal(system("rm -r taken"), 0);
    }
}

/* What a child tells: 0: it has the folder, 2: it was refused, 1: anything else. */
static int try_to_get(int round, int start) {
    char name[32], byte;
    struct folder *folder;
    snprintf(name, sizeof name, "race-%d", round);
    if (read(start, &byte, 1) != 0) /* all begin when the parent closes its end */
        return 1;
    status outcome = folder_create(&folder_of_training, name, &folder);
    if (outcome != STATUS_OK)
        return outcome;
    outcome = folder_write(folder, "genome.txt", "11111");
    if (outcome == STATUS_OK)
        outcome = folder_publish(folder);
    folder_close(folder);
    return outcome;
}

static void test_race(void **unused) {
    (void)unused;
    enum { ROUNDS = 40, CHILDREN = 4 };
    for (int round = 0; round < ROUNDS; round++) {
        int start[2], won = 0, refused = 0, code;
        assert_int_equal(pipe(start), 0);
        for (int child = 0; child < CHILDREN; child++) {
            if (fork() == 0) {
                close(start[1]);
                _exit(try_to_get(round, start[0]));
            }
        }
        close(start[0]);
        close(start[1]);
        for (int child = 0; child < CHILDREN; child++) {
            assert_true(wait(&code) > 0 && WIFEXITED(code));
            won += WEXITSTATUS(code) == STATUS_OK;
            refused += WEXITSTATUS(code) == STATUS_USAGE;
        }
        assert_int_equal(won, 1);
        assert_int_equal(refused, CHILDREN - 1);
    }
    nothing_unfinished();
}

static void test_log(void **unused) {
    (void)unused;
    struct folder *folder = begun("logged");
    assert_ok(folder_publish(folder));
    cJSON *event = folder_event("first", NULL);
    assert_ok(folder_log(folder, event));
    assert_ok(folder_log(folder, event));
    folder_unlog(folder);
    cJSON_Delete(event);
    folder_close(folder);
    assert_int_equal(system("test $(wc -l <logged/log.jsonl) = 1"), 0);
    assert_int_equal(system("printf '{\"event\":\"cut o' >>logged/log.jsonl"), 0);
    assert_ok(folder_open(&folder_of_training, "logged", &folder));
    event = folder_event("second", NULL);
    assert_ok(folder_log(folder, event));
    cJSON_Delete(event);
    folder_close(folder);
    assert_int_equal(system("test $(wc -l <logged/log.jsonl) = 2 && tail -1 logged/log.jsonl | grep -q second"), 0);
    assert_int_equal(system("! grep -q 'cut o' logged/log.jsonl"), 0);
}

/* A reader that has the old file, here through a second name, keeps it whole. */
static void test_files_are_replaced(void **unused) {
    (void)unused;
    struct folder *folder = begun("files");
    assert_ok(folder_publish(folder));
    assert_ok(folder_write(folder, "text", "old"));
    assert_int_equal(link("files/text", "files/reader"), 0);
    assert_ok(folder_write(folder, "text", "new and longer"));
    assert_true(holds("files/text", "new and longer"));
    assert_true(holds("files/reader", "old"));
    folder_close(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life), cmocka_unit_test(test_not_published), cmocka_unit_test(test_never_replaces),
        cmocka_unit_test(test_race), cmocka_unit_test(test_log),           cmocka_unit_test(test_files_are_replaced),
    };
    return cmocka_run_group_tests(tests, make_base, remove_base);
}
