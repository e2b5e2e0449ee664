#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/target.h"
#include "report/forecast.h"
#include "run/search.h"

#include <limits.h>

static status forecast(const struct run_config *config, bool json) {
    struct forecast told;
    TRY(forecast_search(config, &told));
    report_forecast(&told, json, stdout);
    return STATUS_OK;
}

static status run(const struct arguments *arguments) {
    static struct run_config config;
    char path[PATH_MAX];
    TRY(arguments_config(arguments, arguments->words[0], true, &config));
    if (argument_given(arguments, "--dry-run"))
        return forecast(&config, argument_given(arguments, "--json"));
    if (argument_given(arguments, "--json"))
        return fail_usage("--json is for --dry-run; of a run, `starcl show RUN --json` prints it");
    status outcome = search_start(&config, argument_value(arguments, "--run"), path, sizeof path);
    return outcome_of_run(outcome, path);
}

const struct command command_search = {
    .name = "search",
    .synopsis = "CONFIG [options]",
    .summary = "Runs an experiment and prints the Pareto front that it found",
    .details =
        "CONFIG is a libconfig file, or the name of an installed one (quickstart, hour/quality). The run is kept in a\n"
        "folder of its own, which is never overwritten; Ctrl-C stops it, and `starcl resume` goes on. --dry-run draws\n"
        "random candidates, trains some for a few steps, and prints what the search will take: candidates, tokens,\n"
        "hours on this device, memory, disk.",
    .words_least = 1,
    .words_most = 1,
    .options =
        (const struct option_information[]){
            {"--run", "DIR", "folder of the run; default runs/<name>-<number>; or a postgresql:// URL"},
            {"--seed", "N", "short for --set run.seed=N"},
            {"--dry-run", NULL, "only tell what it will cost; no run is made"},
            {"--json", NULL, "with --dry-run: print JSON for scripts"},
            OPTION_DEVICE,
            OPTION_SET,
            OPTION_QUIET,
            {0}},
    .run = run,
};
