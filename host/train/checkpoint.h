/*
 * What training leaves on disk: weights (safetensors, parameters under their names), the architecture (JSON, the graph
 * node by node), and the state that training goes on from.
 */
#ifndef STARCL_TRAIN_CHECKPOINT_H
#define STARCL_TRAIN_CHECKPOINT_H

#include "model/architecture.h"
#include "model/model.h"
#include "train/trainer.h"

#include <cJSON.h>

/*
 * Writes all parameters; waits for the device. The file appears complete or not at all. Here and below, tensors pass
 * one by one: the host needs memory for the largest.
 */
status checkpoint_write_weights(struct model *model, const char *path) MUST_CHECK;
/*
 * Fills the parameters of a model from such a file; every one must be there with its shape, or nothing is filled. Where
 * the file or the device fails half-way, some are filled.
 */
status checkpoint_read_weights(struct model *model, const char *path) MUST_CHECK;

/*
 * The graph as JSON: "version" (of the format, below), "genome", "model" (settings), "livs" (their classes), "values"
 * (name, role, shape; of parameters also rate, the multiple of the learning rate) and "nodes" (operator, attributes,
 * inputs and outputs as indices of values); "tokens", "targets", "logits" and "loss" are indices.
 */
enum { CHECKPOINT_ARCHITECTURE_VERSION = 1 }; /* files without one are of version 1 too */
status checkpoint_write_architecture(const struct graph *graph, const struct genome *genome,
                                     const struct catalogue *catalogue, const struct model_settings *settings,
                                     const char *path) MUST_CHECK;
/*
 * The graph of such a file, for another batch, context and reach. The file may come from anyone: it is refused with
 * what is wrong and where (checkpoint_graph.c says what is asked of it), or gives a graph that can be planned and run
 * on the ids of bytes. Values that are computed have the names of the file, where they have any.
 */
status checkpoint_read_graph(const char *path, int batch, int context, int reach, struct device_shape device,
                             struct graph **graph) MUST_CHECK;

/*
 * What people call such a file's model. Texts of the file in visible ASCII, cut where they are long and "" where there
 * are none: they are to be shown, and nothing is known of them.
 */
struct checkpoint_names {
    char genome[GENOME_TEXT_BYTES + sizeof "..."];
    int count;
    struct {
        char title[24];     /* "SA-1" */
        char operator[112]; /* "low-rank token mixing, mask causal, nonlinearity softmax, grouped channel mixing" */
    } livs[GENOME_MAX_DEPTH];
};
status checkpoint_read_names(const char *path, struct checkpoint_names *names) MUST_CHECK;

/* The tokens of a sequence that the model of such a file was trained on. */
enum { CHECKPOINT_MOST_CONTEXT = 1 << 20 };
status checkpoint_read_context(const char *path, int *context) MUST_CHECK;

/* The state of a trainer and its model: parameters, moments of the optimiser, the loss scale where there is one, steps
 * done, the learning curve. As for weights. */
status checkpoint_write_training(struct trainer *trainer, const char *path) MUST_CHECK;
status checkpoint_read_training(struct trainer *trainer, const char *path) MUST_CHECK;

#endif
