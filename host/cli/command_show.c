#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/target.h"
#include "report/architecture.h"
#include "report/comparison.h"
#include "report/front.h"
#include "report/generations.h"
#include "report/lineage.h"
#include "run/evaluator.h"
#include "run/measure.h"
#include "watch/follow.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static status show_run(const char *path, const struct arguments *arguments) {
    const char *lineage = argument_value(arguments, "--lineage");
    bool json = argument_given(arguments, "--json");
    int64_t id = 0;
    struct store *store;
    if (lineage && (text_parse_integer(lineage, &id) != 0 || id < 1 || id > INT_MAX))
        return fail_usage("--lineage needs the id of a candidate, a whole number from 1, not '%s'", lineage);
    TRY(store_open(path, false, &store));
    status outcome = lineage ? report_lineage(store, (int)id, json, stdout)
                     : argument_given(arguments, "--generations")
                         ? report_generations(store, json, stdout)
                         : (json ? report_front_json : report_front)(store, stdout);
    store_close(store);
    return outcome;
}

static status refuse_metric(const char *name) {
    struct text allowed = {0};
    for (int m = 0; m < METRICS; m++)
        if (is_measured_on_device((enum metric)m))
            text_append(&allowed, "%s%s", allowed.length ? ", " : "", metric_table[m].name);
    status outcome = fail_usage("--only '%s' is not measured; allowed: %s", name, allowed.text);
    text_free(&allowed);
    return outcome;
}

/* Those of --only, or all that the device can measure: the energy of a token where there is a counter. */
static status wanted_metrics(const struct arguments *arguments, bool wanted[METRICS]) {
    const char *names[MAX_ARGUMENTS];
    int count = argument_values(arguments, "--only", names);
    for (int m = 0; m < METRICS; m++)
        wanted[m] = count == 0 && is_measured_on_device((enum metric)m);
    for (int i = 0; i < count; i++) {
        enum metric metric = metric_find(names[i]);
        if (!is_measured_on_device(metric))
            return refuse_metric(names[i]);
        wanted[metric] = true;
    }
    if (count > 0)
        return measure_check(wanted);
    wanted[METRIC_ENERGY_UJ] = measure_check(wanted) == STATUS_OK;
    return STATUS_OK;
}

static status measure(const struct target *target, const struct arguments *arguments, struct evaluation *measured) {
    bool wanted[METRICS];
    struct device_options options = config_device_options(&target->config);
    struct device *device;
    TRY(wanted_metrics(arguments, wanted));
    measured->metrics = measured->low = measured->high = metrics_absent();
    TRY(device_open_choice(target->config.devices.device, &options, &device));
    status outcome = measure_device(device, &target->genome, &target->catalogue, &target->config, wanted, measured);
    device_close(device);
    return outcome;
}

static status show_target(const struct target *target, const struct arguments *arguments) {
    struct evaluation measured = {.failed = false};
    struct genome_space space = genome_space_of(&target->catalogue);
    bool measures = argument_given(arguments, "--measure");
    TRY(genome_validate(&target->genome, &space));
    if (measures)
        TRY(measure(target, arguments, &measured));
    return report_architecture(&target->genome, &target->catalogue, &target->config, measures ? &measured : NULL,
                               argument_given(arguments, "--json"), stdout);
}

/* The run, those of --compare, and the words behind. */
static status compare_runs(const struct arguments *arguments) {
    struct store *runs[COMPARISON_MOST_RUNS];
    const char *paths[2 * MAX_ARGUMENTS];
    int count = 0, opened = 0;
    paths[count++] = arguments->words[0];
    count += argument_values(arguments, "--compare", paths + count);
    for (int word = 1; word < arguments->word_count; word++)
        paths[count++] = arguments->words[word];
    if (count > COMPARISON_MOST_RUNS)
        return fail_usage("%d runs are more than can be compared; allowed: at most %d", count, COMPARISON_MOST_RUNS);
    status outcome = STATUS_OK;
    while (outcome == STATUS_OK && opened < count) {
        outcome = store_open(paths[opened], false, &runs[opened]);
        opened += outcome == STATUS_OK;
    }
    if (outcome == STATUS_OK)
        outcome = report_comparison(runs, count, argument_given(arguments, "--json"), stdout);
    for (int run = 0; run < opened; run++)
        store_close(runs[run]);
    return outcome;
}

