#include "run/search.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "device/gemm.h"
#include "evolve/evolve.h"
#include "genome/builtin.h"
#include "run/evaluator.h"
#include "run/store.h"
#include "starcl/version.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
    struct run_config config;
    struct catalogue catalogue;
    struct genome fixed; /* the backbone where it does not evolve */
    struct genome_space space;
    struct corpus *corpus;
    struct evaluator *evaluator;
    struct store *store;
    enum metric objectives[METRICS];
    int objective_count;

    struct individual *archive; /* everything evaluated, to know whose weights to keep */
    int archived;

    /* For the progress line. */
    const struct individual *current;
    int trained;
    double trained_seconds, current_start;
    int programs_built;
    double build_seconds;
};

static int total_evaluations(const struct search *search) {
    return (int)(search->config.search.population * search->config.search.generations);
}

/* ---- what the user sees ---- */

/* Seconds left, from the mean of the candidates trained so far or, in the first, from its own pace. */
static double seconds_left(const struct search *search, double share_of_current) {
    double elapsed = clock_seconds() - search->current_start;
    double each = search->trained ? search->trained_seconds / search->trained
                                  : elapsed / (share_of_current > 0 ? share_of_current : 1);
    int behind = total_evaluations(search) - search->current->id;
    return behind * each + fmax(0, each - elapsed);
}

static void tell_step(void *context, int64_t step, int64_t steps, double loss) {
    const struct search *search = context;
    int population = (int)search->config.search.population;
    char left[TEXT_NUMBER_BYTES];
    progress_update("generation %d/%lld, candidate %d/%d: step %" PRId64 "/%" PRId64 ", loss %.3f nats; %s left",
                    search->current->generation + 1, search->config.search.generations,
                    (search->current->id - 1) % population + 1, population, step, steps, loss,
                    text_duration(left, seconds_left(search, (double)step / (double)steps)));
}

static void tell_kernels(struct search *search) {
    int programs;
    double seconds;
    device_build_statistics(evaluator_device(search->evaluator), &programs, &seconds);
    if (programs > search->programs_built)
        progress_line("built %d kernel programs in %.1f s; they are kept for the next time",
                      programs - search->programs_built, seconds - search->build_seconds);
    search->programs_built = programs;
    search->build_seconds = seconds;
}

static void tell_candidate(const struct search *search, const struct individual *individual,
                           const struct evaluation *evaluation) {
    char genome[GENOME_TEXT_BYTES], parameters[TEXT_NUMBER_BYTES], cache[TEXT_NUMBER_BYTES];
    genome_print(&individual->genome, genome);
    if (evaluation->failed) {
        progress_line("%4d/%d  generation %d  failed: %s  %s", individual->id, total_evaluations(search),
                      individual->generation + 1, evaluation->reason, genome);
        return;
    }
    const double *values = evaluation->metrics.values;
    progress_line("%4d/%d  generation %d  %.4f bits/byte  %6s parameters  %9s cache  %5.1f s  %s", individual->id,
                  total_evaluations(search), individual->generation + 1, values[METRIC_BITS_PER_BYTE],
                  metric_text(METRIC_PARAMETERS, values[METRIC_PARAMETERS], parameters),
                  metric_text(METRIC_CACHE_BYTES, values[METRIC_CACHE_BYTES], cache), evaluation->seconds, genome);
}

static void tell_start(const struct search *search) {
    struct device *device = evaluator_device(search->evaluator);
    const struct run_config *config = &search->config;
    char all[TEXT_NUMBER_BYTES], parts[CORPUS_PARTS][TEXT_NUMBER_BYTES];
    for (int part = 0; part < CORPUS_PARTS; part++)
        text_bytes(parts[part], (double)corpus_part_bytes(search->corpus, (enum corpus_part)part));
    progress_line("device  %s (%s), GEMM %s", device_information(device)->name,
                  device_information(device)->platform_name, gemm_provider_name(device));
    progress_line("text    %s: %s; %s for training, %s for validation, %s for test", config->data.path,
                  text_bytes(all, (double)corpus_bytes(search->corpus)), parts[PART_TRAINING], parts[PART_VALIDATION],
                  parts[PART_TEST]);
    progress_line("search  %d candidates in %lld generations, %lld steps of %lld x %lld bytes each",
                  total_evaluations(search), config->search.generations, config->train.steps, config->train.batch,
                  config->model.context);
    progress_line("run     %s", store_path(search->store));
}

/* ---- evaluation ---- */

static void set_objectives(const struct search *search, const struct evaluation *evaluation,
                           struct individual *individual) {
    individual->failed = evaluation->failed;
    for (int i = 0; i < search->objective_count; i++) {
        double value = evaluation->metrics.values[search->objectives[i]];
        individual->objectives[i] = metric_table[search->objectives[i]].larger_is_better ? -value : value;
    }
}

