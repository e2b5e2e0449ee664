#include "run/trial.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/dispatch.h"
#include "run/static_costs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a job ---- */

/* On the thread of a worker. */
static void note_step(void *context, int64_t step, int64_t steps, double loss) {
    struct training_view *view = context;
    pthread_mutex_lock(&view->search->lock);
    view->step = step;
    view->steps = steps;
    view->loss = loss;
    now_curve_add(&view->curve, step, loss);
    pthread_mutex_unlock(&view->search->lock);
}

struct train_observer training_observer(struct training_view *view) {
    return (struct train_observer){.tell = note_step, .context = view};
}

/* What a child begins with: the weights of its parents, as far as there are any. */
static void set_inheritance(const struct search *search, struct trial *trial) {
    trial->inheritance = (struct inheritance){.sources = trial->individual.sources};
    for (int i = 0; i < 2; i++) {
        int id = trial->individual.parents[i];
        const struct individual *parent = id ? search_find(search, id) : NULL;
        if (!parent || !file_exists(search_checkpoint_path(search, id, trial->parents[i], ".safetensors")))
            continue;
        trial->parent_genomes[i] = parent->genome;
        trial->inheritance.parents[i] = &trial->parent_genomes[i];
        trial->inheritance.weights[i] = trial->parents[i];
    }
}

/* Beyond which the training of an individual is given up: what others of no greater cost came to. */
static struct stop_rule stop_rule_of(const struct search *search, const struct individual *individual) {
    struct metrics costs;
    if (!search->stopping ||
        measure_static(&individual->genome, &search->catalogue, &search->config, &costs) != STATUS_OK)
        return (struct stop_rule){0};
    return stopping_rule(search->stopping, &costs);
}

/* The trial's job, with who may be given out next. */
static status hand_out(struct search *search, struct trial *trial, const struct genome *next, int next_count) {
    trial->view = (struct training_view){.search = search};
    trial->has_job = true;
    return dispatch_submit(search, trial, next, next_count);
}

/* Only the first seed's weights are kept, of which a later seed that fails takes nothing away. */
static status submit(struct search *search, struct trial *trial) {
    const struct stage *stage = &trial->stage;
    int id = trial->individual.id, seed = trial->evaluated;
    search_state_path(search, id, seed, trial->state);
    search_checkpoint_path(search, id, trial->weights, "%s.safetensors", stage->weights);
    search_checkpoint_path(search, id, trial->architecture, "%s.json", stage->weights);
    trial->observer = training_observer(&trial->view);
    trial->job = (struct job){.genome = &trial->individual.genome,
                              .seed = trial->key.seed,
                              .steps = trial->key.steps,
                              .schedule_steps = stage->schedule_steps,
                              .side_steps = stage->side_steps,
                              .measure_on = search_measures_on(search),
                              .resume_path = stage->before > 0 ? trial->state : NULL,
                              .state_path = stage->steps < stage->schedule_steps ? trial->state : NULL,
                              .weights_path = seed == 0 ? trial->weights : NULL,
                              .architecture_path = seed == 0 ? trial->architecture : NULL,
                              .observer = &trial->observer};
    if (search->config.search.inheritance && !stage->is_final) {
        set_inheritance(search, trial);
        trial->job.inheritance = &trial->inheritance;
    }
    if (!stage->is_final)
        trial->job.stop = stop_rule_of(search, &trial->individual);
    trial->is_new = true;
    struct genome next[REHEARSAL_MOST];
    int next_count = search_guess_next(search, next);
    return hand_out(search, trial, next, next_count);
}

/* Times the evaluation, or where that is NULL, the genome alone. */
static status submit_measuring(struct search *search, struct trial *trial, const struct evaluation *evaluation,
                               const char *kind) {
    trial->trained = evaluation ? *evaluation : (struct evaluation){.steps = 0};
    trial->job = (struct job){
        .measures_alone = true, .measure_on = kind, .genome = &trial->individual.genome, .seed = trial->key.seed};
    return hand_out(search, trial, NULL, 0);
}

bool trial_is_measured(const struct trial *trial) {
    return trial->has_job && trial->job.measures_alone;
}

/* ---- its seeds ---- */

static bool has_twin(const struct search *search, const struct trial *trial) {
    for (int i = 0; i < search->trial_count; i++) {
        const struct trial *other = search->trials[i];
        if (other != trial && other->has_job && other->key.seed == trial->key.seed &&
            other->key.steps == trial->key.steps && genome_equal(&other->individual.genome, &trial->individual.genome))
            return true;
    }
    return false;
}

static void add_evaluation(struct search *search, struct trial *trial, const struct evaluation *evaluation) {
    const struct stage *stage = &trial->stage;
    double steps = stage_steps(stage);
    trial->evaluations[trial->evaluated++] = *evaluation;
    search->steps_done += steps;
    trial->is_over = evaluation->failed || evaluation->stopped;
    if (trial->is_over)
        search->steps_done += (double)(stage->seeds - trial->evaluated) * steps;
}

