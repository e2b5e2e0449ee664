/*
 * .npy files and folders of them: files are made here byte by byte, in every type and byte order; hostile ones are
 * refused with what is wrong; and what a task gives is what lies in the arrays.
 */
#include "test.h"

#include "base/file.h"
#include "train/npy.h"
#include "train/npy_task.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 32];

static int set_up(void **unused) {
    (void)unused;
    int outcome = test_make_folder(folder);
    snprintf(path, sizeof path, "%s/array.npy", folder);
    return outcome;
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

/* ---- making files ---- */

struct bytes {
    unsigned char at[4096];
    size_t length;
};

static void add(struct bytes *file, const void *bytes, size_t length) {
    assert_true(file->length + length <= sizeof file->at);
    memcpy(file->at + file->length, bytes, length);
    file->length += length;
}

/* As numpy.save() does: the header ends with a line break at a multiple of 64 bytes. */
static struct bytes header(int version, const char *dictionary) {
    struct bytes file = {.length = 0};
    size_t prefix = version == 1 ? 10 : 12, padded = (prefix + strlen(dictionary) + 1 + 63) / 64 * 64 - prefix;
    unsigned char start[] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0},
                  size[] = {(unsigned char)padded, (unsigned char)(padded >> 8), 0, 0};
    add(&file, start, sizeof start);
    add(&file, size, version == 1 ? 2 : 4);
    add(&file, dictionary, strlen(dictionary));
    while (file.length < prefix + padded - 1)
        add(&file, " ", 1);
    add(&file, "\n", 1);
    return file;
}

/* An integer of so many bytes, the lowest first, or last. */
static void add_integer(struct bytes *file, int64_t value, int bytes, bool is_big_endian) {
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)((uint64_t)value >> (8 * (is_big_endian ? bytes - 1 - i : i)));
        add(file, &byte, 1);
    }
}

/* Not by file_write(), which waits for the disk. */
static void write_file(const char *to, const struct bytes *file) {
    FILE *stream = fopen(to, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(file->at, 1, file->length, stream), file->length);
    assert_int_equal(fclose(stream), 0);
}

/* ---- reading ---- */

static void test_types(void **unused) {
    (void)unused;
    static const struct {
        const char *descr;
        int bytes;
        int64_t values[6];
    } types[] = {
        {"<i8", 8, {0, -100, 2147483647, -2147483648, 255, -1}},
        {">i8", 8, {0, -100, 2147483647, -2147483648, 255, -1}},
        {"<i4", 4, {0, -100, 2147483647, -2147483648, 255, -1}},
        {">i4", 4, {0, -100, 2147483647, -2147483648, 255, -1}},
        {"<i2", 2, {0, -100, 32767, -32768, 255, -1}},
        {">u2", 2, {0, 100, 32767, 65535, 255, 256}},
        {"|i1", 1, {0, -100, 127, -128, 5, -1}},
        {"|u1", 1, {0, 100, 127, 255, 128, 1}},
        {"<u4", 4, {0, 100, 2147483647, 65536, 128, 1}},
        {"<u8", 8, {0, 100, 2147483647, 65536, 128, 1}},
    };
    for (int version = 1; version <= 3; version++) {
        for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
            char dictionary[128];
            struct npy array;
            snprintf(dictionary, sizeof dictionary, "{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }",
                     types[i].descr);
            struct bytes file = header(version, dictionary);
            for (int v = 0; v < 6; v++)
                add_integer(&file, types[i].values[v], types[i].bytes, types[i].descr[0] == '>');
            write_file(path, &file);
            assert_ok(npy_read(path, &array));
            assert_int_equal(array.rows, 2);
            assert_int_equal(array.columns, 3);
            for (int v = 0; v < 6; v++)
                if (array.values[v] != types[i].values[v])
                    fail_test("%s: %d instead of %lld", types[i].descr, array.values[v], (long long)types[i].values[v]);
            npy_free(&array);
        }
    }
}

static void refused(const struct bytes *file, const char *words) {
    struct npy array;
    write_file(path, file);
    assert_fails(npy_read(path, &array), STATUS_USAGE, words);
    assert_non_null(strstr(status_message(), path));
    assert_null(array.values);
}

/* A dictionary, in front of 48 bytes of zeros. */
static void refused_header(const char *dictionary, const char *words) {
    struct bytes file = header(1, dictionary);
    for (int i = 0; i < 48; i++)
        add(&file, "", 1);
    refused(&file, words);
}

