#include "train/trainer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "ops/cross_entropy.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/*
 * Tokens and targets go to the device, and losses come back, for so many steps at once; between there is no wait. Long
 * steps make the waits rare anyway, so an interrupt is never far.
 */
enum { STEPS_TOGETHER = 16 };

struct feed {
    struct model *model;
    int batch;              /* sequences of a step */
    size_t rows;            /* tokens of a step */
    int parts;              /* of a step, each of which the graph runs on at once */
    int32_t *host;          /* tokens then targets, of each step */
    int *counts;            /* of each part: its counted targets */
    float *shares;          /* of each part: that of its step's counted targets */
    float *results;         /* of each part: RESULTS numbers */
    cl_mem tokens, numbers; /* on the device, for STEPS_TOGETHER steps: the tokens; the shares, then the results */
    cl_mem right;           /* one number */
};

/* What comes back of each part. */
enum { RESULT_LOSS, RESULT_RIGHT, RESULTS };

static size_t step_bytes(const struct feed *feed) {
    return feed->rows * sizeof(int32_t);
}

static size_t part_bytes(const struct feed *feed) {
    return step_bytes(feed) / (size_t)feed->parts;
}

static size_t tokens_bytes(const struct feed *feed) {
    return 2 * STEPS_TOGETHER * step_bytes(feed);
}

/* All parts of STEPS_TOGETHER steps. */
static size_t feed_parts(const struct feed *feed) {
    return STEPS_TOGETHER * (size_t)feed->parts;
}

static size_t numbers_bytes(const struct feed *feed) {
    return (1 + RESULTS) * feed_parts(feed) * sizeof(float);
}

static size_t feed_bytes(const struct feed *feed) {
    return tokens_bytes(feed) + numbers_bytes(feed) + sizeof(float);
}

static struct feed feed_of(const struct graph *graph, int batch) {
    return (struct feed){.batch = batch, .rows = (size_t)batch * (size_t)graph->context, .parts = batch / graph->batch};
}

static void feed_close(struct feed *feed) {
    device_buffer_destroy(model_device(feed->model), feed->tokens);
    device_buffer_destroy(model_device(feed->model), feed->numbers);
    device_buffer_destroy(model_device(feed->model), feed->right);
    free(feed->host);
    free(feed->counts);
    free(feed->shares);
    free(feed->results);
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
    feed->counts = memory_allocate(feed_parts(feed), sizeof *feed->counts);
    feed->shares = memory_allocate(feed_parts(feed), sizeof *feed->shares);
    feed->results = memory_allocate(RESULTS * feed_parts(feed), sizeof *feed->results);
    TRY(device_buffer_create(device, tokens_bytes(feed), &feed->tokens));
    TRY(device_buffer_create(device, numbers_bytes(feed), &feed->numbers));
    TRY(device_buffer_create(device, sizeof(float), &feed->right));
    float one = 1;
    return device_write(device, model_gradient(model, graph->loss), 0, &one, sizeof one);
}

static int32_t *feed_tokens(struct feed *feed, int step) {
    return feed->host + (size_t)2 * (size_t)step * feed->rows;
}

static int32_t *feed_targets(struct feed *feed, int step) {
    return feed_tokens(feed, step) + feed->rows;
}

static size_t part_index(const struct feed *feed, int step, int part) {
    return (size_t)step * (size_t)feed->parts + (size_t)part;
}

/* The counted targets of a step. */
static long long step_count(const struct feed *feed, int step) {
    long long count = 0;
    for (int part = 0; part < feed->parts; part++)
        count += feed->counts[part_index(feed, step, part)];
    return count;
}

static void count_targets(struct feed *feed, int step) {
    size_t part_rows = feed->rows / (size_t)feed->parts;
    for (int part = 0; part < feed->parts; part++) {
        const int32_t *targets = feed_targets(feed, step) + (size_t)part * part_rows;
        int count = 0;
        for (size_t row = 0; row < part_rows; row++)
            count += targets[row] >= 0;
        feed->counts[part_index(feed, step, part)] = count;
    }
    long long all = step_count(feed, step);
    for (int part = 0; part < feed->parts; part++) {
        size_t index = part_index(feed, step, part);
        feed->shares[index] = all ? (float)((double)feed->counts[index] / (double)all) : 0;
    }
}

