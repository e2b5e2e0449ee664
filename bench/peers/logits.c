/*
 * starcl's side of export.py. Standard input is a text; standard output gets logits as float32, [bytes, vocabulary].
 *
 *   peer_logits make FOLDER SEED [GENOME]   a small checkpoint of the genome, or a random one, with random weights; the
 *                                           bytes of a decoder's caches, as a number of eight bytes; logits behind each
 *                                           byte by starcl's reference in double precision
 *   peer_logits run CHECKPOINT              logits behind each byte by the device, as one sequence; then by decoding it
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/decoder.h"
#include "model/reference.h"
#include "train/checkpoint.h"
#include "train/corpus.h"
#include "train/tensors.h"
#include "train/written_text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 1 << 12, DEPTH = 6 };

static int32_t text[MOST_BYTES];
static int length;

/* ---- make ---- */

static const struct device_shape any_shape = {.lanes = 1, .width = 16, .items = 1, .rows = 1, .reduction_rows = 64};

static status choose_genome(const char *words, uint64_t seed, const struct catalogue *catalogue,
                            struct genome *genome) {
    struct genome_space space = genome_space_of(catalogue);
    struct random_stream random = random_open(seed, hash_text(HASH_START, "genome"));
    if (words) {
        TRY(genome_parse(words, genome));
        return genome_validate(genome, &space);
    }
    space.depth_least = 1;
    space.depth_most = DEPTH;
    genome_random(genome, &space, &random);
    return STATUS_OK;
}

/* Near where training begins, but nothing is exactly 1 or equal to its neighbour. */
static void draw_weights(struct reference *reference, uint64_t seed) {
    const struct graph *graph = reference->graph;
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        struct random_stream random = random_open(seed, hash_text(HASH_START, value->name));
        for (size_t i = 0; value->role == VALUE_PARAMETER && i < shape_elements(value->shape); i++) {
            float noise;
            random_normal(&random, &noise, 1, 1);
            double drawn = value->rule.start == START_NORMAL ? noise * value->rule.deviation : noise / 4;
            drawn += value->rule.start == START_ONES ? 1 : value->rule.start == START_HALVES ? 0.5 : 0;
            drawn -= value->rule.start == START_DELTA_BIAS ? 3 : 0;
            reference->values[v][i] = (float)drawn;
        }
    }
}

struct drawn {
    const struct reference *reference;
    int *values;
    float *elements;
};

static status give_weights(void *context, int index, const float **elements) {
    struct drawn *drawn = context;
    int value = drawn->values[index];
    for (size_t i = 0; i < shape_elements(drawn->reference->graph->values[value].shape); i++)
        drawn->elements[i] = (float)drawn->reference->values[value][i];
    *elements = drawn->elements;
    return STATUS_OK;
}

static status write_weights(const struct reference *reference, const char *path) {
    const struct graph *graph = reference->graph;
    struct tensors *tensors = tensors_create();
    size_t most = 0;
    int count = 0;
    struct drawn drawn = {reference, memory_allocate((size_t)graph->value_count, sizeof(int)), NULL};
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        size_t elements = shape_elements(graph->values[v].shape);
        most = elements > most ? elements : most;
        drawn.values[count++] = v;
        tensors_add(tensors, graph->values[v].name, graph->values[v].shape);
    }
    drawn.elements = memory_allocate(most, sizeof(float));
    status outcome = tensors_write(tensors, path, give_weights, &drawn);
    tensors_destroy(tensors);
    free(drawn.values);
    free(drawn.elements);
    return outcome;
}

static void write_logits(struct reference *reference) {
    const struct graph *graph = reference->graph;
    for (int i = 0; i < length; i++) {
        reference->values[graph->tokens][i] = text[i];
        reference->values[graph->targets][i] = text[i];
    }
    (void)reference_forward(reference);
    for (size_t i = 0; i < shape_elements(graph->values[graph->logits].shape); i++) {
        float logit = (float)reference->values[graph->logits][i];
        fwrite(&logit, sizeof logit, 1, stdout);
    }
}

