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
    status outcome = device_buffer_create(model_device(model), 2 * STEPS_TOGETHER * step_bytes(feed), &feed->tokens);
    if (outcome == STATUS_OK)
        outcome = device_buffer_create(model_device(model), STEPS_TOGETHER * sizeof(float), &feed->losses);
    if (outcome != STATUS_OK)
        feed_close(feed);
    return outcome;
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

struct loop {
    struct feed *feed;
    struct optimiser *optimiser;
    const struct corpus *corpus;
    const struct train_settings *settings;
    const struct train_observer *observer;
    uint64_t seed;
    double late_loss_sum;
    int64_t late_steps;
};

static status run_together(struct loop *loop, int64_t first, int count) {
    struct feed *feed = loop->feed;
    const struct graph *graph = model_graph(feed->model);
    for (int i = 0; i < count; i++)
        corpus_training_batch(loop->corpus, loop->seed, first + i, graph->batch, graph->context, feed_tokens(feed, i),
                              feed_targets(feed, i));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count; i++) {
        TRY(feed_forward(feed, i));
        TRY(model_backward(feed->model));
        TRY(optimiser_step(loop->optimiser, train_rate(loop->settings, first + i)));
    }
    float losses[STEPS_TOGETHER];
    TRY(feed_read_losses(feed, count, losses));
    for (int i = 0; i < count; i++) {
        TRY(check_loss(graph, first + i, losses[i]));
        if (first + i >= loop->settings->steps - (loop->settings->steps + 9) / 10) {
            loop->late_loss_sum += losses[i];
            loop->late_steps++;
        }
    }
    if (loop->observer && loop->observer->tell)
        loop->observer->tell(loop->observer->context, first + count, loop->settings->steps, losses[count - 1]);
    return STATUS_OK;
}

/*
 * How many steps to queue before waiting: as many as take about a fifth of a second, so that progress and interrupts
 * are prompt also where one step is long.
 */
static int steps_together(double seconds_a_step, int64_t left) {
    int steps = seconds_a_step > 0 ? (int)fmin(0.2 / seconds_a_step, STEPS_TOGETHER) : 1;
    steps = steps < 1 ? 1 : steps;
    return left < steps ? (int)left : steps;
}

static status run_steps(struct loop *loop, struct train_result *result) {
    double start = clock_seconds(), first_done = 0;
    int64_t step = 0;
    while (step < loop->settings->steps) {
        if (interrupt_requested())
            return fail_interrupted();
        /* The first step builds kernels, so it does not count for the speed. */
        double seconds_a_step = step > 1 ? (clock_seconds() - first_done) / (double)(step - 1) : 0;
        int count = steps_together(seconds_a_step, loop->settings->steps - step);
        TRY(run_together(loop, step, count));
        step += count;
        if (step == 1)
            first_done = clock_seconds();
    }
    double tokens = (double)loop->feed->rows * (double)(step > 1 ? step - 1 : step);
    double seconds = clock_seconds() - (step > 1 ? first_done : start);
    result->tokens_per_second = seconds > 0 ? tokens / seconds : 0;
    result->training_loss = loop->late_loss_sum / (double)loop->late_steps;
    return STATUS_OK;
}

static status evaluate_fed(struct feed *feed, const struct corpus *corpus, int batches, double *loss) {
    const struct graph *graph = model_graph(feed->model);
    double sum = 0;
    for (int first = 0; first < batches; first += STEPS_TOGETHER) {
        int count = batches - first < STEPS_TOGETHER ? batches - first : STEPS_TOGETHER;
        float losses[STEPS_TOGETHER];
        if (interrupt_requested())
            return fail_interrupted();
        for (int i = 0; i < count; i++)
            corpus_validation_batch(corpus, first + i, batches, graph->batch, graph->context, feed_tokens(feed, i),
                                    feed_targets(feed, i));
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

status train(struct model *model, const struct corpus *corpus, const struct train_settings *settings, uint64_t seed,
             const struct train_observer *observer, struct train_result *result) {
    memset(result, 0, sizeof *result);
    struct optimiser_settings adamw = {
        .beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = settings->weight_decay, .clip = settings->clip};
    struct feed feed;
    struct optimiser *optimiser;
    TRY(feed_open(&feed, model));
    status outcome = optimiser_create(model, &adamw, &optimiser);
    struct loop loop = {.feed = &feed,
                        .optimiser = optimiser,
                        .corpus = corpus,
                        .settings = settings,
                        .observer = observer,
                        .seed = seed};
    if (outcome == STATUS_OK)
        outcome = run_steps(&loop, result);
    result->peak_bytes = device_allocated_bytes(model_device(model));
    if (outcome == STATUS_OK)
        outcome = evaluate_fed(&feed, corpus, settings->validation_batches, &result->validation_loss);
    optimiser_destroy(optimiser);
    feed_close(&feed);
    return outcome;
}

status evaluate(struct model *model, const struct corpus *corpus, int batches, double *loss) {
    struct feed feed;
    TRY(feed_open(&feed, model));
    status outcome = evaluate_fed(&feed, corpus, batches, loss);
    feed_close(&feed);
    return outcome;
}
