#include "train/npy_task.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "train/example_task.h"
#include "train/npy.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIN_INPUTS, TRAIN_TARGETS, TEST_INPUTS, TEST_TARGETS, ARRAYS };
static const char *const names[ARRAYS] = {"train/inputs.npy", "train/targets.npy", "test/inputs.npy",
                                          "test/targets.npy"};

/* Ids of a vocabulary are counted where tables of so many rows are built. */
enum { MOST_VOCABULARY = 1 << 24 };

struct npy_task {
    char *path;
    struct npy arrays[ARRAYS];
    int vocabulary, training_rows; /* the first rows of train */
};

static const char *path_of(const char *folder, int array, char path[PATH_MAX]) {
    snprintf(path, PATH_MAX, "%.*s/%s", PATH_MAX - 32, folder, names[array]);
    return path;
}

bool npy_task_at(const char *path) {
    char inputs[PATH_MAX];
    return file_exists(path_of(path, TRAIN_INPUTS, inputs));
}

/* ---- checking ---- */

static status check_shapes(const struct npy_task *task, int length) {
    char path[PATH_MAX];
    for (int a = 0; a < ARRAYS; a++) {
        const struct npy *array = &task->arrays[a], *inputs = &task->arrays[a - a % 2];
        int columns = length ? length : task->arrays[TRAIN_INPUTS].columns;
        path_of(task->path, a, path);
        if (array->columns != columns)
            return fail_usage("%s has rows of %d tokens; %d are expected, as %s", path, array->columns, columns,
                              length ? "data.mad.length says" : names[TRAIN_INPUTS]);
        if (array->rows != inputs->rows)
            return fail_usage("%s has %d rows; %d are expected, as in %s", path, array->rows, inputs->rows,
                              names[a - a % 2]);
    }
    if (task->arrays[TRAIN_INPUTS].rows < 2)
        return fail_usage("%s has one row; at least two are needed, of which the last tenth is for validation",
                          path_of(task->path, TRAIN_INPUTS, path));
    return STATUS_OK;
}

/* Ids from `least` to vocabulary - 1. */
static status check_ids(const struct npy_task *task, int a, bool negative_allowed, int32_t vocabulary) {
    const struct npy *array = &task->arrays[a];
    char path[PATH_MAX];
    size_t count = (size_t)array->rows * (size_t)array->columns;
    for (size_t i = 0; i < count; i++) {
        int32_t id = array->values[i];
        if (id < vocabulary && (id >= 0 || negative_allowed))
            continue;
        return fail_usage("%s: row %zu, column %zu (counted from 0) is %d; ids from 0 to %d are expected%s",
                          path_of(task->path, a, path), i / (size_t)array->columns, i % (size_t)array->columns, id,
                          vocabulary - 1, negative_allowed ? ", or below 0 for what is not counted" : "");
    }
    return STATUS_OK;
}

/* Whether rows first .. behind - 1 have a counted target. */
static bool any_counted(const struct npy *targets, int first, int behind) {
    for (size_t i = (size_t)first * (size_t)targets->columns; i < (size_t)behind * (size_t)targets->columns; i++)
        if (targets->values[i] >= 0)
            return true;
    return false;
}

static status check_counted(const struct npy_task *task) {
    const struct npy *train = &task->arrays[TRAIN_TARGETS], *test = &task->arrays[TEST_TARGETS];
    char path[PATH_MAX];
    bool trained = any_counted(train, 0, task->training_rows),
         validated = any_counted(train, task->training_rows, train->rows), tested = any_counted(test, 0, test->rows);
    if (trained && validated && tested)
        return STATUS_OK;
    return fail_usage("%s: no target of %s is 0 or above, so that none is counted",
                      path_of(task->path, trained && validated ? TEST_TARGETS : TRAIN_TARGETS, path),
                      !trained     ? "the rows for training"
                      : !validated ? "the last tenth, for validation,"
                                   : "the file");
}

static status read_all(struct npy_task *task, int vocabulary, int length) {
    char path[PATH_MAX];
    int32_t largest = 0;
    for (int a = 0; a < ARRAYS; a++) {
        TRY(npy_read(path_of(task->path, a, path), &task->arrays[a]));
        size_t count = (size_t)task->arrays[a].rows * (size_t)task->arrays[a].columns;
        for (size_t i = 0; i < count; i++)
            largest = task->arrays[a].values[i] > largest ? task->arrays[a].values[i] : largest;
    }
    TRY(check_shapes(task, length));
    task->vocabulary = vocabulary ? vocabulary : largest < MOST_VOCABULARY ? largest + 1 : MOST_VOCABULARY;
    for (int a = 0; a < ARRAYS; a++)
        TRY(check_ids(task, a, a == TRAIN_TARGETS || a == TEST_TARGETS, task->vocabulary));
    int rows = task->arrays[TRAIN_INPUTS].rows, validation = rows / 10;
    task->training_rows = rows - (validation > 0 ? validation : 1);
    return check_counted(task);
}

/* ---- the task ---- */

static status example(const void *data, enum task_part part, int index, int32_t *tokens, int32_t *targets) {
    const struct npy_task *task = data;
    int inputs = part == PART_TEST ? TEST_INPUTS : TRAIN_INPUTS, columns = task->arrays[inputs].columns;
    size_t row = (size_t)index + (part == PART_VALIDATION ? (size_t)task->training_rows : 0);
    const struct npy *from = &task->arrays[inputs];
    memcpy(tokens, from[0].values + row * (size_t)columns, (size_t)columns * sizeof *tokens);
    memcpy(targets, from[1].values + row * (size_t)columns, (size_t)columns * sizeof *targets);
    return STATUS_OK;
}

static uint64_t fingerprint(const void *data) {
    const struct npy_task *task = data;
    uint64_t hash = hash_number(HASH_START, (uint64_t)task->vocabulary);
    for (int a = 0; a < ARRAYS; a++) {
        const struct npy *array = &task->arrays[a];
        hash = hash_number(hash_number(hash, (uint64_t)array->rows), (uint64_t)array->columns);
        hash = hash_bytes(hash, array->values, (size_t)array->rows * (size_t)array->columns * sizeof *array->values);
    }
    return hash;
}

static void describe(const void *data, struct text *text) {
    const struct npy_task *task = data;
    text_append(text, "%s, vocabulary %d", task->path, task->vocabulary);
}

static void close_npy(void *data) {
    struct npy_task *task = data;
    for (int a = 0; a < ARRAYS; a++)
        npy_free(&task->arrays[a]);
    free(task->path);
    free(task);
}

static const struct example_source npy_source = {
    .example = example, .fingerprint = fingerprint, .describe = describe, .close = close_npy};

status npy_task_open(const char *path, int vocabulary, int length, struct task **task) {
    struct npy_task *npy = memory_allocate(1, sizeof *npy);
    npy->path = memory_copy_text(path);
    *task = NULL;
    status outcome = read_all(npy, vocabulary, length);
    if (outcome != STATUS_OK) {
        close_npy(npy);
        return outcome;
    }
    struct task_traits traits = {
        .name = "arrays", .vocabulary = npy->vocabulary, .context = npy->arrays[TRAIN_INPUTS].columns};
    int counts[TASK_PARTS] = {[PART_TRAINING] = npy->training_rows,
                              [PART_VALIDATION] = npy->arrays[TRAIN_INPUTS].rows - npy->training_rows,
                              [PART_TEST] = npy->arrays[TEST_INPUTS].rows};
    *task = example_task_create(&npy_source, &traits, counts, npy);
    return STATUS_OK;
}
