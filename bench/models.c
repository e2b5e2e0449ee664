#include "models.h"

#include "base/file.h"
#include "train/checkpoint.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* SA-1 and SwiGLU in turn; and attention, recurrence, gated convolution and SwiGLU in turn. */
#define TRANSFORMER "11111-81111"
#define MIXED "11111-41111-61111-81111"

const struct bench_model bench_models[] = {
    {"transformer++-256", TRANSFORMER, 256, 8, 256, 16},
    {"mixed-256", MIXED, 256, 8, 256, 16},
    {"transformer++-768", TRANSFORMER, 768, 24, 256, 4},
    {"mixed-768", MIXED, 768, 24, 256, 4},
    {0},
};

const char *bench_model_file(const struct bench *bench, const struct bench_model *model, const char *file, char *path,
                             int path_bytes) {
    snprintf(path, (size_t)path_bytes, "%s/%s/%s", bench->options.save, model->name, file);
    return path;
}

static status save_architecture(const struct bench *bench, const struct bench_model *model, const struct graph *graph,
                                const struct genome *genome, const struct catalogue *catalogue,
                                const struct model_settings *settings) {
    char path[PATH_MAX];
    TRY(file_make_directory(bench_model_file(bench, model, "", path, sizeof path)));
    return checkpoint_write_architecture(graph, genome, catalogue, settings,
                                         bench_model_file(bench, model, "architecture.json", path, sizeof path));
}

status bench_model_graph(const struct bench *bench, const struct bench_model *model, int batch, int context, int reach,
                         struct graph **graph) {
    static struct catalogue catalogue;
    struct genome genome;
    struct model_settings settings = {.width = model->width,
                                      .context = context,
                                      .reach = reach,
                                      .head_channels = 64,
                                      .vocabulary = 256,
                                      .window = 64,
                                      .block = 64,
                                      .cache_context = reach,
                                      .embedding_deviation = 1};
    if (bench->options.precision)
        settings.waits_as = bench->options.precision->waits_as;
    TRY(catalogue_read(NULL, &catalogue));
    TRY(genome_parse(model->pattern, &genome));
    for (int period = genome.depth; genome.depth < model->depth; genome.depth++)
        genome.livs[genome.depth] = genome.livs[genome.depth - period];
    TRY(architecture_build(&genome, &catalogue, &settings, batch, device_shape(bench->device), graph));
    if (!bench->options.save)
        return STATUS_OK;
    status outcome = save_architecture(bench, model, *graph, &genome, &catalogue, &settings);
    if (outcome != STATUS_OK) {
        graph_destroy(*graph);
        *graph = NULL;
    }
    return outcome;
}
