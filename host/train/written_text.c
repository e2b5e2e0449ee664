#include "train/written_text.h"

#include "base/file.h"
#include "base/memory.h"
#include "train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const weight_type_names[WEIGHT_TYPES] = {"auto", "float32", "float16"};

status checkpoint_find(const char *word, struct checkpoint_files *files) {
    if (file_is_directory(word)) {
        snprintf(files->weights, PATH_MAX, "%.4000s/weights.safetensors", word);
        snprintf(files->architecture, PATH_MAX, "%.4000s/architecture.json", word);
    } else {
        snprintf(files->weights, PATH_MAX, "%.4000s", word);
        size_t length = strlen(files->weights), ending = strlen(".safetensors");
        if (length <= ending || strcmp(files->weights + length - ending, ".safetensors") != 0)
            return fail_usage("%s is neither a folder with weights.safetensors nor a .safetensors file", word);
        snprintf(files->architecture, PATH_MAX, "%.*s.json", (int)(length - ending), files->weights);
        if (!file_exists(files->architecture)) {
            char *slash = strrchr(files->architecture, '/');
            snprintf(slash ? slash + 1 : files->architecture, 20, "architecture.json");
        }
    }
    if (!file_exists(files->weights))
        return fail_usage("there is no file %s", files->weights);
    if (!file_exists(files->architecture))
        return fail_usage("there is no architecture (JSON) beside %s", files->weights);
    return STATUS_OK;
}

static status read_and_write(struct decoder *decoder, const char *weights_path, const char *prompt, int length,
                             const struct generate_settings *settings, void (*tell)(void *context, int32_t byte),
                             void *context) {
    TRY(checkpoint_read_weights(decoder_model(decoder), weights_path));
    int32_t *ids = memory_allocate((size_t)length, sizeof *ids);
    for (int i = 0; i < length; i++)
        tell(context, ids[i] = (unsigned char)prompt[i]);
    status outcome = generate(decoder, ids, length, settings, tell, context);
    free(ids);
    return outcome;
}

status write_text(struct device *device, const struct checkpoint_files *files, enum weight_type weights,
                  const char *prompt, const struct generate_settings *settings,
                  void (*tell)(void *context, int32_t byte), void *context) {
    size_t length = strlen(prompt);
    struct graph *graph;
    struct decoder *decoder;
    if (length == 0)
        return fail_usage("the prompt is empty; generating begins behind at least one byte");
    if (length > (size_t)(INT_MAX - settings->tokens))
        return fail_usage("the prompt has %zu bytes; with the text behind it at most %d are allowed", length, INT_MAX);
    int reach = (int)length + settings->tokens;
    struct decoder_options options = {.half_weights = weights == WEIGHTS_AUTO
                                                          ? device_prefers_half(device_information(device))
                                                          : weights == WEIGHTS_FLOAT16};
    TRY(checkpoint_read_graph(files->architecture, 1, 1, reach, device_shape(device), &graph));
    status outcome = decoder_create(device, graph, &options, &decoder);
    if (outcome == STATUS_OK) {
        outcome = read_and_write(decoder, files->weights, prompt, (int)length, settings, tell, context);
        decoder_destroy(decoder);
    }
    graph_destroy(graph);
    return outcome;
}
