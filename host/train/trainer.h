/* Training one model on a corpus, and measuring it. */
#ifndef STARCL_TRAIN_TRAINER_H
#define STARCL_TRAIN_TRAINER_H

#include "model/model.h"
#include "train/corpus.h"

struct optimiser;

struct train_settings {
    int64_t steps;
    int batch; /* sequences a step; a multiple of the graph's, which runs as often as that takes */
    double learning_rate;
    int64_t warmup;    /* steps of linear warm-up; then cosine decay */
    double final_rate; /* share of the learning rate at the last step */
    double weight_decay;
    double clip;
    int validation_batches; /* of an evaluation, whichever part it is on */
};

/* Told every few steps; loss is the training loss of the last step, in nats. */
struct train_observer {
    void (*tell)(void *context, int64_t step, int64_t steps, double loss);
    void *context;
};

struct train_result {
    double validation_loss; /* nats a token */
    double test_loss;       /* nats a token */
    double training_loss;   /* nats a token, mean over the last tenth of the steps */
    double tokens_per_second;
    size_t peak_bytes; /* device memory while training */
};

/* The learning rate of step 0 .. steps - 1. */
double train_rate(const struct train_settings *settings, int64_t step);

struct trainer;

/* Tokens are counted in int on the device: a step has at most so many. */
#define TRAIN_MOST_TOKENS INT32_MAX

/* Fails where a step of `batch` sequences of `context` tokens has more than that. */
status train_check_step(int batch, int context) MUST_CHECK;

/*
 * The device memory, in bytes, that a trainer and its model take at most when they train the graph with `batch`
 * sequences a step. Nothing is allocated to tell.
 */
status trainer_bytes(struct device *device, const struct graph *graph, int batch, size_t *bytes) MUST_CHECK;

/*
 * Trains `model` from its current parameters; settings are copied, model and corpus must outlive the trainer. `seed`
 * names the batches, each of which depends on its step alone: training that goes on from a saved state is, bit for bit,
 * training that was never interrupted. Where the graph is for a part of the batch, the parts run one after the other
 * and their gradients add up to that of the mean loss; evaluation batches run alike.
 */
status trainer_create(struct model *model, const struct corpus *corpus, const struct train_settings *settings,
                      uint64_t seed, struct trainer **trainer) MUST_CHECK;
void trainer_destroy(struct trainer *trainer);

/*
 * Steps until `until` are done. Fails when a loss is not finite or training diverges, with the step, and when the text
 * has changed (corpus_check() tells this failure from others); STATUS_INTERRUPTED when the user asked to stop, between
 * two steps.
 */
status trainer_run(struct trainer *trainer, int64_t until, const struct train_observer *observer) MUST_CHECK;

/* Mean loss over validation_batches batches of a part of the text, in nats; waits for the device. */
status trainer_evaluate(struct trainer *trainer, enum corpus_part part, double *loss) MUST_CHECK;

/* Steps done, and the speed and losses of this trainer so far; validation_loss and test_loss are not set. */
int64_t trainer_step(const struct trainer *trainer);
struct train_result trainer_statistics(const struct trainer *trainer);

/* For checkpoints. */
struct model *trainer_model(const struct trainer *trainer);
struct optimiser *trainer_optimiser(const struct trainer *trainer);
void trainer_set_step(struct trainer *trainer, int64_t step);

/* All steps, then the evaluations on validation and test part. */
status train(struct model *model, const struct corpus *corpus, const struct train_settings *settings, uint64_t seed,
             const struct train_observer *observer, struct train_result *result) MUST_CHECK;

#endif