static void test_hostile_headers(void **unused) {
    (void)unused;
    static const char order[] = "'fortran_order': False", shape[] = "'shape': (2, 3)", descr[] = "'descr': '<i8'";
    char text[256];
    refused_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
                   "holds elements of type '<f4'; integers are expected");
    refused_header("{'descr': '|b1', 'fortran_order': False, 'shape': (2, 3), }", "type '|b1'");
    refused_header("{'descr': '|i8', 'fortran_order': False, 'shape': (2, 3), }", "type '|i8'");
    refused_header("{'descr': '<i8', 'fortran_order': True, 'shape': (2, 3), }", "is in Fortran order");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (6,), }", "has 1 dimensions; two are expected");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", "has 0 dimensions");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 2, 3), }", "has 3 dimensions");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (0, 3), }", "is empty: its shape is (0, 3)");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 4), }",
                   "has 48 bytes of elements; its shape (2, 4) and type '<i8' say 64");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 2), }", "say 32");
    /* 2^32 x 2^32 elements of 8 bytes are 2^67, and 2^31 - 1 is the most that is counted. */
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
                   "at most 2147483647 elements");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2147483647, 2), }", "at most 2147483647");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (99999999999999999999, 1), }", "is damaged");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (-2, 3), }", "is damaged");
    refused_header("{'descr': [('a', '<i8')], 'fortran_order': False, 'shape': (2, 3), }", "is damaged or of another");
    refused_header("{'descr': '<i8', 'fortran_order': 0, 'shape': (2, 3), }", "is damaged");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3, }", "is damaged");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3)", "is damaged");
    refused_header("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3)} x", "is damaged");
    refused_header("{'descr: '<i8', 'fortran_order': False, 'shape': (2, 3)}", "is damaged");
    refused_header("{'descr': '<i8-and-much-more-text', 'fortran_order': False, 'shape': (2, 3)}", "is damaged");
    refused_header("", "is damaged");
    refused_header("{}", "is damaged");
    /* Each key once. */
    const char *entries[] = {descr, order, shape};
    for (int left_out = 0; left_out < 3; left_out++) {
        snprintf(text, sizeof text, "{%s, %s}", entries[(left_out + 1) % 3], entries[(left_out + 2) % 3]);
        refused_header(text, "must be a dictionary of 'descr' (a text), 'fortran_order' and 'shape'");
        snprintf(text, sizeof text, "{%s, %s, %s, %s}", descr, order, shape, entries[left_out]);
        refused_header(text, "is damaged");
    }
}

static void test_hostile_files(void **unused) {
    (void)unused;
    struct bytes file = header(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2, 3), }"), whole, other;
    struct npy array;
    for (int i = 0; i < 6; i++)
        add_integer(&file, i, 8, false);
    whole = file;
    /* Cut anywhere, or with a byte more. */
    for (file.length = 0; file.length < whole.length; file.length++)
        refused(&file, file.length < 10 ? "is no .npy file" : "");
    file = whole;
    add(&file, "x", 1);
    refused(&file, "has 49 bytes of elements");
    /* Any byte of the header another: refused, or the same numbers, and nothing beyond the file is read. */
    for (size_t at = 0; at < 128; at++) {
        for (int bit = 0; bit < 8; bit++) {
            other = whole;
            other.at[at] = (unsigned char)(other.at[at] ^ 1 << bit);
            write_file(path, &other);
            if (npy_read(path, &array) == STATUS_OK)
                npy_free(&array);
        }
    }
    other = whole;
    other.at[6] = 4;
    refused(&other, "is of version 4.0 of the .npy format; 1.0, 2.0 and 3.0 can be read");
    other = whole;
    other.at[0] = 'N';
    refused(&other, "does not begin with \\x93NUMPY");
    other = whole;
    other.at[9] = 255;
    refused(&other, "its header is said to have 65398 bytes");
    /* A value that does not fit, with its place. */
    other = whole;
    memset(other.at + whole.length - 16, 0, 16);
    other.at[whole.length - 16 + 4] = 1;
    refused(&other, "row 1, column 1 (counted from 0) is 4294967296; values must fit 32 bits");
    memset(other.at + whole.length - 16, 255, 8);
    other.at[whole.length - 16 + 3] = 0;
    refused(&other, "row 1, column 1 (counted from 0) is -4278190081");
    assert_fails(npy_read(folder, &array), STATUS_USAGE, "is not a file");
    snprintf(path, sizeof path, "%s/none.npy", folder);
    assert_fails(npy_read(path, &array), STATUS_USAGE, "No such file");
}

/* ---- folders ---- */

enum { ROWS = 25, COLUMNS = 5 };

/* Row r of an array that is told apart by `salt`; targets of column 0 are not counted. */
static int value_of(int salt, int row, int column) {
    return salt % 2 == 1 && column == 0 ? -100 : (7 * row + 3 * column + salt) % 30;
}

static const char *const names[] = {"train/inputs.npy", "train/targets.npy", "test/inputs.npy", "test/targets.npy"};

static void write_array(int array, int rows, int columns) {
    char dictionary[128];
    snprintf(path, sizeof path, "%s/%s", folder, names[array]);
    snprintf(dictionary, sizeof dictionary, "{'descr': '<i4', 'fortran_order': False, 'shape': (%d, %d), }", rows,
             columns);
    struct bytes file = header(1, dictionary);
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            add_integer(&file, value_of(array, row, column), 4, false);
    write_file(path, &file);
}

static void write_arrays(void) {
    static const char *const folders[] = {"train", "test"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        assert_ok(file_make_directory(path));
    }
    for (int array = 0; array < 4; array++)
        write_array(array, array < 2 ? ROWS : 10, COLUMNS);
}

