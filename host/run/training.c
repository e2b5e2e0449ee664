#include "run/training.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/settings.h"
#include "base/text.h"
#include "device/gemm.h"
#include "run/evaluator.h"
#include "train/checkpoint.h"
#include "train/fit.h"
#include "train/trainer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct training {
    char path[PATH_MAX];
    struct run_config config;
    struct catalogue catalogue;
    struct genome genome;
    int lock; /* descriptor of config.cfg, locked; -1: none */
    FILE *log;
    struct corpus *corpus;
    struct device *device;
    struct graph *graph;
    struct model *model;
    struct trainer *trainer;
};

static const char *in_folder(const struct training *training, const char *name, char *path) {
    snprintf(path, PATH_MAX, "%.4000s/%s", training->path, name);
    return path;
}

static status write_text(const struct training *training, const char *name, const char *text) {
    char path[PATH_MAX];
    return file_write(in_folder(training, name, path), text, strlen(text));
}

static status read_text(const struct training *training, const char *name, char **text) {
    char path[PATH_MAX];
    size_t length;
    return file_read(in_folder(training, name, path), text, &length);
}

static status lock_folder(struct training *training) {
    char path[PATH_MAX];
    training->lock = open(in_folder(training, "config.cfg", path), O_RDONLY | O_CLOEXEC);
    if (training->lock < 0)
        return fail("cannot open %s: %s", path, strerror(errno));
    if (flock(training->lock, LOCK_EX | LOCK_NB) != 0)
        return fail("another starcl is training in %s", training->path);
    training->log = fopen(in_folder(training, "log.jsonl", path), "a");
    return training->log ? STATUS_OK : fail("cannot write %s: %s", path, strerror(errno));
}

/* Opens everything that the config names and builds the model. */
static status prepare(struct training *training) {
    const struct run_config *config = &training->config;
    struct model_settings settings = config_model_settings(config);
    struct train_settings train = config_train_settings(config);
    struct genome_space space = genome_space_of(&training->catalogue);
    char path[PATH_MAX];
    TRY(genome_validate(&training->genome, &space));
    struct corpus_split split = config_corpus_split(config);
    TRY(corpus_open(config->data.path, &split, settings.context, &training->corpus));
    struct device_options device_options = config_device_options(config);
    TRY(device_open_choice(config->devices.device, &device_options, &training->device));
    TRY(fit_graph(training->device, &training->genome, &training->catalogue, &settings, train.batch, &training->graph));
    TRY(checkpoint_write_architecture(training->graph, &training->genome, &training->catalogue, &settings,
                                      in_folder(training, "architecture.json", path)));
    struct model_options options = {.seed = config_seed(config, 0)};
    TRY(model_create(training->device, training->graph, &options, &training->model));
    return trainer_create(training->model, training->corpus, &train, config_seed(config, 0), &training->trainer);
}

static void release(struct training *training) {
    trainer_destroy(training->trainer);
    model_destroy(training->model);
    graph_destroy(training->graph);
    device_close(training->device);
    corpus_close(training->corpus);
    if (training->log)
        fclose(training->log);
    if (training->lock >= 0)
        close(training->lock);
}

static status note(struct training *training, cJSON *event) {
    cJSON_AddNumberToObject(event, "step", (double)trainer_step(training->trainer));
    char *text = cJSON_PrintUnformatted(event);
    bool written = fprintf(training->log, "%s\n", text) >= 0 && fflush(training->log) == 0;
    cJSON_free(text);
    cJSON_Delete(event);
    return written ? STATUS_OK : fail("cannot write %s/log.jsonl: %s", training->path, strerror(errno));
}

static status save(struct training *training) {
    char path[PATH_MAX];
    TRY(checkpoint_write_training(training->trainer, in_folder(training, "training.safetensors", path)));
    return checkpoint_write_weights(training->model, in_folder(training, "weights.safetensors", path));
}

static void tell_step(void *context, int64_t step, int64_t steps, double loss) {
    const struct training *training = context;
    double speed = trainer_statistics(training->trainer).tokens_per_second;
    double left = (double)(steps - step) * (double)training->config.train.batch *
                  (double)training->config.model.context / (speed > 0 ? speed : 1);
    char duration[TEXT_NUMBER_BYTES], tokens[TEXT_NUMBER_BYTES];
    progress_update("step %" PRId64 "/%" PRId64 ", loss %.3f nats, %s tokens/s; %s left", step, steps, loss,
                    text_count(tokens, speed), speed > 0 ? text_duration(duration, left) : "some time");
}

static status evaluate(struct training *training, double *bits_per_byte) {
    double loss;
    TRY(trainer_evaluate(training->trainer, PART_VALIDATION, &loss));
    *bits_per_byte = loss / log(2);
    progress_line("step %" PRId64 "  %.4f bits/byte", trainer_step(training->trainer), *bits_per_byte);
    cJSON *event = cJSON_CreateObject();
    cJSON_AddStringToObject(event, "event", "evaluated");
    cJSON_AddNumberToObject(event, "bits_per_byte", *bits_per_byte);
    cJSON_AddStringToObject(event, "gemm", gemm_provider_name(training->device));
    return note(training, event);
}

