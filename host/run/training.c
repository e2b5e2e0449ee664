#include "run/training.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/progress.h"
#include "base/text.h"
#include "device/gemm.h"
#include "run/accord.h"
#include "run/evaluator.h"
#include "run/folder.h"
#include "run/resume.h"
#include "starcl/version.h"
#include "train/checkpoint.h"
#include "train/fit.h"
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct training {
    struct ranks *ranks;
    bool unlike_devices;   /* whose ranks' parameters drift apart by their last digits */
    struct folder *folder; /* of rank 0; NULL for others */
    struct run_config config;
    struct catalogue catalogue;
    struct genome genome;
    struct task_list tasks; /* one */
    struct device *device;
    struct graph *graph;
    struct model *model;
    struct trainer *trainer;
    struct training_result result;
    cJSON *begun; /* begun.json of a folder that is gone on with; empty where an older program made it */
};

/* What a resume may change: how long and where is trained, what is measured, and where the same text lies. */
static const char *const changeable[] = {"train.steps",
                                         "train.checkpoint_steps",
                                         "train.validation_batches",
                                         "train.parts",
                                         "data.path",
                                         "devices.device",
                                         "devices.use",
                                         "devices.measure_on",
                                         "devices.gemm",
                                         "devices.memory",
                                         "devices.build_ahead",
                                         NULL};

/* The sequences of a step that this process has. */
static int own_sequences(const struct training *training) {
    struct division division = config_division(&training->config);
    int own = ranks_own(training->ranks), count = ranks_count(training->ranks);
    return division_sequences(&division, (int)training->config.train.batch, division_first(&division, own, count),
                              division_first(&division, own + 1, count));
}

/* Opens everything that the config names and builds the model: all that a wrong call can make fail. */
static status prepare(struct training *training) {
    struct run_config *config = &training->config;
    struct genome_space space = genome_space_of(&training->catalogue);
    TRY(genome_validate(&training->genome, &space));
    TRY(accord_parts(training->ranks, config));
    struct train_settings train = config_train_settings(config);
    train.division = config_division(config);
    train.ranks = training->ranks;
    TRY(config_open_tasks(config, &training->tasks));
    if (training->tasks.count != 1)
        return fail_usage("data.tasks has %d tasks; `starcl train` trains one model, for one of them",
                          training->tasks.count);
    struct model_settings settings = config_task_model_settings(config, training->tasks.tasks[0]);
    TRY(accord_open_device(training->ranks, config, &training->device));
    TRY(fit_graph_pieces(training->device, &training->genome, &training->catalogue, &settings, own_sequences(training),
                         division_piece_most(&train.division, train.batch), &training->graph));
    struct model_options options = {.seed = config_seed(config, 0)};
    TRY(model_create(training->device, training->graph, &options, &training->model));
    return trainer_create(training->model, training->tasks.tasks[0], &train, config_seed(config, 0),
                          &training->trainer);
}

static void release(struct training *training) {
    trainer_destroy(training->trainer);
    model_destroy(training->model);
    graph_destroy(training->graph);
    device_close(training->device);
    task_list_close(&training->tasks);
    folder_close(training->folder);
    cJSON_Delete(training->begun);
}

/* ---- training ---- */

/* Takes over `details`. */
static status note(struct training *training, const char *kind, cJSON *details) {
    if (!ranks_lead(training->ranks)) {
        cJSON_Delete(details);
        return STATUS_OK;
    }
    cJSON *event = folder_event(kind, details);
    cJSON_AddNumberToObject(event, "step", (double)trainer_step(training->trainer));
    status outcome = folder_log(training->folder, event);
    cJSON_Delete(event);
    return outcome;
}

static status write_weights(struct training *training) {
    char path[PATH_MAX];
    return checkpoint_write_weights(training->model, folder_file(training->folder, "weights.safetensors", path));
}

static status save(struct training *training) {
    char path[PATH_MAX];
    if (training->unlike_devices)
        TRY(trainer_share(training->trainer));
    if (!ranks_lead(training->ranks))
        return STATUS_OK;
    TRY(checkpoint_write_training(training->trainer, folder_file(training->folder, "training.safetensors", path)));
    return write_weights(training);
}