static void remove_checkpoint(const struct search *search, int id) {
    char path[PATH_MAX];
    store_checkpoint_path(search->store, id, "safetensors", path, sizeof path);
    unlink(path);
    store_checkpoint_path(search->store, id, "json", path, sizeof path);
    unlink(path);
}

/* Weights are kept for the front: whatever is dominated now stays dominated. */
static void archive(struct search *search, const struct individual *added) {
    bool keep = !added->failed;
    for (int i = 0; i < search->archived; i++) {
        const struct individual *other = &search->archive[i];
        if (genome_equal(&other->genome, &added->genome))
            return;
        keep = keep && !dominates(other, added, search->objective_count);
        if (dominates(added, other, search->objective_count))
            remove_checkpoint(search, other->id);
    }
    if (!keep)
        remove_checkpoint(search, added->id);
    search->archive[search->archived++] = *added;
}

static cJSON *describe_evaluation(const struct individual *individual, const struct evaluation *evaluation) {
    char genome[GENOME_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "candidate", individual->id);
    cJSON_AddNumberToObject(json, "generation", individual->generation);
    cJSON_AddStringToObject(json, "genome", genome_print(&individual->genome, genome));
    cJSON_AddNumberToObject(json, "seconds", evaluation->seconds);
    if (evaluation->failed)
        cJSON_AddStringToObject(json, "reason", evaluation->reason);
    for (int m = 0; m < METRICS && !evaluation->failed; m++)
        cJSON_AddNumberToObject(json, metric_table[m].name, evaluation->metrics.values[m]);
    return json;
}

/* What an evaluation of the genome is recorded under. */
static struct evaluation_key key_of(const struct search *search, const struct genome *genome) {
    return (struct evaluation_key){.genome = genome,
                                   .seed = config_candidate_seed(&search->config, genome),
                                   .steps = search->config.train.steps,
                                   .device = device_information(evaluator_device(search->evaluator))->name};
}

/* Trains and measures; weights lie on the disk before the evaluation is recorded. */
static status evaluate_new(struct search *search, const struct individual *individual, struct evaluation *evaluation) {
    char weights[PATH_MAX], architecture[PATH_MAX];
    struct train_observer observer = {.tell = tell_step, .context = search};
    store_checkpoint_path(search->store, individual->id, "safetensors", weights, sizeof weights);
    store_checkpoint_path(search->store, individual->id, "json", architecture, sizeof architecture);
    search->current = individual;
    search->current_start = clock_seconds();
    TRY(evaluator_run(search->evaluator, &individual->genome, &observer, weights, architecture, evaluation));
    search->trained++;
    search->trained_seconds += evaluation->seconds;
    struct evaluation_key key = key_of(search, &individual->genome);
    TRY(store_add_evaluation(search->store, &key, evaluation));
    TRY(store_log(search->store, evaluation->failed ? "failed" : "evaluated",
                  describe_evaluation(individual, evaluation)));
    tell_kernels(search);
    tell_candidate(search, individual, evaluation);
    return STATUS_OK;
}

static status evaluate_all(void *context, struct individual *individuals, int count) {
    struct search *search = context;
    for (int i = 0; i < count; i++) {
        struct individual *individual = &individuals[i];
        struct evaluation evaluation;
        bool known;
        TRY(store_add_candidate(search->store, individual));
        struct evaluation_key key = key_of(search, &individual->genome);
        TRY(store_find_evaluation(search->store, &key, &known, &evaluation));
        if (!known)
            TRY(evaluate_new(search, individual, &evaluation));
        set_objectives(search, &evaluation, individual);
        archive(search, individual);
    }
    return STATUS_OK;
}

static status generation_done(void *context, int generation, const struct individual *survivors, int count) {
    struct search *search = context;
    return store_add_generation(search->store, generation, survivors, count);
}

/* ---- start to end ---- */

static void release(struct search *search) {
    store_close(search->store);
    evaluator_destroy(search->evaluator);
    corpus_close(search->corpus);
    free(search->archive);
}

/* Everything that a wrong config can make fail, before anything is written. */
static status prepare(struct search *search) {
    struct run_config *config = &search->config;
    TRY(config_space(config, &search->catalogue, &search->fixed, &search->space));
    struct corpus_split split = config_corpus_split(config);
    TRY(corpus_open(config->data.path, &split, (int)config->model.context, &search->corpus));
    TRY(evaluator_create(config, &search->catalogue, search->corpus, &search->evaluator));
    search->objective_count = config_objectives(config, search->objectives);
    search->archive = memory_allocate((size_t)total_evaluations(search), sizeof *search->archive);
    return STATUS_OK;
}

static status stopped(struct search *search, status outcome) {
    cJSON *details = cJSON_CreateObject();
    if (outcome != STATUS_OK)
        cJSON_AddStringToObject(details, "reason", status_message());
    const char *word = outcome == STATUS_OK ? "done" : outcome == STATUS_INTERRUPTED ? "interrupted" : "stopped";
    TRY(store_set_status(search->store, word));
    return store_log(search->store, word, details);
}

