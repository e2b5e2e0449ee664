/* Sampling text from a decoder. */
#ifndef STARCL_TRAIN_GENERATE_H
#define STARCL_TRAIN_GENERATE_H

#include "base/random.h"
#include "model/decoder.h"

struct generate_settings {
    int tokens;         /* to make */
    double temperature; /* 0: always the likeliest */
    int top_k;          /* choose among the likeliest k; 0: among all */
    uint64_t seed;
};

/*
 * Reads the prompt (ids below the vocabulary, at least one) and makes tokens behind it, telling each; one sequence.
 * prompt + tokens must not exceed the decoder's reach. STATUS_INTERRUPTED when the user asked to stop.
 */
status generate(struct decoder *decoder, const int32_t *prompt, int prompt_tokens,
                const struct generate_settings *settings, void (*tell)(void *context, int32_t token),
                void *context) MUST_CHECK;

/* Draws from softmax(logits / temperature) over the top k; exposed for its test. */
int sample_token(const float *logits, int count, double temperature, int top_k, struct random_stream *random);

#endif