static void tell_step(void *context, int64_t step, int64_t steps, double loss) {
    const struct training *training = context;
    double speed = trainer_statistics(training->trainer).tokens_per_second;
    double left = (double)(steps - step) * (double)training->config.train.batch * (double)training->graph->context /
                  (speed > 0 ? speed : 1);
    char duration[TEXT_NUMBER_BYTES], tokens[TEXT_NUMBER_BYTES];
    progress_update("step %" PRId64 "/%" PRId64 ", loss %.3f nats, %s tokens/s; %s left", step, steps, loss,
                    text_count(tokens, speed), speed > 0 ? text_duration(duration, left) : "some time");
}

static void tell_start(const struct training *training) {
    char genome[GENOME_TEXT_BYTES], parameters[TEXT_NUMBER_BYTES];
    struct cost cost = graph_cost(training->graph, (int)training->config.model.cache_context);
    progress_line("device  %s, GEMM %s", device_information(training->device)->name,
                  gemm_provider_name(training->device));
    progress_line("genome  %s, %s parameters", genome_print(&training->genome, genome),
                  text_count(parameters, (double)cost.parameters));
}

static status tell_memory(const struct training *training) {
    char memory[TEXT_NUMBER_BYTES], waiting[64] = "";
    size_t bytes;
    int own = own_sequences(training), piece = training->graph->batch, batch = (int)training->config.train.batch;
    TRY(trainer_bytes(training->device, training->graph, own, &bytes));
    text_bytes(memory, (double)bytes);
    if (training->graph->waits_as != DTYPE_FLOAT32)
        snprintf(waiting, sizeof waiting, "; activations wait in %s", training->config.train.precision);
    if (own < batch)
        progress_line("memory  %s, %d x %d of %d sequences a step%s", memory, own / piece, piece, batch, waiting);
    else
        progress_line("memory  %s, %d x %d sequences a step%s", memory, own / piece, piece, waiting);
    return STATUS_OK;
}

/* A score as the log keeps it: bits a byte of text, the loss in nats of other tasks, and the accuracy. */
static cJSON *describe_score(const struct training *training, const char *prefix, const struct train_score *score) {
    cJSON *json = cJSON_CreateObject();
    char name[32];
    bool text = task_traits(training->tasks.tasks[0])->is_text;
    snprintf(name, sizeof name, "%s%s", prefix, text ? "bits_per_byte" : "loss");
    cJSON_AddNumberToObject(json, name, text ? score->loss / log(2) : score->loss);
    snprintf(name, sizeof name, "%saccuracy", prefix);
    cJSON_AddNumberToObject(json, name, score->accuracy);
    return json;
}

static status evaluate(struct training *training) {
    struct train_score *score = &training->result.validation;
    bool text = task_traits(training->tasks.tasks[0])->is_text;
    TRY(trainer_evaluate(training->trainer, PART_VALIDATION, score));
    if (text)
        progress_line("step %" PRId64 "  %.4f bits/byte", trainer_step(training->trainer), score->loss / log(2));
    else
        progress_line("step %" PRId64 "  accuracy %.4f, loss %.4f nats", trainer_step(training->trainer),
                      score->accuracy, score->loss);
    cJSON *details = describe_score(training, "", score);
    cJSON_AddStringToObject(details, "gemm", gemm_provider_name(training->device));
    return note(training, "evaluated", details);
}

/* Once, at the end: what is chosen by the test part would no longer be tested by it. */
static status test(struct training *training) {
    TRY(trainer_evaluate(training->trainer, PART_TEST, &training->result.test));
    return note(training, "tested", describe_score(training, "test_", &training->result.test));
}

/* Steps to the next state and saves it; an interrupt saves where it is. */
static status train_to(struct training *training, int64_t until) {
    struct train_observer observer = {.tell = tell_step, .context = training};
    status outcome = trainer_run(training->trainer, until, &observer);
    progress_clear();
    if (outcome == STATUS_OK || outcome == STATUS_INTERRUPTED)
        TRY(save(training));
    return outcome;
}

