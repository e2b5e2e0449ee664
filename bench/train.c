/* Training steps of whole models on random tokens: forward, backward, AdamW. */
#include "base/memory.h"
#include "base/random.h"
#include "models.h"
#include "train/checkpoint.h"
#include "train/optimiser.h"

#include <limits.h>
#include <stdlib.h>

struct run {
    struct model *model;
    struct optimiser *optimiser;
};

static status step(void *context) {
    struct run *run = context;
    TRY(model_forward(run->model));
    TRY(model_backward(run->model));
    return optimiser_step(run->optimiser, 1e-4);
}

static status write_tokens(struct model *model, int value) {
    size_t count = shape_elements(model_graph(model)->values[value].shape);
    int32_t *tokens = memory_allocate(count, sizeof *tokens);
    struct random_stream random = random_open(1, (uint64_t)value);
    for (size_t i = 0; i < count; i++)
        tokens[i] = (int32_t)random_below(&random, 256);
    status outcome = device_write(model_device(model), model_value(model, value), 0, tokens, count * sizeof *tokens);
    free(tokens);
    return outcome;
}

static status measure(const struct bench *bench, const struct bench_model *workload, const struct graph *graph,
                      struct run *run, double *seconds, struct launch_tally *tally) {
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    struct model_options options = {.seed = 1};
    char path[PATH_MAX];
    TRY(model_create(bench->device, graph, &options, &run->model));
    TRY(optimiser_create(run->model, &adamw, &run->optimiser));
    TRY(write_tokens(run->model, graph->tokens));
    TRY(write_tokens(run->model, graph->targets));
    if (bench->options.save)
        TRY(checkpoint_write_weights(run->model,
                                     bench_model_file(bench, workload, "weights.safetensors", path, sizeof path)));
    TRY(bench_time(bench, step, run, seconds));
    return tally ? bench_count(bench, step, run, tally) : STATUS_OK;
}

status bench_training_step(const struct bench *bench, const struct bench_model *workload, double *seconds,
                           double *flops, struct launch_tally *tally) {
    struct graph *graph = NULL;
    struct run run = {0};
    TRY(bench_model_graph(bench, workload, workload->batch, workload->context, 0, &graph));
    status outcome = measure(bench, workload, graph, &run, seconds, tally);
    *flops = 3 * graph_cost(graph, workload->context).flops_per_token * workload->batch * workload->context;
    optimiser_destroy(run.optimiser);
    model_destroy(run.model);
    graph_destroy(graph);
    return outcome;
}

static status add_model(struct bench *bench, const struct bench_model *workload) {
    struct bench_work work = {.amount = (double)workload->batch * workload->context};
    double seconds = 1;
    status outcome = bench_training_step(bench, workload, &seconds, &work.flops, &work.tally);
    TRY(bench_add(bench, workload->name, outcome, work.amount / seconds, "tokens/s",
                  work.flops / seconds * 1e-9 / bench->peaks.gemm_gflops));
    bench_add_work(bench, &work);
    return STATUS_OK;
}

status bench_train(struct bench *bench) {
    for (const struct bench_model *workload = bench_models; workload->name; workload++)
        if (bench_wants(bench, workload->name))
            TRY(add_model(bench, workload));
    return STATUS_OK;
}
