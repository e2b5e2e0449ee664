/* From an individual to what evolution is told of it, through a trial. */
#include "base/file.h"
#include "base/memory.h"
#include "base/progress.h"
#include "run/dispatch.h"

#include <stdio.h>
#include <stdlib.h>

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
        individual->rung = config_rungs(&search->config) - 1;
    for (int i = 0; i < search->objective_count; i++)
        individual->objectives[i] =
            metric_objective(search->objectives[i], summary->mean.values[search->objectives[i]]);
}

/* Complete trainings say how far predictions from curves were off, and what others have to come to. */
static void teach_stopping(struct search *search, const struct evaluation *evaluations, int count) {
    for (int i = 0; i < count && search->stopping; i++)
        if (evaluations[i].steps == search->config.train.steps && !evaluations[i].failed && !evaluations[i].stopped)
            stopping_tell(search->stopping, &evaluations[i].metrics);
}

status search_begin(struct search *search, const struct individual *individual) {
    struct stage stage = search_stage(search, individual->rung);
    char what[NOW_TEXT_BYTES];
    struct trial *trial;
    TRY(store_add_candidate(search->store, individual));
    return trial_begin(search, individual, &stage, announce_text(search, individual, what), &trial);
}

void search_end(struct search *search, struct trial *trial, struct individual *told) {
    *told = trial->individual;
    budget_spend(search, told, trial->evaluations, trial->evaluated);
    if (!trial->beyond_limits) {
        struct summary summary = summarise(trial->evaluations, trial->evaluated, trial->stage.steps);
        if (trial->is_new)
            announce_candidate(search, told, &summary);
        teach_stopping(search, trial->evaluations, trial->evaluated);
        set_objectives(search, &summary, told);
        search_keep(search, told);
    }
    trial_end(search, trial);
}

/* ---- trained again ---- */

status search_restore_weights(struct search *search, const struct individual *individual) {
    struct stage stage = search_stage(search, individual->rung);
    char weights[PATH_MAX], architecture[PATH_MAX];
    struct training_view view = {.search = search};
    struct train_observer observer = training_observer(&view);
    struct evaluation evaluation;
    struct evaluation_key key = {.genome = &individual->genome,
                                 .seed = config_seed(&search->config, 0),
                                 .steps = stage.steps,
                                 .device = workers_facts(search->workers, 0).device};
    bool known;
    TRY(store_find_evaluation(search->store, &key, &known, &evaluation));
    search_checkpoint_path(search, individual->id, weights, "%s.safetensors", stage.weights);
    search_checkpoint_path(search, individual->id, architecture, "%s.json", stage.weights);
    if (!known || evaluation.stopped || file_exists(weights))
        return STATUS_OK;
    struct job job = {.genome = key.genome,
                      .seed = key.seed,
                      .steps = key.steps,
                      .schedule_steps = stage.schedule_steps,
                      .side_steps = stage.side_steps,
                      .measure_on = search_measures_on(search),
                      .weights_path = weights,
                      .architecture_path = architecture,
                      .observer = &observer};
    progress_update("candidate %d joins the front, training its weights", individual->id);
    TRY(dispatch_evaluate(search, &job, &evaluation));
    if (evaluation.failed)
        progress_line("candidate %d joins the front without weights: %s", individual->id, evaluation.reason);
    return STATUS_OK;
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

static status begin_final(struct search *search, int place, int count) {
    const struct individual *individual = &search->archive[place];
    struct stage stage = search_final_stage(search);
    char what[NOW_TEXT_BYTES];
    struct trial *trial;
    snprintf(what, sizeof what, "final %d/%d, candidate %d", place + 1, count, individual->id);
    return trial_begin(search, individual, &stage, what, &trial);
}

static void end_final(struct search *search, int place) {
    struct trial *trial = search->trials[0];
    struct summary summary = summarise(trial->evaluations, trial->evaluated, trial->stage.steps);
    if (trial->is_new)
        announce_final(search, place, &trial->individual, &summary);
    trial_end(search, trial);
}

status search_train_best(struct search *search) {
    int count = 0, begun = 0, ended = 0, keep = (int)search->config.search.final.keep;
    rank_population(search->archive, search->archived, search->objective_count);
    qsort(search->archive, (size_t)search->archived, sizeof *search->archive, better_first);
    while (count < keep && count < search->archived && !search->archive[count].failed)
        count++;
    while (ended < count) {
        while (begun < count && search->trial_count < search_capacity(search))
            TRY(begin_final(search, begun++, count));
        if (search->trials[0]->is_over)
            end_final(search, ended++);
        else
            TRY(trials_wait(search));
    }
    return STATUS_OK;
}