/* Every rank's device and part of a step, for the log and for people; and whether the devices are unlike. */
static status introduce_ranks(struct training *training, cJSON *details) {
    char devices[RANKS_MOST][ACCORD_DEVICE_BYTES];
    int count = ranks_count(training->ranks), sequences[RANKS_MOST] = {0};
    if (!training->ranks)
        return STATUS_OK;
    sequences[ranks_own(training->ranks)] = own_sequences(training);
    TRY(ranks_gather_records(training->ranks, sequences, sizeof *sequences));
    TRY(accord_devices(training->ranks, training->device, devices, &training->unlike_devices));
    cJSON *list = cJSON_AddArrayToObject(details, "ranks");
    for (int rank = 0; rank < count; rank++) {
        progress_line("%s %d sequences: %s on %s", rank ? "       " : "ranks  ", sequences[rank],
                      ranks_name(training->ranks, rank), devices[rank]);
        cJSON_AddItemToArray(list, cJSON_CreateString(devices[rank]));
    }
    return STATUS_OK;
}

static status run_to_end(struct training *training, const char *event) {
    int64_t steps = training->config.train.steps, every = training->config.train.checkpoint_steps;
    struct training_result *result = &training->result;
    cJSON *details = cJSON_CreateObject();
    bool evaluated = false;
    tell_start(training);
    status introduced = introduce_ranks(training, details);
    TRY(note(training, event, details));
    TRY(introduced);
    TRY(tell_memory(training));
    while (!evaluated || trainer_step(training->trainer) < steps) {
        int64_t until = (trainer_step(training->trainer) / every + 1) * every;
        if (trainer_step(training->trainer) < steps)
            TRY(train_to(training, until < steps ? until : steps));
        TRY(evaluate(training));
        evaluated = true;
    }
    TRY(test(training));
    result->is_text = task_traits(training->tasks.tasks[0])->is_text;
    result->steps = trainer_step(training->trainer);
    details = cJSON_CreateObject();
    cJSON_AddNumberToObject(details, "tokens_per_second", trainer_statistics(training->trainer).tokens_per_second);
    return note(training, "done", details);
}

static status run(struct training *training, const char *event) {
    training->result.begun = true;
    status outcome = run_to_end(training, event);
    if (outcome == STATUS_OK || !ranks_lead(training->ranks))
        return outcome;
    /* Why it ended is told to the user in any case, and to the log where it can be written. */
    char *message = memory_copy_text(status_message());
    cJSON *details = cJSON_CreateObject();
    if (outcome != STATUS_INTERRUPTED)
        cJSON_AddStringToObject(details, "reason", message);
    status logged = note(training, outcome == STATUS_INTERRUPTED ? "interrupted" : "stopped", details);
    if (outcome == STATUS_INTERRUPTED)
        outcome = logged == STATUS_OK ? outcome : logged;
    else
        outcome = fail("%s", message);
    free(message);
    return outcome;
}

/* ---- files of the folder ---- */

/* The folder's record of what training began with. A later resume may change the config in it, and nothing else. */
static cJSON *describe_beginning(const struct training *training, const char *genome, const char *catalogue) {
    char corpus[CORPUS_TEXT_BYTES];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "version", STAR_VERSION);
    cJSON_AddStringToObject(json, "genome", genome);
    cJSON_AddStringToObject(json, "catalogue", catalogue);
    cJSON_AddStringToObject(json, "text", config_data_name(&training->config));
    cJSON_AddStringToObject(json, "corpus", corpus_text(&training->tasks, corpus));
    cJSON_AddStringToObject(json, "device", device_information(training->device)->name);
    cJSON_AddStringToObject(json, "driver", device_information(training->device)->driver);
    cJSON_AddStringToObject(json, "gemm", gemm_provider_name(training->device));
    return json;
}

/* The config, in begun.json and for people; takes over `begun`. */
static status write_config(struct training *training, cJSON *begun) {
    char *config = config_print(&training->config);
    cJSON_DeleteItemFromObjectCaseSensitive(begun, "config");
    cJSON_AddStringToObject(begun, "config", config);
    char *text = cJSON_PrintUnformatted(begun);
    status outcome = folder_write(training->folder, "begun.json", text);
    if (outcome == STATUS_OK)
        outcome = folder_write(training->folder, "config.cfg", config);
    cJSON_free(text);
    cJSON_Delete(begun);
    free(config);
    return outcome;
}

