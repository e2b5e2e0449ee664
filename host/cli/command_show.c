#include "base/file.h"
#include "base/memory.h"
#include "cli/command.h"
#include "cli/target.h"
#include "report/front.h"
#include "run/evaluator.h"
#include "run/measure.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static status show_front(const char *path, bool json) {
    struct store *store;
    TRY(store_open(path, false, &store));
    status outcome = (json ? report_front_json : report_front)(store, stdout);
    store_close(store);
    return outcome;
}

/* All that the device can measure; the energy of a token where there is a counter. */
static status measure(const struct target *target, struct evaluation *measured) {
    bool wanted[METRICS] = {false};
    struct device_options options = config_device_options(&target->config);
    struct device *device;
    for (int m = 0; m < METRICS; m++)
        wanted[m] = metric_table[m].kind == METRIC_DEVICE;
    wanted[METRIC_ENERGY_UJ] = measure_check(wanted) == STATUS_OK;
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
        TRY(measure(target, &measured));
    return report_architecture(&target->genome, &target->catalogue, &target->config, measures ? &measured : NULL,
                               argument_given(arguments, "--json"), stdout);
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

static status run(const struct arguments *arguments) {
    const char *word = arguments->words[0];
    if (file_exists(word) && argument_given(arguments, "--measure"))
        return fail_usage("--measure times one architecture: %s:ID, or a genome", word);
    if (file_exists(word))
        return show_front(word, argument_given(arguments, "--json"));
    if (isdigit((unsigned char)word[0]) || strchr(word, ':'))
        return show_architecture(word, arguments);
    return fail_usage("'%s' is not the folder of a run, and not a genome such as 11111-41111", word);
}

const struct command command_show = {
    .name = "show",
    .synopsis = "RUN|RUN:ID|GENOME [options]",
    .summary = "Shows the Pareto front of a run, or one architecture LIV by LIV with its costs",
    .details = "A genome is shown at the width, context and catalogue of --config, or of the defaults.",
    .words_least = 1,
    .words_most = 1,
    .options =
        (const struct option_information[]){
            {"--config", "CONFIG", "for a genome: the experiment it is for"},
            {"--measure", NULL, "for a genome: times its tokens on the device, as search.measure says"},
            OPTION_DEVICE,
            OPTION_SET,
            OPTION_JSON,
            {0}},
    .run = run,
};
