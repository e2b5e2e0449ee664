/* The models that training and decoding are measured with. */
#ifndef STARCL_BENCH_MODELS_H
#define STARCL_BENCH_MODELS_H

#include "bench.h"
#include "model/graph.h"

struct bench_model {
    const char *name;
    const char *pattern; /* genome of the first LIVs, repeated */
    int width, depth, context, batch;
};

/* Ends with a NULL name. */
extern const struct bench_model bench_models[];

/*
 * The model as a graph for `batch` sequences of `context` tokens, that reach `reach` tokens. With the option --save its
 * architecture is written to SAVE/NAME/architecture.json.
 */
status bench_model_graph(const struct bench *bench, const struct bench_model *model, int batch, int context, int reach,
                         struct graph **graph) MUST_CHECK;

/*
 * A model that is trained on random tokens, and one step of that: forward, backward and AdamW are queued. Destroying
 * NULL does nothing.
 */
struct bench_training;
status bench_training_create(const struct bench *bench, const struct bench_model *model,
                             struct bench_training **training) MUST_CHECK;
status bench_training_queue(void *training) MUST_CHECK;
void bench_training_destroy(struct bench_training *training);

/*
 * Seconds of one training step, and its floating-point operations, a backward pass counted as two forward ones. Adds to
 * the tally (may be NULL) what a step gives the device to do.
 */
status bench_training_step(const struct bench *bench, const struct bench_model *model, double *seconds, double *flops,
                           struct launch_tally *tally) MUST_CHECK;

/* The path of a file in the folder of the model. */
const char *bench_model_file(const struct bench *bench, const struct bench_model *model, const char *file, char *path,
                             int path_bytes);

#endif
