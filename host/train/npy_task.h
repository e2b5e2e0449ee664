/*
 * A task from a folder of NumPy arrays, in the layout of MAD's published benchmark:
 *
 *     train/inputs.npy    [examples, tokens]     ids
 *     train/targets.npy   the same shape         ids; below 0 (there: -100): not counted
 *     test/inputs.npy     [examples, tokens]     as many tokens
 *     test/targets.npy    the same shape
 *
 * The layout has two parts, and selection must not see the one that is reported: the last tenth of train, at least one
 * example, is taken for validation and not trained on. So where train has other targets than test, as all next tokens
 * in MAD's recall, validation is on those. All is read when the task is opened; what happens to the files later does
 * not matter.
 */
#ifndef STARCL_TRAIN_NPY_TASK_H
#define STARCL_TRAIN_NPY_TASK_H

#include "train/task.h"

/* Whether the path is such a folder: it has train/inputs.npy. */
bool npy_task_at(const char *path);

/*
 * `vocabulary` and `length` are what the arrays are declared to hold: ids below the one, rows of the other; 0: what is
 * found, which is the largest id and 1. STATUS_USAGE, with the file and the place, where they hold something else.
 */
status npy_task_open(const char *path, int vocabulary, int length, struct task **task) MUST_CHECK;

#endif
