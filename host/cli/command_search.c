#include "base/progress.h"
#include "base/text.h"
#include "cli/command.h"
#include "cli/outcome.h"
#include "run/search.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The assignments of --set, and of the options that are short for one. */
static status collect_assignments(const struct arguments *arguments, struct text *seed, struct text *device,
                                  const char **assignments, int *count) {
    *count = argument_values(arguments, "--set", assignments);
    const char *value = argument_value(arguments, "--seed");
    if (value) {
        int64_t number;
        if (text_parse_integer(value, &number) != 0 || number < 0)
            return fail_usage("--seed needs a whole number from 0, not '%s'", value);
        text_append(seed, "run.seed=%lld%s", (long long)number, number > INT_MAX ? "L" : "");
        assignments[(*count)++] = seed->text;
    }
    if ((value = argument_value(arguments, "--device"))) {
        text_append(device, "devices.device=\"%s\"", value);
        assignments[(*count)++] = device->text;
    }
    return STATUS_OK;
}

static status run(const struct arguments *arguments) {
    static struct run_config config;
    const char *assignments[MAX_ARGUMENTS + 2];
    struct text seed = {0}, device = {0};
    int count;
    char path[PATH_MAX];
    status outcome = collect_assignments(arguments, &seed, &device, assignments, &count);
    if (outcome == STATUS_OK)
        outcome = config_load(arguments->words[0], assignments, count, true, &config);
    text_free(&seed);
    text_free(&device);
    TRY(outcome);
    outcome = search_start(&config, argument_value(arguments, "--run"), path, sizeof path);
    return outcome_of_run(outcome, path);
}

const struct command command_search = {
    .name = "search",
    .synopsis = "CONFIG [options]",
    .summary = "Runs an experiment and prints the Pareto front that it found",
    .details =
        "CONFIG is a libconfig file, such as configs/quickstart.cfg. The run is kept in a folder of its own, which\n"
        "is never overwritten; Ctrl-C stops it, and `starcl resume` goes on.",
    .words_least = 1,
    .words_most = 1,
    .options = (const struct option_information[]){{"--run", "DIR", "folder of the run; default runs/<name>-<number>"},
                                                   {"--seed", "N", "short for --set run.seed=N"},
                                                   OPTION_DEVICE,
                                                   OPTION_SET,
                                                   OPTION_QUIET,
                                                   {0}},
    .run = run,
};