/* Once, at the end: what is chosen by the test part would no longer be tested by it. */
static status test(struct training *training, double *bits_per_byte) {
    double loss;
    TRY(trainer_evaluate(training->trainer, PART_TEST, &loss));
    *bits_per_byte = loss / log(2);
    cJSON *event = cJSON_CreateObject();
    cJSON_AddStringToObject(event, "event", "tested");
    cJSON_AddNumberToObject(event, "test_bits_per_byte", *bits_per_byte);
    return note(training, event);
}

static status run(struct training *training) {
    struct train_observer observer = {.tell = tell_step, .context = training};
    int64_t steps = training->config.train.steps, every = training->config.train.checkpoint_steps;
    double bits_per_byte = 0, test_bits_per_byte;
    char genome[GENOME_TEXT_BYTES], parameters[TEXT_NUMBER_BYTES], memory[TEXT_NUMBER_BYTES];
    size_t bytes;
    int batch = (int)training->config.train.batch, part = training->graph->batch;
    struct cost cost = graph_cost(training->graph, (int)training->config.model.cache_context);
    progress_line("device  %s, GEMM %s", device_information(training->device)->name,
                  gemm_provider_name(training->device));
    progress_line("genome  %s, %s parameters", genome_print(&training->genome, genome),
                  text_count(parameters, (double)cost.parameters));
    TRY(trainer_bytes(training->device, training->graph, batch, &bytes));
    progress_line("memory  %s, %d x %d sequences a step", text_bytes(memory, (double)bytes), batch / part, part);
    while (trainer_step(training->trainer) < steps) {
        int64_t step = trainer_step(training->trainer), until = (step / every + 1) * every;
        status outcome = trainer_run(training->trainer, until < steps ? until : steps, &observer);
        progress_clear();
        if (outcome == STATUS_INTERRUPTED)
            TRY(save(training));
        TRY(outcome);
        TRY(save(training));
        TRY(evaluate(training, &bits_per_byte));
    }
    if (bits_per_byte == 0)
        TRY(evaluate(training, &bits_per_byte));
    TRY(test(training, &test_bits_per_byte));
    printf("validation %.4f, test %.4f bits/byte after %" PRId64 " steps; weights: %s/weights.safetensors\n",
           bits_per_byte, test_bits_per_byte, steps, training->path);
    return STATUS_OK;
}

static status start(struct training *training, const char *catalogue_text) {
    if (file_exists(training->path))
        return fail_usage(
            "%s exists and is not overwritten; choose another folder with --out, or go on with it: starcl "
            "train --resume --out %s",
            training->path, training->path);
    TRY(catalogue_read_text("the catalogue", catalogue_text, &training->catalogue));
    struct genome_space space = genome_space_of(&training->catalogue);
    TRY(genome_validate(&training->genome, &space));
    struct corpus_split split = config_corpus_split(&training->config);
    TRY(corpus_open(training->config.data.path, &split, (int)training->config.model.context, &training->corpus));
    corpus_close(training->corpus);
    training->corpus = NULL;
    char *config_text = config_print(&training->config), genome[GENOME_TEXT_BYTES];
    status outcome = file_make_directory(training->path);
    if (outcome == STATUS_OK)
        outcome = write_text(training, "catalogue.cfg", catalogue_text);
    if (outcome == STATUS_OK)
        outcome = write_text(training, "genome.txt", genome_print(&training->genome, genome));
    if (outcome == STATUS_OK)
        outcome = write_text(training, "config.cfg", config_text);
    free(config_text);
    TRY(outcome);
    TRY(lock_folder(training));
    TRY(prepare(training));
    return run(training);
}

status training_start(const struct run_config *config, const char *catalogue_text, const struct genome *genome,
                      const char *path) {
    struct training *training = memory_allocate(1, sizeof *training);
    training->config = *config;
    training->genome = *genome;
    training->lock = -1;
    snprintf(training->path, sizeof training->path, "%s", path);
    status outcome = start(training, catalogue_text);
    release(training);
    free(training);
    return outcome;
}

static status read_folder(struct training *training, const char *const *assignments, int count) {
    char path[PATH_MAX], *text;
    if (!file_exists(in_folder(training, "config.cfg", path)) || !file_exists(in_folder(training, "genome.txt", path)))
        return fail_usage("%s is not a folder that starcl train made", training->path);
    TRY(config_load(in_folder(training, "config.cfg", path), assignments, count, true, &training->config));
    TRY(read_text(training, "genome.txt", &text));
    text[strcspn(text, "\n")] = '\0';
    status outcome = genome_parse(text, &training->genome);
    free(text);
    TRY(outcome);
    return catalogue_read(in_folder(training, "catalogue.cfg", path), &training->catalogue);
}

static status go_on(struct training *training, const char *const *assignments, int count) {
    char path[PATH_MAX];
    TRY(read_folder(training, assignments, count));
    TRY(lock_folder(training));
    if (count > 0) {
        char *config_text = config_print(&training->config);
        status outcome = write_text(training, "config.cfg", config_text);
        free(config_text);
        TRY(outcome);
    }
    TRY(prepare(training));
    if (file_exists(in_folder(training, "training.safetensors", path)))
        TRY(checkpoint_read_training(training->trainer, path));
    return run(training);
}

status training_resume(const char *path, const char *const *assignments, int assignment_count) {
    struct training *training = memory_allocate(1, sizeof *training);
    training->lock = -1;
    snprintf(training->path, sizeof training->path, "%s", path);
    status outcome = go_on(training, assignments, assignment_count);
    release(training);
    free(training);
    return outcome;
}
