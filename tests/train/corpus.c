/* The joined text, its parts and batches from them, and files that change under an open text. */
#include "test.h"

#include "base/file.h"
#include "train/corpus.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char folder[TEST_PATH_BYTES];

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder);
}

static int remove_folder(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

static const char *in_folder(const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_text(const char *name, const char *text) {
    assert_ok(file_write(in_folder(name), text, strlen(text)));
}

static void write_gzip(const char *name, const char *text) {
    gzFile file = gzopen(in_folder(name), "wb");
    assert_non_null(file);
    assert_int_equal(gzwrite(file, text, (unsigned)strlen(text)), (int)strlen(text));
    gzclose(file);
}

static void check_content(struct corpus *corpus, const char *text) {
    unsigned char bytes[256];
    size_t length = strlen(text);
    assert_int_equal(corpus_bytes(corpus), length);
    assert_ok(corpus_read(corpus, 0, length, bytes));
    assert_memory_equal(bytes, text, length);
    for (size_t i = 0; i + 3 <= length; i++) {
        assert_ok(corpus_read(corpus, i, 3, bytes));
        assert_memory_equal(bytes, text + i, 3);
    }
}

static void test_kinds(void **unused) {
    (void)unused;
    struct corpus_split split = {.validation = 0.3, .test = 0.3};
    struct corpus *corpus;
    uint64_t plain;
    write_text("a.txt", "abcdefghij");
    assert_ok(corpus_open(in_folder("a.txt"), &split, 2, &corpus));
    check_content(corpus, "abcdefghij");
    assert_int_equal(corpus_part_bytes(corpus, PART_TRAINING), 4);
    assert_int_equal(corpus_part_bytes(corpus, PART_VALIDATION), 3);
    assert_int_equal(corpus_part_bytes(corpus, PART_TEST), 3);
    plain = corpus_fingerprint(corpus);
    corpus_close(corpus);

    /* Compressed by content, whatever the name: the same text. */
    write_gzip("packed.dz", "abcdefghij");
    assert_ok(corpus_open(in_folder("packed.dz"), &split, 2, &corpus));
    check_content(corpus, "abcdefghij");
    assert_true(corpus_fingerprint(corpus) == plain);
    corpus_close(corpus);

    /* A folder: in name order, folders inside too, hidden and empty files left out. */
    assert_ok(file_make_directory(in_folder("many/b")));
    write_text("many/c", "789");
    write_gzip("many/a.gz", "123");
    write_text("many/b/x", "456");
    write_text("many/.hidden", "no");
    write_text("many/empty", "");
    assert_ok(corpus_open(in_folder("many"), &split, 2, &corpus));
    check_content(corpus, "123456789");
    assert_true(corpus_fingerprint(corpus) != plain);
    corpus_close(corpus);
}

static void test_errors(void **unused) {
    (void)unused;
    struct corpus_split thirds = {.validation = 0.3, .test = 0.3};
    struct corpus *corpus;
    write_text("short", "abcdefghij");
    assert_fails(corpus_open(in_folder("short"), &thirds, 3, &corpus), STATUS_USAGE,
                 "has 10 bytes: 4 for training, 3 for validation and 3 for test; each part needs at least 4 "
                 "(model.context + 1)");
    struct corpus_split wrong[] = {{0.5, 0.5}, {0, 0.1}, {0.1, 0}, {-0.1, 0.1}, {NAN, 0.1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(corpus_open(in_folder("short"), &wrong[i], 1, &corpus), STATUS_USAGE,
                     "must be above 0 and their sum below 1");
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    assert_fails(corpus_open(in_folder("pipe"), &thirds, 3, &corpus), STATUS_USAGE, "is not a file or a folder");
    write_text("none", "");
    assert_fails(corpus_open(in_folder("none"), &thirds, 3, &corpus), STATUS_USAGE, "has 0 bytes");
    assert_fails(corpus_open(in_folder("missing"), &thirds, 3, &corpus), STATUS_USAGE, "does not exist");
    assert_fails(corpus_open("/dev/null", &thirds, 3, &corpus), STATUS_USAGE, "is not a file or a folder");
    /* A gzip file that was cut off. */
    char *bytes;
    size_t length;
    char text[4096];
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)(' ' + (i * i * 7919) % 90);
    text[sizeof text - 1] = '\0';
    write_gzip("cut.gz", text);
    assert_ok(file_read(in_folder("cut.gz"), &bytes, &length));
    assert_ok(file_write(in_folder("cut.gz"), bytes, length / 2));
    free(bytes);
    assert_fails(corpus_open(in_folder("cut.gz"), &thirds, 3, &corpus), STATUS_USAGE, "cannot unpack");
}

/* Within five standard deviations of `expected` independent draws. */
static void assert_near_count(int count, double expected) {
    if (fabs(count - expected) > 5 * sqrt(expected))
        fail_test("drawn %d times where %g were to be expected", count, expected);
}

/* ---- the layout ---- */

/*
 * The picture of train/corpus.h drawn by hand for 12,000,050 bytes with shares of 0.05: 0.05 of the text hold more than
 * 64 blocks of 8192, so there are 64 periods of 187,500 bytes (9,375 validation, 9,375 test, 168,750 training) and 50
 * bytes behind them. A byte says its period, plus 64 in validation blocks and plus 128 in test blocks.
 */
enum {
    PERIODS = 64,
    TRAINING_BLOCK = 168750,
    EVALUATION_BLOCK = 9375,
    REST = 50,
    LENGTH = PERIODS * (TRAINING_BLOCK + 2 * EVALUATION_BLOCK) + REST
};
static const int mark[TASK_PARTS] = {[PART_TRAINING] = 0, [PART_VALIDATION] = 64, [PART_TEST] = 128};
static const struct corpus_split twentieths = {.validation = 0.05, .test = 0.05};

static void write_marked_text(const char *name) {
    unsigned char *text = malloc(LENGTH), *next = text;
    assert_non_null(text);
    for (int period = 0; period < PERIODS; period++) {
        memset(next, period, TRAINING_BLOCK);
        memset(next + TRAINING_BLOCK, 64 + period, EVALUATION_BLOCK);
        memset(next + TRAINING_BLOCK + EVALUATION_BLOCK, 128 + period, EVALUATION_BLOCK);
        next += TRAINING_BLOCK + 2 * EVALUATION_BLOCK;
    }
    memset(next, 255, REST);
    assert_ok(file_write(in_folder(name), text, LENGTH));
    free(text);
}

/* The period of a window that lies within one block of the part, target included. */
static int period_of(enum task_part part, int context, const int32_t *tokens, const int32_t *targets) {
    for (int i = 0; i < context; i++) {
        assert_int_equal(tokens[i], tokens[0]);
        assert_int_equal(targets[i], tokens[0]);
    }
    assert_in_range(tokens[0], mark[part], mark[part] + PERIODS - 1);
    return tokens[0] - mark[part];
}

static void check_layout(const char *name, int context) {
    enum { BATCH = 8, STEPS = 1200, A_BLOCK = 3 };
    int32_t *tokens = malloc(sizeof *tokens * BATCH * (size_t)context),
            *targets = malloc(sizeof *targets * BATCH * (size_t)context);
    struct corpus *corpus;
    assert_ok(corpus_open(in_folder(name), &twentieths, context, &corpus));
    assert_int_equal(corpus_bytes(corpus), LENGTH);
    assert_int_equal(corpus_periods(corpus), PERIODS);
    assert_int_equal(corpus_part_bytes(corpus, PART_TRAINING), PERIODS * TRAINING_BLOCK);
    assert_int_equal(corpus_part_bytes(corpus, PART_VALIDATION), PERIODS * EVALUATION_BLOCK);
    assert_int_equal(corpus_part_bytes(corpus, PART_TEST), PERIODS * EVALUATION_BLOCK);
    int drawn[PERIODS] = {0};
    for (int step = 0; step < STEPS; step++) {
        assert_ok(corpus_training_batch(corpus, 1, step, BATCH, context, tokens, targets));
        for (int i = 0; i < BATCH; i++)
            drawn[period_of(PART_TRAINING, context, tokens + i * context, targets + i * context)]++;
    }
    for (int period = 0; period < PERIODS; period++)
        assert_near_count(drawn[period], (double)STEPS * BATCH / PERIODS);
    for (enum task_part part = PART_VALIDATION; part <= PART_TEST; part++) {
        int count = A_BLOCK * PERIODS / BATCH, taken[PERIODS] = {0};
        for (int index = 0; index < count; index++) {
            assert_ok(corpus_evaluation_batch(corpus, part, index, count, BATCH, context, tokens, targets));
            for (int i = 0; i < BATCH; i++)
                taken[period_of(part, context, tokens + i * context, targets + i * context)]++;
        }
        for (int period = 0; period < PERIODS; period++)
            assert_int_equal(taken[period], A_BLOCK);
    }
    corpus_close(corpus);
    free(tokens);
    free(targets);
}

static void test_layout(void **unused) {
    (void)unused;
    write_marked_text("marked");
    check_layout("marked", 128);
    check_layout("marked", 1000); /* the same parts */
    /* 600,002 bytes hold 18 blocks of four windows of 8,193 bytes. */
    struct corpus *corpus;
    assert_ok(corpus_open(in_folder("marked"), &twentieths, 8192, &corpus));
    assert_int_equal(corpus_periods(corpus), 18);
    corpus_close(corpus);
}

/* ---- batches ---- */

enum { BATCH = 4, CONTEXT = 4, COUNT = BATCH * CONTEXT };

/* 100 bytes, each its own position: 70 for training, 20 for validation, 10 for test, in one period. */
static struct corpus *open_positions(void) {
    struct corpus_split split = {.validation = 0.2, .test = 0.1};
    struct corpus *corpus;
    char text[100];
    for (int i = 0; i < 100; i++)
        text[i] = (char)i;
    assert_ok(file_write(in_folder("positions"), text, sizeof text));
    assert_ok(corpus_open(in_folder("positions"), &split, CONTEXT, &corpus));
    return corpus;
}

static void check_windows(const int32_t *tokens, const int32_t *targets, bool seen[100]) {
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(tokens[i], tokens[i / CONTEXT * CONTEXT] + i % CONTEXT);
        assert_int_equal(targets[i], tokens[i] + 1);
        seen[tokens[i]] = seen[targets[i]] = true;
    }
}

static void assert_seen(const bool seen[100], int first, int end) {
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], i >= first && i < end);
}

