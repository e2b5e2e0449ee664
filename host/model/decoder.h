/*
 * Decoding: a graph of context 1 run token by token, with everything that it must remember of earlier tokens.
 *
 * The caches are exactly as large as graph_cost() says for the graph's reach: rows of past features a value, however
 * many operators use it, and states of operators.
 */
#ifndef STARCL_MODEL_DECODER_H
#define STARCL_MODEL_DECODER_H

#include "model/model.h"

struct decoder;

struct decoder_options {
    /* Products read copies of their weights in float16, beside the model's float32: for few sequences at once. */
    bool half_weights;
};

/*
 * For graph->batch sequences of at most graph->reach tokens; the graph must have context 1 and outlive the decoder.
 * `options` may be NULL.
 */
status decoder_create(struct device *device, const struct graph *graph, const struct decoder_options *options,
                      struct decoder **decoder) MUST_CHECK;
void decoder_destroy(struct decoder *decoder);

/* The model whose parameters the decoder uses; write them before the first decoder_start(). */
struct model *decoder_model(struct decoder *decoder);

/* Forgets everything: the next token is the first of its sequence. */
status decoder_start(struct decoder *decoder) MUST_CHECK;

/*
 * For measuring, behind decoder_start(): the next token counts as the one behind `position` others, so a step does all
 * the work that it does there. The first call zeroes the caches; what steps put there since then stays. Fails behind
 * the reach.
 */
status decoder_seek(struct decoder *decoder, int position) MUST_CHECK;

/*
 * Takes one token of each sequence ([batch]) and, unless `logits` is NULL, waits for the logits of what follows it,
 * [batch, vocabulary]. Fails behind the reach.
 */
status decoder_step(struct decoder *decoder, const int32_t *tokens, float *logits) MUST_CHECK;

/* Device bytes of caches and states, all sequences; and of the parameters that a step reads. */
size_t decoder_cache_bytes(const struct decoder *decoder);
size_t decoder_weight_bytes(const struct decoder *decoder);

#endif
