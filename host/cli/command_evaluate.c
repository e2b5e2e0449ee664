#include "base/json.h"
#include "base/progress.h"
#include "cli/checkpoint.h"
#include "cli/command.h"
#include "run/store.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"

#include <math.h>
#include <stdio.h>

static status read_settings(const struct arguments *arguments, struct evaluate_settings *settings) {
    int64_t context, stride, bytes;
    TRY(argument_integer(arguments, "--context", 1, CHECKPOINT_MOST_CONTEXT, 0, &context));
    TRY(argument_integer(arguments, "--stride", 1, CHECKPOINT_MOST_CONTEXT, 0, &stride));
    TRY(argument_integer(arguments, "--bytes", 2, INT64_MAX, 0, &bytes));
    *settings = (struct evaluate_settings){.context = (int)context, .stride = (int)stride, .bytes = (uint64_t)bytes};
    return STATUS_OK;
}

static void add_finite(cJSON *json, const char *key, double value) {
    if (isfinite(value))
        cJSON_AddNumberToObject(json, key, value);
    else
        cJSON_AddNullToObject(json, key);
}

static void print_json(const char *weights, const char *text, const struct text_score *score) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "weights", weights);
    cJSON_AddStringToObject(json, "text", text);
    cJSON_AddNumberToObject(json, "context", score->context);
    cJSON_AddNumberToObject(json, "stride", score->stride);
    cJSON_AddNumberToObject(json, "bytes", (double)score->bytes);
    cJSON_AddNumberToObject(json, "words", (double)score->words);
    cJSON_AddNumberToObject(json, "bits_per_byte", score->bits);
    add_finite(json, "standard_error", score->error);
    add_finite(json, "perplexity_per_byte", score->byte_perplexity);
    add_finite(json, "perplexity_per_word", score->word_perplexity);
    json_print(json, stdout);
}

static void print_score(const char *text, const struct text_score *score) {
    char error[32] = "";
    if (isfinite(score->error))
        snprintf(error, sizeof error, " +- %.4f", score->error);
    printf("%s: %llu bytes and %llu words in windows of %d, %d apart\n\n", text, (unsigned long long)score->bytes,
           (unsigned long long)score->words, score->context, score->stride);
    printf("bits a byte         %.4f%s\n", score->bits, error);
    printf("perplexity a byte   %.4f\n", score->byte_perplexity);
    if (isfinite(score->word_perplexity))
        printf("perplexity a word   %.4g\n", score->word_perplexity);
    if (*error)
        printf("\n+- is the standard error of the mean over consecutive parts of the text.\n");
}

static status evaluate(const struct arguments *arguments, const char *path) {
    const char *text = argument_value(arguments, "--on");
    struct evaluate_settings settings;
    struct checkpoint_files files;
    struct text_score score;
    struct source *source;
    struct device *device;
    if (!text)
        return fail_usage("--on is missing: the text to predict, a file, a .gz file or a folder");
    TRY(read_settings(arguments, &settings));
    TRY(checkpoint_find(path, &files));
    TRY(source_open(text, &source));
    if (argument_given(arguments, "--quiet"))
        progress_silence();
    status outcome = device_open_choice(argument_value(arguments, "--device"), NULL, &device);
    if (outcome == STATUS_OK) {
        outcome = evaluate_text(device, &files, source, &settings, &score);
        device_close(device);
    }
    source_close(source);
    if (outcome == STATUS_OK && argument_given(arguments, "--json"))
        print_json(store_is_url(arguments->words[0]) ? arguments->words[0] : files.weights, text, &score);
    else if (outcome == STATUS_OK)
        print_score(text, &score);
    return outcome;
}

static status run(const struct arguments *arguments) {
    struct checkpoint_word checkpoint;
    TRY(checkpoint_word_read(arguments->words[0], &checkpoint));
    status outcome = evaluate(arguments, checkpoint.path);
    checkpoint_word_release(&checkpoint);
    return outcome;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .synopsis = "CHECKPOINT --on TEXT",
    .summary = "Says how well trained weights predict any text",
    .details =
        "CHECKPOINT is a folder of `starcl train`, a .safetensors file such as RUN/checkpoints/7.safetensors, or of a "
        "run\n"
        "in a database its URL#NAME:ID.\n"
        "Every byte but the first is predicted once, from those before it in a window that slides over the text:\n"
        "the shorter its stride, the more of them each byte has, and the longer it takes. Words are what white\n"
        "space separates.",
    .words_least = 1,
    .words_most = 1,
    .options =
        (const struct option_information[]){{"--on", "TEXT", "a file, a .gz file or a folder of them"},
                                            {"--context", "N", "bytes of a window; default: as trained"},
                                            {"--stride", "N", "bytes from one to the next; default half the context"},
                                            {"--bytes", "N", "of the text's beginning; default all"},
                                            OPTION_DEVICE,
                                            OPTION_JSON,
                                            OPTION_QUIET,
                                            {0}},
    .run = run,
};
