/*
 * Every operator family, forward and backward, at the sizes that it has in a model of width 256 with one LIV of each
 * class: what all its uses there cost together.
 */
#include "models.h"

#include "model/model.h"

#include <stdio.h>

enum { DEPTH = 15 };

static const struct bench_model every_class = {
    "operators",
    "11111-21111-31111-41111-51111-61111-71111-81111-91111-10.1.1.1.1-11.1.1.1.1-12.1.1.1.1-13.1.1.1.1-"
    "14.1.1.1.1-15.1.1.1.1",
    256,
    DEPTH,
    256,
    16};

struct use {
    struct model *model;
    int node;
};

static status forward(void *context) {
    const struct use *use = context;
    return model_forward_node(use->model, use->node);
}

static status backward(void *context) {
    const struct use *use = context;
    return model_backward_node(use->model, use->node);
}

/* Bytes that must move at least: forward every input and output once, backward their gradients too. */
static double least_bytes(const struct op *op, bool back) {
    size_t elements = shape_elements(op->outputs[0]);
    for (int i = 0; i < op->input_count; i++)
        elements += shape_elements(op->inputs[i]) * (back ? 2 : 1);
    return (double)elements * sizeof(float);
}

static status measure(struct bench *bench, struct model *model, const struct op_type *type, bool back, double *flops,
                      double *bytes, double *seconds) {
    const struct graph *graph = model_graph(model);
    for (int n = 0; n < graph->node_count; n++) {
        const struct op *op = &graph->nodes[n].op;
        struct use use = {model, n};
        double once;
        if (op->type != type || (back && op->input_count == 0))
            continue;
        TRY(bench_time(bench, back ? backward : forward, &use, &once));
        *seconds += once;
        *flops += (op->type->flops ? op->type->flops(op) : 0) * (back ? 2 : 1);
        *bytes += least_bytes(op, back);
    }
    return STATUS_OK;
}

static status add_family(struct bench *bench, struct model *model, const struct op_type *type, bool back) {
    char name[BENCH_NAME_BYTES];
    double flops = 0, bytes = 0, seconds = 0;
    snprintf(name, sizeof name, "%s %s", type->name, back ? "backward" : "forward");
    if (!bench_wants(bench, name))
        return STATUS_OK;
    status outcome = measure(bench, model, type, back, &flops, &bytes, &seconds);
    if (outcome == STATUS_OK && seconds == 0)
        return STATUS_OK;
    double compute = flops * 1e-9 / bench->peaks.gflops, reading = bytes * 1e-9 / bench->peaks.read_gbytes;
    bool computes = compute > reading;
    return bench_add(bench, name, outcome, (computes ? flops : bytes) / seconds * 1e-9, computes ? "GFLOP/s" : "GB/s",
                     (computes ? compute : reading) / seconds);
}

static status run(struct bench *bench, struct model *model) {
    TRY(model_forward(model));
    TRY(model_backward(model));
    for (int i = 0; op_types[i]; i++) {
        TRY(add_family(bench, model, op_types[i], false));
        TRY(add_family(bench, model, op_types[i], true));
    }
    return STATUS_OK;
}

status bench_ops(struct bench *bench) {
    struct graph *graph = NULL;
    struct model *model = NULL;
    double seconds = bench->options.seconds;
    TRY(bench_model_graph(bench, &every_class, every_class.batch, every_class.context, 0, &graph));
    status outcome = model_create(bench->device, graph, &(struct model_options){.seed = 1}, &model);
    bench->options.seconds /= DEPTH; /* a family has about as many uses */
    outcome = outcome == STATUS_OK ? run(bench, model) : bench_add(bench, every_class.name, outcome, 0, "", 0);
    bench->options.seconds = seconds;
    model_destroy(model);
    graph_destroy(graph);
    return outcome;
}
