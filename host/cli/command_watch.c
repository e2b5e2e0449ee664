#include "cli/runs.h"
#include "watch/watch.h"

static status run(const struct arguments *arguments) {
    int64_t port;
    TRY(argument_integer(arguments, "--port", 0, 65535, 0, &port));
    TRY(runs_check(arguments));
    return watch_runs(arguments->words, arguments->word_count, (int)port);
}

const struct command command_watch = {
    .name = "watch",
    .synopsis = "RUN... [--port N]",
    .summary = "Shows the page about a run, or about several, live in a browser on this machine",
    .details =
        "Prints an address of 127.0.0.1 that shows what `starcl report` writes, and what the search does now: new\n"
        "candidates appear by themselves, whoever writes to RUN. Nothing can be changed there, and from other "
        "machines\n"
        "it is seen through a tunnel alone: ssh -L 8080:127.0.0.1:N machine. Ctrl-C ends it, and not the search.",
    .words_least = 1,
    .words_most = MAX_ARGUMENTS,
    .options = (const struct option_information[]){{"--port", "N", "of 127.0.0.1; default, and 0: one that is free"},
                                                   OPTION_QUIET,
                                                   {0}},
    .run = run,
};
