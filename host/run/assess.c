/* From an individual to its evaluations: known ones from the store, the others trained and recorded. */
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/search_state.h"
#include "run/static_costs.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int last_rung(const struct search *search) {
    return config_rungs(&search->config) - 1;
}

struct stage search_stage(const struct search *search, int rung) {
    const struct run_config *config = &search->config;
    return (struct stage){.before = rung > 0 ? config_rung_steps(config, rung - 1) : 0,
                          .steps = config_rung_steps(config, rung),
                          .side_steps = config_rung_decay(config, rung),
                          .schedule_steps = config->train.steps,
                          .seeds = config->search.seeds,
                          .weights = ""};
}

struct stage search_final_stage(const struct search *search) {
    long long steps = config_final_steps(&search->config);
    return (struct stage){.steps = steps,
                          .schedule_steps = steps,
                          .seeds = search->config.search.final.seeds,
                          .weights = "-final",
                          .is_final = true};
}

double stage_steps(const struct stage *stage) {
    return (double)(stage->steps - stage->before + stage->side_steps);
}

static void set_objectives(const struct search *search, const struct summary *summary, struct individual *individual) {
    individual->failed = summary->failed;
    individual->violation = limits_violation(&search->config.search.limits, &summary->judged);
    individual->descriptor = summary->mean.values[METRIC_CACHE_BYTES];
    if (summary->stopped)
        individual->rung = last_rung(search);
    for (int i = 0; i < search->objective_count; i++)
        individual->objectives[i] =
            metric_objective(search->objectives[i], summary->mean.values[search->objectives[i]]);
}

/* ---- checkpoints ---- */

