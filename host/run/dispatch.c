#include "run/dispatch.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "run/job_text.h"
#include "run/measure.h"
#include "run/shared_text.h"
#include "run/work.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a driver knows of the queue of its run. */
struct dispatch {
    struct work *work; /* of its own devices */
    struct done_job *done;
    int done_count, done_taken;
    struct seen_worker *workers;
    int worker_count;
    double last_look; /* at the workers, in seconds */
    bool told_none;   /* that nobody is there */
    bool told_kind;   /* that nobody is there of a kind that is waited for */
};

static const double look_every = 1, gone_after = 15; /* seconds; a worker says every two that it is there */

static bool on_server(const struct search *search) {
    return search->dispatch != NULL;
}

status dispatch_begin(struct search *search) {
    if (!store_is_on_server(search->store))
        return STATUS_OK;
    search->dispatch = memory_allocate(1, sizeof *search->dispatch);
    TRY(queue_begin(search->store));
    TRY(shared_text_put(search->store, &search->config));
    const struct work_setting setting = {.store = search->store,
                                         .config = &search->config,
                                         .space = &search->space,
                                         .tasks = &search->tasks,
                                         .workers = search->workers};
    return work_create(&setting, &search->dispatch->work);
}

void dispatch_end(struct search *search) {
    struct dispatch *dispatch = search->dispatch;
    if (!dispatch)
        return;
    work_destroy(dispatch->work);
    done_jobs_free(dispatch->done, dispatch->done_count);
    free(dispatch->workers);
    free(dispatch);
    search->dispatch = NULL;
}

/* ---- workers ---- */

static struct trial *trial_of(const struct search *search, long long id) {
    for (int i = 0; i < search->trial_count; i++)
        if (search->trials[i]->has_job && search->trials[i]->job_id == id)
            return search->trials[i];
    return NULL;
}

/* How far the trainings of other processes are. */
static void note_views(struct search *search) {
    const struct dispatch *dispatch = search->dispatch;
    for (int w = 0; w < dispatch->worker_count; w++) {
        const struct seen_worker *worker = &dispatch->workers[w];
        struct trial *trial = worker->job ? trial_of(search, worker->job) : NULL;
        if (!trial)
            continue;
        trial->view.step = worker->step;
        trial->view.steps = worker->steps;
        trial->view.loss = worker->loss;
    }
}

/* And those of this one, which need no server. */
static void note_own_views(struct search *search) {
    for (int i = 0; i < search->trial_count; i++) {
        struct trial *trial = search->trials[i];
        struct training_view *view = &trial->view;
        if (trial->has_job)
            (void)work_is_at(search->dispatch->work, trial->job_id, &view->step, &view->steps, &view->loss);
    }
}

static void tell_of_workers(struct dispatch *dispatch, const struct search *search) {
    if (dispatch->worker_count == 0 && !dispatch->told_none)
        progress_line("note    nobody works on this run; on any machine: starcl work '%s'", store_path(search->store));
    dispatch->told_none = dispatch->worker_count == 0;
}

static bool is_there(const struct dispatch *dispatch, const char *kind) {
    for (int w = 0; w < dispatch->worker_count; w++)
        if (kind_is(dispatch->workers[w].kind, kind))
            return true;
    return false;
}

/* The kind that somebody waits to be timed on, and that no worker is of; NULL: there is none. */
static const char *missing_kind(const struct search *search) {
    for (int i = 0; i < search->trial_count; i++)
        if (trial_is_measured(search->trials[i]) && !is_there(search->dispatch, search->trials[i]->job.measure_on))
            return search->trials[i]->job.measure_on;
    return NULL;
}

static void tell_of_kinds(struct dispatch *dispatch, const struct search *search) {
    const char *missing = missing_kind(search);
    if (missing && !dispatch->told_kind)
        progress_line("note    candidates wait to be timed on %s, of which no worker is; on a machine that has one: "
                      "starcl work '%s'",
                      missing, store_path(search->store));
    dispatch->told_kind = missing != NULL;
}

