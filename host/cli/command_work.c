#include "cli/command.h"
#include "run/join.h"

#include <stdio.h>

static status run(const struct arguments *arguments) {
    const char *devices[MAX_ARGUMENTS];
    int64_t idle;
    int jobs;
    TRY(argument_integer(arguments, "--idle", 0, 86400, 0, &idle));
    const struct join_options options = {.devices = devices,
                                         .device_count = argument_values(arguments, "--device", devices),
                                         .data = argument_value(arguments, "--data"),
                                         .idle_seconds = (double)idle};
    status outcome = join_run(arguments->words[0], &options, &jobs);
    if (outcome == STATUS_OK || outcome == STATUS_INTERRUPTED)
        printf("%d %s done\n", jobs, jobs == 1 ? "job" : "jobs");
    return outcome;
}

const struct command command_work = {
    .name = "work",
    .synopsis = "URL [options]",
    .summary = "Takes jobs of a search that another process drives",
    .details = "URL is that of a run whose store is a PostgreSQL database, as `starcl search` prints it:\n"
               "postgresql://user@host/database#name, or without #name where the database holds one run. Any number\n"
               "of workers may come and go, on any machine: what one of them had when it was killed is given to\n"
               "another. The text is the one that the run's config names if it lies here, too, or comes from the\n"
               "server.",
    .words_least = 1,
    .words_most = 1,
    .options =
        (const struct option_information[]){
            {"--device", "D", "a device to work with, or parts of one (0.0/2), or all; repeatable"},
            {"--data", "PATH", "the run's text on this machine"},
            {"--idle", "SECONDS", "leave after so long without a job; 0: when the run is done"},
            OPTION_QUIET,
            {0}},
    .run = run,
};
