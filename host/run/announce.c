/* What the user of a search sees: lines that stay, and the line of progress. */
#include "base/progress.h"
#include "base/text.h"
#include "run/candidate_line.h"
#include "run/dispatch.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

/* As many as halving lets through go on from each rung. */
static double total_steps(const struct search *search) {
    struct stage last = search_final_stage(search);
    double steps = 0, share = 1;
    for (int rung = 0; rung < config_rungs(&search->config); rung++) {
        struct stage stage = search_stage(search, rung);
        steps += share * stage_steps(&stage);
        share *= search->config.search.promoted;
    }
    return (double)search_candidates(search) * (double)search->config.search.seeds * steps +
           (double)search->config.search.final.keep * (double)last.seeds * (double)last.steps;
}

const char *announce_text(const struct search *search, const struct individual *individual, char text[NOW_TEXT_BYTES]) {
    int population = (int)search->config.search.population;
    double hypervolume = growth_hypervolume(search->growth);
    char grown[48] = "";
    if (!isnan(hypervolume))
        snprintf(grown, sizeof grown, ", hypervolume %.4g", hypervolume);
    if (config_has_budget(&search->config))
        snprintf(text, NOW_TEXT_BYTES, "generation %d, candidate %d%s", individual->generation + 1, individual->id,
                 grown);
    else
        snprintf(text, NOW_TEXT_BYTES, "generation %d/%lld, candidate %d/%d%s", individual->generation + 1,
                 search->config.search.generations, (individual->id - 1) % population + 1, population, grown);
    return text;
}

/* "   7/32", where it is known how many there will be. */
static const char *number_text(const struct search *search, const struct individual *individual, char *buffer,
                               size_t bytes) {
    int candidates = search_candidates(search);
    if (candidates == INT_MAX)
        snprintf(buffer, bytes, "%4d", individual->id);
    else
        snprintf(buffer, bytes, "%4d/%d", individual->id, candidates > individual->id ? candidates : individual->id);
    return buffer;
}

/* NaN as long as nothing was trained, and where nobody knows how many candidates there will be. */
static double seconds_left(const struct search *search, double steps_left, int workers) {
    bool known = search->steps_trained > 0 && search_candidates(search) != INT_MAX;
    return known ? fmax(0, steps_left) * search->seconds_trained / search->steps_trained / workers : NAN;
}

/* The first that is being trained; NULL where none is. */
static struct trial *first_training(struct search *search) {
    for (int i = 0; i < search->trial_count; i++)
        if (trial_training(search, search->trials[i]).steps > 0)
            return search->trials[i];
    return NULL;
}

static double steps_in_flight(struct search *search) {
    double steps = 0;
    for (int i = 0; i < search->trial_count; i++)
        if (trial_training(search, search->trials[i]).steps > 0)
            steps += (double)(trial_training(search, search->trials[i]).step - search->trials[i]->stage.before);
    return steps;
}

struct search_progress search_progress(struct search *search, int workers) {
    double total = total_steps(search), done = search->steps_done + steps_in_flight(search);
    return (struct search_progress){.share =
                                        search_candidates(search) == INT_MAX ? NAN : fmax(0, fmin(1, done / total)),
                                    .seconds_left = seconds_left(search, total - done, workers)};
}

static void tell_now(struct search *search, const struct trial *trial, const struct search_progress *progress) {
    struct now now = {
        .training = trial_training(search, trial), .share = progress->share, .seconds_left = progress->seconds_left};
    pthread_mutex_lock(&search->lock);
    now.curve = trial->view.curve;
    pthread_mutex_unlock(&search->lock);
    dispatch_describe(search, &now);
    now_tell(&search->now, search->store, &now);
}

void announce_progress(struct search *search) {
    const struct trial *trial = first_training(search);
    if (!trial)
        return;
    struct search_progress progress = search_progress(search, dispatch_workers(search));
    struct now_training training = trial_training(search, trial);
    char duration[TEXT_NUMBER_BYTES] = "some time", others[32] = "";
    if (!isnan(progress.seconds_left))
        text_duration(duration, progress.seconds_left);
    if (search->trial_count > 1)
        snprintf(others, sizeof others, " and %d more", search->trial_count - 1);
    progress_update("%s: step %" PRId64 "/%" PRId64 ", loss %.3f nats%s; %s left", training.what, training.step,
                    training.steps, training.loss, others, duration);
    if (now_is_due(&search->now))
        tell_now(search, trial, &progress);
}