/* Every start that leaves a window inside the part is drawn as often, and every byte of the part is seen. */
static void test_training_windows(void **unused) {
    (void)unused;
    enum { STARTS = 70 - CONTEXT, A_START = 1000, STEPS = STARTS * A_START / BATCH };
    struct corpus *corpus = open_positions();
    int32_t tokens[COUNT], targets[COUNT];
    int drawn[100] = {0};
    bool seen[100] = {0};
    for (int step = 0; step < STEPS; step++) {
        assert_ok(corpus_training_batch(corpus, 1, step, BATCH, CONTEXT, tokens, targets));
        check_windows(tokens, targets, seen);
        for (int i = 0; i < BATCH; i++)
            drawn[tokens[i * CONTEXT]]++;
    }
    for (int start = 0; start < STARTS; start++)
        assert_near_count(drawn[start], A_START);
    assert_seen(seen, 0, 70);
    corpus_close(corpus);
}

static void test_seed_and_step(void **unused) {
    (void)unused;
    struct corpus *corpus = open_positions();
    int32_t tokens[COUNT], again[COUNT], ignored[COUNT];
    assert_ok(corpus_training_batch(corpus, 1, 7, BATCH, CONTEXT, tokens, ignored));
    assert_ok(corpus_training_batch(corpus, 1, 7, BATCH, CONTEXT, again, ignored));
    assert_memory_equal(tokens, again, sizeof tokens);
    assert_ok(corpus_training_batch(corpus, 2, 7, BATCH, CONTEXT, again, ignored));
    assert_memory_not_equal(tokens, again, sizeof tokens);
    assert_ok(corpus_training_batch(corpus, 1, 8, BATCH, CONTEXT, again, ignored));
    assert_memory_not_equal(tokens, again, sizeof tokens);
    assert_fails(corpus_training_batch(corpus, 1, 7, 1, CONTEXT + 1, again, ignored), STATUS_FAILED,
                 "windows of 5 tokens were asked of a text that was opened for a context of 4");
    assert_fails(corpus_evaluation_batch(corpus, PART_TEST, 0, 1, 1, 20, again, ignored), STATUS_FAILED,
                 "windows of 20 tokens");
    corpus_close(corpus);
}

