#include "train/trainer.h"

#include "base/clock.h"
#include "base/memory.h"
#include "train/feed.h"
#include "train/gradient_sum.h"
#include "train/optimiser.h"

#include <math.h>
#include <stdlib.h>

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
    struct loss_scale *loss_scale; /* where gradients may pass through float16 */
    struct feed feed;
    struct gradient_sum *gradients;
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
    struct model_memory model;
    TRY(model_measure(device, graph, &(struct model_options){0}, &model));
    *bytes = model.all + optimiser_bytes(device, model.parameters) + feed_bytes(graph, batch);
    if (loss_scale_is_for(graph->waits_as))
        *bytes += loss_scale_bytes();
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
        outcome = train_check_step(settings->batch, model_graph(model)->context);
    if (outcome == STATUS_OK && loss_scale_is_for(model_graph(model)->waits_as))
        outcome = loss_scale_create(model_device(model), &trainer->loss_scale);
    if (outcome == STATUS_OK)
        outcome = feed_open(&trainer->feed, model, &settings->division, settings->batch, settings->ranks,
                            trainer->loss_scale);
    adamw.loss_scale = trainer->loss_scale;
    if (outcome == STATUS_OK)
        outcome = gradient_sum_create(model, &settings->division, settings->ranks, &trainer->gradients);
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
    gradient_sum_destroy(trainer->gradients);
    feed_close(&trainer->feed);
    loss_scale_destroy(trainer->loss_scale);
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
        double loss = feed_loss(&trainer->feed, i);
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
        TRY(feed_training_batch(feed, trainer->task, trainer->seed, first + i, i));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count; i++) {
        for (int piece = 0; piece < feed->pieces; piece++) {
            TRY(feed_forward(feed, i, piece, true));
            TRY(feed_backward(feed, i, piece,
                              feed_ends_part(feed, piece) ? gradient_sum_observer(trainer->gradients) : NULL));
        }
        TRY(gradient_sum_give(trainer->gradients));
        TRY(optimiser_step(trainer->optimiser, train_rate(&trainer->settings, first + i)));
    }
    TRY(feed_read_results(feed, count));
    TRY(ranks_in_common(feed->ranks, follow(trainer, count)));
    trainer->step += count;
    size_t allocated = device_allocated_bytes(model_device(feed->model));
    trainer->peak_bytes = allocated > trainer->peak_bytes ? allocated : trainer->peak_bytes;
    if (observer && observer->tell)
        observer->tell(observer->context, trainer->step, steps, feed_loss(feed, count - 1));
    return STATUS_OK;
}

/*
 * How many steps to queue before waiting: as many as take about a fifth of a second, so that progress and interrupts
 * are prompt also where one step is long.
 */
static int steps_together(const struct trainer *trainer, int64_t left) {
    double each = trainer->timed_steps ? trainer->timed_seconds / (double)trainer->timed_steps : 0;
    int steps = each > 0 ? (int)fmin(0.2 / each, FEED_SLOTS) : 1;
    steps = steps < 1 ? 1 : steps;
    return left < steps ? (int)left : steps;
}

/*
 * What ranks do next: as many steps as rank 0 would queue, for another one may have counted other seconds; and nothing
 * where the user asked any of them to stop. STATUS_INTERRUPTED, for all, in that case.
 */
static status agree_on_turn(struct ranks *ranks, int *count) {
    struct turn {
        int count, interrupted;
    } turns[RANKS_MOST];
    turns[ranks_own(ranks)] = (struct turn){.count = *count, .interrupted = interrupt_requested()};
    TRY(ranks_gather_records(ranks, turns, sizeof *turns));
    for (int rank = 0; rank < ranks_count(ranks); rank++)
        if (turns[rank].interrupted)
            return ranks_in_common(ranks, fail_interrupted());
    *count = turns[0].count;
    return STATUS_OK;
}

