/* Training steps of whole models on random tokens: forward, backward, AdamW. */
#include "base/memory.h"
#include "base/random.h"
#include "models.h"
#include "train/checkpoint.h"
#include "train/optimiser.h"

#include <limits.h>
#include <stdlib.h>

struct bench_training {
    struct graph *graph;
    struct model *model;
    struct optimiser *optimiser;
    struct loss_scale *loss_scale; /* where a training scales the loss, by a share of 1 */
    cl_mem share;
};

status bench_training_queue(void *context) {
    struct bench_training *training = context;
    TRY(model_forward(training->model));
    if (training->loss_scale)
        TRY(loss_scale_seed(training->loss_scale, training->share, 0,
                            model_gradient(training->model, training->graph->loss)));
    TRY(model_backward(training->model));
    return optimiser_step(training->optimiser, 1e-4);
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

static status scale_loss(struct device *device, struct bench_training *training) {
    const float whole = 1;
    TRY(loss_scale_create(device, &training->loss_scale));
    TRY(device_buffer_create(device, sizeof whole, &training->share));
    return device_write(device, training->share, 0, &whole, sizeof whole);
}

static status begin(const struct bench *bench, const struct bench_model *workload, struct bench_training *training) {
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    struct model_options options = {.seed = 1};
    char path[PATH_MAX];
    TRY(bench_model_graph(bench, workload, workload->batch, workload->context, 0, &training->graph));
    TRY(model_create(bench->device, training->graph, &options, &training->model));
    if (loss_scale_is_for(training->graph->waits_as))
        TRY(scale_loss(bench->device, training));
    adamw.loss_scale = training->loss_scale;
    TRY(optimiser_create(training->model, &adamw, &training->optimiser));
    TRY(write_tokens(training->model, training->graph->tokens));
    TRY(write_tokens(training->model, training->graph->targets));
    if (bench->options.save)
        TRY(checkpoint_write_weights(training->model,
                                     bench_model_file(bench, workload, "weights.safetensors", path, sizeof path)));
    return STATUS_OK;
}

status bench_training_create(const struct bench *bench, const struct bench_model *workload,
                             struct bench_training **training) {
    *training = memory_allocate(1, sizeof **training);
    status outcome = begin(bench, workload, *training);
    if (outcome == STATUS_OK)
        return STATUS_OK;
    bench_training_destroy(*training);
    *training = NULL;
    return outcome;
}

void bench_training_destroy(struct bench_training *training) {
    if (!training)
        return;
    optimiser_destroy(training->optimiser);
    loss_scale_destroy(training->loss_scale);
    if (training->model)
        device_buffer_destroy(model_device(training->model), training->share);
    model_destroy(training->model);
    graph_destroy(training->graph);
    free(training);
}

status bench_training_step(const struct bench *bench, const struct bench_model *workload, double *seconds,
                           double *flops, struct launch_tally *tally) {
    struct bench_training *training;
    TRY(bench_training_create(bench, workload, &training));
    status outcome = bench_time(bench, bench_training_queue, training, seconds);
    if (outcome == STATUS_OK && tally)
        outcome = bench_count(bench, bench_training_queue, training, tally);
    *flops = 3 * graph_cost(training->graph, workload->context).flops_per_token * workload->batch * workload->context;
    bench_training_destroy(training);
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