static status write_architecture(struct training *training) {
    struct model_settings settings = config_task_model_settings(&training->config, training->tasks.tasks[0]);
    char path[PATH_MAX];
    return checkpoint_write_architecture(training->graph, &training->genome, &training->catalogue, &settings,
                                         folder_file(training->folder, "architecture.json", path));
}

/* ---- starting ---- */

static status fill_folder(struct training *training, const char *catalogue_text) {
    char genome[GENOME_TEXT_BYTES];
    TRY(folder_write(training->folder, "catalogue.cfg", catalogue_text));
    TRY(folder_write(training->folder, "genome.txt", genome_print(&training->genome, genome)));
    TRY(write_architecture(training));
    return write_config(training, describe_beginning(training, genome, catalogue_text));
}

static status check_start(struct training *training, const char *catalogue_text, const char *path) {
    if (ranks_lead(training->ranks))
        TRY(folder_check_free(&folder_of_training, path));
    TRY(catalogue_read_text("the catalogue", catalogue_text, &training->catalogue));
    return prepare(training);
}

/* Whether all ranks train the same. */
static status compare_ranks(const struct training *training, const char *catalogue_text) {
    char genome[GENOME_TEXT_BYTES];
    cJSON *beginning = describe_beginning(training, genome_print(&training->genome, genome), catalogue_text);
    char *config = config_print(&training->config);
    cJSON_AddStringToObject(beginning, "config", config);
    status outcome = accord_check(training->ranks, beginning);
    cJSON_Delete(beginning);
    free(config);
    return outcome;
}

static status make_folder(struct training *training, const char *catalogue_text, const char *path) {
    TRY(folder_create(&folder_of_training, path, &training->folder));
    TRY(fill_folder(training, catalogue_text));
    return folder_publish(training->folder);
}

static status start(struct training *training, const char *catalogue_text, const char *path) {
    TRY(ranks_agree(training->ranks, check_start(training, catalogue_text, path)));
    TRY(compare_ranks(training, catalogue_text));
    if (ranks_lead(training->ranks))
        TRY(make_folder(training, catalogue_text, path));
    return run(training, "started");
}

status training_start(const struct run_config *config, const char *catalogue_text, const struct genome *genome,
                      const char *path, struct ranks *ranks, struct training_result *result) {
    struct training *training = memory_allocate(1, sizeof *training);
    training->ranks = ranks;
    training->config = *config;
    training->genome = *genome;
    status outcome = start(training, catalogue_text, path);
    *result = training->result;
    release(training);
    free(training);
    return outcome;
}

/* ---- going on ---- */

static status read_beginning(struct training *training) {
    char path[PATH_MAX], *text;
    size_t length;
    if (!file_exists(folder_file(training->folder, "begun.json", path))) {
        training->begun = cJSON_CreateObject();
        return STATUS_OK;
    }
    TRY(file_read(path, &text, &length));
    training->begun = cJSON_Parse(text);
    free(text);
    if (!cJSON_IsObject(training->begun) || !*json_text(training->begun, "config"))
        return fail("%s is damaged: it is no JSON, or has no 'config'", path);
    return STATUS_OK;
}

/* What training began with under this name; in a folder of an older program, what the file holds. The caller frees it.
 */
static status read_kept(const struct training *training, const char *key, const char *file, char **text) {
    char path[PATH_MAX];
    size_t length;
    if (training->folder && !*json_text(training->begun, key))
        return file_read(folder_file(training->folder, file, path), text, &length);
    *text = memory_copy_text(json_text(training->begun, key));
    return STATUS_OK;
}

static status read_genome(struct training *training) {
    char *text;
    TRY(read_kept(training, "genome", "genome.txt", &text));
    text[strcspn(text, "\n")] = '\0';
    status outcome = genome_parse(text, &training->genome);
    free(text);
    TRY(outcome);
    TRY(read_kept(training, "catalogue", "catalogue.cfg", &text));
    outcome = catalogue_read_text("the training's catalogue", text, &training->catalogue);
    free(text);
    return outcome;
}