/* How often the windows of `count` batches begin at each place. */
static void count_starts(const struct corpus *corpus, enum task_part part, int count, int starts[100], bool seen[100]) {
    int32_t tokens[COUNT], targets[COUNT];
    memset(starts, 0, 100 * sizeof *starts);
    memset(seen, 0, 100 * sizeof *seen);
    for (int index = 0; index < count; index++) {
        assert_ok(corpus_evaluation_batch(corpus, part, index, count, BATCH, CONTEXT, tokens, targets));
        check_windows(tokens, targets, seen);
        for (int i = 0; i < BATCH; i++)
            starts[tokens[i * CONTEXT]]++;
    }
}

static void test_evaluation_windows(void **unused) {
    (void)unused;
    struct corpus *corpus = open_positions();
    int starts[100];
    bool seen[100];
    /* 16 windows fit: 16 are each taken once, 32 twice. */
    for (int times = 1; times <= 2; times++) {
        count_starts(corpus, PART_VALIDATION, 4 * times, starts, seen);
        for (int i = 0; i < 100; i++)
            assert_int_equal(starts[i], i >= 70 && i < 86 ? times : 0);
        assert_seen(seen, 70, 90);
    }
    /* 12 of 16: all apart, at floor(16 k / 12). */
    static const int twelve[] = {0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14};
    count_starts(corpus, PART_VALIDATION, 3, starts, seen);
    for (int i = 0; i < 12; i++)
        assert_int_equal(starts[70 + twelve[i]], 1);
    /* 4 of 6 in the test part. */
    static const int four[] = {0, 1, 3, 4};
    count_starts(corpus, PART_TEST, 1, starts, seen);
    for (int i = 0; i < 4; i++)
        assert_int_equal(starts[90 + four[i]], 1);
    count_starts(corpus, PART_TEST, 6, starts, seen);
    assert_seen(seen, 90, 100);
    corpus_close(corpus);
}

