#include "base/text.h"
#include "cli/checkpoint.h"
#include "cli/command.h"
#include "train/written_text.h"

#include <stdio.h>
#include <string.h>

static status read_settings(const struct arguments *arguments, struct generate_settings *settings) {
    int64_t tokens, top_k, seed;
    const char *temperature = argument_value(arguments, "--temperature");
    TRY(argument_integer(arguments, "--tokens", 1, 1000000, 200, &tokens));
    TRY(argument_integer(arguments, "--top-k", 0, 1000000, 0, &top_k));
    TRY(argument_integer(arguments, "--seed", 0, INT64_MAX, 1, &seed));
    *settings = (struct generate_settings){
        .tokens = (int)tokens, .temperature = 0.8, .top_k = (int)top_k, .seed = (uint64_t)seed};
    if (temperature && (text_parse_number(temperature, &settings->temperature) != 0 || settings->temperature < 0))
        return fail_usage("--temperature needs a number from 0, not '%s'", temperature);
    return STATUS_OK;
}

static status read_weights(const struct arguments *arguments, enum weight_type *type) {
    const char *word = argument_value(arguments, "--weights");
    *type = WEIGHTS_AUTO;
    for (int i = 0; word && i < WEIGHT_TYPES; i++) {
        *type = (enum weight_type)i;
        if (strcmp(word, weight_type_names[i]) == 0)
            return STATUS_OK;
    }
    return word ? fail_usage("--weights is auto, float32 or float16, not '%s'", word) : STATUS_OK;
}

static void print_byte(void *context, int32_t token) {
    bool *begun = context;
    *begun = true;
    putchar(token);
    fflush(stdout);
}

static status generate_from(const struct arguments *arguments, const char *path) {
    struct checkpoint_files files;
    struct generate_settings settings;
    struct device *device;
    enum weight_type weights;
    bool begun = false;
    const char *prompt = argument_value(arguments, "--prompt");
    if (prompt && !*prompt)
        return fail_usage("--prompt is empty; generating begins behind at least one byte");
    TRY(read_settings(arguments, &settings));
    TRY(read_weights(arguments, &weights));
    TRY(checkpoint_find(path, &files));
    TRY(device_open_choice(argument_value(arguments, "--device"), NULL, &device));
    status outcome = write_text(device, &files, weights, prompt ? prompt : "\n", &settings, print_byte, &begun);
    if (begun)
        putchar('\n');
    device_close(device);
    return outcome;
}

static status run(const struct arguments *arguments) {
    struct checkpoint_word checkpoint;
    TRY(checkpoint_word_read(arguments->words[0], &checkpoint));
    status outcome = generate_from(arguments, checkpoint.path);
    checkpoint_word_release(&checkpoint);
    return outcome;
}

const struct command command_generate = {
    .name = "generate",
    .synopsis = "CHECKPOINT [options]",
    .summary = "Writes text with trained weights",
    .details =
        "CHECKPOINT is a folder of `starcl train`, a .safetensors file such as RUN/checkpoints/7.safetensors, or of a "
        "run\n"
        "in a database its URL#NAME:ID.\n"
        "The text is decoded token by token with the architecture's cache. Weights in float16 are half to read, so "
        "that\n"
        "a token takes less time, and the text can differ; auto takes them on GPUs, and where the device computes with "
        "float16.",
    .words_least = 1,
    .words_most = 1,
    .options = (const struct option_information[]){{"--prompt", "TEXT", "what the text begins with"},
                                                   {"--tokens", "N", "bytes to write; default 200"},
                                                   {"--temperature", "X", "0 takes the likeliest; default 0.8"},
                                                   {"--top-k", "N", "choose among the N likeliest; default 0: all"},
                                                   {"--seed", "N", "of the choices; default 1"},
                                                   {"--weights", "TYPE", "auto, float32 or float16; default auto"},
                                                   OPTION_DEVICE,
                                                   {0}},
    .run = run,
};