/* Whether selection can compare what was timed; what is trained last it does not see. */
static bool is_comparable(const struct search *search, const struct trial *trial, const struct evaluation *evaluation) {
    return search->kinds.count == 0 || trial->stage.is_final || evaluation->failed ||
           kind_is(evaluation_kind(evaluation), search->kinds.names[0]);
}

/* The first seed that is not known, unless a twin is trained with it. */
static status evaluate_seed(struct search *search, struct trial *trial, bool *waits) {
    struct evaluation evaluation;
    bool known;
    trial->key = (struct evaluation_key){.genome = &trial->individual.genome,
                                         .seed = config_seed(&search->config, trial->evaluated),
                                         .steps = trial->stage.steps,
                                         .device = workers_facts(search->workers, 0).device};
    *waits = has_twin(search, trial);
    if (*waits)
        return STATUS_OK;
    TRY(store_find_evaluation(search->store, &trial->key, &known, &evaluation));
    if (!known)
        return submit(search, trial);
    if (!is_comparable(search, trial, &evaluation))
        return submit_measuring(search, trial, &evaluation, search->kinds.names[0]);
    add_evaluation(search, trial, &evaluation);
    return STATUS_OK;
}

/* On each other kind once, whatever the seeds: times do not depend on them. */
static status measure_elsewhere(struct search *search, struct trial *trial, bool *waits) {
    *waits = false;
    for (int k = 1; k < search->kinds.count && !trial->stage.is_final; k++) {
        struct evaluation evaluation;
        bool known;
        trial->key = (struct evaluation_key){.genome = &trial->individual.genome,
                                             .seed = config_seed(&search->config, 0),
                                             .device = search->kinds.names[k]};
        *waits = has_twin(search, trial);
        if (*waits)
            return STATUS_OK;
        TRY(store_find_evaluation(search->store, &trial->key, &known, &evaluation));
        if (!known || !kind_is(evaluation.device, search->kinds.names[k]))
            return submit_measuring(search, trial, NULL, search->kinds.names[k]);
    }
    trial->is_over = true;
    return STATUS_OK;
}

/* As far as it comes without waiting. */
static status go_on(struct search *search, struct trial *trial) {
    bool waits = false;
    while (!trial->is_over && !trial->has_job && !waits)
        TRY((trial->evaluated < trial->stage.seeds ? evaluate_seed : measure_elsewhere)(search, trial, &waits));
    return STATUS_OK;
}

/* ---- what came of a job ---- */

static cJSON *describe_evaluation(const struct trial *trial, const struct evaluation *evaluation) {
    char genome[GENOME_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "candidate", trial->individual.id);
    cJSON_AddNumberToObject(json, "generation", trial->individual.generation);
    cJSON_AddStringToObject(json, "genome", genome_print(&trial->individual.genome, genome));
    cJSON_AddNumberToObject(json, "seed", (double)evaluation->seed);
    cJSON_AddNumberToObject(json, "steps", (double)evaluation->steps);
    cJSON_AddNumberToObject(json, "seconds", evaluation->seconds);
    if (evaluation->failed)
        cJSON_AddStringToObject(json, "reason", evaluation->reason);
    for (int m = 0; m < METRICS && !evaluation->failed; m++)
        if (!isnan(evaluation->metrics.values[m]))
            cJSON_AddNumberToObject(json, metric_table[m].name, evaluation->metrics.values[m]);
    cJSON_AddItemToObject(json, "curve", now_curve_json(&trial->view.curve));
    return json;
}

/* Weights and state lie on the disk before the evaluation is recorded. */
static status record(struct search *search, struct trial *trial, const struct evaluation *evaluation) {
    struct evaluation_key key = trial->key;
    key.device = evaluation->device;
    search->steps_trained += evaluation->trained_steps;
    search->seconds_trained += evaluation->seconds;
    TRY(store_add_evaluation(search->store, &key, evaluation));
    return store_log(search->store,
                     evaluation->failed    ? "failed"
                     : evaluation->stopped ? "stopped_early"
                                           : "evaluated",
                     describe_evaluation(trial, evaluation));
}

/* Where selection compared another kind before, what that timed is kept in a place of its own. */
static status keep_earlier(struct search *search, const struct trial *trial) {
    struct evaluation earlier = trial->trained;
    struct evaluation_key key = trial->key;
    key.steps = 0;
    key.device = evaluation_kind(&earlier);
    if (!evaluation_is_timed(&earlier))
        return STATUS_OK;
    evaluation_keep_times(&earlier);
    return store_add_evaluation(search->store, &key, &earlier);
}

/* A worker of another machine may say anything; what was asked for would be asked for again, and again. */
static void check_kind(const char *kind, struct evaluation *measured) {
    char other[KIND_BYTES];
    if (kind_is(measured->device, kind))
        return;
    snprintf(other, sizeof other, "%s", measured->device);
    measured->failed = true;
    snprintf(measured->reason, sizeof measured->reason, "it was timed on %s instead of %s", other, kind);
    snprintf(measured->device, sizeof measured->device, "%s", kind);
}

