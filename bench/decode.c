/*
 * Decoding one sequence token by token with the caches: bound by reading every weight once a token, in float32 or
 * float16.
 */
#include "model/decoder.h"
#include "models.h"
#include "train/checkpoint.h"

#include <limits.h>
#include <stdio.h>

enum { REACH = 256, WIDTH_LEAST = 512 };

struct run {
    struct decoder *decoder;
    bool half;
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
                      struct run *run, double *seconds, double *share, struct launch_tally *tally) {
    char path[PATH_MAX];
    TRY(decoder_create(bench->device, graph, &(struct decoder_options){.half_weights = run->half}, &run->decoder));
    if (bench->options.save && !run->half)
        TRY(checkpoint_write_weights(decoder_model(run->decoder),
                                     bench_model_file(bench, workload, "weights.safetensors", path, sizeof path)));
    TRY(decoder_start(run->decoder));
    double bytes = (double)decoder_weight_bytes(run->decoder);
    TRY(bench_time_beside_reading(bench, step, run, bytes, seconds, share));
    /* A token that no text begins with. */
    if (run->position == REACH)
        TRY(step(run));
    return bench_count(bench, step, run, tally);
}

/* Operations of a token, the mean over a whole text: what attention does grows with those before it. */
static status flops_of(const struct bench *bench, const struct bench_model *workload, double *flops) {
    const struct bench unsaved = {.device = bench->device};
    struct graph *graph;
    TRY(bench_model_graph(&unsaved, workload, 1, REACH, 0, &graph));
    *flops = graph_cost(graph, REACH).flops_per_token;
    graph_destroy(graph);
    return STATUS_OK;
}

static status add_model(struct bench *bench, const struct bench_model *workload, const char *name, bool half) {
    struct graph *graph = NULL;
    struct run run = {.half = half};
    struct bench_work work = {.amount = 1};
    double seconds = 1, share = 0;
    status outcome = bench_model_graph(bench, workload, 1, 1, REACH, &graph);
    if (outcome == STATUS_OK)
        outcome = measure(bench, workload, graph, &run, &seconds, &share, &work.tally);
    if (outcome == STATUS_OK)
        outcome = flops_of(bench, workload, &work.flops);
    decoder_destroy(run.decoder);
    graph_destroy(graph);
    TRY(bench_add(bench, name, outcome, 1 / seconds, "tokens/s", share));
    bench_add_work(bench, &work);
    return STATUS_OK;
}

status bench_decode(struct bench *bench) {
    for (int half = 0; half < 2; half++) {
        for (const struct bench_model *workload = bench_models; workload->name; workload++) {
            char name[BENCH_NAME_BYTES];
            snprintf(name, sizeof name, "%s%s", workload->name, half ? " float16" : "");
            if (workload->width >= WIDTH_LEAST && bench_wants(bench, name))
                TRY(add_model(bench, workload, name, half));
        }
    }
    return STATUS_OK;
}
