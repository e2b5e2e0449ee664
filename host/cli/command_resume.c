#include "cli/command.h"
#include "cli/outcome.h"
#include "run/search.h"

static status run(const struct arguments *arguments) {
    status outcome = search_resume(arguments->words[0]);
    /* A run that could not even be opened has nothing to go on with. */
    return outcome_of_run(outcome, outcome == STATUS_USAGE ? "" : arguments->words[0]);
}

const struct command command_resume = {
    .name = "resume",
    .synopsis = "RUN [options]",
    .summary = "Goes on with a run that was interrupted or killed",
    .details =
        "RUN is the folder of a run, or postgresql://user@host/database#NAME: from any machine. Evaluations that it\n"
        "holds are not repeated, and the result is the one that the run would have had without the interruption.",
    .words_least = 1,
    .words_most = 1,
    .options = (const struct option_information[]){OPTION_QUIET, {0}},
    .run = run,
};
