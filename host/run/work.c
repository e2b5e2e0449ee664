#include "run/work.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/folder.h"
#include "run/job_text.h"
#include "run/kinds.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A device's place for a job. */
struct slot {
    struct work *work;
    char name[WORKER_NAME_BYTES]; /* as a worker of the queue */
    bool busy;
    struct leased_job leased;
    struct received_job received;
    struct train_observer observer;
    /* Which the device's thread tells, under the lock. */
    int64_t step, steps;
    double loss;
    struct now_curve curve;
};

struct work {
    struct work_setting setting;
    char folder[PATH_MAX];
    pthread_mutex_t lock;
    struct slot *slots;
    int count, done;
    double last_seen, last_empty; /* seconds; when the server was told last, and when it had no job */
};

static const double seen_every = 2; /* seconds */

static void note_step(void *context, int64_t step, int64_t steps, double loss) {
    struct slot *slot = context;
    pthread_mutex_lock(&slot->work->lock);
    slot->step = step;
    slot->steps = steps;
    slot->loss = loss;
    now_curve_add(&slot->curve, step, loss);
    pthread_mutex_unlock(&slot->work->lock);
}

status work_create(const struct work_setting *setting, struct work **result) {
    struct work *work = memory_allocate(1, sizeof *work);
    char host[64] = "host";
    *result = NULL;
    work->setting = *setting;
    pthread_mutex_init(&work->lock, NULL);
    work->count = workers_count(setting->workers);
    work->slots = memory_allocate((size_t)work->count + 1, sizeof *work->slots);
    (void)gethostname(host, sizeof host - 1);
    for (int i = 0; i < work->count; i++) {
        struct slot *slot = &work->slots[i];
        slot->work = work;
        slot->observer = (struct train_observer){.tell = note_step, .context = slot};
        snprintf(slot->name, sizeof slot->name, "%s:%ld:%d", host, (long)getpid(), i + 1);
    }
    status outcome = file_temporary_directory("work", work->folder);
    if (outcome == STATUS_OK)
        *result = work;
    else
        work_destroy(work);
    return outcome;
}

void work_destroy(struct work *work) {
    if (!work)
        return;
    for (int i = 0; i < work->count; i++) {
        (void)!queue_leave(work->setting.store, work->slots[i].name); /* or its leases run out */
        free(work->slots[i].leased.job);
    }
    if (*work->folder)
        folder_remove(work->folder);
    pthread_mutex_destroy(&work->lock);
    free(work->slots);
    free(work);
}

/* ---- the server is told ---- */

static struct worker_facts facts_of(const struct work *work, const struct slot *slot) {
    struct workers *workers = work->setting.workers;
    for (int i = 0; i < workers_count(workers); i++)
        if (workers_owner(workers, i) == slot)
            return workers_facts(workers, i);
    return workers_facts(workers, (int)(slot - work->slots));
}

static status see(struct work *work, struct slot *slot) {
    struct seen_worker seen = {.job = slot->busy ? slot->leased.id : 0, .loss = NAN};
    struct worker_facts facts = facts_of(work, slot);
    snprintf(seen.name, sizeof seen.name, "%s", slot->name);
    snprintf(seen.device, sizeof seen.device, "%.*s", WORKER_NAME_BYTES - 1, facts.name);
    snprintf(seen.kind, sizeof seen.kind, "%.*s", KIND_BYTES - 1, facts.device);
    pthread_mutex_lock(&work->lock);
    if (slot->busy && slot->steps > 0) {
        seen.step = slot->step;
        seen.steps = slot->steps;
        seen.loss = slot->loss;
    }
    pthread_mutex_unlock(&work->lock);
    return queue_see(work->setting.store, &seen, (double)work->setting.config->run.lease);
}

static status see_all(struct work *work) {
    double now = clock_seconds();
    if (now - work->last_seen < seen_every)
        return STATUS_OK;
    for (int i = 0; i < work->count; i++)
        TRY(see(work, &work->slots[i]));
    work->last_seen = now;
    return STATUS_OK;
}

/* ---- jobs come ---- */

static status fetch_inputs(struct work *work, const struct job *job) {
    struct job_files files;
    job_inputs(job, work->setting.tasks->count, &files);
    for (int f = 0; f < files.count; f++)
        TRY(store_get_file(work->setting.store, file_name(files.paths[f]), files.paths[f]));
    return STATUS_OK;
}

static void begin_job(struct work *work, struct slot *slot) {
    slot->steps = slot->step = 0;
    slot->curve = (struct now_curve){0};
    slot->received.job.observer = &slot->observer;
    slot->busy = true;
    workers_submit(work->setting.workers, &slot->received.job, slot, NULL, 0);
}

/* A job that cannot be begun is done: it failed, and why is told. */
static status refuse_job(struct work *work, struct slot *slot) {
    struct job_result *result = memory_allocate(1, sizeof *result);
    result->evaluation.failed = true;
    result->evaluation.metrics = metrics_absent();
    snprintf(result->evaluation.reason, sizeof result->evaluation.reason, "%s", status_message());
    char *text = result_print(result);
    bool counts;
    status outcome = queue_finish(work->setting.store, &slot->leased, text, NULL, 0, &counts);
    free(text);
    free(result);
    return outcome;
}

/* What is no job, or names files that are not there, is refused; a server that cannot be asked is nobody's fault. */
static status take_job(struct work *work, struct slot *slot) {
    if (job_parse(slot->leased.job, work->setting.space, work->folder, &slot->received) != STATUS_OK)
        return refuse_job(work, slot);
    status outcome = fetch_inputs(work, &slot->received.job);
    if (outcome == STATUS_OK)
        begin_job(work, slot);
    return outcome == STATUS_USAGE ? refuse_job(work, slot) : outcome;
}

