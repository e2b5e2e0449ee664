#include "run/evaluator.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "device/gemm.h"
#include "model/model.h"
#include "run/job_training.h"
#include "run/kinds.h"
#include "run/measure.h"
#include "run/rehearsal.h"
#include "train/checkpoint.h"
#include "train/fit.h"
#include "train/precision.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluator {
    const struct run_config *config;
    char choice[CONFIG_NAME_BYTES]; /* of the device */
    const struct catalogue *catalogue;
    const struct task_list *tasks;
    struct device *device;
    struct device_shape shape;   /* of the device, also when it is opened again: nothing need run then */
    struct rehearsal *rehearsal; /* NULL: kernels are built when they are needed */
    bool wanted[METRICS];        /* that the search asks for */
    bool file_failed;            /* which is not the candidate's failure */
    bool was_lost;               /* the device, when the last job failed */
};

struct device_options config_device_options(const struct run_config *config) {
    return (struct device_options){.gemm = config->devices.gemm,
                                   .products = precision_find(config->train.precision)->products,
                                   .memory = (uint64_t)config->devices.memory << 20};
}

struct model_settings config_model_settings(const struct run_config *config) {
    struct model_settings settings = {.width = (int)config->model.width,
                                      .context = (int)config->model.context,
                                      .head_channels = (int)config->model.head_channels,
                                      .vocabulary = CORPUS_VOCABULARY,
                                      .window = (int)config->model.window,
                                      .block = (int)config->model.block,
                                      .cache_context = (int)config->model.cache_context,
                                      .embedding_deviation = config->model.embedding_deviation,
                                      .waits_as = precision_find(config->train.precision)->waits_as};
    struct mad_settings mad = config_mad_settings(config);
    int kind = config_first_task(config);
    if (kind < MAD_KINDS && mad_resolve((enum mad_kind)kind, &mad, &mad) == STATUS_OK) {
        settings.vocabulary = mad.vocabulary;
        settings.context = mad_context((enum mad_kind)kind, &mad);
        settings.encodes = kind == MAD_COMPRESSION;
    } else { /* arrays, as they are declared; text declares nothing */
        settings.vocabulary = mad.vocabulary ? mad.vocabulary : settings.vocabulary;
        settings.context = mad.length ? mad.length : settings.context;
    }
    return settings;
}

struct train_settings config_train_settings(const struct run_config *config) {
    return (struct train_settings){.steps = config->train.steps,
                                   .batch = (int)config->train.batch,
                                   .learning_rate = config->train.learning_rate,
                                   .schedule = config_schedule(config),
                                   .warmup = config->train.warmup,
                                   .decay = config->train.decay,
                                   .final_rate = config->train.final_rate,
                                   .weight_decay = config->train.weight_decay,
                                   .clip = config->train.clip,
                                   .validation_batches = (int)config->train.validation_batches};
}

struct corpus_split config_corpus_split(const struct run_config *config) {
    return (struct corpus_split){.validation = config->data.validation, .test = config->data.test};
}

static status open_device(struct evaluator *evaluator) {
    struct device_options options = config_device_options(evaluator->config);
    options.shape = evaluator->shape;
    TRY(device_open_choice(evaluator->choice, &options, &evaluator->device));
    evaluator->shape = device_shape(evaluator->device);
    /* Without one the search is slower, and nothing else. */
    evaluator->rehearsal =
        evaluator->config->devices.build_ahead && !evaluator->wanted[METRIC_TRAIN_TOKENS_PER_S]
            ? rehearsal_create(evaluator->device, evaluator->config, evaluator->catalogue, evaluator->tasks)
            : NULL;
    return STATUS_OK;
}

static void close_device(struct evaluator *evaluator) {
    rehearsal_destroy(evaluator->rehearsal);
    device_close(evaluator->device);
    evaluator->rehearsal = NULL;
    evaluator->device = NULL;
}

