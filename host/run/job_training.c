#include "run/job_training.h"

#include "train/checkpoint.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

/* ---- what is measured ---- */

/* Of a candidate's trainings, one a task: costs are the first model's, memory is the most, the rest are means. */
static void add_metrics(struct metrics *metrics, const struct task_list *tasks, int index, const struct cost *cost,
                        const struct train_result *result) {
    const struct task *task = tasks->tasks[index];
    double *values = metrics->values, share = 1.0 / tasks->count;
    enum metric own = metric_of_task(task_name(task));
    if (index == 0) {
        values[METRIC_PARAMETERS] = (double)cost->parameters;
        values[METRIC_FLOPS_PER_TOKEN] = cost->flops_per_token;
        values[METRIC_CACHE_BYTES] = (double)cost->cache_bytes;
        values[METRIC_ACCURACY] = values[METRIC_TEST_ACCURACY] = values[METRIC_TRAIN_TOKENS_PER_S] = 0;
        values[METRIC_PEAK_BYTES] = 0;
    }
    values[METRIC_ACCURACY] += share * result->validation.accuracy;
    values[METRIC_TEST_ACCURACY] += share * result->test.accuracy;
    values[METRIC_TRAIN_TOKENS_PER_S] += share * result->tokens_per_second;
    values[METRIC_PEAK_BYTES] = fmax(values[METRIC_PEAK_BYTES], (double)result->peak_bytes);
    if (own != METRICS)
        values[own] = result->validation.accuracy;
    if (!task_traits(task)->is_text)
        return;
    values[METRIC_BITS_PER_BYTE] = result->validation.loss / log(2);
    values[METRIC_PERPLEXITY] = exp(result->validation.loss);
    values[METRIC_TEST_BITS_PER_BYTE] = result->test.loss / log(2);
}

/* ---- training ---- */

/* The settings of a job's training. Of a longer one the warm-up is as large a share. */
static struct train_settings settings_of(const struct job_training *training) {
    const struct job *job = training->job;
    struct train_settings settings = config_train_settings(training->config);
    long long steps = job->schedule_steps ? job->schedule_steps : job->steps;
    settings.warmup = settings.warmup * steps / settings.steps;
    settings.steps = steps;
    /* What it is stopped for is the loss on text, in nats a token. */
    bool is_text = training->tasks->count == 1 && task_traits(training->tasks->tasks[0])->is_text;
    if (is_text)
        settings.stop = job->stop;
    return settings;
}

/* Whether it was a file that failed, or the device whose data it holds. */
static status of_file(struct job_training *training, status outcome) {
    training->file_failed = outcome != STATUS_OK && failure_kind() == FAILURE_PLAIN;
    return outcome;
}

/* A state's path; the first task has it as it is, and others beside it. */
static const char *state_path(const struct job_training *training, const char *path, char buffer[PATH_MAX]) {
    if (training->task == 0)
        return path;
    snprintf(buffer, PATH_MAX, "%s.%d", path, training->task);
    return buffer;
}

/* Trains to the job's steps and keeps the state. */
static status train_to(struct job_training *training, struct trainer *trainer, struct train_result *result) {
    const struct job *job = training->job;
    struct evaluation *evaluation = training->evaluation;
    char path[PATH_MAX];
    int64_t before = trainer_step(trainer);
    TRY(trainer_run(trainer, job->steps, job->observer));
    struct train_stop stop = trainer_stop(trainer);
    evaluation->trained_steps += (double)((stop.stopped ? stop.step : trainer_step(trainer)) - before);
    if (stop.stopped) {
        evaluation->stopped = true;
        snprintf(evaluation->reason, sizeof evaluation->reason,
                 "stopped early at step %" PRId64 ": predicted %.3f +- %.3f nats, needs %.3f", stop.step,
                 stop.prediction.loss, stop.prediction.error, job->stop.above);
        result->validation = (struct train_score){.loss = stop.prediction.loss, .accuracy = NAN};
        result->test = (struct train_score){.loss = NAN, .accuracy = NAN};
        return STATUS_OK;
    }
    if (!job->state_path)
        return STATUS_OK;
    return of_file(training, checkpoint_write_training(trainer, state_path(training, job->state_path, path)));
}

