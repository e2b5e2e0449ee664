#include "train/task.h"

#include "base/memory.h"
#include "base/random.h"

#include <stdlib.h>

struct task {
    const struct task_kind *kind;
    struct task_traits traits;
    void *data;
};

struct task *task_create(const struct task_kind *kind, const struct task_traits *traits, void *data) {
    struct task *task = memory_allocate(1, sizeof *task);
    *task = (struct task){.kind = kind, .traits = *traits, .data = data};
    return task;
}

void task_close(struct task *task) {
    if (!task)
        return;
    task->kind->close(task->data);
    free(task);
}

const struct task_traits *task_traits(const struct task *task) {
    return &task->traits;
}

const char *task_name(const struct task *task) {
    return task->traits.name;
}

int task_vocabulary(const struct task *task) {
    return task->traits.vocabulary;
}

int task_context(const struct task *task) {
    return task->traits.context;
}

status task_training_batch(const struct task *task, uint64_t seed, int64_t step, int batch, int32_t *tokens,
                           int32_t *targets) {
    return task->kind->training_batch(task->data, seed, step, batch, tokens, targets);
}

status task_evaluation_batch(const struct task *task, enum task_part part, int index, int count, int batch,
                             int32_t *tokens, int32_t *targets) {
    return task->kind->evaluation_batch(task->data, part, index, count, batch, tokens, targets);
}

status task_check(const struct task *task) {
    return task->kind->check ? task->kind->check(task->data) : STATUS_OK;
}

uint64_t task_fingerprint(const struct task *task) {
    return task->kind->fingerprint(task->data);
}

void task_describe(const struct task *task, struct text *text) {
    task->kind->describe(task->data, text);
}

void task_list_close(struct task_list *list) {
    for (int i = 0; i < list->count; i++)
        task_close(list->tasks[i]);
    list->count = 0;
}

status task_list_check(const struct task_list *list) {
    for (int i = 0; i < list->count; i++)
        TRY(task_check(list->tasks[i]));
    return STATUS_OK;
}

uint64_t task_list_fingerprint(const struct task_list *list) {
    if (list->count == 1)
        return task_fingerprint(list->tasks[0]);
    uint64_t hash = HASH_START;
    for (int i = 0; i < list->count; i++)
        hash = hash_number(hash_text(hash, task_name(list->tasks[i])), task_fingerprint(list->tasks[i]));
    return hash;
}
