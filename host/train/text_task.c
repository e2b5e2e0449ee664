#include "train/text_task.h"

#include "base/memory.h"

#include <stdlib.h>

struct text_task {
    struct corpus *corpus;
    int context;
    char *path;
};

static status training_batch(const void *data, uint64_t seed, int64_t step, int batch, int32_t *tokens,
                             int32_t *targets) {
    const struct text_task *text = data;
    return corpus_training_batch(text->corpus, seed, step, batch, text->context, tokens, targets);
}

static status evaluation_batch(const void *data, enum task_part part, int index, int count, int batch, int32_t *tokens,
                               int32_t *targets) {
    const struct text_task *text = data;
    return corpus_evaluation_batch(text->corpus, part, index, count, batch, text->context, tokens, targets);
}

static status check(const void *data) {
    return corpus_check(((const struct text_task *)data)->corpus);
}

static uint64_t fingerprint(const void *data) {
    return corpus_fingerprint(((const struct text_task *)data)->corpus);
}

static void describe(const void *data, struct text *text) {
    const struct text_task *task = data;
    char all[TEXT_NUMBER_BYTES], parts[TASK_PARTS][TEXT_NUMBER_BYTES];
    for (int part = 0; part < TASK_PARTS; part++)
        text_bytes(parts[part], (double)corpus_part_bytes(task->corpus, (enum task_part)part));
    text_append(text, "%s: %s; %s for training, %s for validation, %s for test", task->path,
                text_bytes(all, (double)corpus_bytes(task->corpus)), parts[PART_TRAINING], parts[PART_VALIDATION],
                parts[PART_TEST]);
}

static void close_text(void *data) {
    struct text_task *text = data;
    corpus_close(text->corpus);
    free(text->path);
    free(text);
}

static const struct task_kind text_kind = {.training_batch = training_batch,
                                           .evaluation_batch = evaluation_batch,
                                           .check = check,
                                           .fingerprint = fingerprint,
                                           .describe = describe,
                                           .close = close_text};

status text_task_open(const char *path, const struct corpus_split *split, int context, struct task **task) {
    struct corpus *corpus;
    *task = NULL;
    TRY(corpus_open(path, split, context, &corpus));
    struct text_task *text = memory_allocate(1, sizeof *text);
    *text = (struct text_task){.corpus = corpus, .context = context, .path = memory_copy_text(path)};
    struct task_traits traits = {.name = "text", .vocabulary = CORPUS_VOCABULARY, .context = context, .is_text = true};
    *task = task_create(&text_kind, &traits, text);
    return STATUS_OK;
}
