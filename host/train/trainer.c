#include "train/trainer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Tokens go to the device, and losses come back, for so many steps at once; between there is no wait. Long steps make
 * the waits rare anyway, so an interrupt is never far.
 */
enum { STEPS_TOGETHER = 16 };

struct feed {
    struct model *model;
    int rows;
    int32_t *host;         /* tokens then targets, of each step */
    cl_mem tokens, losses; /* STEPS_TOGETHER steps */
};

static size_t step_bytes(const struct feed *feed) {
    return (size_t)feed->rows * sizeof(int32_t);
}

static void feed_close(struct feed *feed) {
    device_buffer_destroy(model_device(feed->model), feed->tokens);
    device_buffer_destroy(model_device(feed->model), feed->losses);
    free(feed->host);
}

static status feed_open(struct feed *feed, struct model *model) {
    const struct graph *graph = model_graph(model);
    *feed = (struct feed){.model = model, .rows = graph->batch * graph->context};
    feed->host = memory_allocate(2 * STEPS_TOGETHER, step_bytes(feed));
    TRY(device_buffer_create(model_device(model), 2 * STEPS_TOGETHER * step_bytes(feed), &feed->tokens));
    return device_buffer_create(model_device(model), STEPS_TOGETHER * sizeof(float), &feed->losses);
}

static int32_t *feed_tokens(struct feed *feed, int step) {
    return feed->host + (size_t)2 * (size_t)step * (size_t)feed->rows;
}

static int32_t *feed_targets(struct feed *feed, int step) {
    return feed_tokens(feed, step) + feed->rows;
}

static status feed_upload(struct feed *feed, int steps) {
    return device_write(model_device(feed->model), feed->tokens, 0, feed->host, 2 * (size_t)steps * step_bytes(feed));
}

/* Runs the graph forward on the tokens of a step and keeps its loss. */
static status feed_forward(struct feed *feed, int step) {
    struct device *device = model_device(feed->model);
    const struct graph *graph = model_graph(feed->model);
    size_t offset = 2 * (size_t)step * step_bytes(feed);
    TRY(device_copy(device, feed->tokens, offset, model_value(feed->model, graph->tokens), 0, step_bytes(feed)));
    TRY(device_copy(device, feed->tokens, offset + step_bytes(feed), model_value(feed->model, graph->targets), 0,
                    step_bytes(feed)));
    TRY(model_forward(feed->model));
    return device_copy(device, model_value(feed->model, graph->loss), 0, feed->losses, (size_t)step * sizeof(float),
                       sizeof(float));
}

static status feed_read_losses(struct feed *feed, int steps, float *losses) {
    return device_read(model_device(feed->model), feed->losses, 0, losses, (size_t)steps * sizeof(float));
}

double train_rate(const struct train_settings *settings, int64_t step) {
    if (step < settings->warmup)
        return settings->learning_rate * (double)(step + 1) / (double)settings->warmup;
    int64_t decaying = settings->steps - settings->warmup;
    double progress = decaying > 1 ? (double)(step - settings->warmup) / (double)(decaying - 1) : 1;
    double share = 0.5 * (1 + cos(3.14159265358979323846 * progress));
    return settings->learning_rate * (settings->final_rate + (1 - settings->final_rate) * share);
}

/* Twice the loss of guessing uniformly: nothing that learns is there. */
static status check_loss(const struct graph *graph, int64_t step, float loss) {
    double uniform = log((double)graph->values[graph->logits].shape.columns);
    if (!isfinite(loss))
        return fail("the training loss is not finite at step %lld", (long long)step + 1);
    if (loss > 2 * uniform)
        return fail("training diverged: loss %.3f at step %lld (guessing has %.3f)", loss, (long long)step + 1,
                    uniform);
    return STATUS_OK;
}

struct trainer {
    struct feed feed;
    struct optimiser *optimiser;
    const struct corpus *corpus;
    struct train_settings settings;
    uint64_t seed;
    int64_t step;
    /* Speed counts from the second step of this process on: the first builds kernels. */
    int64_t timed_steps;
    double timed_seconds;
    double late_loss_sum;
    int64_t late_steps;
    size_t peak_bytes;
};

status trainer_create(struct model *model, const struct corpus *corpus, const struct train_settings *settings,
                      uint64_t seed, struct trainer **result) {
    struct trainer *trainer = memory_allocate(1, sizeof *trainer);
    struct optimiser_settings adamw = {
        .beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = settings->weight_decay, .clip = settings->clip};
    trainer->feed.model = model;
    trainer->corpus = corpus;
    trainer->settings = *settings;
    trainer->seed = seed;
    status outcome = feed_open(&trainer->feed, model);
    if (outcome == STATUS_OK)
        outcome = optimiser_create(model, &adamw, &trainer->optimiser);
    if (outcome != STATUS_OK) {
        trainer_destroy(trainer);
        trainer = NULL;
    }
    *result = trainer;
    return outcome;
}

void trainer_destroy(struct trainer *trainer) {
    if (!trainer)
        return;
    optimiser_destroy(trainer->optimiser);
    feed_close(&trainer->feed);
    free(trainer);
}

