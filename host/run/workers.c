#include "run/workers.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "device/gemm.h"
#include "run/kinds.h"
#include "run/rehearsal.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOSSES_MOST = 3 };

/* What a worker is to do. */
struct order {
    struct job job;
    void *owner;
    struct genome next[REHEARSAL_MOST];
    int next_count;
    int lost_by; /* the number of the worker that handed it back, from 1; 0: none did */
    status outcome;
    char *message; /* of a failure */
    struct evaluation evaluation;
    struct order *behind;
};

struct queue {
    struct order *first, *last;
};

struct worker {
    struct workers *workers;
    int number; /* from 1 */
    pthread_t thread;
    bool runs, left;
    struct evaluator *evaluator; /* its thread's */
    void *owner;                 /* of the job that it carries out; NULL: it has none */
    int losses;                  /* jobs that were lost one after the other */
    char *name, *choice, *device, *platform, *driver, *gemm;
    struct build_statistics built, built_before; /* in all, and as its device counts now */
};

struct workers {
    pthread_mutex_t lock; /* of all below, and of what workers have that changes */
    pthread_cond_t changed;
    struct queue waiting, finished;
    struct text notices; /* lines */
    size_t notices_told; /* bytes of them */
    bool closing;
    atomic_bool give_up; /* interrupts the threads of workers */
    int count, active;
    struct worker **workers;
};

/* ---- queues ---- */

static void queue_push(struct queue *queue, struct order *order) {
    order->behind = NULL;
    *(queue->last ? &queue->last->behind : &queue->first) = order;
    queue->last = order;
}

/* Takes out the order behind `before`, or the first where that is NULL. */
static struct order *queue_take_behind(struct queue *queue, struct order *before) {
    struct order *order = before ? before->behind : queue->first;
    *(before ? &before->behind : &queue->first) = order->behind;
    if (queue->last == order)
        queue->last = before;
    return order;
}

static void queue_push_front(struct queue *queue, struct order *order) {
    order->behind = queue->first;
    queue->first = order;
    if (!queue->last)
        queue->last = order;
}

/* Behind those that measure alone, and before all others, which may take long: a trained candidate waits on it. */
static void queue_push_measuring(struct queue *queue, struct order *order) {
    struct order *before = NULL;
    for (struct order *next = queue->first; next && next->job.measures_alone; next = next->behind)
        before = next;
    if (!before) {
        queue_push_front(queue, order);
        return;
    }
    order->behind = before->behind;
    before->behind = order;
    if (queue->last == before)
        queue->last = order;
}

/* What is to be timed on one kind of device is for no other. */
static bool suits(const struct worker *worker, const struct order *order) {
    return !order->job.measures_alone || !order->job.measure_on || kind_is(worker->device, order->job.measure_on);
}

/* The first order that the worker may take: what it handed back is for others. NULL: there is none. */
static struct order *queue_take_for(struct queue *queue, const struct worker *worker) {
    struct order *before = NULL;
    for (struct order *order = queue->first; order; before = order, order = order->behind)
        if (order->lost_by != worker->number && suits(worker, order))
            return queue_take_behind(queue, before);
    return NULL;
}

static void order_free(struct order *order) {
    free(order->message);
    free(order);
}

static void queue_clear(struct queue *queue) {
    while (queue->first)
        order_free(queue_take_behind(queue, NULL));
}

/* ---- a worker's thread ---- */

static void count_builds(struct worker *worker) {
    struct device *device = evaluator_device(worker->evaluator);
    if (!device)
        return;
    struct build_statistics now = device_build_statistics(device), before = worker->built_before;
    /* A device that was opened anew counts from 0. */
    if (now.waited < before.waited || now.background < before.background)
        before = (struct build_statistics){0};
    worker->built.programs_waited += now.programs_waited - before.programs_waited;
    worker->built.programs_background += now.programs_background - before.programs_background;
    worker->built.waited += now.waited - before.waited;
    worker->built.background += now.background - before.background;
    worker->built_before = now;
}

static void carry_out(struct worker *worker, struct order *order) {
    struct evaluator *evaluator = worker->evaluator;
    evaluator_expect(evaluator, order->next, order->next_count);
    order->outcome = evaluator_evaluate(evaluator, &order->job, &order->evaluation);
    free(order->message);
    order->message = order->outcome == STATUS_OK ? NULL : memory_copy_text(status_message());
}

