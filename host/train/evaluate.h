/*
 * How well trained weights predict a text: every byte but the first is predicted once, from what stands before it.
 *
 * The text is covered by windows of `context` bytes that begin `stride` bytes apart. Of the first window every
 * prediction counts, of the others the last `stride`, so that each has at least context - stride bytes before it:
 *
 *     text        . 1 2 3 4 5 6 7 8 9 ...       context 4, stride 2; + is a prediction that counts
 *     window 0    + + + +
 *     window 1        - - + +
 *     window 2            - - + +
 *
 * A stride of the whole context is fastest, and charges the model for windows that begin with nothing before them
 * (Press, Smith and Lewis, "Shortformer", 2021, compare both). Losses of neighbouring bytes depend on each other, so
 * their standard error is that of means over 32 long parts of the text (batch means).
 */
#ifndef STARCL_TRAIN_EVALUATE_H
#define STARCL_TRAIN_EVALUATE_H

#include "device/device.h"
#include "train/source.h"
#include "train/written_text.h"

struct evaluate_settings {
    int context, stride; /* bytes, 1 <= stride <= context; 0: that of training, and half of it */
    uint64_t bytes;      /* of the text's beginning, at least 2; 0: all */
};

struct text_score {
    int context, stride;
    uint64_t bytes; /* that were predicted */
    uint64_t words; /* runs of what is not white space */
    double bits;    /* a byte, their mean */
    double error;   /* standard error of bits, by means over consecutive parts of the text; NaN where it is too short */
    double byte_perplexity, word_perplexity; /* 2^bits; 2^(bits bytes / words), infinite without words */
};

/* STATUS_USAGE where settings and text do not fit; STATUS_INTERRUPTED when the user asked to stop. */
status evaluate_text(struct device *device, const struct checkpoint_files *files, const struct source *source,
                     const struct evaluate_settings *settings, struct text_score *score) MUST_CHECK;

#endif