/* Which row of train, or test, a sequence is; its targets must be that row's. */
static int row_of(int salt, int rows, const int32_t *tokens, const int32_t *targets) {
    for (int row = 0; row < rows; row++) {
        bool equal = true;
        for (int c = 0; c < COLUMNS; c++)
            equal = equal && tokens[c] == value_of(salt, row, c) && targets[c] == value_of(salt + 1, row, c);
        if (equal)
            return row;
    }
    fail_test("a sequence is in no row");
    return -1;
}

static void test_folder(void **unused) {
    (void)unused;
    enum { BATCH = 64 };
    int32_t tokens[BATCH * COLUMNS], targets[BATCH * COLUMNS];
    bool seen[ROWS] = {false};
    struct task *task;
    assert_false(npy_task_at(folder));
    write_arrays();
    assert_true(npy_task_at(folder));
    assert_ok(npy_task_open(folder, 0, 0, &task));
    assert_int_equal(task_context(task), COLUMNS);
    assert_int_equal(task_vocabulary(task), 30);
    for (int step = 0; step < 10; step++) {
        assert_ok(task_training_batch(task, 1, step, BATCH, tokens, targets));
        for (int i = 0; i < BATCH; i++)
            seen[row_of(0, ROWS, tokens + i * COLUMNS, targets + i * COLUMNS)] = true;
    }
    for (int row = 0; row < ROWS; row++) /* the last tenth, two rows, is for validation */
        assert_int_equal(seen[row], row < 23);
    assert_ok(task_evaluation_batch(task, PART_VALIDATION, 0, 1, 2, tokens, targets));
    assert_int_equal(row_of(0, ROWS, tokens, targets), 23);
    assert_int_equal(row_of(0, ROWS, tokens + COLUMNS, targets + COLUMNS), 24);
    for (int index = 0; index < 2; index++) {
        assert_ok(task_evaluation_batch(task, PART_TEST, index, 2, 5, tokens, targets));
        for (int i = 0; i < 5; i++)
            assert_int_equal(row_of(2, 10, tokens + i * COLUMNS, targets + i * COLUMNS), 5 * index + i);
    }
    uint64_t fingerprint = task_fingerprint(task);
    task_close(task);
    write_array(3, 11, COLUMNS); /* another text, if by a row */
    write_array(2, 11, COLUMNS);
    assert_ok(npy_task_open(folder, 0, 0, &task));
    assert_true(task_fingerprint(task) != fingerprint);
    task_close(task);
    assert_ok(npy_task_open(folder, 64, COLUMNS, &task));
    assert_int_equal(task_vocabulary(task), 64);
    task_close(task);
}

static void test_folder_refusals(void **unused) {
    (void)unused;
    struct task *task;
    write_arrays();
    assert_fails(npy_task_open(folder, 20, 0, &task), STATUS_USAGE,
                 "train/inputs.npy: row 2, column 2 (counted from 0) is 20; ids from 0 to 19 are expected");
    assert_fails(npy_task_open(folder, 0, 6, &task), STATUS_USAGE,
                 "train/inputs.npy has rows of 5 tokens; 6 are expected, as data.mad.length says");
    write_array(2, 10, COLUMNS + 1);
    assert_fails(npy_task_open(folder, 0, 0, &task), STATUS_USAGE,
                 "test/inputs.npy has rows of 6 tokens; 5 are expected, as train/inputs.npy");
    write_array(2, 9, COLUMNS);
    assert_fails(npy_task_open(folder, 0, 0, &task), STATUS_USAGE,
                 "test/targets.npy has 10 rows; 9 are expected, as in test/inputs.npy");
    write_array(0, 1, COLUMNS);
    write_array(1, 1, COLUMNS);
    write_array(2, 10, COLUMNS);
    assert_fails(npy_task_open(folder, 0, 0, &task), STATUS_USAGE, "train/inputs.npy has one row");
    /* One token, whose target is not counted anywhere. */
    for (int array = 0; array < 4; array++)
        write_array(array, 20, 1);
    assert_fails(npy_task_open(folder, 0, 0, &task), STATUS_USAGE,
                 "train/targets.npy: no target of the rows for training is 0 or above");
    /* Targets in the place of inputs. */
    write_arrays();
    char inputs[sizeof path], targets[sizeof path];
    snprintf(inputs, sizeof inputs, "%s/test/inputs.npy", folder);
    snprintf(targets, sizeof targets, "%s/test/targets.npy", folder);
    assert_int_equal(rename(targets, inputs), 0);
    assert_fails(npy_task_open(folder, 0, 0, &task), STATUS_USAGE, "test/targets.npy: No such file");
    write_array(3, 10, COLUMNS);
    assert_fails(npy_task_open(folder, 0, 0, &task), STATUS_USAGE,
                 "test/inputs.npy: row 0, column 0 (counted from 0) is -100; ids from 0 to 29 are expected");
    assert_null(task);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),  cmocka_unit_test(test_hostile_headers), cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_folder), cmocka_unit_test(test_folder_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