static status feed_upload(struct feed *feed, int steps) {
    struct device *device = model_device(feed->model);
    for (int step = 0; step < steps; step++)
        count_targets(feed, step);
    if (feed->parts > 1)
        TRY(device_write(device, feed->numbers, 0, feed->shares, part_index(feed, steps, 0) * sizeof(float)));
    return device_write(device, feed->tokens, 0, feed->host, 2 * (size_t)steps * step_bytes(feed));
}

/* Where a result of a part lies in `numbers`, behind the shares. */
static size_t result_offset(const struct feed *feed, int step, int part, int result) {
    return (feed_parts(feed) + RESULTS * part_index(feed, step, part) + (size_t)result) * sizeof(float);
}

/* Runs the graph forward on the tokens of a part of a step and keeps its loss. */
static status feed_forward(struct feed *feed, int step, int part) {
    struct device *device = model_device(feed->model);
    const struct graph *graph = model_graph(feed->model);
    size_t bytes = part_bytes(feed), offset = 2 * (size_t)step * step_bytes(feed) + (size_t)part * bytes;
    TRY(device_copy(device, feed->tokens, offset, model_value(feed->model, graph->tokens), 0, bytes));
    TRY(device_copy(device, feed->tokens, offset + step_bytes(feed), model_value(feed->model, graph->targets), 0,
                    bytes));
    TRY(model_forward(feed->model));
    return device_copy(device, model_value(feed->model, graph->loss), 0, feed->numbers,
                       result_offset(feed, step, part, RESULT_LOSS), sizeof(float));
}

/* Behind feed_forward(): the gradients of the step's mean loss, the part's share of it. */
static status feed_backward(struct feed *feed, int step, int part) {
    const struct graph *graph = model_graph(feed->model);
    if (feed->parts > 1)
        TRY(device_copy(model_device(feed->model), feed->numbers, part_index(feed, step, part) * sizeof(float),
                        model_gradient(feed->model, graph->loss), 0, sizeof(float)));
    return part == 0 ? model_backward(feed->model) : model_backward_adding(feed->model);
}

/* Behind feed_forward(): keeps how many targets are right. */
static status feed_count_right(struct feed *feed, int step, int part) {
    struct device *device = model_device(feed->model);
    const struct graph *graph = model_graph(feed->model);
    int node = graph->values[graph->loss].producer;
    TRY(cross_entropy_count_right(device, &graph->nodes[node].op, model_node_buffers(feed->model, node), feed->right));
    return device_copy(device, feed->right, 0, feed->numbers, result_offset(feed, step, part, RESULT_RIGHT),
                       sizeof(float));
}

static status feed_read_results(struct feed *feed, int steps) {
    return device_read(model_device(feed->model), feed->numbers, result_offset(feed, 0, 0, 0), feed->results,
                       RESULTS * part_index(feed, steps, 0) * sizeof(float));
}

static double feed_result(const struct feed *feed, int step, int part, int result) {
    return feed->results[RESULTS * part_index(feed, step, part) + (size_t)result];
}

/* The mean loss of a step's counted targets; 0 where none is. */
static float step_loss(const struct feed *feed, int step) {
    double sum = 0;
    long long count = step_count(feed, step);
    for (int part = 0; part < feed->parts; part++)
        sum += feed->counts[part_index(feed, step, part)] * feed_result(feed, step, part, RESULT_LOSS);
    return count ? (float)(sum / (double)count) : 0;
}

status train_check_step(int batch, int context) {
    long long tokens = (long long)batch * context;
    if (tokens <= TRAIN_MOST_TOKENS)
        return STATUS_OK;
    return fail("%d sequences of %d tokens are %lld tokens a step; at most %d are possible", batch, context, tokens,
                TRAIN_MOST_TOKENS);
}

struct schedule train_schedule(const struct train_settings *settings) {
    return (struct schedule){.shape = settings->schedule,
                             .steps = settings->steps,
                             .warmup = settings->warmup,
                             .decay = settings->decay,
                             .final_rate = settings->final_rate};
}

double train_rate(const struct train_settings *settings, int64_t step) {
    struct schedule schedule = train_schedule(settings);
    return settings->learning_rate * schedule_share(&schedule, step);
}

