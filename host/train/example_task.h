/*
 * Tasks that are sets of separate examples, one a part: batches of them.
 *
 * A training batch draws each of its sequences from all of the training examples with equal probability. Batch `index`
 * of `count` evaluation batches takes examples index * batch .. of count * batch that are spread evenly over the part.
 */
#ifndef STARCL_TRAIN_EXAMPLE_TASK_H
#define STARCL_TRAIN_EXAMPLE_TASK_H

#include "train/task.h"

/* Where examples are from; `data` is the source's own. */
struct example_source {
    /* Example `index` of a part, int32 [context] each: the same whenever it is asked for. */
    status (*example)(const void *data, enum task_part part, int index, int32_t *tokens, int32_t *targets);
    status (*check)(const void *data); /* as those of struct task_kind */
    uint64_t (*fingerprint)(const void *data);
    void (*describe)(const void *data, struct text *text);
    void (*close)(void *data);
};

/* Takes over `data`. counts: the examples of each part, each at least 1. */
struct task *example_task_create(const struct example_source *source, const struct task_traits *traits,
                                 const int counts[TASK_PARTS], void *data);

#endif