static status run(struct search *search, const char *event) {
    const struct run_config *config = &search->config;
    struct evolve_settings settings = {.seed = (uint64_t)config->run.seed,
                                       .population = (int)config->search.population,
                                       .generations = (int)config->search.generations,
                                       .tournament = (int)config->search.tournament,
                                       .crossover_points = (int)config->search.crossover_points,
                                       .mutation = config->search.mutation,
                                       .objectives = search->objective_count};
    struct evolve_problem problem = {
        .space = &search->space, .evaluate = evaluate_all, .generation_done = generation_done, .context = search};
    tell_start(search);
    TRY(store_set_status(search->store, "running"));
    TRY(store_log(search->store, event, NULL));
    status outcome = evolve_nsga2(&settings, &problem);
    progress_clear();
    /* The message of a failure is wanted after its record was written. */
    char *message = memory_copy_text(status_message());
    status recorded = stopped(search, outcome);
    if (outcome == STATUS_FAILED)
        outcome = fail("%s", message);
    free(message);
    return outcome == STATUS_OK ? recorded : outcome;
}

static status read_catalogue_text(const char *path, char **text) {
    size_t length;
    if (strcmp(path, "builtin") != 0)
        return file_read(path, text, &length);
    *text = memory_copy_text(builtin_files[0].text);
    return STATUS_OK;
}

static status create_store(struct search *search, const char *run_path) {
    const struct device_information *device = device_information(evaluator_device(search->evaluator));
    const char *gemm = gemm_provider_name(evaluator_device(search->evaluator));
    char corpus[32], *config_text = config_print(&search->config), *catalogue_text;
    snprintf(corpus, sizeof corpus, "%016" PRIx64, corpus_fingerprint(search->corpus));
    status outcome = read_catalogue_text(search->config.model.catalogue, &catalogue_text);
    if (outcome == STATUS_OK) {
        const char *facts[RUN_FACTS] = {[FACT_NAME] = search->config.run.name, [FACT_CONFIG] = config_text,
                                        [FACT_CATALOGUE] = catalogue_text,     [FACT_CORPUS] = corpus,
                                        [FACT_DEVICE] = device->name,          [FACT_DRIVER] = device->driver,
                                        [FACT_VERSION] = STAR_VERSION,         [FACT_GEMM] = gemm,
                                        [FACT_TEXT] = search->config.data.path};
        outcome = store_create(run_path, facts, &search->store);
        free(catalogue_text);
    }
    free(config_text);
    return outcome;
}

status search_start(const struct run_config *config, const char *run_path, char *path, size_t path_bytes) {
    struct search search = {.config = *config};
    path[0] = '\0';
    /* Said before the device and the text take their time; store_create() holds it. */
    if (run_path && file_exists(run_path))
        return fail_usage("%s exists and is not overwritten; choose another folder with --run, or go on with that run: "
                          "starcl resume %s",
                          run_path, run_path);
    TRY(catalogue_read(config->model.catalogue, &search.catalogue));
    status outcome = prepare(&search);
    if (outcome == STATUS_OK)
        outcome = create_store(&search, run_path);
    if (outcome == STATUS_OK) {
        snprintf(path, path_bytes, "%s", store_path(search.store));
        outcome = run(&search, "started");
    }
    release(&search);
    return outcome;
}

/* A run goes on with the text, and best with the device, that it began with. */
static status check_facts(const struct search *search) {
    char corpus[32];
    snprintf(corpus, sizeof corpus, "%016" PRIx64, corpus_fingerprint(search->corpus));
    if (strcmp(corpus, store_fact(search->store, FACT_CORPUS)) != 0)
        return fail("the text %s has changed since the run began; its results could not be compared",
                    search->config.data.path);
    const char *device = device_information(evaluator_device(search->evaluator))->name;
    if (strcmp(device, store_fact(search->store, FACT_DEVICE)) != 0)
        progress_line("note    the run began on %s; numbers of two devices agree only nearly",
                      store_fact(search->store, FACT_DEVICE));
    const char *gemm = gemm_provider_name(evaluator_device(search->evaluator));
    const char *begun = store_fact(search->store, FACT_GEMM);
    if (*begun && strcmp(gemm, begun) != 0)
        progress_line("note    the run began with GEMM %s, not %s; results may differ in the last digits", begun, gemm);
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
    TRY(catalogue_read_text("the run's catalogue", store_fact(search->store, FACT_CATALOGUE), &search->catalogue));
    TRY(prepare(search));
    TRY(check_facts(search));
    return run(search, "resumed");
}

status search_resume(const char *path) {
    struct search search = {0};
    status outcome = open_and_resume(&search, path);
    release(&search);
    return outcome;
}