static double uniform_loss(const struct graph *graph) {
    return log((double)graph->values[graph->logits].shape.columns);
}

/* Twice the loss of guessing uniformly: nothing that learns is there. */
static status check_loss(const struct graph *graph, int64_t step, float loss) {
    double uniform = uniform_loss(graph);
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
    const struct task *task;
    struct train_settings settings;
    uint64_t seed;
    int64_t step;
    /* Speed counts from the second step of this process on: the first builds kernels. */
    int64_t timed_steps;
    double timed_seconds;
    double late_loss_sum;
    int64_t late_steps;
    size_t peak_bytes;
    struct curve curve;
    struct train_stop stop;
};

status trainer_bytes(struct device *device, const struct graph *graph, int batch, size_t *bytes) {
    TRY(train_check_step(batch, graph->context));
    struct feed feed = feed_of(graph, batch);
    struct model_memory model;
    TRY(model_measure(device, graph, &(struct model_options){0}, &model));
    *bytes = model.all + optimiser_bytes(device, model.parameters) + feed_bytes(&feed);
    return STATUS_OK;
}

/* Ids must lie inside the embedding table, targets inside the logits, and sequences be as long as the graph's. */
static status check_task(const struct graph *graph, const struct task *task) {
    int vocabulary = graph->values[graph->logits].shape.columns;
    if (graph->context == task_context(task) && vocabulary >= task_vocabulary(task))
        return STATUS_OK;
    return fail("the task %s has sequences of %d tokens and a vocabulary of %d, the model %d and %d", task_name(task),
                task_context(task), task_vocabulary(task), graph->context, vocabulary);
}

