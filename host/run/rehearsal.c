#include "run/rehearsal.h"

#include "base/clock.h"
#include "base/memory.h"
#include "model/model.h"
#include "run/evaluator.h"
#include "run/measure.h"
#include "train/fit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Of the device's memory. */
enum { SHARE = 8 };

struct rehearsal {
    struct device *device, *companion;
    struct run_config config; /* of rehearsals: a step of one sequence, a batch of validation, a sample */
    const struct catalogue *catalogue;
    const struct task_list *tasks;
    pthread_t thread;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct genome waiting[REHEARSAL_MOST], current, latest[REHEARSAL_MOST];
    int waiting_count, latest_count;
    bool runs, paused, closing;
};

/* ---- the other thread ---- */

static status train(const struct rehearsal *rehearsal, const struct graph *graph, const struct task *task) {
    struct train_settings settings = config_train_settings(&rehearsal->config);
    struct model *model;
    struct trainer *trainer = NULL;
    struct train_score score;
    TRY(model_create(rehearsal->companion, graph, &(struct model_options){.seed = 1}, &model));
    status outcome = trainer_create(model, task, &settings, 1, &trainer);
    if (outcome == STATUS_OK)
        outcome = trainer_run(trainer, 1, NULL);
    if (outcome == STATUS_OK)
        outcome = trainer_evaluate(trainer, PART_VALIDATION, &score);
    trainer_destroy(trainer);
    model_destroy(model);
    return outcome;
}

static status rehearse(const struct rehearsal *rehearsal, const struct genome *genome) {
    const struct run_config *config = &rehearsal->config;
    bool wanted[METRICS];
    struct evaluation evaluation = {.failed = false};
    for (int i = 0; i < rehearsal->tasks->count; i++) {
        const struct task *task = rehearsal->tasks->tasks[i];
        struct model_settings settings = config_task_model_settings(config, task);
        struct graph *graph;
        TRY(fit_graph(rehearsal->companion, genome, rehearsal->catalogue, &settings, 1, &graph));
        status outcome = train(rehearsal, graph, task);
        graph_destroy(graph);
        TRY(outcome);
    }
    config_wanted_metrics(config, wanted);
    return measure_device(rehearsal->companion, genome, rehearsal->catalogue, config, wanted, &evaluation);
}

static bool is_among(const struct genome *genomes, int count, const struct genome *genome) {
    for (int i = 0; i < count; i++)
        if (genome_equal(&genomes[i], genome))
            return true;
    return false;
}

static void push(struct genome *genomes, int *count, const struct genome *genome) {
    int kept = *count < REHEARSAL_MOST ? *count : REHEARSAL_MOST - 1;
    memmove(genomes + 1, genomes, (size_t)kept * sizeof *genomes);
    genomes[0] = *genome;
    *count = kept + 1;
}

static void take_out(struct rehearsal *rehearsal, int place) {
    struct genome *waiting = rehearsal->waiting;
    rehearsal->waiting_count--;
    memmove(waiting + place, waiting + place + 1, (size_t)(rehearsal->waiting_count - place) * sizeof *waiting);
}

static void *run(void *context) {
    struct rehearsal *rehearsal = context;
    pthread_mutex_lock(&rehearsal->lock);
    while (!rehearsal->closing) {
        if (rehearsal->paused || rehearsal->waiting_count == 0) {
            pthread_cond_wait(&rehearsal->changed, &rehearsal->lock);
            continue;
        }
        rehearsal->current = rehearsal->waiting[0];
        take_out(rehearsal, 0);
        rehearsal->runs = true;
        pthread_mutex_unlock(&rehearsal->lock);
        (void)!rehearse(rehearsal, &rehearsal->current);
        pthread_mutex_lock(&rehearsal->lock);
        push(rehearsal->latest, &rehearsal->latest_count, &rehearsal->current);
        rehearsal->runs = false;
        pthread_cond_broadcast(&rehearsal->changed);
    }
    pthread_mutex_unlock(&rehearsal->lock);
    return NULL;
}

