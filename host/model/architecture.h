/* Genome -> architecture -> graph: what a genome means as a language model. */
#ifndef STARCL_MODEL_ARCHITECTURE_H
#define STARCL_MODEL_ARCHITECTURE_H

#include "genome/genome.h"
#include "model/graph.h"

enum { HEAD_COLUMNS_MULTIPLE = 4, FEATURE_KERNEL = 4 };

struct model_settings {
    int width;
    int context;       /* tokens that the graph runs on at once; 1 for decoding */
    int reach;         /* the most tokens of a sequence; 0: the context */
    int head_channels; /* channels of a head at expansion 1; divides the width */
    int vocabulary;
    int window, block;          /* tokens of banded and of blocked masks */
    int cache_context;          /* tokens for which cache bytes are reported */
    double embedding_deviation; /* of the initial embeddings of tokens; 1 is the default */
    enum dtype waits_as;        /* activations that wait for the backward pass of training */
    bool encodes;               /* the backbone is an encoder, and a decoder stands behind it (below) */
};

/*
 * A valid genome over the catalogue, as a graph for `batch` sequences: embedding; for each LIV h <- h +
 * out(LIV(norm(h))), or as the genome places norms and residuals; final norm, output projection, cross-entropy.
 *
 * An encoder (settings.encodes, for MAD's compression) has a decoder between its LIVs and the final norm, through which
 * nothing passes but the last row of each sequence, from which every token of it must be guessed:
 *
 *     h_t <- h_last + position_t        positions are learned
 *     h_t <- SiLU(norm(h_t) C) * (norm(h_t) V)     twice, of the model's width, without residual
 *
 * The published decoder has GELU of one product in place of the gate, and fixed sines as positions. Such a graph has no
 * decoding steps.
 */
status architecture_build(const struct genome *genome, const struct catalogue *catalogue,
                          const struct model_settings *settings, int batch, struct device_shape device,
                          struct graph **graph) MUST_CHECK;

/* Heads of a model, and channels of a head of a feature with this expansion: a multiple of HEAD_COLUMNS_MULTIPLE. */
int model_heads(const struct model_settings *settings);
int head_columns(const struct model_settings *settings, enum expansion expansion);

#endif
