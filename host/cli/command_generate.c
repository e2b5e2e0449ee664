#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/command.h"
#include "device/device.h"
#include "train/checkpoint.h"
#include "train/generate.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct paths {
    char weights[PATH_MAX], architecture[PATH_MAX];
};

/* A folder with weights.safetensors, or a safetensors file with its JSON beside it. */
static status find_checkpoint(const char *word, struct paths *paths) {
    if (file_is_directory(word)) {
        snprintf(paths->weights, PATH_MAX, "%.4000s/weights.safetensors", word);
        snprintf(paths->architecture, PATH_MAX, "%.4000s/architecture.json", word);
    } else {
        snprintf(paths->weights, PATH_MAX, "%.4000s", word);
        size_t length = strlen(paths->weights), ending = strlen(".safetensors");
        if (length <= ending || strcmp(paths->weights + length - ending, ".safetensors") != 0)
            return fail_usage("%s is neither a folder with weights.safetensors nor a .safetensors file", word);
        snprintf(paths->architecture, PATH_MAX, "%.*s.json", (int)(length - ending), paths->weights);
        if (!file_exists(paths->architecture)) {
            char *slash = strrchr(paths->architecture, '/');
            snprintf(slash ? slash + 1 : paths->architecture, 20, "architecture.json");
        }
    }
    if (!file_exists(paths->weights))
        return fail_usage("there is no file %s", paths->weights);
    if (!file_exists(paths->architecture))
        return fail_usage("there is no architecture (JSON) beside %s", paths->weights);
    return STATUS_OK;
}

static status read_integer(const struct arguments *arguments, const char *option, int64_t least, int64_t most,
                           int64_t otherwise, int64_t *value) {
    const char *text = argument_value(arguments, option);
    *value = otherwise;
    if (text && (text_parse_integer(text, value) != 0 || *value < least || *value > most))
        return fail_usage("%s needs a whole number from %lld to %lld, not '%s'", option, (long long)least,
                          (long long)most, text);
    return STATUS_OK;
}

static status read_settings(const struct arguments *arguments, struct generate_settings *settings) {
    int64_t tokens, top_k, seed;
    const char *temperature = argument_value(arguments, "--temperature");
    TRY(read_integer(arguments, "--tokens", 1, 1000000, 200, &tokens));
    TRY(read_integer(arguments, "--top-k", 0, 1000000, 0, &top_k));
    TRY(read_integer(arguments, "--seed", 0, INT64_MAX, 1, &seed));
    *settings = (struct generate_settings){
        .tokens = (int)tokens, .temperature = 0.8, .top_k = (int)top_k, .seed = (uint64_t)seed};
    if (temperature && (text_parse_number(temperature, &settings->temperature) != 0 || settings->temperature < 0))
        return fail_usage("--temperature needs a number from 0, not '%s'", temperature);
    return STATUS_OK;
}

enum { AS_DEVICE = -1 };

/* Whether weights are read in float16: 0, 1 or AS_DEVICE. */
static status read_weights(const struct arguments *arguments, int *half) {
    static const char *const kinds[] = {"auto", "float32", "float16"};
    const char *kind = argument_value(arguments, "--weights");
    for (int i = 0; i < 3; i++) {
        *half = i + AS_DEVICE;
        if (!kind || strcmp(kind, kinds[i]) == 0)
            return STATUS_OK;
    }
    return fail_usage("--weights is auto, float32 or float16, not '%s'", kind);
}

static void print_byte(void *context, int32_t token) {
    (void)context;
    putchar(token);
    fflush(stdout);
}

static status write_text(struct device *device, const struct paths *paths, const char *prompt,
                         const struct generate_settings *settings, bool half) {
    int length = (int)strlen(prompt);
    struct graph *graph;
    struct decoder *decoder;
    TRY(checkpoint_read_graph(paths->architecture, 1, 1, length + settings->tokens, device_shape(device), &graph));
    status outcome = decoder_create(device, graph, &(struct decoder_options){.half_weights = half}, &decoder);
    if (outcome == STATUS_OK) {
        int32_t *ids = memory_allocate((size_t)length, sizeof *ids);
        for (int i = 0; i < length; i++)
            ids[i] = (unsigned char)prompt[i];
        outcome = checkpoint_read_weights(decoder_model(decoder), paths->weights);
        if (outcome == STATUS_OK) {
            fputs(prompt, stdout);
            outcome = generate(decoder, ids, length, settings, print_byte, NULL);
            putchar('\n');
        }
        free(ids);
        decoder_destroy(decoder);
    }
    graph_destroy(graph);
    return outcome;
}

static status run(const struct arguments *arguments) {
    struct paths paths;
    struct generate_settings settings;
    struct device *device;
    int half;
    const char *prompt = argument_value(arguments, "--prompt");
    if (prompt && !*prompt)
        return fail_usage("--prompt is empty; generating begins behind at least one byte");
    TRY(read_settings(arguments, &settings));
    TRY(read_weights(arguments, &half));
    TRY(find_checkpoint(arguments->words[0], &paths));
    TRY(device_open_choice(argument_value(arguments, "--device"), NULL, &device));
    if (half == AS_DEVICE)
        half = device_information(device)->half;
    status outcome = write_text(device, &paths, prompt ? prompt : "\n", &settings, half);
    device_close(device);
    return outcome;
}

const struct command command_generate = {
    .name = "generate",
    .synopsis = "CHECKPOINT [options]",
    .summary = "Writes text with trained weights",
    .details =
        "CHECKPOINT is a folder of `starcl train`, or a .safetensors file such as RUN/checkpoints/7.safetensors.\n"
        "The text is decoded token by token with the architecture's cache. Weights in float16 are half to read, so "
        "that\n"
        "a token takes less time, and the text can differ; auto takes them where the device computes with float16.",
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