void announce_kernels(struct search *search) {
    struct build_statistics now = workers_build_statistics(search->workers), before = search->builds;
    int waited = now.programs_waited - before.programs_waited;
    int background = now.programs_background - before.programs_background;
    if (waited > 0)
        progress_line("built %d kernel programs in %.1f s; they are kept for the next time", waited,
                      now.waited - before.waited);
    if (background > 0)
        progress_line("built %d kernel programs in %.1f s in the background", background,
                      now.background - before.background);
    search->builds = now;
}

void announce_candidate(const struct search *search, const struct individual *individual,
                        const struct summary *summary) {
    char number[32];
    struct text line = {0};
    candidate_line(&search->config, individual, config_rung_steps(&search->config, individual->rung), summary, &line);
    progress_line("%s  %s", number_text(search, individual, number, sizeof number), line.text);
    text_free(&line);
}

void announce_final(const struct search *search, int place, const struct individual *individual,
                    const struct summary *summary) {
    struct text line = {0};
    candidate_final_line(individual, summary, &line);
    progress_line("final %d/%lld  %s", place + 1, search->config.search.final.keep, line.text);
    text_free(&line);
}

void announce_left_front(const struct search *search, const struct individual *individual,
                         const struct evaluation *evaluation) {
    const struct limit_list *limits = &search->config.search.limits;
    struct metrics worst = metrics_worst(&evaluation->metrics, &evaluation->low, &evaluation->high);
    if (evaluation->failed)
        progress_line("candidate %d leaves the front: %s", individual->id, evaluation->reason);
    for (int i = 0; i < limits->count && !evaluation->failed; i++) {
        const struct limit *limit = &limits->limits[i];
        char value[TEXT_NUMBER_BYTES], low[TEXT_NUMBER_BYTES], high[TEXT_NUMBER_BYTES], allowed[LIMIT_TEXT_BYTES];
        const struct limit_list alone = {.count = 1, .limits = {*limit}};
        if (limits_violation(&alone, &worst) > 0)
            progress_line("candidate %d leaves the front: measured again, %s is %s, %s to %s (%s)", individual->id,
                          metric_table[limit->metric].name,
                          metric_text(limit->metric, evaluation->metrics.values[limit->metric], value),
                          metric_text(limit->metric, evaluation->low.values[limit->metric], low),
                          metric_text(limit->metric, evaluation->high.values[limit->metric], high),
                          limit_text(limit, allowed));
    }
}

void announce_start(const struct search *search) {
    char budget[BUDGET_TEXT_BYTES];
    const struct run_config *config = &search->config;
    for (int i = 0; i < workers_count(search->workers); i++) {
        struct worker_facts facts = workers_facts(search->workers, i);
        progress_line("device  %s (%s), GEMM %s", facts.name, facts.platform, facts.gemm);
    }
    for (int k = 0; k < search->kinds.count && config->devices.measure_on.count > 0; k++)
        progress_line("timed   on %s%s", search->kinds.names[k], k == 0 ? ", which selection compares" : ", too");
    bool text = false;
    for (int i = 0; i < search->tasks.count; i++) {
        const struct task *task = search->tasks.tasks[i];
        struct text line = {0};
        task_describe(task, &line);
        text = task_traits(task)->is_text;
        progress_line("%-7s %s", text ? "text" : "task", line.text);
        text_free(&line);
    }
    progress_line("search  %s by %s, %lld seeds, %lld steps of %lld x %d %s each", budget_text(search, budget),
                  config->search.algorithm, config->search.seeds, config->train.steps, config->train.batch,
                  task_context(search->tasks.tasks[0]), text ? "bytes" : "tokens");
    if (config->search.final.keep)
        progress_line("final   the best %lld again, %lld seeds, %lld steps each", config->search.final.keep,
                      config->search.final.seeds, config_final_steps(config));
    progress_line("run     %s", store_path(search->store));
}

void announce_end(const struct search *search) {
    const struct build_statistics *builds = &search->builds;
    if (builds->programs_waited + builds->programs_background == 0)
        return;
    progress_line(
        "kernels %d programs were built, %d of them in the background; %.1f s waited, %.1f s in the background",
        builds->programs_waited + builds->programs_background, builds->programs_background, builds->waited,
        builds->background);
}
