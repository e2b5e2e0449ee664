#include "run/search.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "genome/builtin.h"
#include "run/dispatch.h"
#include "run/earlier.h"
#include "run/founders.h"
#include "run/resume.h"
#include "run/search_state.h"
#include "run/static_costs.h"
#include "starcl/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void search_release(struct search *search) {
    workers_destroy(search->workers); /* before what their jobs point at */
    dispatch_end(search);
    trials_end(search);
    store_close(search->store);
    task_list_close(&search->tasks);
    growth_destroy(search->growth);
    stopping_destroy(search->stopping);
    archive_destroy(search->front);
    free(search->catalogue_text);
    free(search->founders);
    free(search->archive);
    free(search->earlier);
    free(search->recorded);
    pthread_mutex_destroy(&search->lock);
}

const char *search_measures_on(const struct search *search) {
    return search->kinds.count > 0 ? search->kinds.names[0] : NULL;
}

/* Everything that a wrong config can make fail, before anything is written. `catalogue_text` is the catalogue's. */
static status prepare(struct search *search, const char *catalogue_text) {
    struct run_config *config = &search->config;
    if (config->search.final.keep && config_final_steps(config) <= config->train.steps)
        return fail_usage("search.final.steps: %lld; the final training is longer than a candidate's, train.steps = "
                          "%lld; 0 is four times it",
                          config->search.final.steps, config->train.steps);
    TRY(config_space(config, &search->catalogue, &search->fixed, &search->space));
    if (workers_are_none(config) && !*config->run.store)
        return fail_usage("devices.use: \"none\" leaves all work to `starcl work`, which needs a run.store");
    TRY(founders_resolve(config, catalogue_text, &search->space));
    TRY(founders_read(config, &search->founders, &search->founder_count));
    TRY(config_open_tasks(config, &search->tasks));
    TRY(config_check_measured(config, &search->tasks));
    TRY(budget_check(search));
    TRY(check_static_limits(config, &search->space));
    TRY(workers_create(config, &search->catalogue, &search->tasks, &search->workers));
    TRY(kinds_choose(config, search->workers, &search->kinds));
    search->objective_count = config_objectives(config, search->objectives);
    search->growth = growth_create(search);
    search->front = archive_create(search->objective_count, NULL);
    if (config->search.early_stopping)
        search->stopping = stopping_create(search->objectives, search->objective_count);
    return STATUS_OK;
}

static status read_catalogue_text(const char *path, char **text) {
    size_t length;
    if (strcmp(path, "builtin") != 0)
        return file_read(path, text, &length);
    *text = memory_copy_text(builtin_files[0].text);
    return STATUS_OK;
}

/* What earlier runs teach: refused or read before anything is written, kept once there is a store. */
static status read_earlier(struct search *search, const char *catalogue_text) {
    char corpus[CORPUS_TEXT_BYTES];
    if (search->config.search.surrogate.runs.count == 0)
        return STATUS_OK;
    return earlier_read(&search->config, &search->space, catalogue_text, corpus_text(&search->tasks, corpus),
                        &search->earlier, &search->earlier_count);
}

status search_prepare(struct search *search) {
    TRY(catalogue_read(search->config.model.catalogue, &search->catalogue));
    TRY(read_catalogue_text(search->config.model.catalogue, &search->catalogue_text));
    TRY(prepare(search, search->catalogue_text));
    return read_earlier(search, search->catalogue_text);
}

static status stopped(struct search *search, status outcome, const char *message) {
    cJSON *details = cJSON_CreateObject();
    if (outcome != STATUS_OK)
        cJSON_AddStringToObject(details, "reason", message);
    cJSON_AddNumberToObject(details, "programs_built", search->builds.programs_waited);
    cJSON_AddNumberToObject(details, "programs_built_in_background", search->builds.programs_background);
    cJSON_AddNumberToObject(details, "build_wait_seconds", search->builds.waited);
    cJSON_AddNumberToObject(details, "background_build_seconds", search->builds.background);
    const char *word = outcome == STATUS_OK ? "done" : outcome == STATUS_INTERRUPTED ? "interrupted" : "stopped";
    status recorded = store_set_status(search->store, word), logged = store_log(search->store, word, details);
    return recorded == STATUS_OK ? logged : recorded;
}

static status run(struct search *search, const char *event) {
    store_remove_unfinished(search->store);
    announce_start(search);
    TRY(store_set_status(search->store, "running"));
    TRY(store_log(search->store, event, NULL));
    TRY(store_set_kinds(search->store, &search->kinds));
    status outcome = dispatch_begin(search);
    if (outcome == STATUS_OK)
        outcome = search_drive(search);
    progress_clear();
    /* The message of a failure is wanted after its record was written. */
    char *message = memory_copy_text(status_message());
    now_end(search->store);
    announce_end(search);
    status recorded = stopped(search, outcome, message);
    if (outcome == STATUS_FAILED)
        outcome = fail("%s", message);
    free(message);
    return outcome == STATUS_OK ? recorded : outcome;
}

static status keep_earlier(struct search *search) {
    if (search->earlier_count == 0)
        return STATUS_OK;
    return store_set_earlier(search->store, search->earlier, search->earlier_count, search->objective_count);
}

