/* Training one model on a corpus, and measuring it. */
#ifndef STARCL_TRAIN_TRAINER_H
#define STARCL_TRAIN_TRAINER_H

#include "model/model.h"
#include "train/corpus.h"

struct train_settings {
    int64_t steps;
    int batch; /* sequences a step */
    double learning_rate;
    int64_t warmup;    /* steps of linear warm-up; then cosine decay */
    double final_rate; /* share of the learning rate at the last step */
    double weight_decay;
    double clip;
    int validation_batches;
};

/* Told every few steps; loss is the training loss of the last step, in nats. */
struct train_observer {
    void (*tell)(void *context, int64_t step, int64_t steps, double loss);
    void *context;
};

struct train_result {
    double validation_loss; /* nats a token */
    double training_loss;   /* nats a token, mean over the last tenth of the steps */
    double tokens_per_second;
    size_t peak_bytes; /* device memory while training */
};

/* The learning rate of step 0 .. steps - 1. */
double train_rate(const struct train_settings *settings, int64_t step);

/*
 * Trains `model` from its current parameters and evaluates it on the validation part. `seed` names the training
 * batches. Fails when a loss is not finite or training diverges, with the step; STATUS_INTERRUPTED when the user asked
 * to stop.
 */
status train(struct model *model, const struct corpus *corpus, const struct train_settings *settings, uint64_t seed,
             const struct train_observer *observer, struct train_result *result) MUST_CHECK;

/* Mean loss over the validation batches, in nats. */
status evaluate(struct model *model, const struct corpus *corpus, int batches, double *loss) MUST_CHECK;

#endif
