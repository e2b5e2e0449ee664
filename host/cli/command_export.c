#include "cli/checkpoint.h"
#include "cli/command.h"
#include "export/export.h"

#include <stdio.h>

static status run(const struct arguments *arguments) {
    const char *format = argument_value(arguments, "--to"), *folder = argument_value(arguments, "--out");
    if (!format)
        return fail_usage("--to is missing: the format, pytorch");
    if (!folder)
        return fail_usage("--out is missing: a new folder to write into, such as -o model");
    struct checkpoint_word checkpoint;
    TRY(checkpoint_word_read(arguments->words[0], &checkpoint));
    status outcome = export_checkpoint(checkpoint.path, format, folder);
    checkpoint_word_release(&checkpoint);
    TRY(outcome);
    printf("%s has model.py and weights.safetensors; `python model.py --prompt TEXT` there lets it write\n", folder);
    return STATUS_OK;
}

const struct command command_export = {
    .name = "export",
    .synopsis = "CHECKPOINT --to pytorch -o DIR",
    .summary = "Writes trained weights and their architecture for other programs",
    .details =
        "CHECKPOINT is a folder of `starcl train`, a .safetensors file such as RUN/checkpoints/7.safetensors, or of a "
        "run\n"
        "in a database its URL#NAME:ID.\n"
        "DIR is a new folder. In it, pytorch makes model.py, which needs PyTorch and nothing else, and its weights:\n"
        "the architecture as a person would write it, for whole sequences and for decoding with a cache.",
    .words_least = 1,
    .words_most = 1,
    .options =
        (const struct option_information[]){
            {"--to", "FORMAT", "pytorch"}, {"--out", "DIR", "a new folder, nothing is overwritten; -o for short"}, {0}},
    .run = run,
};
