#include "run/join.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/kinds.h"
#include "run/resume.h"
#include "run/shared_text.h"
#include "run/work.h"
#include "starcl/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct member {
    struct store *store;
    struct run_config config;
    struct catalogue catalogue;
    struct genome fixed;
    struct genome_space space;
    struct task_list tasks;
    char text_path[PATH_MAX]; /* of a text that came from the server; "" */
    struct workers *workers;
    struct work *work;
};

/* Results of two versions cannot be told apart once they are in one run. */
static status check_version(const struct store *store) {
    const char *version = store_fact(store, FACT_VERSION);
    if (strcmp(version, STAR_VERSION) == 0)
        return STATUS_OK;
    return fail_usage(
        "%s was begun with starcl %s, and this is starcl %s: workers and driver have one version; install "
        "that one here",
        store_path(store), version, STAR_VERSION);
}

static status read_config(struct member *member, const struct join_options *options) {
    struct run_config *config = &member->config;
    TRY(config_load_text("the run's config", store_fact(member->store, FACT_CONFIG), NULL, 0, false, config));
    config->devices.device[0] = '\0'; /* the driver's: names of devices are those of a machine */
    config->devices.use = (struct text_list){.count = 0};
    for (int i = 0; i < options->device_count; i++)
        if (!text_list_add(&config->devices.use, options->devices[i]))
            return fail_usage("--device is given too often");
    if (options->data &&
        snprintf(config->data.path, sizeof config->data.path, "%s", options->data) >= (int)sizeof config->data.path)
        return fail_usage("the path %s is too long", options->data);
    TRY(catalogue_read_text("the run's catalogue", store_fact(member->store, FACT_CATALOGUE), &member->catalogue));
    return config_space(config, &member->catalogue, &member->fixed, &member->space);
}

/* A driver that has not begun yet has not said it; then it is the kind that the run was begun on. */
static status check_kinds(const struct member *member) {
    struct kind_list kinds;
    TRY(store_get_kinds(member->store, &kinds));
    if (kinds.count == 0)
        (void)kind_list_add(&kinds, store_fact(member->store, FACT_DEVICE));
    return kinds_check(&member->config, member->workers, &kinds);
}

static status prepare(struct member *member, const struct join_options *options) {
    TRY(check_version(member->store));
    TRY(read_config(member, options));
    TRY(shared_text_open(member->store, &member->config, options->data != NULL, member->text_path, &member->tasks));
    TRY(workers_create(&member->config, &member->catalogue, &member->tasks, &member->workers));
    TRY(check_kinds(member));
    const struct work_setting setting = {.store = member->store,
                                         .config = &member->config,
                                         .space = &member->space,
                                         .tasks = &member->tasks,
                                         .workers = member->workers};
    store_set_patience(member->store, (double)member->config.run.patience);
    return work_create(&setting, &member->work);
}

static void announce(const struct member *member) {
    for (int i = 0; i < workers_count(member->workers); i++) {
        struct worker_facts facts = workers_facts(member->workers, i);
        progress_line("device  %s (%s), GEMM %s", facts.name, facts.platform, facts.gemm);
    }
    progress_line("run     %s", store_path(member->store));
}

/* Told once each time that it changes. */
static void tell_state(const char *run_status, char *last, size_t bytes) {
    if (strcmp(run_status, last) == 0)
        return;
    if (strcmp(run_status, "running") != 0)
        progress_line("the run is %s; waiting until its driver goes on with it", run_status);
    snprintf(last, bytes, "%s", run_status);
}

static void tell_notices(struct workers *workers) {
    char notice[WORKER_NOTICE_BYTES];
    while (workers_notice(workers, notice))
        progress_line("%s", notice);
}

static status work_until_done(struct member *member, double idle_seconds) {
    char run_status[32] = "", last[32] = "running";
    double now = clock_seconds(), last_look = 0, last_busy = now;
    for (;;) {
        TRY(work_step(member->work, 0.1));
        tell_notices(member->workers);
        if (interrupt_requested())
            return fail_interrupted();
        now = clock_seconds();
        int busy = work_busy(member->work);
        last_busy = busy > 0 ? now : last_busy;
        progress_update("%d %s, %d done", busy, busy == 1 ? "job" : "jobs", work_done(member->work));
        if (idle_seconds > 0 && now - last_busy > idle_seconds)
            return STATUS_OK;
        if (now - last_look < 1)
            continue;
        last_look = now;
        TRY(store_get_status(member->store, run_status, sizeof run_status));
        if (strcmp(run_status, "done") == 0)
            return STATUS_OK;
        tell_state(run_status, last, sizeof last);
    }
}

static void leave(struct member *member) {
    workers_destroy(member->workers); /* before what their jobs point at */
    work_destroy(member->work);
    task_list_close(&member->tasks);
    if (*member->text_path)
        (void)unlink(member->text_path);
    store_close(member->store);
}

status join_run(const char *url, const struct join_options *options, int *jobs) {
    struct member *member = memory_allocate(1, sizeof *member);
    *jobs = 0;
    status outcome = store_join(url, &member->store);
    if (outcome == STATUS_OK)
        outcome = prepare(member, options);
    if (outcome == STATUS_OK) {
        announce(member);
        outcome = work_until_done(member, options->idle_seconds);
        *jobs = work_done(member->work);
    }
    progress_clear();
    char *message = memory_copy_text(status_message());
    leave(member);
    free(member);
    if (outcome == STATUS_FAILED)
        outcome = fail("%s", message);
    else if (outcome == STATUS_USAGE)
        outcome = fail_usage("%s", message);
    free(message);
    return outcome;
}
