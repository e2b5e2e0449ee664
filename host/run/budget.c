/*
 * What a search may spend on candidates: search.budget, or population x generations candidates where it bounds nothing.
 *
 * What was spent is a sum over what was told, known evaluations and new ones alike, so a resumed search stops where it
 * would have stopped. What is in flight counts as if it took the most that it can: where that leaves no room for
 * another one, it is looked again when they were told. A new candidate needs room for being trained in full, and
 * seconds as those before took for their tokens; so that when no other begins, those that are due can still go on to
 * higher rungs. The final training comes on top.
 */
#include "base/text.h"
#include "run/trial.h"

#include <math.h>
#include <stdio.h>

/* Tokens of a step, all tasks together. */
static double step_tokens(const struct search *search) {
    double tokens = 0;
    for (int t = 0; t < search->tasks.count; t++)
        tokens += (double)search->config.train.batch * task_context(search->tasks.tasks[t]);
    return tokens;
}

/* Of a candidate that is trained from the rung below to this one; of a new one, to rung 0. */
static double rung_tokens(const struct search *search, int rung) {
    struct stage stage = search_stage(search, rung);
    return stage_steps(&stage) * step_tokens(search) * (double)stage.seeds;
}

/* Of one that is trained in full, rung after rung. */
static double candidate_tokens(const struct search *search) {
    double tokens = 0;
    for (int rung = 0; rung < config_rungs(&search->config); rung++)
        tokens += rung_tokens(search, rung);
    return tokens;
}

struct expense budget_expected(const struct search *search) {
    struct expense expense = {.candidates = 1};
    double reach = 1;
    for (int rung = 0; rung < config_rungs(&search->config); rung++, reach *= search->config.search.promoted) {
        struct stage stage = search_stage(search, rung);
        expense.trainings += reach * (double)stage.seeds;
        expense.steps += reach * stage_steps(&stage) * (double)stage.seeds;
        expense.tokens += reach * rung_tokens(search, rung);
    }
    return expense;
}

struct expense budget_final(const struct search *search, double candidates) {
    const struct run_config *config = &search->config;
    struct expense expense = {.candidates = fmin((double)config->search.final.keep, candidates)};
    expense.trainings = expense.candidates * (double)config->search.final.seeds;
    expense.steps = expense.trainings * (double)config_final_steps(config);
    expense.tokens = expense.steps * step_tokens(search);
    return expense;
}

static double candidates_most(const struct search *search) {
    const struct run_config *config = &search->config;
    if (config->search.budget.evaluations > 0)
        return (double)config->search.budget.evaluations;
    return config_has_budget(config) ? INFINITY
                                     : (double)config->search.population * (double)config->search.generations;
}

/* Of those in flight, as if nothing of it were known yet. */
static double tokens_in_flight(const struct search *search) {
    double tokens = 0;
    for (int i = 0; i < search->trial_count; i++)
        tokens += rung_tokens(search, search->trials[i]->individual.rung);
    return tokens;
}

static int candidates_in_flight(const struct search *search) {
    int count = 0;
    for (int i = 0; i < search->trial_count; i++)
        count += search->trials[i]->individual.rung == 0;
    return count;
}

static bool has_room(const struct search *search, double needed) {
    const struct spending *spent = &search->spent;
    needed += tokens_in_flight(search);
    double tokens = (double)search->config.search.budget.tokens, seconds = 3600 * search->config.search.budget.hours;
    double expected = spent->tokens > 0 ? spent->seconds / spent->tokens * needed : 0;
    return (tokens <= 0 || spent->tokens + needed <= tokens) && (seconds <= 0 || spent->seconds + expected <= seconds);
}

bool budget_allows_promotion(const struct search *search) {
    for (int rung = 1; rung < config_rungs(&search->config); rung++)
        if (!has_room(search, rung_tokens(search, rung)))
            return false;
    return true;
}

bool budget_allows(const struct search *search) {
    enum { MOST_FREE = 1000 }; /* where nothing costs anything, no budget would ever end */
    const struct spending *spent = &search->spent;
    if (spent->candidates + candidates_in_flight(search) + 1 > candidates_most(search) ||
        !has_room(search, candidate_tokens(search)))
        return false;
    return !config_has_budget(&search->config) || spent->free_in_a_row < MOST_FREE;
}

status budget_check(const struct search *search) {
    double needed = candidate_tokens(search);
    if (search->config.search.budget.tokens == 0 || (double)search->config.search.budget.tokens >= needed)
        return STATUS_OK;
    return fail_usage(
        "search.budget.tokens: %lld are fewer than one candidate is trained on: %lld steps of %.0f tokens "
        "with %lld seeds are %.0f",
        search->config.search.budget.tokens, search->config.train.steps, step_tokens(search),
        search->config.search.seeds, needed);
}

void budget_spend(struct search *search, const struct individual *individual, const struct evaluation *evaluations,
                  int count) {
    struct spending *spent = &search->spent;
    spent->candidates += individual->rung == 0;
    spent->free_in_a_row = count > 0 ? 0 : spent->free_in_a_row + 1;
    for (int i = 0; i < count; i++) {
        spent->tokens += evaluations[i].trained_steps * step_tokens(search) / search->tasks.count;
        spent->seconds += evaluations[i].seconds;
    }
}

/* How many fit into a sum, of which those so far took `spent`, and each other one takes `each`. */
static double candidates_within(const struct spending *so_far, double sum, double spent, double each) {
    return so_far->candidates + (each > 0 ? fmax(0, floor((sum - spent) / each)) : INFINITY);
}

/* Most candidates are not promoted. */
static double mean_tokens(const struct search *search) {
    const struct spending *spent = &search->spent;
    return spent->candidates > 0 && spent->tokens > 0 ? spent->tokens / spent->candidates : candidate_tokens(search);
}

int search_candidates(const struct search *search) {
    const struct spending *spent = &search->spent;
    double most = candidates_most(search), tokens = (double)search->config.search.budget.tokens;
    double seconds = 3600 * search->config.search.budget.hours;
    if (tokens > 0)
        most = fmin(most, candidates_within(spent, tokens, spent->tokens, mean_tokens(search)));
    if (seconds > 0 && spent->candidates > 0)
        most = fmin(most, candidates_within(spent, seconds, spent->seconds, spent->seconds / spent->candidates));
    return (int)fmin(most, INT_MAX);
}

const char *budget_text(const struct search *search, char *buffer) {
    const struct run_config *config = &search->config;
    struct text text = {0};
    char number[TEXT_NUMBER_BYTES];
    if (!config_has_budget(config))
        text_append(&text, "%d candidates in %lld generations", search_candidates(search), config->search.generations);
    if (config->search.budget.evaluations > 0)
        text_append(&text, ", %lld candidates", config->search.budget.evaluations);
    if (config->search.budget.tokens > 0)
        text_append(&text, ", %s tokens", text_count(number, (double)config->search.budget.tokens));
    if (config->search.budget.hours > 0)
        text_append(&text, ", %s", text_duration(number, 3600 * config->search.budget.hours));
    snprintf(buffer, BUDGET_TEXT_BYTES, "%s%s", config_has_budget(config) ? "at most " : "",
             text.text + (config_has_budget(config) ? 2 : 0));
    text_free(&text);
    return buffer;
}