/* Whether a worker, other than this one if it is not NULL, still takes such orders. */
static bool any_takes(const struct workers *workers, const struct worker *except, const struct order *order) {
    for (int i = 0; i < workers->count; i++)
        if (workers->workers[i] != except && !workers->workers[i]->left && suits(workers->workers[i], order))
            return true;
    return false;
}

static bool others_take(const struct worker *worker, const struct order *order) {
    return any_takes(worker->workers, worker, order);
}

static void leave_out(struct worker *worker, const char *reason) {
    struct workers *workers = worker->workers;
    worker->left = true;
    workers->active--;
    if (workers->active > 0)
        text_append(&workers->notices, "device %d of %d, %s, is left out from now on: %s\n", worker->number,
                    workers->count, worker->name, reason);
}

/* Whether the order goes to another device now: this one was lost with it, and could perhaps not be opened again. */
static bool hand_back(struct worker *worker, struct order *order) {
    struct workers *workers = worker->workers;
    bool is_gone = !evaluator_device(worker->evaluator);
    bool lost = is_gone || evaluator_was_lost(worker->evaluator), is_last = workers->active == 1;
    bool goes_back = lost && others_take(worker, order) && order->outcome != STATUS_INTERRUPTED && order->lost_by == 0;
    const char *reason = order->outcome == STATUS_OK ? order->evaluation.reason : order->message;
    worker->losses = lost ? worker->losses + 1 : 0;
    if (is_gone || (worker->losses >= LOSSES_MOST && !is_last))
        leave_out(worker, reason);
    else if (goes_back)
        text_append(&workers->notices, "device %d of %d, %s, was lost; another one tries its candidate: %s\n",
                    worker->number, workers->count, worker->name, reason);
    return goes_back;
}

/* A job that no device could be tried with again fails as the candidate's. */
static void settle(struct worker *worker, struct order *order) {
    if (worker->left && order->outcome == STATUS_FAILED && others_take(worker, order)) {
        order->outcome = STATUS_OK;
        order->evaluation.failed = true;
        snprintf(order->evaluation.reason, sizeof order->evaluation.reason, "on two devices: %s", order->message);
    }
    queue_push(&worker->workers->finished, order);
}

/* An order that this worker handed back, and nobody else is there to take, is its own again. */
static void release_orders(struct worker *worker) {
    for (struct order *order = worker->workers->waiting.first; order; order = order->behind)
        if (order->lost_by == worker->number && !others_take(worker, order))
            order->lost_by = 0;
}

/* What nobody is left to do has failed, which is no candidate's fault. */
static void fail_orders(struct workers *workers) {
    struct order *before = NULL, *behind;
    for (struct order *order = workers->waiting.first; order; order = behind) {
        behind = order->behind;
        if (any_takes(workers, NULL, order)) {
            before = order;
            continue;
        }
        queue_take_behind(&workers->waiting, before);
        order->outcome = STATUS_FAILED;
        free(order->message);
        order->message = memory_copy_text("no device is left of those that measure");
        queue_push(&workers->finished, order);
    }
}