/* ---- fingerprint ---- */

static uint64_t fingerprint(const char *name) {
    struct corpus *corpus;
    assert_ok(corpus_open(in_folder(name), &twentieths, 16, &corpus));
    uint64_t value = corpus_fingerprint(corpus);
    corpus_close(corpus);
    return value;
}

static void put_byte(const char *name, off_t offset, char byte) {
    int descriptor = open(in_folder(name), O_WRONLY);
    assert_int_equal(pwrite(descriptor, &byte, 1, offset), 1);
    close(descriptor);
}

static void test_fingerprint(void **unused) {
    (void)unused;
    enum { BYTES = 8 << 20 };
    char *text = calloc(BYTES, 1);
    assert_non_null(text);
    assert_ok(file_write(in_folder("zeros"), text, BYTES));
    free(text);
    uint64_t zeros = fingerprint("zeros");
    assert_true(fingerprint("zeros") == zeros);
    /* Any byte of a text up to 64 MiB. */
    static const off_t places[] = {0, 5000, 4 << 20, BYTES - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        put_byte("zeros", places[i], 1);
        assert_true(fingerprint("zeros") != zeros);
        put_byte("zeros", places[i], 0);
        assert_true(fingerprint("zeros") == zeros);
    }
    assert_int_equal(truncate(in_folder("zeros"), BYTES - 1), 0);
    assert_true(fingerprint("zeros") != zeros);
    /* Of a longer one, with a hole in place of bytes, any of 1024 blocks of 4096: block i begins at i / 1023 of the
     * length without the last block. */
    const off_t longer = (off_t)100 << 20;
    assert_int_equal(truncate(in_folder("zeros"), longer), 0);
    zeros = fingerprint("zeros");
    for (int block = 0; block < 1024; block += 341) {
        off_t offset = (longer - 4096) * block / 1023 + 2000;
        put_byte("zeros", offset, 1);
        assert_true(fingerprint("zeros") != zeros);
        put_byte("zeros", offset, 0);
        assert_true(fingerprint("zeros") == zeros);
    }
    put_byte("zeros", longer - 1, 1);
    assert_true(fingerprint("zeros") != zeros);
    unlink(in_folder("zeros"));
}

/* ---- files that change ---- */

enum { CHANGING_BYTES = 60000 };

static void write_letter(const char *name, char letter) {
    char text[CHANGING_BYTES];
    memset(text, letter, sizeof text);
    assert_ok(file_write(in_folder(name), text, sizeof text));
}