/* ---- the device's thread ---- */

static void release(struct rehearsal *rehearsal) {
    device_close(rehearsal->companion);
    pthread_cond_destroy(&rehearsal->changed);
    pthread_mutex_destroy(&rehearsal->lock);
    free(rehearsal);
}

struct rehearsal *rehearsal_create(struct device *device, const struct run_config *config,
                                   const struct catalogue *catalogue, const struct task_list *tasks) {
    struct rehearsal *rehearsal = memory_allocate(1, sizeof *rehearsal);
    rehearsal->device = device;
    rehearsal->config = *config;
    rehearsal->config.train.batch = rehearsal->config.train.validation_batches = 1;
    rehearsal->config.search.measure.seconds = 0;
    rehearsal->catalogue = catalogue;
    rehearsal->tasks = tasks;
    rehearsal->paused = true;
    pthread_mutex_init(&rehearsal->lock, NULL);
    pthread_cond_init(&rehearsal->changed, NULL);
    uint64_t memory = device_information(device)->global_bytes / SHARE;
    if (device_open_companion(device, memory, &rehearsal->companion) == STATUS_OK &&
        pthread_create(&rehearsal->thread, NULL, run, rehearsal) == 0)
        return rehearsal;
    release(rehearsal);
    return NULL;
}

void rehearsal_destroy(struct rehearsal *rehearsal) {
    if (!rehearsal)
        return;
    device_stop(rehearsal->companion);
    pthread_mutex_lock(&rehearsal->lock);
    rehearsal->closing = true;
    pthread_cond_broadcast(&rehearsal->changed);
    pthread_mutex_unlock(&rehearsal->lock);
    pthread_join(rehearsal->thread, NULL);
    release(rehearsal);
}

void rehearsal_expect(struct rehearsal *rehearsal, const struct genome *genomes, int count) {
    if (!rehearsal)
        return;
    pthread_mutex_lock(&rehearsal->lock);
    rehearsal->waiting_count = 0;
    for (int i = 0; i < count && rehearsal->waiting_count < REHEARSAL_MOST; i++) {
        bool is_current = rehearsal->runs && is_among(&rehearsal->current, 1, &genomes[i]);
        if (!is_current && !is_among(rehearsal->latest, rehearsal->latest_count, &genomes[i]))
            rehearsal->waiting[rehearsal->waiting_count++] = genomes[i];
    }
    pthread_cond_broadcast(&rehearsal->changed);
    pthread_mutex_unlock(&rehearsal->lock);
}

void rehearsal_await(struct rehearsal *rehearsal, const struct genome *genome) {
    if (!rehearsal)
        return;
    double start = clock_seconds();
    bool waited = false;
    pthread_mutex_lock(&rehearsal->lock);
    rehearsal->paused = true;
    for (int i = 0; i < rehearsal->waiting_count; i++)
        if (is_among(&rehearsal->waiting[i], 1, genome))
            take_out(rehearsal, i--);
    while (rehearsal->runs && is_among(&rehearsal->current, 1, genome)) {
        waited = true;
        pthread_cond_wait(&rehearsal->changed, &rehearsal->lock);
    }
    pthread_mutex_unlock(&rehearsal->lock);
    if (waited)
        device_add_build_wait(rehearsal->device, clock_seconds() - start);
}

void rehearsal_pause(struct rehearsal *rehearsal) {
    if (!rehearsal)
        return;
    pthread_mutex_lock(&rehearsal->lock);
    rehearsal->paused = true;
    while (rehearsal->runs)
        pthread_cond_wait(&rehearsal->changed, &rehearsal->lock);
    pthread_mutex_unlock(&rehearsal->lock);
}

void rehearsal_go_on(struct rehearsal *rehearsal) {
    if (!rehearsal)
        return;
    pthread_mutex_lock(&rehearsal->lock);
    rehearsal->paused = false;
    pthread_cond_broadcast(&rehearsal->changed);
    pthread_mutex_unlock(&rehearsal->lock);
}