status evaluator_create(const struct run_config *config, const char *choice, const struct catalogue *catalogue,
                        const struct task_list *tasks, struct evaluator **result) {
    struct evaluator *evaluator = memory_allocate(1, sizeof *evaluator);
    *evaluator = (struct evaluator){.config = config, .catalogue = catalogue, .tasks = tasks};
    snprintf(evaluator->choice, sizeof evaluator->choice, "%s", choice);
    config_wanted_metrics(config, evaluator->wanted);
    status outcome = open_device(evaluator);
    if (outcome != STATUS_OK) {
        evaluator_destroy(evaluator);
        evaluator = NULL;
    }
    *result = evaluator;
    return outcome;
}

void evaluator_destroy(struct evaluator *evaluator) {
    if (!evaluator)
        return;
    close_device(evaluator);
    free(evaluator);
}

struct device *evaluator_device(const struct evaluator *evaluator) {
    return evaluator->device;
}

uint64_t config_seed(const struct run_config *config, int replicate) {
    uint64_t seed = (uint64_t)config->run.seed;
    if (replicate == 0)
        return seed;
    return hash_number(hash_number(HASH_START, seed), (uint64_t)replicate) & ((UINT64_C(1) << 53) - 1);
}

long long config_final_steps(const struct run_config *config) {
    return config->search.final.steps ? config->search.final.steps : 4 * config->train.steps;
}

struct model_settings config_task_model_settings(const struct run_config *config, const struct task *task) {
    struct model_settings settings = config_model_settings(config);
    settings.vocabulary = task_vocabulary(task);
    settings.context = task_context(task);
    settings.encodes = task_traits(task)->encodes;
    return settings;
}

static status assess(struct evaluator *evaluator, const struct graph *graph, const struct job *job, int task,
                     struct evaluation *evaluation) {
    struct job_training training = {.config = evaluator->config,
                                    .tasks = evaluator->tasks,
                                    .task = task,
                                    .device = evaluator->device,
                                    .graph = graph,
                                    .job = job,
                                    .evaluation = evaluation};
    status outcome = job_train(&training);
    evaluator->file_failed = training.file_failed;
    return outcome;
}

static status measure_undisturbed(struct evaluator *evaluator, const struct genome *genome,
                                  struct evaluation *evaluation) {
    if (!measures_any(evaluator->wanted))
        return STATUS_OK;
    rehearsal_pause(evaluator->rehearsal);
    return measure_device(evaluator->device, genome, evaluator->catalogue, evaluator->config, evaluator->wanted,
                          evaluation);
}

/* Others leave it to a device of that kind. */
static bool is_to_time(const struct evaluator *evaluator, const struct job *job) {
    return !job->measure_on || kind_is(device_information(evaluator->device)->kind, job->measure_on);
}

static status build_and_assess(struct evaluator *evaluator, const struct job *job, int task,
                               struct evaluation *evaluation) {
    struct model_settings settings = config_task_model_settings(evaluator->config, evaluator->tasks->tasks[task]);
    struct graph *graph;
    gemm_release_scratch(evaluator->device);
    TRY(fit_graph(evaluator->device, job->genome, evaluator->catalogue, &settings, (int)evaluator->config->train.batch,
                  &graph));
    status outcome = STATUS_OK;
    if (task == 0 && job->architecture_path)
        outcome =
            checkpoint_write_architecture(graph, job->genome, evaluator->catalogue, &settings, job->architecture_path);
    evaluator->file_failed = outcome != STATUS_OK;
    if (outcome == STATUS_OK)
        outcome = assess(evaluator, graph, job, task, evaluation);
    graph_destroy(graph);
    if (outcome == STATUS_OK && task == 0 && is_to_time(evaluator, job))
        outcome = measure_undisturbed(evaluator, job->genome, evaluation);
    return outcome;
}

static status assess_tasks(struct evaluator *evaluator, const struct job *job, struct evaluation *evaluation) {
    for (int task = 0; task < evaluator->tasks->count; task++) {
        status outcome = build_and_assess(evaluator, job, task, evaluation);
        if (outcome == STATUS_FAILED && evaluator->tasks->count > 1)
            outcome = fail_while(outcome, "%s", task_name(evaluator->tasks->tasks[task]));
        TRY(outcome);
    }
    return STATUS_OK;
}

static void note_device(const struct evaluator *evaluator, struct evaluation *evaluation) {
    snprintf(evaluation->device, sizeof evaluation->device, "%s", device_information(evaluator->device)->kind);
}