/* Those that were kept; a run that was killed before that reads them again. */
static status find_earlier(struct search *search) {
    TRY(store_earlier(search->store, &search->earlier, &search->earlier_count));
    if (search->earlier_count > 0)
        return STATUS_OK;
    TRY(read_earlier(search, store_fact(search->store, FACT_CATALOGUE)));
    return keep_earlier(search);
}

static status create_store(struct search *search, const char *run_path) {
    struct worker_facts first = workers_facts(search->workers, 0);
    char corpus[CORPUS_TEXT_BYTES], *config_text = config_print(&search->config);
    const char *facts[RUN_FACTS] = {[FACT_NAME] = search->config.run.name,
                                    [FACT_CONFIG] = config_text,
                                    [FACT_CATALOGUE] = search->catalogue_text,
                                    [FACT_CORPUS] = corpus_text(&search->tasks, corpus),
                                    [FACT_DEVICE] = first.device,
                                    [FACT_DRIVER] = first.driver,
                                    [FACT_VERSION] = STAR_VERSION,
                                    [FACT_GEMM] = first.gemm,
                                    [FACT_TEXT] = config_data_name(&search->config)};
    status outcome = store_create(run_path, facts, &search->store);
    free(config_text);
    return outcome;
}

/* Where the run is to be: *run_path, or what run.store says. */
static status choose_place(struct run_config *config, const char **run_path) {
    if (*run_path && store_is_url(*run_path)) {
        snprintf(config->run.store, sizeof config->run.store, "%s", *run_path);
        return STATUS_OK;
    }
    if (*run_path && *config->run.store)
        return fail_usage(
            "run.store keeps the run in a database, so that it has no folder %s; leave --run out, and name "
            "the run behind the URL: %s",
            *run_path, strchr(config->run.store, '#') ? config->run.store : "postgresql://...#NAME");
    if (*config->run.store)
        *run_path = config->run.store;
    return STATUS_OK;
}

status search_start(const struct run_config *config, const char *run_path, char *path, size_t path_bytes) {
    struct search search = {.config = *config, .lock = PTHREAD_MUTEX_INITIALIZER};
    if (path_bytes > 0)
        path[0] = '\0';
    TRY(choose_place(&search.config, &run_path));
    /* Said before the device and the text take their time; store_create() holds it. */
    if (run_path)
        TRY(store_check_free(run_path));
    status outcome = search_prepare(&search);
    if (outcome == STATUS_OK)
        outcome = create_store(&search, run_path);
    if (outcome == STATUS_OK) {
        store_set_patience(search.store, (double)config->run.patience);
        outcome = keep_earlier(&search);
    }
    if (outcome == STATUS_OK) {
        snprintf(path, path_bytes, "%s", store_path(search.store));
        outcome = run(&search, "started");
    }
    search_release(&search);
    return outcome;
}

/* A run goes on with the config and the text, and best with the program and the device, that it began with. */
static status check_facts(const struct search *search) {
    const struct beginning beginning = {.what = "run",
                                        .version = store_fact(search->store, FACT_VERSION),
                                        .device = store_fact(search->store, FACT_DEVICE),
                                        .gemm = store_fact(search->store, FACT_GEMM),
                                        .corpus = store_fact(search->store, FACT_CORPUS),
                                        .text = store_fact(search->store, FACT_TEXT)};
    resume_note_version(&beginning); /* first: it may be why the text seems to be another */
    TRY(resume_check_text(&beginning, &search->config, &search->tasks));
    if (!store_is_on_server(search->store)) {
        resume_note_config(&beginning, store_path(search->store), &search->config);
        resume_note_file(&beginning, store_path(search->store), "catalogue.cfg",
                         store_fact(search->store, FACT_CATALOGUE));
    }
    if (workers_count(search->workers) > 0)
        resume_note_device(&beginning, workers_device(search->workers, 0));
    return STATUS_OK;
}

static status open_and_resume(struct search *search, const char *path) {
    char run_status[32];
    TRY(store_open(path, true, &search->store));
    TRY(store_get_status(search->store, run_status, sizeof run_status));
    if (strcmp(run_status, "done") == 0) {
        progress_line("the run %s is done; there is nothing to resume", path);
        return STATUS_OK;
    }
    TRY(config_load_text("the run's config", store_fact(search->store, FACT_CONFIG), NULL, 0, true, &search->config));
    store_set_patience(search->store, (double)search->config.run.patience);
    TRY(catalogue_read_text("the run's catalogue", store_fact(search->store, FACT_CATALOGUE), &search->catalogue));
    TRY(prepare(search, store_fact(search->store, FACT_CATALOGUE)));
    TRY(check_facts(search));
    TRY(find_earlier(search));
    TRY(store_told(search->store, &search->recorded, &search->recorded_count));
    return run(search, "resumed");
}

status search_resume(const char *path) {
    struct search search = {.lock = PTHREAD_MUTEX_INITIALIZER};
    status outcome = open_and_resume(&search, path);
    search_release(&search);
    return outcome;
}