static status look_at_workers(struct search *search) {
    struct dispatch *dispatch = search->dispatch;
    double now = clock_seconds();
    if (now - dispatch->last_look < look_every)
        return STATUS_OK;
    dispatch->last_look = now;
    free(dispatch->workers);
    dispatch->workers = NULL;
    TRY(queue_workers(search->store, gone_after, &dispatch->workers, &dispatch->worker_count));
    note_views(search);
    tell_of_workers(dispatch, search);
    tell_of_kinds(dispatch, search);
    return STATUS_OK;
}

int dispatch_workers(struct search *search) {
    int count = on_server(search) ? search->dispatch->worker_count : workers_active(search->workers);
    return count > 0 ? count : 1; /* whose failure is then found, or who may come */
}

void dispatch_describe(struct search *search, struct now *now) {
    int count = on_server(search) ? search->dispatch->worker_count : workers_count(search->workers);
    for (int i = 0; i < count && i < NOW_DEVICES; i++) {
        struct now_training *device = &now->devices[now->device_count++];
        const struct seen_worker *seen = on_server(search) ? &search->dispatch->workers[i] : NULL;
        const struct trial *trial =
            seen ? (seen->job ? trial_of(search, seen->job) : NULL) : workers_owner(search->workers, i);
        *device = trial ? trial_training(search, trial) : (struct now_training){.loss = NAN};
        if (seen)
            snprintf(device->device, sizeof device->device, "%.70s, %.80s", seen->name, seen->device);
        else
            snprintf(device->device, sizeof device->device, "%s", workers_facts(search->workers, i).name);
    }
}

/* ---- jobs ---- */

/* What names a job among those of a run: whoever wants it again finds it. */
static char *key_of(const struct job *job) {
    char genome[GENOME_TEXT_BYTES];
    struct text key = {0};
    text_append(&key, "%s %llu %lld %lld %s %s", genome_print(job->genome, genome), (unsigned long long)job->seed,
                job->steps, job->schedule_steps, job->measures_alone ? "measured" : "trained",
                job->weights_path                        ? file_name(job->weights_path)
                : job->measures_alone && job->measure_on ? job->measure_on
                                                         : "");
    return key.text;
}

static status put_job(struct search *search, const struct job *job, long long *id) {
    char *key = key_of(job), *text = job_print(job);
    struct new_job new_job = {.key = key, .job = text, .kind = job->measures_alone ? job->measure_on : NULL};
    status outcome = queue_put(search->store, &new_job, 1);
    *id = new_job.id;
    free(text);
    free(key);
    return outcome;
}

status dispatch_submit(struct search *search, struct trial *trial, const struct genome *next, int next_count) {
    if (on_server(search))
        return put_job(search, &trial->job, &trial->job_id);
    workers_submit(search->workers, &trial->job, trial, next, next_count);
    return STATUS_OK;
}

status dispatch_forget(struct search *search, struct trial *trial) {
    return on_server(search) ? queue_forget(search->store, &trial->job_id, 1) : STATUS_OK;
}

/* ---- results ---- */

static void blame(struct evaluation *evaluation, const char *reason) {
    evaluation->failed = true;
    snprintf(evaluation->reason, sizeof evaluation->reason, "%s", reason);
}

/* A file that is not there is the result's failure; a server that cannot be asked is nobody's. */
static status fetch_outputs(struct search *search, struct job_result *result) {
    for (int f = 0; f < result->files.count; f++) {
        status outcome = store_fetch_file(search->store, result->files.paths[f]);
        if (outcome == STATUS_USAGE)
            blame(&result->evaluation, status_message());
        else
            TRY(outcome);
    }
    return STATUS_OK;
}

/* A metric that the search asks for and the result should have; METRICS: there is none. */
static enum metric missing_metric(const struct search *search, const struct job *job,
                                  const struct evaluation *evaluation) {
    bool wanted[METRICS], times = !job->measure_on || kind_is(evaluation->device, job->measure_on);
    config_wanted_metrics(&search->config, wanted);
    for (int m = 0; m < METRICS; m++) {
        bool is_timed = is_measured_on_device((enum metric)m);
        if (wanted[m] && (is_timed ? times : !job->measures_alone) && isnan(evaluation->metrics.values[m]))
            return (enum metric)m;
    }
    return METRICS;
}

