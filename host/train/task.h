/*
 * A task: what a model is trained on and measured by, as batches of token ids and targets.
 *
 *     tokens    5  2  9  5  2  9  1      ids below the vocabulary, `context` of them a sequence
 *     targets   2  9  5  2 -1 -1 -1      what the model is to say at each place; below 0: this place is not counted
 *
 * Text is one (next byte), the synthetic tasks of MAD are others (mad.h), folders of NumPy arrays are a third (npy.h).
 * A task gives its vocabulary and context, which the model takes, and says whether its loss is bits a byte.
 *
 * A kind of task is a row of functions (struct task_kind). A task that has separate examples gives only those, and
 * example_task.h makes the batches.
 */
#ifndef STARCL_TRAIN_TASK_H
#define STARCL_TRAIN_TASK_H

#include "base/status.h"
#include "base/text.h"
#include "train/part.h"

#include <stdbool.h>
#include <stdint.h>

struct task;

/* What a task is; names are those of configs ("text", "selective-copying"). */
struct task_traits {
    char name[48];
    int vocabulary; /* ids are below it */
    int context;    /* tokens of a sequence */
    bool is_text;   /* ids are bytes and targets are the next ones, so that the loss has the unit bits a byte */
    bool encodes;   /* the sequence is to be given back from its last row: model_settings.encodes */
};

/* What the functions below do; `data` is the task's own. */
struct task_kind {
    status (*training_batch)(const void *data, uint64_t seed, int64_t step, int batch, int32_t *tokens,
                             int32_t *targets);
    status (*evaluation_batch)(const void *data, enum task_part part, int index, int count, int batch, int32_t *tokens,
                               int32_t *targets);
    status (*check)(const void *data); /* NULL: nothing can change */
    uint64_t (*fingerprint)(const void *data);
    void (*describe)(const void *data, struct text *text);
    void (*close)(void *data);
};

/* Takes over `data`. */
struct task *task_create(const struct task_kind *kind, const struct task_traits *traits, void *data);
void task_close(struct task *task);

const struct task_traits *task_traits(const struct task *task);
const char *task_name(const struct task *task);
int task_vocabulary(const struct task *task);
int task_context(const struct task *task);

/*
 * Token ids and targets, int32 [batch * task_context()] each.
 *
 * A training batch depends on seed and step alone. Batch `index` of `count` evaluation batches takes sequences spread
 * evenly over the part, none twice unless the part has fewer than count * batch.
 */
status task_training_batch(const struct task *task, uint64_t seed, int64_t step, int batch, int32_t *tokens,
                           int32_t *targets) MUST_CHECK;
status task_evaluation_batch(const struct task *task, enum task_part part, int index, int count, int batch,
                             int32_t *tokens, int32_t *targets) MUST_CHECK;

/* Fails, naming the file, where the data is no longer what it was when the task was opened. */
status task_check(const struct task *task) MUST_CHECK;
/* Tells whether a run goes on with the data that it started with. */
uint64_t task_fingerprint(const struct task *task);
/* Appends where the data is from and how much of it each part has, as a person reads it: "text.gz: 1.2 MiB; ...". */
void task_describe(const struct task *task, struct text *text);

/* ---- several ---- */

/* The tasks that one candidate is trained on, once for each. */
enum { TASKS_MOST = 8 };
struct task_list {
    int count;
    struct task *tasks[TASKS_MOST];
};

void task_list_close(struct task_list *list);
/* The first failure of task_check(), and a fingerprint of them all; of one task its own. */
status task_list_check(const struct task_list *list) MUST_CHECK;
uint64_t task_list_fingerprint(const struct task_list *list);

#endif