/* Whatever reads the second of three files fails, and says which and why; the others are read. */
static void assert_changed(const struct corpus *corpus, const char *words) {
    int32_t tokens[16], targets[16];
    unsigned char byte;
    char file[TEST_PATH_BYTES + 16];
    snprintf(file, sizeof file, "%s/three/b", folder);
    assert_fails(corpus_read(corpus, CHANGING_BYTES, 1, &byte), STATUS_FAILED, file);
    assert_non_null(strstr(status_message(), words));
    assert_fails(corpus_read(corpus, 2 * CHANGING_BYTES - 1, 1, &byte), STATUS_FAILED, file);
    assert_fails(corpus_check(corpus), STATUS_FAILED, words);
    assert_non_null(strstr(status_message(), file));
    assert_ok(corpus_read(corpus, CHANGING_BYTES - 1, 1, &byte));
    assert_int_equal(byte, 'a');
    assert_ok(corpus_read(corpus, 2 * CHANGING_BYTES, 1, &byte));
    assert_int_equal(byte, 'c');
    status outcome = STATUS_OK;
    for (int step = 0; step < 100 && outcome == STATUS_OK; step++)
        outcome = corpus_training_batch(corpus, 1, step, 1, 16, tokens, targets);
    assert_fails(outcome, STATUS_FAILED, words);
}

static void test_changed_files(void **unused) {
    (void)unused;
    static const char *const names[] = {"three/a", "three/b", "three/c"};
    struct corpus *corpus;
    assert_ok(file_make_directory(in_folder("three")));
    for (int i = 0; i < 3; i++)
        write_letter(names[i], (char)('a' + i));
    for (int change = 0; change < 5; change++) {
        write_letter("three/b", 'b');
        assert_ok(corpus_open(in_folder("three"), &twentieths, 16, &corpus));
        assert_ok(corpus_check(corpus));
        switch (change) {
        case 0:
            assert_int_equal(truncate(in_folder("three/b"), 100), 0);
            assert_changed(corpus, "went from 60000 to 100 bytes while it was in use");
            break;
        case 1:
            assert_int_equal(truncate(in_folder("three/b"), 70000), 0);
            assert_changed(corpus, "went from 60000 to 70000 bytes while it was in use");
            break;
        case 2:
            write_letter("three/b", 'x');
            assert_changed(corpus, "was replaced by another file while it was in use");
            break;
        case 3:
            usleep(20000); /* times of files have the resolution of the kernel's clock */
            put_byte("three/b", 1000, 'x');
            assert_changed(corpus, "was written to while it was in use");
            break;
        default:
            unlink(in_folder("three/b"));
            assert_changed(corpus, "any more: No such file or directory");
        }
        corpus_close(corpus);
    }
    /* What was unpacked stays. */
    char text[200];
    memset(text, 'g', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    unsigned char byte = 0;
    write_gzip("packed", text);
    assert_ok(corpus_open(in_folder("packed"), &twentieths, 2, &corpus));
    assert_int_equal(truncate(in_folder("packed"), 0), 0);
    assert_ok(corpus_check(corpus));
    assert_ok(corpus_read(corpus, 198, 1, &byte));
    assert_int_equal(byte, 'g');
    corpus_close(corpus);
}

/* More files than a process may hold open. */
static void test_many_files(void **unused) {
    (void)unused;
    enum { FILES = 2000, OPEN = 40 };
    struct rlimit before, few;
    struct corpus *corpus;
    assert_ok(file_make_directory(in_folder("thousands")));
    for (int i = 0; i < FILES; i++) {
        char name[64];
        snprintf(name, sizeof name, "thousands/%04d", i);
        FILE *file = fopen(in_folder(name), "w");
        assert_non_null(file);
        fprintf(file, "%04d", i);
        fclose(file);
    }
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = (struct rlimit){.rlim_cur = OPEN, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_ok(corpus_open(in_folder("thousands"), &twentieths, 16, &corpus));
    for (int i = 0; i < FILES; i++) {
        char expected[8], got[5] = "";
        snprintf(expected, sizeof expected, "%04d", i);
        assert_ok(corpus_read(corpus, (uint64_t)i * 4, 4, (unsigned char *)got));
        assert_string_equal(got, expected);
    }
    assert_ok(corpus_check(corpus));
    corpus_close(corpus);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),         cmocka_unit_test(test_errors),
        cmocka_unit_test(test_layout),        cmocka_unit_test(test_training_windows),
        cmocka_unit_test(test_seed_and_step), cmocka_unit_test(test_evaluation_windows),
        cmocka_unit_test(test_fingerprint),   cmocka_unit_test(test_changed_files),
        cmocka_unit_test(test_many_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
