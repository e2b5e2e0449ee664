#include "train/example_task.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

struct example_task {
    const struct example_source *source;
    int counts[TASK_PARTS], context;
    void *data;
};

static status take(const struct example_task *task, enum task_part part, int index, int place, int32_t *tokens,
                   int32_t *targets) {
    size_t row = (size_t)place * (size_t)task->context;
    return task->source->example(task->data, part, index, tokens + row, targets + row);
}

static status training_batch(const void *data, uint64_t seed, int64_t step, int batch, int32_t *tokens,
                             int32_t *targets) {
    const struct example_task *task = data;
    struct random_stream random = random_open(seed, hash_number(hash_text(HASH_START, "training"), (uint64_t)step));
    for (int i = 0; i < batch; i++) {
        int index = (int)random_below(&random, (uint32_t)task->counts[PART_TRAINING]);
        TRY(take(task, PART_TRAINING, index, i, tokens, targets));
    }
    return STATUS_OK;
}

static status evaluation_batch(const void *data, enum task_part part, int index, int count, int batch, int32_t *tokens,
                               int32_t *targets) {
    const struct example_task *task = data;
    double wanted = (double)count * batch;
    for (int i = 0; i < batch; i++) {
        /* Of integers below 2^53 the quotient is right, and below 1. */
        double way = ((double)index * batch + i) / wanted;
        TRY(take(task, part, (int)(way * task->counts[part]), i, tokens, targets));
    }
    return STATUS_OK;
}

static status check(const void *data) {
    const struct example_task *task = data;
    return task->source->check ? task->source->check(task->data) : STATUS_OK;
}

static uint64_t fingerprint(const void *data) {
    const struct example_task *task = data;
    return task->source->fingerprint(task->data);
}

static void describe(const void *data, struct text *text) {
    const struct example_task *task = data;
    task->source->describe(task->data, text);
    text_append(text, "; %d sequences of %d tokens for training, %d for validation, %d for test",
                task->counts[PART_TRAINING], task->context, task->counts[PART_VALIDATION], task->counts[PART_TEST]);
}

static void close_task(void *data) {
    struct example_task *task = data;
    task->source->close(task->data);
    free(task);
}

static const struct task_kind example_kind = {.training_batch = training_batch,
                                              .evaluation_batch = evaluation_batch,
                                              .check = check,
                                              .fingerprint = fingerprint,
                                              .describe = describe,
                                              .close = close_task};

struct task *example_task_create(const struct example_source *source, const struct task_traits *traits,
                                 const int counts[TASK_PARTS], void *data) {
    struct example_task *task = memory_allocate(1, sizeof *task);
    *task = (struct example_task){.source = source, .context = traits->context, .data = data};
    memcpy(task->counts, counts, sizeof task->counts);
    return task_create(&example_kind, traits, task);
}