static void *work(void *context) {
    struct worker *worker = context;
    struct workers *workers = worker->workers;
    interrupt_thread_by(&workers->give_up);
    pthread_mutex_lock(&workers->lock);
    while (!workers->closing && !worker->left) {
        release_orders(worker);
        struct order *order = queue_take_for(&workers->waiting, worker);
        if (!order) {
            pthread_cond_wait(&workers->changed, &workers->lock);
            continue;
        }
        worker->owner = order->owner;
        pthread_mutex_unlock(&workers->lock);
        carry_out(worker, order);
        pthread_mutex_lock(&workers->lock);
        worker->owner = NULL;
        count_builds(worker);
        if (hand_back(worker, order)) {
            order->lost_by = worker->number;
            queue_push_front(&workers->waiting, order);
        } else
            settle(worker, order);
        if (workers->active > 0)
            fail_orders(workers);
        pthread_cond_broadcast(&workers->changed);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

/* ---- the search's thread ---- */

static status open_worker(struct worker *worker, const struct run_config *config, const char *choice,
                          const struct catalogue *catalogue, const struct task_list *tasks) {
    TRY(evaluator_create(config, choice, catalogue, tasks, &worker->evaluator));
    struct device *device = evaluator_device(worker->evaluator);
    const struct device_information *information = device_information(device);
    char index[DEVICE_INDEX_BYTES];
    worker->name = memory_copy_text(information->name);
    worker->choice = memory_copy_text(device_index(information, index));
    worker->device = memory_copy_text(information->kind);
    worker->platform = memory_copy_text(information->platform_name);
    worker->driver = memory_copy_text(information->driver);
    worker->gemm = memory_copy_text(gemm_provider_name(device));
    return STATUS_OK;
}

static void close_worker(struct worker *worker) {
    if (worker->runs)
        pthread_join(worker->thread, NULL);
    evaluator_destroy(worker->evaluator);
    free(worker->name);
    free(worker->choice);
    free(worker->device);
    free(worker->platform);
    free(worker->driver);
    free(worker->gemm);
    free(worker);
}

static struct workers *new_workers(void) {
    struct workers *workers = memory_allocate(1, sizeof *workers);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&workers->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&workers->lock, NULL);
    return workers;
}

static status add_worker(struct workers *workers, const struct run_config *config, const char *choice,
                         const struct catalogue *catalogue, const struct task_list *tasks) {
    struct worker *worker = memory_allocate(1, sizeof *worker);
    worker->workers = workers;
    worker->number = workers->count + 1;
    workers->workers = memory_resize(workers->workers, (size_t)workers->count + 1, sizeof worker);
    workers->workers[workers->count++] = worker;
    return open_worker(worker, config, choice, catalogue, tasks);
}

bool workers_are_none(const struct run_config *config) {
    const char *first = text_list_next(&config->devices.use, NULL);
    return config->devices.use.count == 1 && strcmp(first, "none") == 0;
}

/* One for each of devices.use. */
static status add_workers(struct workers *workers, const struct run_config *config, const struct catalogue *catalogue,
                          const struct task_list *tasks) {
    const struct text_list *use = &config->devices.use;
    const struct device_information **chosen = NULL;
    struct device_list list;
    int choice_count = 0, count = 0;
    TRY(device_list_create(&list));
    const char **choices = memory_allocate((size_t)use->count, sizeof *choices);
    for (const char *text = text_list_next(use, NULL); text; text = text_list_next(use, text))
        choices[choice_count++] = text;
    status outcome = device_choose_several(&list, choices, choice_count, &chosen, &count);
    for (int i = 0; outcome == STATUS_OK && i < count; i++) {
        char index[DEVICE_INDEX_BYTES];
        outcome = add_worker(workers, config, device_index(chosen[i], index), catalogue, tasks);
    }
    free(chosen);
    free(choices);
    device_list_destroy(&list);
    return outcome;
}

static status start_worker(struct worker *worker) {
    if (pthread_create(&worker->thread, NULL, work, worker) != 0)
        return fail("no thread can be started for the device %s: %s", worker->name, strerror(errno));
    worker->runs = true;
    return STATUS_OK;
}

status workers_create(const struct run_config *config, const struct catalogue *catalogue, const struct task_list *tasks,
                      struct workers **result) {
    struct workers *workers = new_workers();
    status outcome = workers_are_none(config) ? STATUS_OK
                     : config->devices.use.count > 0
                         ? add_workers(workers, config, catalogue, tasks)
                         : add_worker(workers, config, config->devices.device, catalogue, tasks);
    workers->active = workers->count;
    for (int i = 0; i < workers->count && outcome == STATUS_OK; i++)
        outcome = start_worker(workers->workers[i]);
    if (outcome != STATUS_OK) {
        workers_destroy(workers);
        workers = NULL;
    }
    *result = workers;
    return outcome;
}

void workers_destroy(struct workers *workers) {
    if (!workers)
        return;
    atomic_store(&workers->give_up, true);
    pthread_mutex_lock(&workers->lock);
    workers->closing = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 0; i < workers->count; i++)
        close_worker(workers->workers[i]);
    queue_clear(&workers->waiting);
    queue_clear(&workers->finished);
    text_free(&workers->notices);
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    free(workers->workers);
    free(workers);
}

int workers_count(const struct workers *workers) {
    return workers->count;
}

int workers_active(struct workers *workers) {
    pthread_mutex_lock(&workers->lock);
    int active = workers->active;
    pthread_mutex_unlock(&workers->lock);
    return active;
}

void *workers_owner(struct workers *workers, int number) {
    pthread_mutex_lock(&workers->lock);
    void *owner = workers->workers[number]->owner;
    pthread_mutex_unlock(&workers->lock);
    return owner;
}