static status run_together(struct trainer *trainer, int count, const struct train_observer *observer) {
    struct feed *feed = &trainer->feed;
    const struct graph *graph = model_graph(feed->model);
    int64_t first = trainer->step, steps = trainer->settings.steps;
    for (int i = 0; i < count; i++)
        corpus_training_batch(trainer->corpus, trainer->seed, first + i, graph->batch, graph->context,
                              feed_tokens(feed, i), feed_targets(feed, i));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count; i++) {
        TRY(feed_forward(feed, i));
        TRY(model_backward(feed->model));
        TRY(optimiser_step(trainer->optimiser, train_rate(&trainer->settings, first + i)));
    }
    float losses[STEPS_TOGETHER];
    TRY(feed_read_losses(feed, count, losses));
    for (int i = 0; i < count; i++) {
        TRY(check_loss(graph, first + i, losses[i]));
        if (first + i >= steps - (steps + 9) / 10) {
            trainer->late_loss_sum += losses[i];
            trainer->late_steps++;
        }
    }
    trainer->step += count;
    size_t allocated = device_allocated_bytes(model_device(feed->model));
    trainer->peak_bytes = allocated > trainer->peak_bytes ? allocated : trainer->peak_bytes;
    if (observer && observer->tell)
        observer->tell(observer->context, trainer->step, steps, losses[count - 1]);
    return STATUS_OK;
}

/*
 * How many steps to queue before waiting: as many as take about a fifth of a second, so that progress and interrupts
 * are prompt also where one step is long.
 */
static int steps_together(const struct trainer *trainer, int64_t left) {
    double each = trainer->timed_steps ? trainer->timed_seconds / (double)trainer->timed_steps : 0;
    int steps = each > 0 ? (int)fmin(0.2 / each, STEPS_TOGETHER) : 1;
    steps = steps < 1 ? 1 : steps;
    return left < steps ? (int)left : steps;
}

status trainer_run(struct trainer *trainer, int64_t until, const struct train_observer *observer) {
    bool first = trainer->timed_steps == 0;
    while (trainer->step < until) {
        if (interrupt_requested())
            return fail_interrupted();
        int count = steps_together(trainer, until - trainer->step);
        double start = clock_seconds();
        TRY(run_together(trainer, count, observer));
        if (!first) {
            trainer->timed_steps += count;
            trainer->timed_seconds += clock_seconds() - start;
        }
        first = false;
    }
    return STATUS_OK;
}

status trainer_evaluate(struct trainer *trainer, double *loss) {
    struct feed *feed = &trainer->feed;
    const struct graph *graph = model_graph(feed->model);
    int batches = trainer->settings.validation_batches;
    double sum = 0;
    for (int first = 0; first < batches; first += STEPS_TOGETHER) {
        int count = batches - first < STEPS_TOGETHER ? batches - first : STEPS_TOGETHER;
        float losses[STEPS_TOGETHER];
        if (interrupt_requested())
            return fail_interrupted();
        for (int i = 0; i < count; i++)
            corpus_validation_batch(trainer->corpus, first + i, batches, graph->batch, graph->context,
                                    feed_tokens(feed, i), feed_targets(feed, i));
        TRY(feed_upload(feed, count));
        for (int i = 0; i < count; i++)
            TRY(feed_forward(feed, i));
        TRY(feed_read_losses(feed, count, losses));
        for (int i = 0; i < count; i++)
            sum += losses[i];
    }
    *loss = sum / batches;
    return isfinite(*loss) ? STATUS_OK : fail("the validation loss is not finite");
}

int64_t trainer_step(const struct trainer *trainer) {
    return trainer->step;
}

struct train_result trainer_statistics(const struct trainer *trainer) {
    double tokens = (double)trainer->feed.rows * (double)trainer->timed_steps;
    return (struct train_result){.training_loss =
                                     trainer->late_steps ? trainer->late_loss_sum / (double)trainer->late_steps : 0,
                                 .tokens_per_second = trainer->timed_seconds > 0 ? tokens / trainer->timed_seconds : 0,
                                 .peak_bytes = trainer->peak_bytes};
}

struct model *trainer_model(const struct trainer *trainer) {
    return trainer->feed.model;
}

struct optimiser *trainer_optimiser(const struct trainer *trainer) {
    return trainer->optimiser;
}

void trainer_set_step(struct trainer *trainer, int64_t step) {
    trainer->step = step;
    optimiser_set_steps(trainer->optimiser, step);
}

status train(struct model *model, const struct corpus *corpus, const struct train_settings *settings, uint64_t seed,
             const struct train_observer *observer, struct train_result *result) {
    struct trainer *trainer;
    double validation_loss = 0;
    memset(result, 0, sizeof *result);
    TRY(trainer_create(model, corpus, settings, seed, &trainer));
    status outcome = trainer_run(trainer, settings->steps, observer);
    if (outcome == STATUS_OK)
        outcome = trainer_evaluate(trainer, &validation_loss);
    *result = trainer_statistics(trainer);
    result->validation_loss = validation_loss;
    trainer_destroy(trainer);
    return outcome;
}