static status show_architecture(const char *word, const struct arguments *arguments) {
    struct target *target = memory_allocate(1, sizeof *target);
    status outcome = target_read(word, arguments, false, target);
    if (outcome == STATUS_OK)
        outcome = show_target(target, arguments);
    free(target->catalogue_text);
    free(target);
    return outcome;
}

/* What only a run has, and of which one is shown. */
static status check_views(const struct arguments *arguments, bool is_run) {
    static const char *const views[] = {"--generations", "--lineage", "--compare", "--follow"};
    const char *given = NULL;
    for (size_t view = 0; view < sizeof views / sizeof *views; view++) {
        if (!argument_given(arguments, views[view]))
            continue;
        if (given)
            return fail_usage("%s and %s show different things; give one of them", given, views[view]);
        given = views[view];
    }
    if (given && !is_run)
        return fail_usage("%s shows something of a run, and '%s' is not the folder of one", given, arguments->words[0]);
    if (arguments->word_count > 1 && !argument_given(arguments, "--compare"))
        return fail_usage("too many words; several runs are compared with --compare: starcl show %s --compare %s",
                          arguments->words[0], arguments->words[1]);
    return STATUS_OK;
}

/* A run that goes on is shown as it is, and nothing is measured or chosen. */
static status check_follow(const struct arguments *arguments) {
    static const char *const others[] = {"--json", "--measure", "--only", "--config", "--device", "--set"};
    for (size_t other = 0; other < sizeof others / sizeof *others; other++)
        if (argument_given(arguments, others[other]))
            return fail_usage("%s is not for --follow, which shows the front of a run in words as it goes on",
                              others[other]);
    return STATUS_OK;
}

static status run(const struct arguments *arguments) {
    const char *word = arguments->words[0];
    bool is_run = store_is_url(word) ? !target_id_colon(word) : file_exists(word);
    TRY(check_views(arguments, is_run));
    if (argument_given(arguments, "--follow")) {
        TRY(check_follow(arguments));
        return follow_run(word);
    }
    if (argument_given(arguments, "--only") && !argument_given(arguments, "--measure"))
        return fail_usage("--only is for --measure");
    if (is_run && argument_given(arguments, "--measure"))
        return fail_usage("--measure times one architecture: %s:ID, or a genome", word);
    if (argument_given(arguments, "--compare"))
        return compare_runs(arguments);
    if (is_run)
        return show_run(word, arguments);
    if (isdigit((unsigned char)word[0]) || strchr(word, ':'))
        return show_architecture(word, arguments);
    return fail_usage("'%s' is not the folder of a run, and not a genome such as 11111-41111", word);
}

const struct command command_show = {
    .name = "show",
    .synopsis = "RUN|RUN:ID|GENOME [options]",
    .summary = "Shows the Pareto front of a run, or one architecture LIV by LIV with its costs",
    .details =
        "RUN is a folder, or postgresql://user@host/database#NAME, in quotes where it has ? or &. A genome is shown\n"
        "at the width, context and catalogue of --config, or of the defaults. Of a run, its generations, a\n"
        "candidate's lineage, or several runs side by side can be shown instead of its front. --follow ends when\n"
        "the run is done; Ctrl-C ends it before, and not the search.",
    .words_least = 1,
    .words_most = COMPARISON_MOST_RUNS,
    .options =
        (const struct option_information[]){
            {"--config", "CONFIG", "for a genome: the experiment it is for"},
            {"--measure", NULL, "for a genome: times its tokens on the device, as search.measure says"},
            {"--only", "METRIC", "with --measure: nothing else, e.g. --only decode_us; repeatable"},
            OPTION_DEVICE,
            {"--generations", NULL, "scores, classes, sharing and diversity, a generation a row"},
            {"--lineage", "ID", "where a candidate comes from: ancestors, and what each changed"},
            {"--compare", "RUN...", "fronts by one hypervolume, best values, tokens and time of several runs"},
            {"--follow", NULL, "front and progress as the run goes on; in a pipe a line a candidate"},
            OPTION_SET,
            OPTION_JSON,
            {0}},
    .run = run,
};
