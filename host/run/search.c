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
#include "run/folder.h"
#include "run/resume.h"
#include "run/store.h"
#include "run/summary.h"
#include "starcl/version.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A round of training that candidates go through: the evaluations that selection sees, or the final ones. */
struct stage {
    long long steps, seeds;
    const char *weights; /* of the first seed: checkpoints/<id><weights>.safetensors */
};

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

    /* For the progress line: what is trained now, and how much of the whole search is done, in steps. */
    char current[96];
    double steps_done, steps_trained, seconds_trained;
    int programs_built;
    double build_seconds;
};

static int total_candidates(const struct search *search) {
    return (int)(search->config.search.population * search->config.search.generations);
}

static struct stage search_stage(const struct search *search) {
    return (struct stage){search->config.train.steps, search->config.search.seeds, ""};
}

static struct stage final_stage(const struct search *search) {
    return (struct stage){config_final_steps(&search->config), search->config.search.final.seeds, "-final"};
}

static double total_steps(const struct search *search) {
    struct stage first = search_stage(search), last = final_stage(search);
    return (double)total_candidates(search) * (double)first.seeds * (double)first.steps +
           (double)search->config.search.final.keep * (double)last.seeds * (double)last.steps;
}

/* ---- what the user sees ---- */

static void tell_step(void *context, int64_t step, int64_t steps, double loss) {
    const struct search *search = context;
    double left = total_steps(search) - search->steps_done - (double)step;
    char duration[TEXT_NUMBER_BYTES] = "";
    if (search->steps_trained > 0)
        text_duration(duration, left * search->seconds_trained / search->steps_trained);
    progress_update("%s: step %" PRId64 "/%" PRId64 ", loss %.3f nats; %s left", search->current, step, steps, loss,
                    *duration ? duration : "some time");
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

/* "2.4774 bits/byte", and with several seeds "2.4774 +- 0.0045 bits/byte". */
static const char *quality_text(const struct summary *summary, enum metric metric, char *buffer, size_t bytes) {
    double mean = summary->mean.values[metric], error = summary->errors.values[metric];
    if (isnan(error))
        snprintf(buffer, bytes, "%.4f %s", mean, metric_table[metric].title);
    else
        snprintf(buffer, bytes, "%.4f +- %.4f %s", mean, error, metric_table[metric].title);
    return buffer;
}

static void tell_candidate(const struct search *search, const struct individual *individual,
                           const struct summary *summary) {
    char genome[GENOME_TEXT_BYTES], parameters[TEXT_NUMBER_BYTES], cache[TEXT_NUMBER_BYTES], quality[96];
    genome_print(&individual->genome, genome);
    if (summary->failed) {
        progress_line("%4d/%d  generation %d  failed: %s  %s", individual->id, total_candidates(search),
                      individual->generation + 1, summary->reason, genome);
        return;
    }
    const double *values = summary->mean.values;
    progress_line("%4d/%d  generation %d  %s  %6s parameters  %9s cache  %5.1f s  %s", individual->id,
                  total_candidates(search), individual->generation + 1,
                  quality_text(summary, METRIC_BITS_PER_BYTE, quality, sizeof quality),
                  metric_text(METRIC_PARAMETERS, values[METRIC_PARAMETERS], parameters),
                  metric_text(METRIC_CACHE_BYTES, values[METRIC_CACHE_BYTES], cache), summary->seconds, genome);
}

static void tell_final(const struct search *search, int place, const struct individual *individual,
                       const struct summary *summary) {
    char genome[GENOME_TEXT_BYTES], quality[96];
    progress_line(
        "final %d/%lld  candidate %d  %s  %5.1f s  %s", place + 1, search->config.search.final.keep, individual->id,
        summary->failed ? summary->reason : quality_text(summary, METRIC_TEST_BITS_PER_BYTE, quality, sizeof quality),
        summary->seconds, genome_print(&individual->genome, genome));
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
    progress_line("search  %d candidates in %lld generations, %lld seeds, %lld steps of %lld x %lld bytes each",
                  total_candidates(search), config->search.generations, config->search.seeds, config->train.steps,
                  config->train.batch, config->model.context);
    if (config->search.final.keep)
        progress_line("final   the best %lld again, %lld seeds, %lld steps each", config->search.final.keep,
                      config->search.final.seeds, config_final_steps(config));
    progress_line("run     %s", store_path(search->store));
}

/* ---- evaluation ---- */

static void set_objectives(const struct search *search, const struct summary *summary, struct individual *individual) {
    individual->failed = summary->failed;
    for (int i = 0; i < search->objective_count; i++)
        individual->objectives[i] =
            metric_objective(search->objectives[i], summary->mean.values[search->objectives[i]]);
}

static void remove_checkpoint(const struct search *search, int id) {
    char path[PATH_MAX];
    store_checkpoint_path(search->store, id, ".safetensors", path, sizeof path);
    unlink(path);
    store_checkpoint_path(search->store, id, ".json", path, sizeof path);
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
    cJSON_AddNumberToObject(json, "seed", (double)evaluation->seed);
    cJSON_AddNumberToObject(json, "steps", (double)evaluation->steps);
    cJSON_AddNumberToObject(json, "seconds", evaluation->seconds);
    if (evaluation->failed)
        cJSON_AddStringToObject(json, "reason", evaluation->reason);
    for (int m = 0; m < METRICS && !evaluation->failed; m++)
        cJSON_AddNumberToObject(json, metric_table[m].name, evaluation->metrics.values[m]);
    return json;
}

/*
 * Trains and measures; weights lie on the disk before the evaluation is recorded. Only the first seed's are kept, of
 * which a later seed that fails takes nothing away.
 */
static status evaluate_new(struct search *search, const struct individual *individual, const struct stage *stage,
                           const struct evaluation_key *key, bool keeps_weights, struct evaluation *evaluation) {
    char weights[PATH_MAX], architecture[PATH_MAX], ending[32];
    struct train_observer observer = {.tell = tell_step, .context = search};
    snprintf(ending, sizeof ending, "%s.safetensors", stage->weights);
    store_checkpoint_path(search->store, individual->id, ending, weights, sizeof weights);
    snprintf(ending, sizeof ending, "%s.json", stage->weights);
    store_checkpoint_path(search->store, individual->id, ending, architecture, sizeof architecture);
    struct evaluation_job job = {.genome = key->genome,
                                 .seed = key->seed,
                                 .steps = key->steps,
                                 .weights_path = keeps_weights ? weights : NULL,
                                 .architecture_path = keeps_weights ? architecture : NULL,
                                 .observer = &observer};
    TRY(evaluator_run(search->evaluator, &job, evaluation));
    search->steps_trained += (double)stage->steps;
    search->seconds_trained += evaluation->seconds;
    /* The device may be another one now: one that a failure took away was opened anew. */
    struct evaluation_key done = *key;
    done.device = device_information(evaluator_device(search->evaluator))->name;
    TRY(store_add_evaluation(search->store, &done, evaluation));
    TRY(store_log(search->store, evaluation->failed ? "failed" : "evaluated",
                  describe_evaluation(individual, evaluation)));
    tell_kernels(search);
    return STATUS_OK;
}

/*
 * The candidate with the seeds of a stage, from the store or trained now, up to the first that fails: that decides.
 * *is_new: something was trained.
 */
static status evaluate_seeds(struct search *search, const struct individual *individual, const struct stage *stage,
                             struct evaluation *evaluations, struct summary *summary, bool *is_new) {
    int count = 0;
    *is_new = false;
    for (bool failed = false; !failed && count < stage->seeds; failed = evaluations[count++].failed) {
        bool known;
        struct evaluation_key key = {.genome = &individual->genome,
                                     .seed = config_seed(&search->config, count),
                                     .steps = stage->steps,
                                     .device = device_information(evaluator_device(search->evaluator))->name};
        TRY(store_find_evaluation(search->store, &key, &known, &evaluations[count]));
        if (!known)
            TRY(evaluate_new(search, individual, stage, &key, count == 0, &evaluations[count]));
        *is_new = *is_new || !known;
        search->steps_done += (double)stage->steps;
    }
    search->steps_done += (double)(stage->seeds - count) * (double)stage->steps;
    *summary = summarise(evaluations, count, stage->steps);
    return STATUS_OK;
}

static status assess(struct search *search, struct individual *individual, struct evaluation *evaluations) {
    struct stage stage = search_stage(search);
    struct summary summary;
    int population = (int)search->config.search.population;
    bool is_new;
    snprintf(search->current, sizeof search->current, "generation %d/%lld, candidate %d/%d", individual->generation + 1,
             search->config.search.generations, (individual->id - 1) % population + 1, population);
    TRY(store_add_candidate(search->store, individual));
    TRY(evaluate_seeds(search, individual, &stage, evaluations, &summary, &is_new));
    if (is_new)
        tell_candidate(search, individual, &summary);
    set_objectives(search, &summary, individual);
    archive(search, individual);
    return STATUS_OK;
}

static status evaluate_all(void *context, struct individual *individuals, int count) {
    struct search *search = context;
    struct evaluation *evaluations = memory_allocate((size_t)search->config.search.seeds, sizeof *evaluations);
    status outcome = STATUS_OK;
    for (int i = 0; outcome == STATUS_OK && i < count; i++)
        outcome = assess(search, &individuals[i], evaluations);
    free(evaluations);
    return outcome;
}

/* By front, and within one by the first objective. */
static int better_first(const void *a, const void *b) {
    const struct individual *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank - y->rank;
    if (x->objectives[0] != y->objectives[0])
        return x->objectives[0] < y->objectives[0] ? -1 : 1;
    return x->id - y->id;
}

/* The best of everything evaluated are trained again from scratch. */
static status train_best(struct search *search) {
    struct stage stage = final_stage(search);
    int keep = (int)search->config.search.final.keep;
    keep = keep < search->archived ? keep : search->archived;
    struct evaluation *evaluations = memory_allocate((size_t)stage.seeds, sizeof *evaluations);
    status outcome = STATUS_OK;
    rank_population(search->archive, search->archived, search->objective_count);
    qsort(search->archive, (size_t)search->archived, sizeof *search->archive, better_first);
    for (int place = 0; outcome == STATUS_OK && place < keep && !search->archive[place].failed; place++) {
        const struct individual *individual = &search->archive[place];
        struct summary summary;
        bool is_new;
        snprintf(search->current, sizeof search->current, "final %d/%d, candidate %d", place + 1, keep, individual->id);
        outcome = evaluate_seeds(search, individual, &stage, evaluations, &summary, &is_new);
        if (outcome == STATUS_OK && is_new)
            tell_final(search, place, individual, &summary);
    }
    free(evaluations);
    return outcome;
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
    if (config->search.final.keep && config_final_steps(config) <= config->train.steps)
        return fail_usage("search.final.steps: %lld; the final training is longer than a candidate's, train.steps = "
                          "%lld; 0 is four times it",
                          config->search.final.steps, config->train.steps);
    TRY(config_space(config, &search->catalogue, &search->fixed, &search->space));
    struct corpus_split split = config_corpus_split(config);
    TRY(corpus_open(config->data.path, &split, (int)config->model.context, &search->corpus));
    TRY(evaluator_create(config, &search->catalogue, search->corpus, &search->evaluator));
    search->objective_count = config_objectives(config, search->objectives);
    search->archive = memory_allocate((size_t)total_candidates(search), sizeof *search->archive);
    return STATUS_OK;
}

static status stopped(struct search *search, status outcome) {
    cJSON *details = cJSON_CreateObject();
    if (outcome != STATUS_OK)
        cJSON_AddStringToObject(details, "reason", status_message());
    const char *word = outcome == STATUS_OK ? "done" : outcome == STATUS_INTERRUPTED ? "interrupted" : "stopped";
    status recorded = store_set_status(search->store, word), logged = store_log(search->store, word, details);
    return recorded == STATUS_OK ? logged : recorded;
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
    if (outcome == STATUS_OK)
        outcome = train_best(search);
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
    char corpus[CORPUS_TEXT_BYTES], *config_text = config_print(&search->config), *catalogue_text;
    status outcome = read_catalogue_text(search->config.model.catalogue, &catalogue_text);
    if (outcome == STATUS_OK) {
        const char *facts[RUN_FACTS] = {
            [FACT_NAME] = search->config.run.name, [FACT_CONFIG] = config_text,
            [FACT_CATALOGUE] = catalogue_text,     [FACT_CORPUS] = corpus_text(search->corpus, corpus),
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
    if (path_bytes > 0)
        path[0] = '\0';
    /* Said before the device and the text take their time; store_create() holds it. */
    if (run_path)
        TRY(folder_check_free(&folder_of_search, run_path));
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

/* A run goes on with the config and the text, and best with the program and the device, that it began with. */
static status check_facts(const struct search *search) {
    const struct beginning beginning = {.what = "run",
                                        .version = store_fact(search->store, FACT_VERSION),
                                        .device = store_fact(search->store, FACT_DEVICE),
                                        .gemm = store_fact(search->store, FACT_GEMM),
                                        .corpus = store_fact(search->store, FACT_CORPUS),
                                        .text = store_fact(search->store, FACT_TEXT)};
    resume_note_version(&beginning); /* first: it may be why the text seems to be another */
    TRY(resume_check_text(&beginning, &search->config, search->corpus));
    resume_note_config(&beginning, store_path(search->store), &search->config);
    resume_note_file(&beginning, store_path(search->store), "catalogue.cfg", store_fact(search->store, FACT_CATALOGUE));
    resume_note_device(&beginning, evaluator_device(search->evaluator));
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
