/* Training one model on a task, and measuring it. */
#ifndef STARCL_TRAIN_TRAINER_H
#define STARCL_TRAIN_TRAINER_H

#include "model/model.h"
#include "train/curve.h"
#include "train/division.h"
#include "train/ranks.h"
#include "train/schedule.h"
#include "train/task.h"

struct optimiser;

/*
 * When to give a training up: half of it is done, and its curve leads to a final loss that is above `above` with 95 %
 * confidence. A power law does not know what becomes of a warm-up's end or of the decay, but whatever it gets wrong is
 * much the same in trainings with one schedule, on the same batches. So the prediction is corrected by `bias`, the mean
 * of what others' predictions at half of the way (curve.halfway) were above what they came to, and its uncertainty is
 * that of the curve and the standard deviation of that bias together.
 */
struct stop_rule {
    double above; /* nats a token; 0 or NAN: never */
    double bias, spread;
};

struct train_settings {
    int64_t steps;            /* of the whole schedule */
    int batch;                /* sequences a step; a multiple of the graph's, which runs as often as that takes */
    struct division division; /* of a step into parts, each of which is a multiple of the graph's batch too */
    struct ranks *ranks;      /* that share the parts, with at least one each; NULL: this process has all */
    double learning_rate;
    enum schedule_shape schedule;
    int64_t warmup;           /* steps of linear warm-up */
    double decay, final_rate; /* of struct schedule */
    double weight_decay;
    double clip;
    int validation_batches; /* of an evaluation, whichever part it is on */
    struct stop_rule stop;
};

/* A training that stopped because it was hopeless: after which step, and the loss that it would have ended with. */
struct train_stop {
    bool stopped;
    int64_t step;
    struct prediction prediction;
};

/* Told every few steps; loss is the training loss of the last step, in nats. */
struct train_observer {
    void (*tell)(void *context, int64_t step, int64_t steps, double loss);
    void *context;
};

/* Of the counted targets of a part. */
struct train_score {
    double loss;     /* nats a target, their mean */
    double accuracy; /* share that has the largest logit */
};

struct train_result {
    struct train_score validation, test;
    double training_loss; /* nats a target, mean over the last tenth of the steps */
    double tokens_per_second;
    size_t peak_bytes; /* device memory while training */
};

struct schedule train_schedule(const struct train_settings *settings);
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
 * Trains `model` from its current parameters; settings are copied, model and task must outlive the trainer. The model
 * has the task's context, and its vocabulary or a larger one. `seed` names the batches, each of which depends on its
 * step alone: training that goes on from a saved state is, bit for bit, training that was never interrupted.
 *
 * Where the graph is for a piece of the batch, the pieces run one after the other and their gradients add up to that of
 * the mean loss over all counted targets: each piece's mean weighs by its share of them, which the host counts before
 * the step. Where the graph's activations wait in float16, the loss is scaled (loss_scale.h), and a step whose gradient
 * overflows changes nothing. Evaluation batches run alike, and the mean over batches weighs each by its counted
 * targets.
 *
 * With ranks, all of them call the same functions of their trainers with the same arguments. What a trainer tells and
 * how it fails by its losses is then the same for all; all have the same parameters, bit for bit where their devices
 * compute alike.
 */
status trainer_create(struct model *model, const struct task *task, const struct train_settings *settings,
                      uint64_t seed, struct trainer **trainer) MUST_CHECK;
void trainer_destroy(struct trainer *trainer);

/*
 * Steps until `until` are done. Fails when a loss is not finite or training diverges, with the step, and when the data
 * has changed (task_check() tells this failure from others); STATUS_INTERRUPTED when the user asked to stop, between
 * two steps. A training that is hopeless (struct stop_rule) stops before `until`, which
 * trainer_stop() tells and is no failure; its parameters are then of no use.
 */
status trainer_run(struct trainer *trainer, int64_t until, const struct train_observer *observer) MUST_CHECK;

struct train_stop trainer_stop(const struct trainer *trainer);

/*
 * From now on the rate decays, over so many steps, after which training is done: how good a training that is to go on
 * for long would be if it ended here. Save its state before.
 */
void trainer_decay(struct trainer *trainer, int64_t steps);

/*
 * Gives all ranks rank 0's parameters, moments and loss scale: where it has read a state, and where devices are unlike,
 * whose optimisers round otherwise. Waits for the device, and for the other ranks.
 */
status trainer_share(struct trainer *trainer) MUST_CHECK;

/* The score over validation_batches batches of a part; waits for the device. */
status trainer_evaluate(struct trainer *trainer, enum task_part part, struct train_score *score) MUST_CHECK;

/* Steps done, and the speed and losses of this trainer so far; the scores are not set. */
int64_t trainer_step(const struct trainer *trainer);
struct train_result trainer_statistics(const struct trainer *trainer);

/* For checkpoints. */
struct model *trainer_model(const struct trainer *trainer);
struct optimiser *trainer_optimiser(const struct trainer *trainer);
const struct curve *trainer_curve(const struct trainer *trainer);
cl_mem trainer_loss_scale(const struct trainer *trainer); /* LOSS_SCALE_NUMBERS floats, or NULL */
/* Its parameters and moments are those after `step` steps, whose losses gave `curve`; NULL: they are not known. */
void trainer_go_on(struct trainer *trainer, int64_t step, const struct curve *curve);

#endif