status trainer_create(struct model *model, const struct task *task, const struct train_settings *settings,
                      uint64_t seed, struct trainer **result) {
    struct trainer *trainer = memory_allocate(1, sizeof *trainer);
    struct optimiser_settings adamw = {
        .beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = settings->weight_decay, .clip = settings->clip};
    trainer->feed.model = model;
    trainer->task = task;
    trainer->settings = *settings;
    trainer->seed = seed;
    status outcome = check_task(model_graph(model), task);
    if (outcome == STATUS_OK)
        outcome = feed_open(&trainer->feed, model, settings->batch);
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

/*
 * When half of the training is done: where its curve leads to, from the end of the warm-up on, and whether that makes
 * it hopeless. 1.645 standard errors are 95 % on one side.
 */
static void look_ahead(struct trainer *trainer) {
    const struct stop_rule *rule = &trainer->settings.stop;
    struct curve *curve = &trainer->curve;
    int64_t steps = trainer->settings.steps, half = curve->first + curve->steps;
    struct prediction end;
    curve->has_halfway = curve_predict(curve, trainer->settings.warmup, half, steps, &curve->halfway);
    if (!curve->has_halfway || !(rule->above > 0))
        return;
    end.loss = curve->halfway.loss - rule->bias;
    end.error = sqrt(curve->halfway.error * curve->halfway.error + rule->spread * rule->spread);
    if (end.loss - 1.645 * end.error > rule->above)
        trainer->stop = (struct train_stop){.stopped = true, .step = half, .prediction = end};
}

/* The losses of steps that ran, one after the other. */
static status follow(struct trainer *trainer, int count) {
    const struct graph *graph = model_graph(trainer->feed.model);
    struct curve *curve = &trainer->curve;
    for (int i = 0; i < count && !trainer->stop.stopped; i++) {
        int64_t step = trainer->step + i, steps = trainer->settings.steps;
        double loss = step_loss(&trainer->feed, i);
        TRY(check_loss(graph, step, loss));
        curve_add(curve, loss, uniform_loss(graph));
        if (curve_diverges(curve))
            return fail("training diverged: at step %lld the loss is around %.3f, and was around %.3f before",
                        (long long)step + 1, curve->smooth, curve->lowest);
        if (step >= steps - (steps + 9) / 10) {
            trainer->late_loss_sum += loss;
            trainer->late_steps++;
        }
        if (step + 1 == steps / 2)
            look_ahead(trainer);
    }
    return STATUS_OK;
}

static status run_together(struct trainer *trainer, int count, const struct train_observer *observer) {
    struct feed *feed = &trainer->feed;
    int64_t first = trainer->step, steps = trainer->settings.steps;
    for (int i = 0; i < count; i++)
        TRY(task_training_batch(trainer->task, trainer->seed, first + i, feed->batch, feed_tokens(feed, i),
                                feed_targets(feed, i)));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count; i++) {
        for (int part = 0; part < feed->parts; part++) {
            TRY(feed_forward(feed, i, part));
            TRY(feed_backward(feed, i, part));
        }
        TRY(optimiser_step(trainer->optimiser, train_rate(&trainer->settings, first + i)));
    }
    TRY(feed_read_results(feed, count));
    TRY(follow(trainer, count));
    trainer->step += count;
    size_t allocated = device_allocated_bytes(model_device(feed->model));
    trainer->peak_bytes = allocated > trainer->peak_bytes ? allocated : trainer->peak_bytes;
    if (observer && observer->tell)
        observer->tell(observer->context, trainer->step, steps, step_loss(feed, count - 1));
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
    while (trainer->step < until && !trainer->stop.stopped) {
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

/* Sums over counted targets. */
struct tally {
    double loss, right, count;
};

/* Evaluation batches first .. first + count - 1. */
static status evaluate_together(struct trainer *trainer, enum task_part part, int first, int count,
                                struct tally *tally) {
    struct feed *feed = &trainer->feed;
    for (int i = 0; i < count; i++)
        TRY(task_evaluation_batch(trainer->task, part, first + i, trainer->settings.validation_batches, feed->batch,
                                  feed_tokens(feed, i), feed_targets(feed, i)));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count * feed->parts; i++) {
        TRY(feed_forward(feed, i / feed->parts, i % feed->parts));
        TRY(feed_count_right(feed, i / feed->parts, i % feed->parts));
    }
    TRY(feed_read_results(feed, count));
    for (int i = 0; i < count; i++) {
        tally->loss += step_loss(feed, i) * (double)step_count(feed, i);
        tally->count += (double)step_count(feed, i);
        for (int p = 0; p < feed->parts; p++)
            tally->right += feed_result(feed, i, p, RESULT_RIGHT);
    }
    return STATUS_OK;
}

status trainer_evaluate(struct trainer *trainer, enum task_part part, struct train_score *score) {
    static const char *const names[TASK_PARTS] = {
        [PART_TRAINING] = "training", [PART_VALIDATION] = "validation", [PART_TEST] = "test"};
    int batches = trainer->settings.validation_batches;
    const char *name = task_name(trainer->task);
    struct tally tally = {0};
    for (int first = 0; first < batches; first += STEPS_TOGETHER) {
        if (interrupt_requested())
            return fail_interrupted();
        int left = batches - first;
        TRY(evaluate_together(trainer, part, first, left < STEPS_TOGETHER ? left : STEPS_TOGETHER, &tally));
    }
    if (!(tally.count > 0))
        return fail("no target of the %s part of %s is counted (is 0 or above)", names[part], name);
    *score = (struct train_score){.loss = tally.loss / tally.count, .accuracy = tally.right / tally.count};
    return isfinite(score->loss) ? STATUS_OK : fail("the loss on the %s part of %s is not finite", names[part], name);
}

struct train_stop trainer_stop(const struct trainer *trainer) {
    return trainer->stop;
}

void trainer_decay(struct trainer *trainer, int64_t steps) {
    struct train_settings *settings = &trainer->settings;
    double peak = settings->learning_rate, now = trainer->step > 0 ? train_rate(settings, trainer->step - 1) : peak;
    settings->schedule = SCHEDULE_STABLE;
    settings->stop.above = 0;
    settings->steps = trainer->step + steps;
    settings->decay = (double)steps / (double)settings->steps;
    /* From the rate that it has, to what was to be the final one: it may still be warming up. */
    settings->warmup = 0;
    settings->learning_rate = now;
    settings->final_rate = now > 0 ? fmin(settings->final_rate * peak / now, 1) : 1;
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

const struct curve *trainer_curve(const struct trainer *trainer) {
    return &trainer->curve;
}

void trainer_go_on(struct trainer *trainer, int64_t step, const struct curve *curve) {
    trainer->step = step;
    trainer->curve = curve ? *curve : (struct curve){.first = step};
    optimiser_set_steps(trainer->optimiser, step);
}