static struct slot *free_slot(struct work *work) {
    int busy = work_busy(work);
    for (int i = 0; i < work->count && busy < workers_active(work->setting.workers); i++)
        if (!work->slots[i].busy)
            return &work->slots[i];
    return NULL;
}

/* Of devices that are free: what is to be timed does not wait behind a training here while it could go elsewhere. */
static const struct kind_list *free_kinds(const struct work *work, struct kind_list *kinds) {
    struct workers *workers = work->setting.workers;
    kinds->count = 0;
    if (!config_timed_metric(work->setting.config))
        return NULL;
    for (int i = 0; i < workers_count(workers); i++)
        if (!workers_owner(workers, i))
            kind_list_add(kinds, workers_facts(workers, i).device);
    return kinds;
}

/* An empty queue is not asked again at once. */
static status lease_jobs(struct work *work) {
    static const double pause = 0.1;
    struct kind_list kinds;
    struct slot *slot;
    bool found = clock_seconds() - work->last_empty >= pause;
    while (found && (slot = free_slot(work))) {
        free(slot->leased.job);
        slot->leased.job = NULL;
        TRY(queue_lease(work->setting.store, slot->name, free_kinds(work, &kinds),
                        (double)work->setting.config->run.lease, &found, &slot->leased));
        if (!found)
            work->last_empty = clock_seconds();
        else
            TRY(take_job(work, slot));
    }
    return STATUS_OK;
}

/* ---- results go ---- */

/* What the job wrote, of what it may write. */
static void list_outputs(const struct work *work, const struct slot *slot, struct job_files *written) {
    struct job_files *files = memory_allocate(1, sizeof *files);
    job_outputs(&slot->received.job, work->setting.tasks->count, files);
    written->count = 0;
    for (int f = 0; f < files->count; f++)
        if (file_exists(files->paths[f]))
            snprintf(written->paths[written->count++], PATH_MAX, "%s", files->paths[f]);
    free(files);
}

/* Under the names of its lease. */
static status put_outputs(struct work *work, const struct slot *slot, const struct job_files *written) {
    char name[QUEUE_FILE_BYTES];
    for (int f = 0; f < written->count; f++)
        TRY(store_put_file(work->setting.store, queue_file_name(&slot->leased, file_name(written->paths[f]), name),
                           written->paths[f]));
    return STATUS_OK;
}

static void remove_files(const struct work *work, const struct job *job) {
    struct job_files *files = memory_allocate(1, sizeof *files);
    job_inputs(job, work->setting.tasks->count, files);
    for (int f = 0; f < files->count; f++)
        (void)unlink(files->paths[f]);
    job_outputs(job, work->setting.tasks->count, files);
    for (int f = 0; f < files->count; f++)
        (void)unlink(files->paths[f]);
    free(files);
}

/* Files of a result that does not count are not brought at all. */
static status put_result(struct work *work, struct slot *slot, struct job_result *result, bool *counts) {
    const char *names[JOB_MOST_FILES];
    list_outputs(work, slot, &result->files);
    if (result->files.count > 0) {
        TRY(queue_has_lease(work->setting.store, &slot->leased, counts));
        if (!*counts)
            return STATUS_OK;
    }
    TRY(put_outputs(work, slot, &result->files));
    for (int f = 0; f < result->files.count; f++)
        names[f] = file_name(result->files.paths[f]);
    char *text = result_print(result);
    status outcome = queue_finish(work->setting.store, &slot->leased, text, names, result->files.count, counts);
    free(text);
    return outcome;
}

static status send_result(struct work *work, struct slot *slot, struct job_result *result) {
    bool counts;
    TRY(put_result(work, slot, result, &counts));
    work->done += counts;
    if (!counts)
        progress_line("a result came too late and was dropped: the job was given to another worker");
    return STATUS_OK;
}

/* A device that failed for good does not blame the job, which another worker may do. */
static status end_job(struct work *work, struct slot *slot, const struct finished_job *finished) {
    slot->busy = false;
    if (finished->outcome != STATUS_OK) {
        char *message = memory_copy_text(status_message());
        status outcome = queue_hand_back(work->setting.store, &slot->leased);
        if (outcome == STATUS_OK)
            outcome = finished->outcome == STATUS_FAILED ? fail("%s", message) : fail_interrupted();
        free(message);
        return outcome;
    }
    struct job_result *result = memory_allocate(1, sizeof *result);
    result->evaluation = finished->evaluation;
    result->curve = slot->curve;
    status outcome = send_result(work, slot, result);
    remove_files(work, &slot->received.job);
    free(result);
    return outcome;
}

status work_step(struct work *work, double seconds) {
    struct finished_job finished;
    workers_wait(work->setting.workers, seconds, &finished);
    TRY(finished.owner ? end_job(work, finished.owner, &finished) : finished.outcome);
    TRY(lease_jobs(work));
    return see_all(work);
}

bool work_is_at(struct work *work, long long job, int64_t *step, int64_t *steps, double *loss) {
    bool begun = false;
    pthread_mutex_lock(&work->lock);
    for (int i = 0; i < work->count; i++) {
        const struct slot *slot = &work->slots[i];
        if (!slot->busy || slot->leased.id != job || slot->steps == 0)
            continue;
        *step = slot->step;
        *steps = slot->steps;
        *loss = slot->loss;
        begun = true;
    }
    pthread_mutex_unlock(&work->lock);
    return begun;
}

int work_busy(const struct work *work) {
    int busy = 0;
    for (int i = 0; i < work->count; i++)
        busy += work->slots[i].busy;
    return busy;
}

int work_done(const struct work *work) {
    return work->done;
}