/* The config that training began with, or was changed to by an earlier resume; with assignments the one from now on. */
static status read_config(const struct training *training, const char *const *assignments, int count, bool needs_data,
                          struct run_config *config) {
    char path[PATH_MAX];
    const char *text = json_text(training->begun, "config");
    return *text || !training->folder
               ? config_load_text("the training's config", text, assignments, count, needs_data, config)
               : config_load(folder_file(training->folder, "config.cfg", path), assignments, count, needs_data, config);
}

static status refuse_changes(const struct run_config *kept, const struct run_config *config) {
    char *names = config_differences(kept, config, changeable);
    if (!names)
        return STATUS_OK;
    status outcome = fail_usage("--resume cannot change %s; what it can change: train.steps, train.checkpoint_steps, "
                                "train.validation_batches, train.parts, data.path and devices",
                                names);
    free(names);
    return outcome;
}

/* Reads the state, if there is one yet. */
static status read_state(struct training *training, bool *found) {
    char path[PATH_MAX];
    *found = file_exists(folder_file(training->folder, "training.safetensors", path));
    if (!*found)
        return STATUS_OK;
    TRY(checkpoint_read_training(training->trainer, path));
    if (trainer_step(training->trainer) > training->config.train.steps)
        return fail_usage("train.steps is %lld, but %s has trained %" PRId64 " steps already",
                          training->config.train.steps, folder_path(training->folder), trainer_step(training->trainer));
    return STATUS_OK;
}

/* What a resume says of this machine and of what was changed by hand. */
static void tell_changes(const struct training *training, const struct beginning *beginning,
                         const struct run_config *kept) {
    const char *folder = folder_path(training->folder);
    resume_note_config(beginning, folder, kept);
    resume_note_file(beginning, folder, "genome.txt", json_text(training->begun, "genome"));
    resume_note_file(beginning, folder, "catalogue.cfg", json_text(training->begun, "catalogue"));
    resume_note_device(beginning, training->device);
    if (kept->train.parts.count != training->config.train.parts.count)
        progress_line("note    a step has %d parts from here on, whose gradients are summed; results differ in the "
                      "last digits from those of %d",
                      training->config.train.parts.count, kept->train.parts.count ? kept->train.parts.count : 1);
}

/* Everything that can be wrong with a resume; writes nothing. */
static status check(struct training *training, const struct run_config *kept, bool *has_state) {
    const struct beginning beginning = {.what = "training",
                                        .version = json_text(training->begun, "version"),
                                        .device = json_text(training->begun, "device"),
                                        .gemm = json_text(training->begun, "gemm"),
                                        .corpus = json_text(training->begun, "corpus"),
                                        .text = json_text(training->begun, "text")};
    resume_note_version(&beginning); /* first: it may be why something does not fit */
    TRY(refuse_changes(kept, &training->config));
    TRY(prepare(training));
    TRY(resume_check_text(&beginning, &training->config, &training->tasks));
    if (!ranks_lead(training->ranks))
        return STATUS_OK;
    TRY(read_state(training, has_state));
    tell_changes(training, &beginning, kept);
    return STATUS_OK;
}