/* Whatever state a failure left the device in ends with it. `reason` is what failed. */
static status reopen_device(struct evaluator *evaluator, const char *reason) {
    close_device(evaluator);
    status outcome = open_device(evaluator);
    return outcome == STATUS_OK
               ? outcome
               : fail_while(STATUS_FAILED, "opening the device again after a candidate failed (%s)", reason);
}

/*
 * A device that had no memory or was lost says nothing about the candidate, which is tried once more on the device
 * opened anew. What fails again, or fails by itself (it does not fit, diverges, or the device refuses it), is recorded.
 */
static status run(struct evaluator *evaluator, const struct job *job, struct evaluation *evaluation) {
    double start = clock_seconds();
    memset(evaluation, 0, sizeof *evaluation);
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
    evaluation->seed = job->seed;
    evaluation->steps = job->steps;
    evaluator->was_lost = false;
    for (bool again = false;; again = true) {
        evaluation->reason[0] = '\0';
        evaluation->trained_steps = 0;
        note_device(evaluator, evaluation); /* the device may be another one now */
        status outcome = assess_tasks(evaluator, job, evaluation);
        evaluation->seconds = clock_seconds() - start;
        if (outcome == STATUS_OK || outcome == STATUS_INTERRUPTED || evaluator->file_failed)
            return outcome;
        /* Compilers within drivers give up what they do when the user stops the program. */
        if (interrupt_requested())
            return fail_interrupted();
        bool transient = failure_kind() == FAILURE_TRANSIENT;
        char *reason = memory_copy_text(status_message());
        snprintf(evaluation->reason, sizeof evaluation->reason, "%s%s", again ? "tried twice: " : "", reason);
        /* Data that has changed is not the candidate's fault either: no other could be compared with those before. */
        outcome = task_list_check(evaluator->tasks);
        if (outcome == STATUS_OK)
            outcome = reopen_device(evaluator, reason);
        free(reason);
        TRY(outcome);
        evaluator->was_lost = again && transient;
        if (again || !transient)
            break;
    }
    note_device(evaluator, evaluation);
    evaluation->failed = true;
    evaluation->stopped = false;
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent(); /* trained, perhaps, but not kept */
    return STATUS_OK;
}

/* The observer of a job: from its first step on, when its own kernels are built, others' may be. */
struct watch {
    struct evaluator *evaluator;
    const struct train_observer *observer;
};

static void tell_step(void *context, int64_t step, int64_t steps, double loss) {
    const struct watch *watch = context;
    rehearsal_go_on(watch->evaluator->rehearsal);
    if (watch->observer && watch->observer->tell)
        watch->observer->tell(watch->observer->context, step, steps, loss);
}

static status measure_alone(struct evaluator *evaluator, const struct genome *genome, uint64_t seed,
                            struct evaluation *evaluation) {
    double start = clock_seconds();
    memset(evaluation, 0, sizeof *evaluation);
    evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
    evaluation->seed = seed;
    note_device(evaluator, evaluation);
    status outcome = measure_undisturbed(evaluator, genome, evaluation);
    evaluation->seconds = clock_seconds() - start;
    if (outcome == STATUS_OK || outcome == STATUS_INTERRUPTED)
        return outcome;
    if (interrupt_requested())
        return fail_interrupted();
    evaluation->failed = true;
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", status_message());
    return reopen_device(evaluator, evaluation->reason);
}

status evaluator_evaluate(struct evaluator *evaluator, const struct job *job, struct evaluation *evaluation) {
    struct watch watch = {evaluator, job->observer};
    if (job->measures_alone)
        return measure_alone(evaluator, job->genome, job->seed, evaluation);
    struct job watched = *job;
    watched.observer = &(struct train_observer){.tell = tell_step, .context = &watch};
    rehearsal_await(evaluator->rehearsal, job->genome);
    return run(evaluator, &watched, evaluation);
}

bool evaluator_was_lost(const struct evaluator *evaluator) {
    return evaluator->was_lost;
}

void evaluator_expect(struct evaluator *evaluator, const struct genome *genomes, int count) {
    rehearsal_expect(evaluator->rehearsal, genomes, count);
    if (count == 0)
        rehearsal_pause(evaluator->rehearsal);
}
