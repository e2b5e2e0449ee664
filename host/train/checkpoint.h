/*
 * Weights on disk: a safetensors file (github.com/huggingface/safetensors: 8 bytes of header length, a JSON header, the
 * tensors) with the parameters under their names, and beside it the architecture as JSON.
 */
#ifndef STARCL_TRAIN_CHECKPOINT_H
#define STARCL_TRAIN_CHECKPOINT_H

#include "model/architecture.h"
#include "model/model.h"

#include <cJSON.h>

/* Writes all parameters, float32, little endian; waits for the device. The file appears complete or not at all. */
status checkpoint_write_weights(struct model *model, const char *path) MUST_CHECK;

/*
 * The graph as JSON: "genome", "model" (settings), "classes", "values" (parameters and activations with shapes for one
 * sequence batch) and "nodes" (operator, attributes, inputs and outputs as indices of values). The caller deletes it.
 */
cJSON *checkpoint_architecture(const struct graph *graph, const struct genome *genome,
                               const struct catalogue *catalogue, const struct model_settings *settings);
status checkpoint_write_architecture(const struct graph *graph, const struct genome *genome,
                                     const struct catalogue *catalogue, const struct model_settings *settings,
                                     const char *path) MUST_CHECK;

#endif