static const char *checkpoint_path(const struct search *search, int id, char path[PATH_MAX], const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* checkpoints/<id> and what the format says. */
static const char *checkpoint_path(const struct search *search, int id, char path[PATH_MAX], const char *format, ...) {
    char ending[64];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(ending, sizeof ending, format, arguments);
    va_end(arguments);
    store_checkpoint_path(search->store, id, ending, path, PATH_MAX);
    return path;
}

static void remove_weights(const struct search *search, int id) {
    char path[PATH_MAX];
    unlink(checkpoint_path(search, id, path, ".safetensors"));
    unlink(checkpoint_path(search, id, path, ".json"));
}

/* The state that the training with a seed goes on from; tasks behind the first have files of their own beside it. */
static const char *state_path(const struct search *search, int id, int seed, char path[PATH_MAX]) {
    return checkpoint_path(search, id, path, "-state-%d.safetensors", seed + 1);
}

static void remove_states(const struct search *search, int id) {
    char path[PATH_MAX];
    for (int seed = 0; seed < search->config.search.seeds; seed++) {
        unlink(state_path(search, id, seed, path));
        for (int task = 1; task < search->tasks.count; task++)
            unlink(checkpoint_path(search, id, path, "-state-%d.safetensors.%d", seed + 1, task));
    }
}

static int by_id(const void *a, const void *b) {
    return ((const struct individual *)a)->id - ((const struct individual *)b)->id;
}

struct individual *search_find(const struct search *search, int id) {
    struct individual key = {.id = id};
    return search->archived ? bsearch(&key, search->archive, (size_t)search->archived, sizeof key, by_id) : NULL;
}

bool search_on_front(const struct search *search, int index) {
    const struct individual *individual = &search->archive[index];
    if (individual_failed(individual, search->objective_count) || individual->violation > 0)
        return false;
    for (int i = 0; i < search->archived; i++)
        if (dominates(&search->archive[i], individual, search->objective_count))
            return false;
    return true;
}

/* Ids that compute the same share one evaluation, whose weights are the first one's. */
static bool is_twin(const struct search *search, const struct individual *individual) {
    for (int i = 0; i < search->archived; i++)
        if (search->archive[i].identity == individual->identity && search->archive[i].id != individual->id &&
            genome_equal(&search->archive[i].genome, &individual->genome))
            return true;
    return false;
}

static void note_told(struct search *search, const struct individual *told) {
    struct individual *known = search_find(search, told->id);
    if (known) {
        *known = *told;
        return;
    }
    if (search->archived == search->archive_capacity) {
        search->archive_capacity = search->archive_capacity ? 2 * search->archive_capacity : 64;
        search->archive = memory_resize(search->archive, (size_t)search->archive_capacity, sizeof *search->archive);
    }
    search->archive[search->archived++] = *told;
}

/*
 * Weights are kept for the front: whatever is dominated now stays dominated. Where children inherit weights everybody
 * may become a parent, and they are kept until the search is over.
 */
static void archive(struct search *search, const struct individual *told) {
    int left_count = 0, *left = memory_allocate((size_t)archive_count(search->front) + 1, sizeof *left);
    if (is_twin(search, told)) {
        free(left);
        return;
    }
    note_told(search, told);
    bool on_front = archive_add(search->front, told, left, &left_count);
    for (int i = 0; i < left_count && !search->config.search.inheritance; i++)
        remove_weights(search, left[i]);
    if (!on_front && !search->config.search.inheritance)
        remove_weights(search, told->id);
    if (told->rung == last_rung(search) || told->failed)
        remove_states(search, told->id);
    free(left);
}

void search_clean_checkpoints(const struct search *search) {
    const int *front = archive_ids(search->front);
    int count = archive_count(search->front);
    for (int i = 0; i < search->archived; i++) {
        int id = search->archive[i].id, place = 0;
        while (place < count && front[place] != id)
            place++;
        if (config_rungs(&search->config) > 1)
            remove_states(search, id);
        if (search->config.search.inheritance && place == count && !search_on_front(search, i))
            remove_weights(search, id);
    }
}

/* ---- evaluating ---- */

static cJSON *describe_evaluation(struct search *search, const struct individual *individual,
                                  const struct evaluation *evaluation) {
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
        if (!isnan(evaluation->metrics.values[m]))
            cJSON_AddNumberToObject(json, metric_table[m].name, evaluation->metrics.values[m]);
    cJSON_AddItemToObject(json, "curve", now_take_curve(&search->now));
    return json;
}

/* What a child begins with: the weights of its parents, as far as there are any. */
static struct inheritance inheritance_of(const struct search *search, const struct individual *individual,
                                         char paths[2][PATH_MAX]) {
    struct inheritance inheritance = {.sources = individual->sources};
    for (int i = 0; i < 2; i++) {
        const struct individual *parent = individual->parents[i] ? search_find(search, individual->parents[i]) : NULL;
        if (!parent || !file_exists(checkpoint_path(search, parent->id, paths[i], ".safetensors")))
            continue;
        inheritance.parents[i] = &parent->genome;
        inheritance.weights[i] = paths[i];
    }
    return inheritance;
}

/* Beyond which the training of an individual is given up: what others of no greater cost came to. */
static struct stop_rule stop_rule_of(const struct search *search, const struct individual *individual) {
    struct metrics costs;
    if (!search->stopping ||
        measure_static(&individual->genome, &search->catalogue, &search->config, &costs) != STATUS_OK)
        return (struct stop_rule){0};
    return stopping_rule(search->stopping, &costs);
}

/* Where the weights of a stage's first seed lie. */
struct weight_paths {
    char weights[PATH_MAX], architecture[PATH_MAX];
};

static struct weight_paths weight_paths_of(const struct search *search, int id, const struct stage *stage) {
    struct weight_paths paths;
    checkpoint_path(search, id, paths.weights, "%s.safetensors", stage->weights);
    checkpoint_path(search, id, paths.architecture, "%s.json", stage->weights);
    return paths;
}

/*
 * Trains and measures; weights and state lie on the disk before the evaluation is recorded. Only the first seed's
 * weights are kept, of which a later seed that fails takes nothing away.
 */
static status evaluate_new(struct search *search, const struct individual *individual, const struct stage *stage,
                           const struct evaluation_key *key, int seed, struct evaluation *evaluation) {
    char state[PATH_MAX], parents[2][PATH_MAX];
    struct weight_paths weights = weight_paths_of(search, individual->id, stage);
    struct train_observer observer = {.tell = announce_step, .context = search};
    struct inheritance inheritance;
    bool inherits = search->config.search.inheritance && !stage->is_final;
    if (inherits)
        inheritance = inheritance_of(search, individual, parents);
    state_path(search, individual->id, seed, state);
    struct job job = {.genome = key->genome,
                      .seed = key->seed,
                      .steps = key->steps,
                      .schedule_steps = stage->schedule_steps,
                      .side_steps = stage->side_steps,
                      .resume_path = stage->before > 0 ? state : NULL,
                      .state_path = stage->steps < stage->schedule_steps ? state : NULL,
                      .inheritance = inherits ? &inheritance : NULL,
                      .weights_path = seed == 0 ? weights.weights : NULL,
                      .architecture_path = seed == 0 ? weights.architecture : NULL,
                      .observer = &observer};
    if (!stage->is_final)
        job.stop = stop_rule_of(search, individual);
    search->current_first = (double)stage->before;
    search_expect_next(search);
    TRY(evaluator_submit(search->evaluator, &job));
    TRY(evaluator_wait(search->evaluator, evaluation));
    search->steps_trained += evaluation->trained_steps;
    search->seconds_trained += evaluation->seconds;
    /* The device may be another one now: one that a failure took away was opened anew. */
    struct evaluation_key done = *key;
    done.device = device_information(evaluator_device(search->evaluator))->name;
    TRY(store_add_evaluation(search->store, &done, evaluation));
    TRY(store_log(search->store,
                  evaluation->failed    ? "failed"
                  : evaluation->stopped ? "stopped_early"
                                        : "evaluated",
                  describe_evaluation(search, individual, evaluation)));
    announce_kernels(search);
    return STATUS_OK;
}

status search_restore_weights(struct search *search, const struct individual *individual) {
    struct stage stage = search_stage(search, individual->rung);
    struct weight_paths paths = weight_paths_of(search, individual->id, &stage);
    struct train_observer observer = {.tell = announce_step, .context = search};
    struct evaluation evaluation;
    struct evaluation_key key = {.genome = &individual->genome,
                                 .seed = config_seed(&search->config, 0),
                                 .steps = stage.steps,
                                 .device = device_information(evaluator_device(search->evaluator))->name};
    bool known;
    TRY(store_find_evaluation(search->store, &key, &known, &evaluation));
    if (!known || evaluation.stopped || file_exists(paths.weights))
        return STATUS_OK;
    struct job job = {.genome = key.genome,
                      .seed = key.seed,
                      .steps = key.steps,
                      .schedule_steps = stage.schedule_steps,
                      .side_steps = stage.side_steps,
                      .weights_path = paths.weights,
                      .architecture_path = paths.architecture,
                      .observer = &observer};
    snprintf(search->current, sizeof search->current, "candidate %d joins the front, training its weights",
             individual->id);
    /* That comes on top: it is done when it has come to where the search is now. */
    search->current_first = (double)stage.steps + (double)stage.side_steps;
    TRY(evaluator_submit(search->evaluator, &job));
    TRY(evaluator_wait(search->evaluator, &evaluation));
    if (evaluation.failed)
        progress_line("candidate %d joins the front without weights: %s", individual->id, evaluation.reason);
    return STATUS_OK;
}

/*
 * The candidate with the seeds of a stage, from the store or trained now, up to the first that fails or is stopped:
 * that decides. *is_new: something was trained; *evaluated: so many evaluations there are.
 */
static status evaluate_seeds(struct search *search, const struct individual *individual, const struct stage *stage,
                             struct evaluation *evaluations, int *evaluated, struct summary *summary, bool *is_new) {
    int count = 0;
    *is_new = false;
    for (bool ends = false; !ends && count < stage->seeds; count++) {
        bool known;
        struct evaluation_key key = {.genome = &individual->genome,
                                     .seed = config_seed(&search->config, count),
                                     .steps = stage->steps,
                                     .device = device_information(evaluator_device(search->evaluator))->name};
        TRY(store_find_evaluation(search->store, &key, &known, &evaluations[count]));
        if (!known)
            TRY(evaluate_new(search, individual, stage, &key, count, &evaluations[count]));
        *is_new = *is_new || !known;
        ends = evaluations[count].failed || evaluations[count].stopped;
        search->steps_done += stage_steps(stage);
    }
    search->steps_done += (double)(stage->seeds - count) * stage_steps(stage);
    *summary = summarise(evaluations, count, stage->steps);
    *evaluated = count;
    return STATUS_OK;
}

/* Complete trainings say how far predictions from curves were off, and what others have to come to. */
static void teach_stopping(struct search *search, const struct evaluation *evaluations, int count) {
    for (int i = 0; i < count && search->stopping; i++)
        if (evaluations[i].steps == search->config.train.steps && !evaluations[i].failed && !evaluations[i].stopped)
            stopping_tell(search->stopping, &evaluations[i].metrics);
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

status search_assess(struct search *search, struct individual *individual) {
    struct stage stage = search_stage(search, individual->rung);
    struct summary summary;
    int evaluated;
    bool is_new;
    announce_current(search, individual);
    TRY(store_add_candidate(search->store, individual));
    if (is_beyond_limits(search, individual)) {
        search->steps_done += (double)stage.seeds * stage_steps(&stage);
        budget_spend(search, individual, NULL, 0);
        return STATUS_OK;
    }
    struct evaluation *evaluations = memory_allocate((size_t)stage.seeds, sizeof *evaluations);
    status outcome = evaluate_seeds(search, individual, &stage, evaluations, &evaluated, &summary, &is_new);
    if (outcome == STATUS_OK) {
        budget_spend(search, individual, evaluations, evaluated);
        if (is_new)
            announce_candidate(search, individual, &summary);
        teach_stopping(search, evaluations, evaluated);
        set_objectives(search, &summary, individual);
        archive(search, individual);
    }
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

status search_train_best(struct search *search) {
    struct stage stage = search_final_stage(search);
    int keep = (int)search->config.search.final.keep;
    keep = keep < search->archived ? keep : search->archived;
    struct evaluation *evaluations = memory_allocate((size_t)stage.seeds, sizeof *evaluations);
    status outcome = STATUS_OK;
    rank_population(search->archive, search->archived, search->objective_count);
    qsort(search->archive, (size_t)search->archived, sizeof *search->archive, better_first);
    for (int place = 0; outcome == STATUS_OK && place < keep && !search->archive[place].failed; place++) {
        const struct individual *individual = &search->archive[place];
        struct summary summary;
        int evaluated;
        bool is_new;
        snprintf(search->current, sizeof search->current, "final %d/%d, candidate %d", place + 1, keep, individual->id);
        outcome = evaluate_seeds(search, individual, &stage, evaluations, &evaluated, &summary, &is_new);
        if (outcome == STATUS_OK && is_new)
            announce_final(search, place, individual, &summary);
    }
    free(evaluations);
    return outcome;
}
