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
    int batch;             /* sequences of a step */
    size_t rows;           /* tokens of a step */
    int parts;             /* of a step, each of which the graph runs on at once */
    int32_t *host;         /* tokens then targets, of each step */
    float *host_losses;    /* of each part */
    cl_mem tokens, losses; /* the same on the device, for STEPS_TOGETHER steps */
};

static size_t step_bytes(const struct feed *feed) {
    return feed->rows * sizeof(int32_t);
}

static size_t part_bytes(const struct feed *feed) {
    return step_bytes(feed) / (size_t)feed->parts;
}

static size_t tokens_bytes(const struct feed *feed) {
    return 2 * STEPS_TOGETHER * step_bytes(feed);
}

static size_t losses_bytes(const struct feed *feed) {
    return STEPS_TOGETHER * (size_t)feed->parts * sizeof(float);
}

static struct feed feed_of(const struct graph *graph, int batch) {
    return (struct feed){.batch = batch, .rows = (size_t)batch * (size_t)graph->context, .parts = batch / graph->batch};
}

static void feed_close(struct feed *feed) {
    device_buffer_destroy(model_device(feed->model), feed->tokens);
    device_buffer_destroy(model_device(feed->model), feed->losses);
    free(feed->host);
    free(feed->host_losses);
}

static status feed_open(struct feed *feed, struct model *model, int batch) {
    struct device *device = model_device(model);
    const struct graph *graph = model_graph(model);
    TRY(train_check_step(batch, graph->context));
    *feed = feed_of(graph, batch);
    feed->model = model;
    if (feed->parts < 1 || batch % graph->batch != 0)
        return fail("a batch of %d sequences cannot be split into parts of %d", batch, graph->batch);
    feed->host = malloc(tokens_bytes(feed));
    if (!feed->host)
        return fail("the host has no memory for the tokens of %d steps, %zu bytes; a smaller train.batch or "
                    "model.context needs less",
                    STEPS_TOGETHER, tokens_bytes(feed));
    feed->host_losses = memory_allocate(losses_bytes(feed), 1);
    TRY(device_buffer_create(device, tokens_bytes(feed), &feed->tokens));
    TRY(device_buffer_create(device, losses_bytes(feed), &feed->losses));
    /* Each part's loss counts for its share of the mean. */
    float share = 1.0f / (float)feed->parts;
    return device_write(device, model_gradient(model, graph->loss), 0, &share, sizeof share);
}

static int32_t *feed_tokens(struct feed *feed, int step) {
    return feed->host + (size_t)2 * (size_t)step * feed->rows;
}

static int32_t *feed_targets(struct feed *feed, int step) {
    return feed_tokens(feed, step) + feed->rows;
}

static status feed_upload(struct feed *feed, int steps) {
    return device_write(model_device(feed->model), feed->tokens, 0, feed->host, 2 * (size_t)steps * step_bytes(feed));
}

/* Runs the graph forward on the tokens of a part of a step and keeps its loss. */
static status feed_forward(struct feed *feed, int step, int part) {
    struct device *device = model_device(feed->model);
    const struct graph *graph = model_graph(feed->model);
    size_t bytes = part_bytes(feed), offset = 2 * (size_t)step * step_bytes(feed) + (size_t)part * bytes;
    size_t loss = ((size_t)step * (size_t)feed->parts + (size_t)part) * sizeof(float);
    TRY(device_copy(device, feed->tokens, offset, model_value(feed->model, graph->tokens), 0, bytes));
    TRY(device_copy(device, feed->tokens, offset + step_bytes(feed), model_value(feed->model, graph->targets), 0,
                    bytes));
    TRY(model_forward(feed->model));
    return device_copy(device, model_value(feed->model, graph->loss), 0, feed->losses, loss, sizeof(float));
}

/* The mean loss of each step. */
static status feed_read_losses(struct feed *feed, int steps, float *losses) {
    size_t parts = (size_t)feed->parts;
    TRY(device_read(model_device(feed->model), feed->losses, 0, feed->host_losses,
                    (size_t)steps * parts * sizeof(float)));
    for (int i = 0; i < steps; i++) {
        double sum = 0;
        for (size_t part = 0; part < parts; part++)
            sum += feed->host_losses[(size_t)i * parts + part];
        losses[i] = (float)(sum / (double)parts);
    }
    return STATUS_OK;
}

status train_check_step(int batch, int context) {
    long long tokens = (long long)batch * context;
    if (tokens <= TRAIN_MOST_TOKENS)
        return STATUS_OK;
    return fail("%d sequences of %d tokens are %lld tokens a step; at most %d are possible", batch, context, tokens,
                TRAIN_MOST_TOKENS);
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

status trainer_bytes(struct device *device, const struct graph *graph, int batch, size_t *bytes) {
    TRY(train_check_step(batch, graph->context));
    struct feed feed = feed_of(graph, batch);
    struct model_memory model;
    TRY(model_measure(device, graph, &(struct model_options){0}, &model));
    *bytes = model.all + optimiser_bytes(device, model.parameters) + tokens_bytes(&feed) + losses_bytes(&feed);
    return STATUS_OK;
}

status trainer_create(struct model *model, const struct corpus *corpus, const struct train_settings *settings,
                      uint64_t seed, struct trainer **result) {
    struct trainer *trainer = memory_allocate(1, sizeof *trainer);
    struct optimiser_settings adamw = {
        .beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = settings->weight_decay, .clip = settings->clip};
    trainer->feed.model = model;
    trainer->corpus = corpus;
    trainer->settings = *settings;
    trainer->seed = seed;
    status outcome = feed_open(&trainer->feed, model, settings->batch);
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
        TRY(corpus_training_batch(trainer->corpus, trainer->seed, first + i, feed->batch, graph->context,
                                  feed_tokens(feed, i), feed_targets(feed, i)));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count; i++) {
        for (int part = 0; part < feed->parts; part++) {
            TRY(feed_forward(feed, i, part));
            TRY(part == 0 ? model_backward(feed->model) : model_backward_adding(feed->model));
        }
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

status trainer_evaluate(struct trainer *trainer, enum corpus_part part, double *loss) {
    static const char *const names[CORPUS_PARTS] = {
        [PART_TRAINING] = "training", [PART_VALIDATION] = "validation", [PART_TEST] = "test"};
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
            TRY(corpus_evaluation_batch(trainer->corpus, part, first + i, batches, feed->batch, graph->context,
                                        feed_tokens(feed, i), feed_targets(feed, i)));
        TRY(feed_upload(feed, count));
        for (int i = 0; i < count * feed->parts; i++)
            TRY(feed_forward(feed, i / feed->parts, i % feed->parts));
        TRY(feed_read_losses(feed, count, losses));
        for (int i = 0; i < count; i++)
            sum += losses[i];
    }
    *loss = sum / batches;
    return isfinite(*loss) ? STATUS_OK : fail("the loss on the %s part of the text is not finite", names[part]);
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
    double validation_loss = 0, test_loss = 0;
    memset(result, 0, sizeof *result);
    TRY(trainer_create(model, corpus, settings, seed, &trainer));
    status outcome = trainer_run(trainer, settings->steps, observer);
    if (outcome == STATUS_OK)
        outcome = trainer_evaluate(trainer, PART_VALIDATION, &validation_loss);
    if (outcome == STATUS_OK)
        outcome = trainer_evaluate(trainer, PART_TEST, &test_loss);
    *result = trainer_statistics(trainer);
    result->validation_loss = validation_loss;
    result->test_loss = test_loss;
    trainer_destroy(trainer);
    return outcome;
}
