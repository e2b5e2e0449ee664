/*
 * AdamW on the device against the textbook in double precision: moments and their corrections, weight decay on matrices
 * alone, a learning rate for each parameter, and clipping by the norm of the whole gradient.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/graph.h"
#include "model/model.h"
#include "train/optimiser.h"

#include <math.h>
#include <string.h>

/* More kinds of parameters than one launch takes (STAR_ADAMW_KINDS). */
enum { STEPS = 7, TENSORS = 20, MOST_ELEMENTS = 37 * 21 };

/* A parameter as the test follows it, element by element. */
struct tensor {
    int value; /* of the graph */
    struct shape shape;
    double rate;
    bool decays;
    double elements[MOST_ELEMENTS], mean[MOST_ELEMENTS], variance[MOST_ELEMENTS];
    float gradient[MOST_ELEMENTS];
};

struct bench {
    struct device *device;
    struct graph *graph;
    struct model *model;
    struct tensor tensors[TENSORS];
};

/*
 * Two matrices of unlike rates with odd sizes, a gain, and matrices of one row, which are vectors: one of a rate of its
 * own for each further tensor.
 */
static void open_bench(struct bench *bench) {
    struct {
        const char *name;
        struct shape shape;
        double rate;
        bool decays;
    } kinds[TENSORS] = {{"table", {37, 21}, 1, true},
                        {"gain", {1, 21}, 1, false},
                        {"weight", {21, 21}, 0.25, true},
                        {"factors", {1, 21}, 3, false}};
    struct op_attributes none = {0};
    int h, values[TENSORS];
    for (int t = 4; t < TENSORS; t++) {
        kinds[t] = kinds[3];
        kinds[t].rate = 0.1 * t;
    }
    memset(bench, 0, sizeof *bench);
    assert_ok(device_open_choice(NULL, NULL, &bench->device));
    struct graph *graph = bench->graph = graph_create(1, 4, 0, device_shape(bench->device));
    graph->tokens = graph_add_tokens(graph, "tokens");
    graph->targets = graph_add_tokens(graph, "targets");
    for (int t = 0; t < TENSORS; t++)
        values[t] = graph_add_parameter(
            graph, kinds[t].name, kinds[t].shape,
            (struct parameter_rule){.start = START_NORMAL, .deviation = 0.5, .rate = kinds[t].rate});
    assert_ok(graph_apply(graph, &op_embedding, none, (int[]){graph->tokens, values[0]}, 2, "embedded", &h));
    assert_ok(graph_apply(graph, &op_rms_norm, none, (int[]){h, values[1]}, 2, "normed", &h));
    assert_ok(graph_apply(graph, &op_linear, none, (int[]){h, values[2]}, 2, "mixed", &h));
    for (int t = 3; t < TENSORS; t++)
        assert_ok(graph_apply(graph, &op_scale, none, (int[]){h, values[t]}, 2, "logits", &h));
    graph->logits = h;
    assert_ok(
        graph_apply(graph, &op_cross_entropy, none, (int[]){graph->logits, graph->targets}, 2, "loss", &graph->loss));
    assert_ok(model_create(bench->device, graph, &(struct model_options){.seed = 3}, &bench->model));
    for (int t = 0; t < TENSORS; t++) {
        struct tensor *tensor = &bench->tensors[t];
        float start[MOST_ELEMENTS];
        *tensor = (struct tensor){
            .value = values[t], .shape = kinds[t].shape, .rate = kinds[t].rate, .decays = kinds[t].decays};
        assert_ok(model_read_parameter(bench->model, tensor->value, start));
        for (size_t e = 0; e < shape_elements(tensor->shape); e++)
            tensor->elements[e] = start[e];
    }
}

static void close_bench(struct bench *bench) {
    model_destroy(bench->model);
    graph_destroy(bench->graph);
    device_close(bench->device);
}

/* New gradients on the device and here; returns the norm of them all. */
static double draw_gradients(struct bench *bench, int step, double deviation) {
    double squares = 0;
    for (int t = 0; t < TENSORS; t++) {
        struct tensor *tensor = &bench->tensors[t];
        size_t elements = shape_elements(tensor->shape);
        struct random_stream random = random_open(9, (uint64_t)(step * TENSORS + t));
        random_normal(&random, tensor->gradient, elements, deviation);
        for (size_t e = 0; e < elements; e++)
            squares += (double)tensor->gradient[e] * tensor->gradient[e];
        assert_ok(device_write(bench->device, model_gradient(bench->model, tensor->value), 0, tensor->gradient,
                               elements * sizeof(float)));
    }
    return sqrt(squares);
}

/* Algorithm 2 of Loshchilov and Hutter (2019), clipping before it; decay goes by the schedule's rate. */
static void update(struct tensor *tensor, const struct optimiser_settings *settings, int step, double rate,
                   double norm) {
    for (size_t e = 0; e < shape_elements(tensor->shape); e++) {
        double gradient = tensor->gradient[e] * (norm > settings->clip ? settings->clip / norm : 1);
        tensor->mean[e] = settings->beta_1 * tensor->mean[e] + (1 - settings->beta_1) * gradient;
        tensor->variance[e] = settings->beta_2 * tensor->variance[e] + (1 - settings->beta_2) * gradient * gradient;
        double mean = tensor->mean[e] / (1 - pow(settings->beta_1, step));
        double variance = tensor->variance[e] / (1 - pow(settings->beta_2, step));
        double decay = tensor->decays ? rate * settings->weight_decay * tensor->elements[e] : 0;
        tensor->elements[e] -= decay + rate * tensor->rate * mean / (sqrt(variance) + settings->epsilon);
    }
}

static double largest_error(struct bench *bench) {
    double largest = 0;
    for (int t = 0; t < TENSORS; t++) {
        const struct tensor *tensor = &bench->tensors[t];
        float read[MOST_ELEMENTS];
        assert_ok(model_read_parameter(bench->model, tensor->value, read));
        for (size_t e = 0; e < shape_elements(tensor->shape); e++)
            largest = fmax(largest, fabs(read[e] - tensor->elements[e]));
    }
    return largest;
}

/* Gradients of this size against a clip of 1: their norm is about 37 times it. */
static void compare(double deviation, bool is_clipped) {
    struct bench *bench = memory_allocate(1, sizeof *bench);
    struct optimiser_settings settings = {
        .beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.3, .clip = 1};
    struct optimiser *optimiser;
    open_bench(bench);
    assert_ok(optimiser_create(bench->model, &settings, &optimiser));
    for (int step = 1; step <= STEPS; step++) {
        double rate = 0.02 / step, norm = draw_gradients(bench, step, deviation / step);
        assert_true((norm > settings.clip) == is_clipped);
        assert_ok(optimiser_step(optimiser, rate));
        for (int t = 0; t < TENSORS; t++)
            update(&bench->tensors[t], &settings, step, rate, norm);
    }
    double error = largest_error(bench);
    printf("  gradients of deviation %g: parameters differ by %.1e after %d steps\n", deviation, error, STEPS);
    assert_true(error < 2e-6);
    optimiser_destroy(optimiser);
    close_bench(bench);
    free(bench);
}

static void test_small_gradients(void **unused) {
    (void)unused;
    compare(0.01, false);
}

static void test_clipped_gradients(void **unused) {
    (void)unused;
    compare(7, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_gradients),
        cmocka_unit_test(test_clipped_gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