struct worker_facts workers_facts(const struct workers *workers, int number) {
    static const struct worker_facts others = {"none", "", "other machines' devices", "", "", ""};
    if (workers->count == 0)
        return others;
    const struct worker *worker = workers->workers[number];
    return (struct worker_facts){worker->name,     worker->choice, worker->device,
                                 worker->platform, worker->driver, worker->gemm};
}

struct device *workers_device(const struct workers *workers, int number) {
    return workers->count > 0 ? evaluator_device(workers->workers[number]->evaluator) : NULL;
}

void workers_submit(struct workers *workers, const struct job *job, void *owner, const struct genome *next,
                    int next_count) {
    struct order *order = memory_allocate(1, sizeof *order);
    *order = (struct order){.job = *job, .owner = owner, .next_count = next_count};
    for (int i = 0; i < next_count; i++)
        order->next[i] = next[i];
    pthread_mutex_lock(&workers->lock);
    (job->measures_alone ? queue_push_measuring : queue_push)(&workers->waiting, order);
    if (workers->active > 0)
        fail_orders(workers);
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
}

static struct timespec moment_in(double seconds) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    long long nanoseconds = moment.tv_nsec + (long long)(1e9 * seconds);
    moment.tv_sec += (time_t)(nanoseconds / 1000000000);
    moment.tv_nsec = (long)(nanoseconds % 1000000000);
    return moment;
}

/* The next finished order; NULL where there is none until `moment`, or ever, if that is NULL and no worker is left. */
static struct order *await(struct workers *workers, const struct timespec *moment) {
    struct order *order = NULL;
    bool waits = true;
    pthread_mutex_lock(&workers->lock);
    while (!workers->finished.first && waits) {
        if (workers->active == 0 && workers->count > 0)
            waits = false;
        else if (moment)
            waits = pthread_cond_timedwait(&workers->changed, &workers->lock, moment) != ETIMEDOUT;
        else
            pthread_cond_wait(&workers->changed, &workers->lock);
    }
    if (workers->finished.first)
        order = queue_take_behind(&workers->finished, NULL);
    pthread_mutex_unlock(&workers->lock);
    return order;
}

/* The message of a thread's failure becomes this one's. */
static status outcome_of(const struct order *order) {
    if (order->outcome == STATUS_FAILED)
        return fail("%s", order->message);
    return order->outcome == STATUS_OK ? STATUS_OK : fail_interrupted();
}

void workers_wait(struct workers *workers, double seconds, struct finished_job *finished) {
    struct timespec moment = moment_in(seconds);
    struct order *order = await(workers, &moment);
    *finished = (struct finished_job){.owner = NULL};
    if (!order && workers->count > 0 && workers_active(workers) == 0)
        finished->outcome = fail("no device is left");
    if (!order)
        return;
    *finished = (struct finished_job){order->owner, outcome_of(order), order->evaluation};
    order_free(order);
}

status workers_evaluate(struct workers *workers, const struct job *job, struct evaluation *evaluation) {
    workers_submit(workers, job, NULL, NULL, 0);
    struct order *order = await(workers, NULL);
    if (!order)
        return fail("no device is left");
    status outcome = outcome_of(order);
    *evaluation = order->evaluation;
    order_free(order);
    return outcome;
}

/* The threads wait for orders, and touch nothing. */
void workers_rest(struct workers *workers) {
    for (int i = 0; i < workers->count; i++)
        if (evaluator_device(workers->workers[i]->evaluator))
            evaluator_expect(workers->workers[i]->evaluator, NULL, 0);
}

bool workers_notice(struct workers *workers, char notice[WORKER_NOTICE_BYTES]) {
    pthread_mutex_lock(&workers->lock);
    bool any = workers->notices_told < workers->notices.length;
    if (any) {
        const char *line = workers->notices.text + workers->notices_told;
        size_t length = strcspn(line, "\n");
        snprintf(notice, WORKER_NOTICE_BYTES, "%.*s", (int)length, line);
        workers->notices_told += length + 1;
    }
    pthread_mutex_unlock(&workers->lock);
    return any;
}

struct build_statistics workers_build_statistics(struct workers *workers) {
    struct build_statistics all = {0};
    pthread_mutex_lock(&workers->lock);
    for (int i = 0; i < workers->count; i++) {
        const struct build_statistics *built = &workers->workers[i]->built;
        all.programs_waited += built->programs_waited;
        all.programs_background += built->programs_background;
        all.waited += built->waited;
        all.background += built->background;
    }
    pthread_mutex_unlock(&workers->lock);
    return all;
}
