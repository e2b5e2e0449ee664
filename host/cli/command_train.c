#include "base/memory.h"
#include "base/progress.h"
#include "cli/command.h"
#include "cli/parallel.h"
#include "cli/target.h"
#include "run/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static status resume(const struct arguments *arguments, const char *out, struct ranks *ranks,
                     struct training_result *result) {
    const char *assignments[MAX_ARGUMENTS + OWN_ASSIGNMENTS];
    int count;
    if (arguments->word_count > 0 || argument_given(arguments, "--config") || argument_given(arguments, "--seed"))
        return fail_usage("--resume goes on with what %s holds; leave genome, --config and --seed away", out);
    TRY(arguments_assignments(arguments, assignments, &count));
    return training_resume(out, assignments, count, ranks, result);
}

static status start(const struct arguments *arguments, const char *out, struct ranks *ranks,
                    struct training_result *result) {
    struct target *target = memory_allocate(1, sizeof *target);
    status outcome = target_read(arguments->word_count ? arguments->words[0] : NULL, arguments, true, target);
    outcome = ranks_agree(ranks, outcome);
    if (outcome == STATUS_OK)
        outcome = training_start(&target->config, target->catalogue_text, &target->genome, out, ranks, result);
    free(target->catalogue_text);
    free(target);
    return outcome;
}

static void tell(status outcome, const struct training_result *result, const struct ranks *ranks, const char *out) {
    progress_clear();
    if (outcome == STATUS_OK && result->is_text)
        printf("validation %.4f, test %.4f bits/byte after %lld steps; weights: %s/weights.safetensors\n",
               result->validation.loss / log(2), result->test.loss / log(2), (long long)result->steps, out);
    else if (outcome == STATUS_OK)
        printf("accuracy: validation %.4f, test %.4f after %lld steps; weights: %s/weights.safetensors\n",
               result->validation.accuracy, result->test.accuracy, (long long)result->steps, out);
    if (outcome == STATUS_INTERRUPTED)
        parallel_tell_resume(ranks, "interrupted; everything so far is kept", out);
}

static status run(const struct arguments *arguments) {
    const char *out = argument_value(arguments, "--out");
    if (!out)
        return fail_usage("--out DIR is missing: the folder for weights and logs");
    struct training_result result = {.begun = false};
    struct ranks *ranks;
    status outcome = parallel_begin(&ranks);
    if (outcome == STATUS_OK)
        outcome = argument_given(arguments, "--resume") ? resume(arguments, out, ranks, &result)
                                                        : start(arguments, out, ranks, &result);
    if (ranks_lead(ranks))
        tell(outcome, &result, ranks, out);
    return parallel_end(ranks, outcome, result.begun ? out : NULL);
}

const struct command command_train = {
    .name = "train",
    .synopsis = "[GENOME|RUN:ID] [options]",
    .summary = "Trains one architecture longer and keeps its weights",
    .details =
        "Without a genome the config's model.pattern is trained, as in configs/baselines. The folder of --out gets\n"
        "weights.safetensors, architecture.json, the config and what --resume needs. With --resume, --device and\n"
        "--set may change where and how long is trained (devices, train.steps, train.checkpoint_steps,\n"
        "train.validation_batches), data.path, where the same text lies elsewhere, and train.parts.\n\n"
        "Under MPI (`mpirun -n 2 starcl train ...`) the processes, called ranks, train the model together: each has\n"
        "an equal part of a step, or those of train.parts. --device all gives each rank of a machine another device.",
    .words_least = 0,
    .words_most = 1,
    .options =
        (const struct option_information[]){{"--config", "CONFIG", "the experiment; for RUN:ID the run's if left out"},
                                            {"--out", "DIR", "folder for weights and logs, which must not exist"},
                                            {"--resume", NULL, "go on in the folder of --out"},
                                            {"--seed", "N", "short for --set run.seed=N"},
                                            OPTION_DEVICE,
                                            OPTION_SET,
                                            OPTION_QUIET,
                                            {0}},
    .run = run,
};