/* The folder's record, with what an older program kept in files alone: for ranks that do not see the folder. */
static status complete_beginning(const struct training *training, cJSON *json) {
    static const char *const files[][2] = {
        {"genome", "genome.txt"}, {"catalogue", "catalogue.cfg"}, {"config", "config.cfg"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text;
        if (*json_text(json, files[i][0]))
            continue;
        TRY(read_kept(training, files[i][0], files[i][1], &text));
        cJSON_DeleteItemFromObjectCaseSensitive(json, files[i][0]);
        cJSON_AddStringToObject(json, files[i][0], text);
        free(text);
    }
    return STATUS_OK;
}

/* Opens the folder, and tells its record to those ranks that do not. */
static status open_folder(struct training *training, const char *path) {
    cJSON *shared = NULL;
    status outcome = STATUS_OK;
    if (ranks_lead(training->ranks)) {
        outcome = folder_open(&folder_of_training, path, &training->folder);
        if (outcome == STATUS_OK)
            outcome = read_beginning(training);
        if (outcome == STATUS_OK)
            shared = cJSON_Duplicate(training->begun, true);
        if (outcome == STATUS_OK)
            outcome = complete_beginning(training, shared);
    }
    outcome = ranks_agree(training->ranks, outcome);
    char *text = shared ? cJSON_PrintUnformatted(shared) : NULL;
    if (outcome == STATUS_OK)
        outcome = ranks_share_text(training->ranks, &text);
    if (outcome == STATUS_OK && training->ranks) {
        cJSON_Delete(training->begun);
        training->begun = cJSON_Parse(text);
    }
    cJSON_Delete(shared);
    free(text);
    return outcome;
}

/* The folder keeps what rank 0 was told: without --device another rank has the one that its STARCL_DEVICE names. */
static void take_own_device(const struct run_config *kept, struct run_config *config) {
    const char *own = device_words("");
    bool is_told = strcmp(config->devices.device, kept->devices.device) != 0;
    if (!is_told && *own && strlen(own) < sizeof config->devices.device)
        snprintf(config->devices.device, sizeof config->devices.device, "%s", own);
}

static status read_training(struct training *training, const char *const *assignments, int count,
                            struct run_config *kept, bool *has_state) {
    TRY(read_genome(training));
    TRY(read_config(training, NULL, 0, false, kept));
    TRY(read_config(training, assignments, count, true, &training->config));
    if (!ranks_lead(training->ranks))
        take_own_device(kept, &training->config);
    return check(training, kept, has_state);
}

/* Rank 0 has read the state, if there is one; the others go on from it too. */
static status share_state(struct training *training, bool *has_state) {
    TRY(ranks_share(training->ranks, has_state, sizeof *has_state));
    if (!*has_state || !training->ranks)
        return STATUS_OK;
    char *text = ranks_lead(training->ranks) ? curve_print(trainer_curve(training->trainer)) : NULL;
    struct curve curve;
    int64_t step = trainer_step(training->trainer);
    TRY(ranks_share(training->ranks, &step, sizeof step));
    TRY(ranks_share_text(training->ranks, &text));
    status outcome = curve_parse(text, &curve);
    if (outcome == STATUS_OK && !ranks_lead(training->ranks))
        trainer_go_on(training->trainer, step, &curve);
    free(text);
    TRY(outcome);
    return trainer_share(training->trainer);
}

/* What a resume changes in the folder before it trains. */
static status refresh_folder(struct training *training, const struct run_config *kept, bool has_state) {
    static const char *const none[] = {NULL};
    char *changes = config_differences(kept, &training->config, none);
    bool changed = changes != NULL;
    free(changes);
    if (changed)
        TRY(write_config(training, cJSON_Duplicate(training->begun, true)));
    TRY(write_architecture(training));
    /* The weights may be missing, or of another state: a crash can come between the two files. */
    return has_state ? write_weights(training) : STATUS_OK;
}

static status go_on(struct training *training, const char *path, const char *const *assignments, int count,
                    struct run_config *kept) {
    bool has_state = false;
    TRY(open_folder(training, path));
    TRY(ranks_agree(training->ranks, read_training(training, assignments, count, kept, &has_state)));
    TRY(compare_ranks(training, json_text(training->begun, "catalogue")));
    TRY(share_state(training, &has_state));
    if (ranks_lead(training->ranks))
        TRY(refresh_folder(training, kept, has_state));
    return run(training, "resumed");
}

status training_resume(const char *path, const char *const *assignments, int assignment_count, struct ranks *ranks,
                       struct training_result *result) {
    struct training *training = memory_allocate(1, sizeof *training);
    struct run_config *kept = memory_allocate(1, sizeof *kept);
    training->ranks = ranks;
    status outcome = go_on(training, path, assignments, assignment_count, kept);
    *result = training->result;
    release(training);
    free(training);
    free(kept);
    return outcome;
}