/* The evaluation that was trained, with the times of the other device; one that this could not measure has failed. */
static status record_measured(struct search *search, struct trial *trial, const struct evaluation *result) {
    struct evaluation_key key = trial->key;
    struct evaluation *evaluation = &trial->trained, measured = *result;
    check_kind(trial->job.measure_on, &measured);
    if (key.steps > 0) {
        TRY(keep_earlier(search, trial));
        evaluation_set_times(evaluation, &measured);
        key.device = evaluation->device;
    } else
        *evaluation = measured;
    TRY(store_add_evaluation(search->store, &key, evaluation));
    return store_log(search->store, evaluation->failed ? "failed" : "measured", describe_evaluation(trial, evaluation));
}

static status tell_notices(struct search *search) {
    char notice[WORKER_NOTICE_BYTES];
    while (workers_notice(search->workers, notice)) {
        cJSON *details = cJSON_CreateObject();
        cJSON_AddStringToObject(details, "reason", notice);
        progress_line("%s", notice);
        TRY(store_log(search->store, "device", details));
    }
    return STATUS_OK;
}

/* What is trained and not timed is no evaluation yet: the store has it, and go_on() finds it there. */
static status take(struct search *search, struct trial *trial, const struct evaluation *evaluation) {
    if (trial->job.measures_alone) {
        TRY(record_measured(search, trial, evaluation));
        evaluation = &trial->trained;
    } else
        TRY(record(search, trial, evaluation));
    if (trial->key.steps > 0 && is_comparable(search, trial, evaluation))
        add_evaluation(search, trial, evaluation);
    return STATUS_OK;
}

status trials_wait(struct search *search) {
    static const double moment = 0.1; /* seconds between two looks at the progress */
    struct finished_job finished;
    dispatch_wait(search, moment, &finished);
    announce_progress(search);
    TRY(tell_notices(search));
    if (!finished.owner)
        return finished.outcome;
    struct trial *trial = finished.owner;
    trial->has_job = false;
    TRY(finished.outcome);
    TRY(take(search, trial, &finished.evaluation));
    TRY(dispatch_forget(search, trial));
    announce_kernels(search);
    for (int i = 0; i < search->trial_count; i++)
        TRY(go_on(search, search->trials[i])); /* twins, too */
    return STATUS_OK;
}

/* ---- trials ---- */

struct now_training trial_training(struct search *search, const struct trial *trial) {
    struct now_training training = {.loss = NAN};
    snprintf(training.what, sizeof training.what, "%s", trial->what);
    pthread_mutex_lock(&search->lock);
    if (trial->has_job) {
        training.step = trial->view.step;
        training.steps = trial->view.steps;
        training.loss = trial->view.loss;
    }
    pthread_mutex_unlock(&search->lock);
    return training;
}

/*
 * Limits on what is known without training cost no training: among those that violate limits, how far they do so
 * decides alone. What cannot be built is left to the evaluator to say.
 */
static bool is_beyond_limits(const struct search *search, struct individual *individual) {
    const struct limit_list *limits = &search->config.search.limits;
    struct metrics metrics;
    if (!limits_any(limits, METRIC_STATIC) ||
        measure_static(&individual->genome, &search->catalogue, &search->config, &metrics) != STATUS_OK)
        return false;
    individual->violation = limits_violation(limits, &metrics);
    return individual->violation > 0;
}

status trial_begin(struct search *search, const struct individual *individual, const struct stage *stage,
                   const char *what, struct trial **result) {
    struct trial *trial = memory_allocate(1, sizeof *trial);
    *trial = (struct trial){.individual = *individual, .stage = *stage};
    snprintf(trial->what, sizeof trial->what, "%s", what);
    trial->evaluations = memory_allocate((size_t)stage->seeds, sizeof *trial->evaluations);
    search->trials = memory_resize(search->trials, (size_t)search->trial_count + 1, sizeof(struct trial *));
    search->trials[search->trial_count++] = *result = trial;
    trial->beyond_limits = !stage->is_final && is_beyond_limits(search, &trial->individual);
    if (!trial->beyond_limits)
        return go_on(search, trial);
    trial->is_over = true;
    search->steps_done += (double)stage->seeds * stage_steps(stage);
    return STATUS_OK;
}

void trial_end(struct search *search, struct trial *trial) {
    int place = 0;
    while (search->trials[place] != trial)
        place++;
    search->trial_count--;
    memmove(search->trials + place, search->trials + place + 1,
            (size_t)(search->trial_count - place) * sizeof(struct trial *));
    free(trial->evaluations);
    free(trial);
}

void trials_end(struct search *search) {
    while (search->trial_count > 0)
        trial_end(search, search->trials[0]);
    free(search->trials);
    search->trials = NULL;
}