static void refuse_incomplete(const struct search *search, const struct job *job, struct evaluation *evaluation) {
    char reason[128];
    enum metric missing = evaluation->failed ? METRICS : missing_metric(search, job, evaluation);
    if (missing == METRICS)
        return;
    snprintf(reason, sizeof reason, "its result has no %s", metric_table[missing].name);
    blame(evaluation, reason);
}

/* What cannot be used, or never came, is a failure of the candidate. */
static status take_result(struct search *search, const struct done_job *done, const struct job *job,
                          struct job_result *result) {
    struct evaluation *evaluation = &result->evaluation;
    char lost[64];
    snprintf(lost, sizeof lost, "%d workers were lost with it", done->attempts);
    if (!done->result)
        blame(evaluation, lost);
    else if (result_parse(done->result, job->seed, result) != STATUS_OK)
        blame(evaluation, status_message());
    else
        TRY(fetch_outputs(search, result));
    evaluation->seed = job->seed;
    evaluation->steps = job->steps;
    refuse_incomplete(search, job, evaluation);
    if (evaluation->failed)
        evaluation->metrics = evaluation->low = evaluation->high = metrics_absent();
    return STATUS_OK;
}

/* The next job that is done and whose owner is there. */
static struct trial *next_done(struct search *search, const struct done_job **done) {
    struct dispatch *dispatch = search->dispatch;
    while (dispatch->done_taken < dispatch->done_count) {
        *done = &dispatch->done[dispatch->done_taken++];
        struct trial *trial = trial_of(search, (*done)->id);
        if (trial)
            return trial;
    }
    return NULL;
}

static status look_for_done(struct search *search) {
    struct dispatch *dispatch = search->dispatch;
    if (dispatch->done_taken < dispatch->done_count)
        return STATUS_OK;
    done_jobs_free(dispatch->done, dispatch->done_count);
    dispatch->done = NULL;
    dispatch->done_taken = dispatch->done_count = 0;
    return queue_done(search->store, &dispatch->done, &dispatch->done_count);
}

/* One round: this process works, and looks what others did. */
static status attend(struct search *search, double seconds) {
    if (search->dispatch->done_taken < search->dispatch->done_count)
        seconds = 0;
    TRY(work_step(search->dispatch->work, seconds));
    if (interrupt_requested()) /* which a job of this process would have said; there may be none */
        return fail_interrupted();
    TRY(look_at_workers(search));
    note_own_views(search);
    return look_for_done(search);
}

static void wait_on_server(struct search *search, double seconds, struct finished_job *finished) {
    const struct done_job *done;
    *finished = (struct finished_job){.owner = NULL, .outcome = attend(search, seconds)};
    struct trial *trial = finished->outcome == STATUS_OK ? next_done(search, &done) : NULL;
    if (!trial)
        return;
    struct job_result *result = memory_allocate(1, sizeof *result);
    finished->outcome = take_result(search, done, &trial->job, result);
    finished->owner = trial;
    finished->evaluation = result->evaluation;
    trial->view.curve = result->curve;
    free(result);
}

void dispatch_wait(struct search *search, double seconds, struct finished_job *finished) {
    if (on_server(search))
        wait_on_server(search, seconds, finished);
    else
        workers_wait(search->workers, seconds, finished);
}

static status evaluate_on_server(struct search *search, const struct job *job, struct evaluation *evaluation) {
    long long id;
    TRY(put_job(search, job, &id));
    for (;;) {
        TRY(attend(search, 0.1));
        struct dispatch *dispatch = search->dispatch;
        while (dispatch->done_taken < dispatch->done_count) {
            const struct done_job *done = &dispatch->done[dispatch->done_taken++];
            if (done->id != id)
                continue;
            struct job_result *result = memory_allocate(1, sizeof *result);
            status outcome = take_result(search, done, job, result);
            *evaluation = result->evaluation;
            free(result);
            TRY(outcome);
            return queue_forget(search->store, &id, 1);
        }
    }
}

status dispatch_evaluate(struct search *search, const struct job *job, struct evaluation *evaluation) {
    return on_server(search) ? evaluate_on_server(search, job, evaluation)
                             : workers_evaluate(search->workers, job, evaluation);
}