status trainer_run(struct trainer *trainer, int64_t until, const struct train_observer *observer) {
    bool first = trainer->timed_steps == 0;
    while (trainer->step < until && !trainer->stop.stopped) {
        int count = steps_together(trainer, until - trainer->step);
        TRY(agree_on_turn(trainer->feed.ranks, &count));
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
        TRY(feed_evaluation_batch(feed, trainer->task, part, first + i, trainer->settings.validation_batches, i));
    TRY(feed_upload(feed, count));
    for (int i = 0; i < count * feed->pieces; i++) {
        TRY(feed_forward(feed, i / feed->pieces, i % feed->pieces, false));
        TRY(feed_count_right(feed, i / feed->pieces, i % feed->pieces));
    }
    TRY(feed_read_results(feed, count));
    for (int i = 0; i < count; i++) {
        tally->loss += feed_loss(feed, i) * (double)feed_count(feed, i);
        tally->count += (double)feed_count(feed, i);
        tally->right += feed_right(feed, i);
    }
    return STATUS_OK;
}

status trainer_evaluate(struct trainer *trainer, enum task_part part, struct train_score *score) {
    static const char *const names[TASK_PARTS] = {
        [PART_TRAINING] = "training", [PART_VALIDATION] = "validation", [PART_TEST] = "test"};
    int batches = trainer->settings.validation_batches;
    const char *name = task_name(trainer->task);
    struct tally tally = {0};
    for (int first = 0; first < batches; first += FEED_SLOTS) {
        int count = batches - first < FEED_SLOTS ? batches - first : FEED_SLOTS;
        TRY(agree_on_turn(trainer->feed.ranks, &count));
        TRY(evaluate_together(trainer, part, first, count, &tally));
    }
    status outcome = STATUS_OK;
    if (!(tally.count > 0))
        outcome = fail("no target of the %s part of %s is counted (is 0 or above)", names[part], name);
    else if (!isfinite(tally.loss))
        outcome = fail("the loss on the %s part of %s is not finite", names[part], name);
    else
        *score = (struct train_score){.loss = tally.loss / tally.count, .accuracy = tally.right / tally.count};
    return ranks_in_common(trainer->feed.ranks, outcome);
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
    double step_tokens = (double)trainer->feed.batch * (double)trainer->feed.context;
    double tokens = step_tokens * (double)trainer->timed_steps;
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

cl_mem trainer_loss_scale(const struct trainer *trainer) {
    return trainer->loss_scale ? loss_scale_state(trainer->loss_scale) : NULL;
}

const struct curve *trainer_curve(const struct trainer *trainer) {
    return &trainer->curve;
}

void trainer_go_on(struct trainer *trainer, int64_t step, const struct curve *curve) {
    trainer->step = step;
    trainer->curve = curve ? *curve : (struct curve){.first = step};
    optimiser_set_steps(trainer->optimiser, step);
}

status trainer_share(struct trainer *trainer) {
    struct ranks *ranks = trainer->feed.ranks;
    struct model *model = trainer->feed.model;
    struct device *device = model_device(model);
    size_t bytes = model_plan(model)->parameter_bytes;
    const struct {
        cl_mem memory;
        size_t bytes;
    } blocks[] = {{model_parameters(model), bytes},
                  {optimiser_mean(trainer->optimiser), bytes},
                  {optimiser_variance(trainer->optimiser), bytes},
                  {trainer_loss_scale(trainer), LOSS_SCALE_NUMBERS * sizeof(float)}};
    if (!ranks)
        return STATUS_OK;
    void *block = malloc(bytes);
    status outcome = block ? STATUS_OK : fail("the host has no memory for %zu bytes of parameters", bytes);
    for (size_t i = 0; outcome == STATUS_OK && i < sizeof blocks / sizeof *blocks; i++) {
        if (!blocks[i].memory)
            continue;
        if (ranks_lead(ranks))
            outcome = device_read(device, blocks[i].memory, 0, block, blocks[i].bytes);
        if (outcome == STATUS_OK)
            outcome = ranks_share(ranks, block, blocks[i].bytes);
        if (outcome == STATUS_OK && !ranks_lead(ranks))
            outcome = device_write(device, blocks[i].memory, 0, block, blocks[i].bytes);
    }
    free(block);
    return outcome;
}
