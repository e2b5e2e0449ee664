/* What the user of a search sees: lines that stay, and the line of progress. */
#include "base/progress.h"
#include "base/text.h"
#include "device/gemm.h"
#include "run/candidate_line.h"
#include "run/search_state.h"

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

void announce_current(struct search *search, const struct individual *individual) {
    int population = (int)search->config.search.population;
    double hypervolume = growth_hypervolume(search->growth);
    char grown[48] = "";
    if (!isnan(hypervolume))
        snprintf(grown, sizeof grown, ", hypervolume %.4g", hypervolume);
    if (config_has_budget(&search->config))
        snprintf(search->current, sizeof search->current, "generation %d, candidate %d%s", individual->generation + 1,
                 individual->id, grown);
    else
        snprintf(search->current, sizeof search->current, "generation %d/%lld, candidate %d/%d%s",
                 individual->generation + 1, search->config.search.generations, (individual->id - 1) % population + 1,
                 population, grown);
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
static double seconds_left(const struct search *search, double steps_left) {
    bool known = search->steps_trained > 0 && search_candidates(search) != INT_MAX;
    return known ? fmax(0, steps_left) * search->seconds_trained / search->steps_trained : NAN;
}

void announce_step(void *context, int64_t step, int64_t steps, double loss) {
    struct search *search = context;
    double total = total_steps(search), done = search->steps_done + (double)step - search->current_first;
    double left = seconds_left(search, total - done);
    char duration[TEXT_NUMBER_BYTES] = "some time";
    if (!isnan(left))
        text_duration(duration, left);
    progress_update("%s: step %" PRId64 "/%" PRId64 ", loss %.3f nats; %s left", search->current, step, steps, loss,
                    duration);
    now_tell(
        &search->now, search->store,
        &(struct now_progress){.what = search->current,
                               .step = step,
                               .steps = steps,
                               .loss = loss,
                               .share = search_candidates(search) == INT_MAX ? NAN : fmax(0, fmin(1, done / total)),
                               .seconds_left = left});
}

void announce_kernels(struct search *search) {
    struct build_statistics now = device_build_statistics(evaluator_device(search->evaluator)), new = now;
    /* A device that was opened anew counts from 0. */
    if (now.waited >= search->device_builds.waited && now.background >= search->device_builds.background) {
        new.programs_waited -= search->device_builds.programs_waited;
        new.programs_background -= search->device_builds.programs_background;
        new.waited -= search->device_builds.waited;
        new.background -= search->device_builds.background;
    }
    if (new.programs_waited > 0)
        progress_line("built %d kernel programs in %.1f s; they are kept for the next time", new.programs_waited,
                      new.waited);
    if (new.programs_background > 0)
        progress_line("built %d kernel programs in %.1f s in the background", new.programs_background, new.background);
    search->device_builds = now;
    search->builds.programs_waited += new.programs_waited;
    search->builds.programs_background += new.programs_background;
    search->builds.waited += new.waited;
    search->builds.background += new.background;
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
    struct device *device = evaluator_device(search->evaluator);
    const struct run_config *config = &search->config;
    progress_line("device  %s (%s), GEMM %s", device_information(device)->name,
                  device_information(device)->platform_name, gemm_provider_name(device));
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