/* What it has come to, or would if its learning rate decayed now; its weights then. */
static status measure(struct job_training *training, struct trainer *trainer, struct train_result *result) {
    const struct job *job = training->job;
    if (job->side_steps > 0 && job->schedule_steps > job->steps) {
        trainer_decay(trainer, job->side_steps);
        TRY(trainer_run(trainer, job->steps + job->side_steps, job->observer));
        training->evaluation->trained_steps += (double)job->side_steps;
    }
    TRY(trainer_evaluate(trainer, PART_VALIDATION, &result->validation));
    TRY(trainer_evaluate(trainer, PART_TEST, &result->test));
    /* It reads them from the device, whose failure ends this candidate alone. */
    return training->task == 0 && job->weights_path
               ? of_file(training, checkpoint_write_weights(trainer_model(trainer), job->weights_path))
               : STATUS_OK;
}

/* By how much the curve of a training that is complete led too high when half of it was done. */
static double curve_bias(const struct job_training *training, const struct trainer *trainer, double loss) {
    const struct job *job = training->job;
    const struct curve *curve = trainer_curve(trainer);
    bool complete = !job->schedule_steps || job->schedule_steps == job->steps;
    return complete && curve->has_halfway && training->task == 0 ? curve->halfway.loss - loss : NAN;
}

static status train_and_measure(struct job_training *training, struct trainer *trainer) {
    struct train_result result = {0};
    TRY(train_to(training, trainer, &result));
    if (!training->evaluation->stopped)
        TRY(measure(training, trainer, &result));
    struct train_result statistics = trainer_statistics(trainer);
    statistics.validation = result.validation;
    statistics.test = result.test;
    struct cost cost = graph_cost(training->graph, (int)training->config->model.cache_context);
    if (training->task == 0 && !training->evaluation->stopped)
        training->evaluation->metrics.values[METRIC_CURVE_BIAS] = curve_bias(training, trainer, result.validation.loss);
    add_metrics(&training->evaluation->metrics, training->tasks, training->task, &cost, &statistics);
    return STATUS_OK;
}

/* Where training begins: at a saved state, or with what is inherited, or as drawn. */
static status begin(struct job_training *training, struct trainer *trainer, bool resume) {
    const struct job *job = training->job;
    char path[PATH_MAX];
    int inherited;
    if (resume) {
        TRY(checkpoint_read_training(trainer, state_path(training, job->resume_path, path)));
        if (trainer_step(trainer) <= job->steps)
            return STATUS_OK;
        return fail("%s has done %" PRId64 " steps, and %lld were asked for", job->resume_path, trainer_step(trainer),
                    job->steps);
    }
    /* Weights are kept of the first task's model. */
    return training->task == 0 && job->inheritance
               ? of_file(training, inherit_weights(trainer_model(trainer), job->inheritance, &inherited))
               : STATUS_OK;
}

/* *unreadable: the state could not be read, and nothing was trained. */
static status train_from(struct job_training *training, bool resume, bool *unreadable) {
    struct train_settings settings = settings_of(training);
    struct model_options options = {.seed = training->job->seed};
    struct model *model;
    struct trainer *trainer;
    TRY(model_create(training->device, training->graph, &options, &model));
    status outcome =
        trainer_create(model, training->tasks->tasks[training->task], &settings, training->job->seed, &trainer);
    if (outcome == STATUS_OK) {
        outcome = begin(training, trainer, resume);
        *unreadable = resume && outcome == STATUS_FAILED && failure_kind() == FAILURE_PLAIN;
    }
    if (outcome == STATUS_OK)
        outcome = train_and_measure(training, trainer);
    trainer_destroy(trainer);
    model_destroy(model);
    return outcome;
}

status job_train(struct job_training *training) {
    bool unreadable = false;
    training->file_failed = false;
    status outcome = train_from(training, training->job->resume_path != NULL, &unreadable);
    return unreadable ? train_from(training, false, &unreadable) : outcome;
}