static status make(const char *folder, uint64_t seed, const char *words) {
    struct catalogue catalogue;
    struct genome genome;
    struct graph *graph;
    char path[PATH_MAX];
    struct model_settings settings = {.width = 32,
                                      .context = length,
                                      .head_channels = 8,
                                      .vocabulary = CORPUS_VOCABULARY,
                                      .window = 10,
                                      .block = 8,
                                      .cache_context = length,
                                      .embedding_deviation = 1};
    TRY(catalogue_read(NULL, &catalogue));
    TRY(choose_genome(words, seed, &catalogue, &genome));
    TRY(architecture_build(&genome, &catalogue, &settings, 1, any_shape, &graph));
    TRY(file_make_directory(folder));
    snprintf(path, sizeof path, "%.4000s/architecture.json", folder);
    TRY(checkpoint_write_architecture(graph, &genome, &catalogue, &settings, path));
    struct reference *reference = reference_create(graph);
    draw_weights(reference, seed);
    snprintf(path, sizeof path, "%.4000s/weights.safetensors", folder);
    TRY(write_weights(reference, path));
    int64_t bytes = graph_cost(graph, length).cache_bytes;
    fwrite(&bytes, sizeof bytes, 1, stdout);
    write_logits(reference);
    reference_destroy(reference);
    graph_destroy(graph);
    return STATUS_OK;
}

/* ---- run ---- */

static status run_whole(struct device *device, const struct checkpoint_files *files) {
    struct graph *graph;
    struct model *model;
    TRY(checkpoint_read_graph(files->architecture, 1, length, length, device_shape(device), &graph));
    TRY(model_create(device, graph, &(struct model_options){.inference = true}, &model));
    TRY(checkpoint_read_weights(model, files->weights));
    size_t elements = shape_elements(graph->values[graph->logits].shape), bytes = (size_t)length * sizeof *text;
    float *logits = memory_allocate(elements, sizeof *logits);
    TRY(device_write(device, model_value(model, graph->tokens), 0, text, bytes));
    TRY(device_write(device, model_value(model, graph->targets), 0, text, bytes));
    TRY(model_forward(model));
    TRY(device_read(device, model_value(model, graph->logits), 0, logits, elements * sizeof *logits));
    fwrite(logits, sizeof *logits, elements, stdout);
    free(logits);
    model_destroy(model);
    graph_destroy(graph);
    return STATUS_OK;
}

static status run_decoder(struct device *device, const struct checkpoint_files *files) {
    struct graph *graph;
    struct decoder *decoder;
    float logits[CORPUS_VOCABULARY];
    TRY(checkpoint_read_graph(files->architecture, 1, 1, length, device_shape(device), &graph));
    TRY(decoder_create(device, graph, NULL, &decoder));
    TRY(checkpoint_read_weights(decoder_model(decoder), files->weights));
    TRY(decoder_start(decoder));
    for (int i = 0; i < length; i++) {
        TRY(decoder_step(decoder, &text[i], logits));
        fwrite(logits, sizeof logits, 1, stdout);
    }
    decoder_destroy(decoder);
    graph_destroy(graph);
    return STATUS_OK;
}

static status run(const char *checkpoint) {
    struct checkpoint_files files;
    struct device *device;
    TRY(checkpoint_find(checkpoint, &files));
    TRY(device_open_choice(NULL, NULL, &device));
    TRY(run_whole(device, &files));
    TRY(run_decoder(device, &files));
    device_close(device);
    return STATUS_OK;
}

int main(int argc, char **argv) {
    for (int byte = getchar(); byte != EOF && length < MOST_BYTES; byte = getchar())
        text[length++] = byte;
    status outcome = fail_usage("the call is: peer_logits make FOLDER SEED [GENOME] | run CHECKPOINT, and a text");
    if (argc >= 4 && strcmp(argv[1], "make") == 0 && length > 0)
        outcome = make(argv[2], strtoull(argv[3], NULL, 10), argv[4]);
    else if (argc == 3 && strcmp(argv[1], "run") == 0 && length > 0)
        outcome = run(argv[2]);
    if (outcome != STATUS_OK)
        fprintf(stderr, "peer_logits: %s\n", status_message());
    return outcome;
}
