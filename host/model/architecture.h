/* Genome -> architecture -> graph: what a genome means as a language model. */
#ifndef STARCL_MODEL_ARCHITECTURE_H
#define STARCL_MODEL_ARCHITECTURE_H

#include "genome/genome.h"
#include "model/graph.h"

enum { CHANNEL_MULTIPLE = 16, FEATURE_KERNEL = 4 };

struct model_settings {
    int width;
    int context;
    int head_channels; /* channels of an attention head */
    int vocabulary;
    int cache_context; /* tokens for which cache bytes are reported */
};

/*
 * A valid genome over the catalogue, as a graph for `batch` sequences: embedding; for each LIV h <- h +
 * out(LIV(norm(h))); final norm, output projection, cross-entropy. Fails with STATUS_USAGE where the settings do not
 * fit a class (heads that do not divide the channels).
 */
status architecture_build(const struct genome *genome, const struct catalogue *catalogue,
                          const struct model_settings *settings, int batch, struct device_shape device,
                          struct graph **graph) MUST_CHECK;

/* Channels of a feature at this width, rounded to CHANNEL_MULTIPLE. */
int feature_channels(const struct feature *feature, int width);

#endif
