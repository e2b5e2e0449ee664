/* Decoding one sequence token by token with the caches: bound by reading every weight once a token. */
#include "model/decoder.h"
#include "models.h"
#include "train/checkpoint.h"

#include <limits.h>

enum { REACH = 256, WIDTH_LEAST = 512 };

struct run {
    struct decoder *decoder;
    int position;
    float logits[256];
};

/* As a person samples: the logits come back after each token. Texts of 256 tokens, one after the other. */
static status step(void *context) {
    struct run *run = context;
    int32_t token = run->position * 31 % 256;
    if (run->position == REACH) {
        TRY(decoder_start(run->decoder));
        run->position = 0;
    }
    run->position++;
    return decoder_step(run->decoder, &token, run->logits);
}

static status measure(const struct bench *bench, const struct bench_model *workload, const struct graph *graph,
                      struct run *run, double *seconds, double *share) {
    char path[PATH_MAX];
    double bytes = (double)graph_cost(graph, REACH).parameters * sizeof(float);
    TRY(decoder_create(bench->device, graph, &run->decoder));
    if (bench->options.save)
        TRY(checkpoint_write_weights(decoder_model(run->decoder),
                                     bench_model_file(bench, workload, "weights.safetensors", path, sizeof path)));
    TRY(decoder_start(run->decoder));
    return bench_time_beside_reading(bench, step, run, bytes, seconds, share);
}

static status add_model(struct bench *bench, const struct bench_model *workload) {
    struct graph *graph = NULL;
    struct run run = {0};
    double seconds = 1, share = 0;
    status outcome = bench_model_graph(bench, workload, 1, 1, REACH, &graph);
    if (outcome == STATUS_OK)
        outcome = measure(bench, workload, graph, &run, &seconds, &share);
    decoder_destroy(run.decoder);
    graph_destroy(graph);
    return bench_add(bench, workload->name, outcome, 1 / seconds, "tokens/s", share);
}

status bench_decode(struct bench *bench) {
    for (const struct bench_model *workload = bench_models; workload->name; workload++)
        if (workload->width >= WIDTH_LEAST && bench_wants(bench, workload->name))
            TRY(add_model(bench, workload));
    return STATUS_OK;
}
