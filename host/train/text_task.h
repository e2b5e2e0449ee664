/* Text as a task: the next byte of a corpus (corpus.h). */
#ifndef STARCL_TRAIN_TEXT_TASK_H
#define STARCL_TRAIN_TEXT_TASK_H

#include "train/corpus.h"
#include "train/task.h"

/* Fails as corpus_open() does. */
status text_task_open(const char *path, const struct corpus_split *split, int context, struct task **task) MUST_CHECK;

#endif
