/* From an individual to its evaluations: known ones from the store, the others trained and recorded. */
#include "base/memory.h"
#include "run/search_state.h"
#include "run/static_costs.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct stage search_stage(const struct search *search) {
    return (struct stage){search->config.train.steps, search->config.search.seeds, ""};
}

struct stage search_final_stage(const struct search *search) {
    return (struct stage){config_final_steps(&search->config), search->config.search.final.seeds, "-final"};
}

static void set_objectives(const struct search *search, const struct summary *summary, struct individual *individual) {
    individual->failed = summary->failed;
    individual->violation = limits_violation(&search->config.search.limits, &summary->mean);
    individual->descriptor = summary->mean.values[METRIC_CACHE_BYTES];
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
    if (search->archived == search->archive_capacity) {
        search->archive_capacity = search->archive_capacity ? 2 * search->archive_capacity : 64;
        search->archive = memory_resize(search->archive, (size_t)search->archive_capacity, sizeof *search->archive);
    }
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
        if (!isnan(evaluation->metrics.values[m]))
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
    struct train_observer observer = {.tell = announce_step, .context = search};
    snprintf(ending, sizeof ending, "%s.safetensors", stage->weights);
    store_checkpoint_path(search->store, individual->id, ending, weights, sizeof weights);
    snprintf(ending, sizeof ending, "%s.json", stage->weights);
    store_checkpoint_path(search->store, individual->id, ending, architecture, sizeof architecture);
    struct job job = {.genome = key->genome,
                      .seed = key->seed,
                      .steps = key->steps,
                      .weights_path = keeps_weights ? weights : NULL,
                      .architecture_path = keeps_weights ? architecture : NULL,
                      .observer = &observer};
    TRY(evaluator_submit(search->evaluator, &job));
    TRY(evaluator_wait(search->evaluator, evaluation));
    search->steps_trained += (double)stage->steps;
    search->seconds_trained += evaluation->seconds;
    /* The device may be another one now: one that a failure took away was opened anew. */
    struct evaluation_key done = *key;
    done.device = device_information(evaluator_device(search->evaluator))->name;
    TRY(store_add_evaluation(search->store, &done, evaluation));
    TRY(store_log(search->store, evaluation->failed ? "failed" : "evaluated",
                  describe_evaluation(individual, evaluation)));
    announce_kernels(search);
    return STATUS_OK;
}

/*
 * The candidate with the seeds of a stage, from the store or trained now, up to the first that fails: that decides.
 * *is_new: something was trained; *evaluated: so many evaluations there are.
 */
static status evaluate_seeds(struct search *search, const struct individual *individual, const struct stage *stage,
                             struct evaluation *evaluations, int *evaluated, struct summary *summary, bool *is_new) {
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
    *evaluated = count;
    return STATUS_OK;
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
    struct stage stage = search_stage(search);
    struct summary summary;
    int evaluated;
    bool is_new;
    announce_current(search, individual);
    TRY(store_add_candidate(search->store, individual));
    if (is_beyond_limits(search, individual)) {
        search->steps_done += (double)stage.seeds * (double)stage.steps;
        budget_spend(search, NULL, 0);
        return STATUS_OK;
    }
    struct evaluation *evaluations = memory_allocate((size_t)stage.seeds, sizeof *evaluations);
    status outcome = evaluate_seeds(search, individual, &stage, evaluations, &evaluated, &summary, &is_new);
    if (outcome == STATUS_OK) {
        budget_spend(search, evaluations, evaluated);
        if (is_new)
            announce_candidate(search, individual, &summary);
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
