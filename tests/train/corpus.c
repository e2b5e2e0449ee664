#include "test.h"

#include "base/file.h"
#include "train/corpus.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
    corpus_read(corpus, 0, length, bytes);
    assert_memory_equal(bytes, text, length);
    for (size_t i = 0; i + 3 <= length; i++) {
        corpus_read(corpus, i, 3, bytes);
        assert_memory_equal(bytes, text + i, 3);
    }
}

static void test_kinds(void **unused) {
    (void)unused;
    struct corpus *corpus;
    uint64_t plain;
    write_text("a.txt", "abcdefghij");
    assert_ok(corpus_open(in_folder("a.txt"), 0.4, 2, &corpus));
    check_content(corpus, "abcdefghij");
    assert_int_equal(corpus_training_bytes(corpus), 6);
    plain = corpus_fingerprint(corpus);
    corpus_close(corpus);

    /* Compressed by content, whatever the name: the same text. */
    write_gzip("packed.dz", "abcdefghij");
    assert_ok(corpus_open(in_folder("packed.dz"), 0.4, 2, &corpus));
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
    assert_ok(corpus_open(in_folder("many"), 0.4, 2, &corpus));
    check_content(corpus, "123456789");
    assert_true(corpus_fingerprint(corpus) != plain);
    corpus_close(corpus);
}

static void test_errors(void **unused) {
    (void)unused;
    struct corpus *corpus;
    write_text("short", "abcdef");
    assert_fails(corpus_open(in_folder("short"), 0.5, 3, &corpus), STATUS_USAGE,
                 "has 6 bytes, 3 of them for validation; both parts need at least 4 (model.context + 1)");
    write_text("none", "");
    assert_fails(corpus_open(in_folder("none"), 0.5, 3, &corpus), STATUS_USAGE, "has 0 bytes");
    assert_fails(corpus_open(in_folder("missing"), 0.5, 3, &corpus), STATUS_USAGE, "does not exist");
    assert_fails(corpus_open("/dev/null", 0.5, 3, &corpus), STATUS_USAGE, "is not a file or a folder");
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
    assert_fails(corpus_open(in_folder("cut.gz"), 0.5, 3, &corpus), STATUS_USAGE, "cannot unpack");
}

static void test_batches(void **unused) {
    (void)unused;
    enum { BATCH = 3, CONTEXT = 4, COUNT = BATCH * CONTEXT };
    struct corpus *corpus;
    char text[101];
    for (int i = 0; i < 100; i++)
        text[i] = (char)(' ' + i % 90);
    text[100] = '\0';
    write_text("letters", text);
    assert_ok(corpus_open(in_folder("letters"), 0.2, CONTEXT, &corpus));
    int32_t tokens[COUNT], targets[COUNT], again[COUNT], ignored[COUNT];
    int smallest = 1000, largest = 0;
    for (int step = 0; step < 500; step++) {
        corpus_training_batch(corpus, 1, step, BATCH, CONTEXT, tokens, targets);
        corpus_training_batch(corpus, 1, step, BATCH, CONTEXT, again, ignored);
        assert_memory_equal(tokens, again, sizeof tokens);
        for (int i = 0; i < COUNT; i++) {
            assert_int_equal(targets[i], tokens[i] + 1);
            smallest = tokens[i] < smallest ? tokens[i] : smallest;
            largest = targets[i] > largest ? targets[i] : largest;
        }
    }
    /* Every byte of the training part is seen, none of the validation part. */
    assert_int_equal(smallest, ' ');
    assert_int_equal(largest, ' ' + 79);
    corpus_training_batch(corpus, 1, 0, BATCH, CONTEXT, tokens, targets);
    corpus_training_batch(corpus, 2, 0, BATCH, CONTEXT, again, ignored);
    assert_memory_not_equal(tokens, again, sizeof tokens);
    for (int index = 0; index < 2; index++) {
        corpus_validation_batch(corpus, index, 2, BATCH, CONTEXT, tokens, targets);
        for (int i = 0; i < COUNT; i++)
            assert_true(text[80 + (index * BATCH + i / CONTEXT) * 16 / 6 + i % CONTEXT] == tokens[i]);
    }
    corpus_close(corpus);
}

static void test_schedule(void **unused) {
    (void)unused;
    struct train_settings settings = {.steps = 110, .warmup = 10, .learning_rate = 2, .final_rate = 0.1};
    assert_true(fabs(train_rate(&settings, 0) - 0.2) < 1e-12);
    assert_true(fabs(train_rate(&settings, 9) - 2) < 1e-12);
    assert_true(fabs(train_rate(&settings, 10) - 2) < 1e-12);
    assert_true(fabs(train_rate(&settings, 109) - 0.2) < 1e-12);
    for (int step = 11; step < 110; step++)
        assert_true(train_rate(&settings, step) < train_rate(&settings, step - 1));
    settings = (struct train_settings){.steps = 1, .warmup = 0, .learning_rate = 2, .final_rate = 0.1};
    assert_true(isfinite(train_rate(&settings, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_schedule),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
