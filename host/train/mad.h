/*
 * The six synthetic tasks of MAD (Poli et al., "Mechanistic Design and Scaling of Hybrid Architectures", arXiv
 * 2403.17844), whose accuracy predicts how an architecture scales. Sequences have the form of the generators that were
 * published with it (athms/mad-lab, mad/data/instances.py), written anew.
 *
 *     task                       vocabulary  length  examples
 *     in-context-recall          16          128     12800     values of keys that were seen before
 *     fuzzy-in-context-recall    16          128     12800     keys and values of 1 to 3 tokens
 *     noisy-in-context-recall    32          128     12800     16 of the 32 are noise, every fifth pair
 *     selective-copying          16          256     12800     16 tokens among blanks, in order
 *     memorization               256         32      256       one map from keys to values, for all sequences
 *     compression                16          32      12800     the last row must give the sequence back
 *
 * Evaluation counts only the targets that can be known. In training all next tokens are targets where a sequence
 * holds its own answers, which are the three tasks of recall; in the other three the answers are not in the sequence,
 * and the same targets are counted as in evaluation.
 *
 * Every example is a function of task, settings, part and index. As published, there is a fixed set of training
 * examples; validation and test have MAD_EVALUATION_EXAMPLES each, drawn apart from it and from each other.
 */
#ifndef STARCL_TRAIN_MAD_H
#define STARCL_TRAIN_MAD_H

#include "train/task.h"

enum mad_kind {
    MAD_IN_CONTEXT_RECALL,
    MAD_FUZZY_IN_CONTEXT_RECALL,
    MAD_NOISY_IN_CONTEXT_RECALL,
    MAD_SELECTIVE_COPYING,
    MAD_MEMORIZATION,
    MAD_COMPRESSION,
    MAD_KINDS
};
extern const char *const mad_names[MAD_KINDS]; /* as in the table */

enum { MAD_EVALUATION_EXAMPLES = 1280, MAD_NOISE_TOKENS = 16, MAD_MOST_LENGTH = 65536 };

struct mad_settings {
    int vocabulary, length, examples; /* examples: for training */
    double noise;                     /* share of pairs that are noise; of noisy recall */
    int copy_tokens;                  /* of selective copying */
};

/* `asked` with what was published for the task where it is 0. STATUS_USAGE, with the task's name, where it cannot be.
 */
status mad_resolve(enum mad_kind kind, const struct mad_settings *asked, struct mad_settings *settings) MUST_CHECK;

/* Tokens of a sequence that a model sees. Of recall that is one less than the length: the last is only a target. */
int mad_context(enum mad_kind kind, const struct mad_settings *settings);

/* Resolves the settings and makes the task. */
status mad_task_open(enum mad_kind kind, const struct mad_settings *asked, struct task **task) MUST_CHECK;

#endif
