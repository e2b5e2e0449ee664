/*
 * What large models ask of a GPU: launches and memory. A layer (failing_layer.c) makes the device look like a GPU whose
 * kernels are queued and do nothing, and counts for itself what the driver is asked for, by CLBlast as well.
 */
#include "test.h"

#include "device/gemm_choice.h"
#include "device/gemm_provider.h"
#include "model/architecture.h"
#include "model/decoder.h"
#include "train/optimiser.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* transformer++-768 of bench/models.c */
enum { WIDTH = 768, DEPTH = 24, CONTEXT = 256, BATCH = 4 };
static const char TRANSFORMER[] = "11111-81111";

/* A step but for what CLBlast copies for its larger kernel: with it a product is up to three launches. */
enum { MOST_OF_STEP = 400, MOST_OF_STEP_BY_TILES = 291, MOST_OF_TOKEN = 60 };

static _Atomic long *driver_launches, *driver_bytes;

static int set_up(void **unused) {
    (void)unused;
    struct device_list list;
    assert_ok(device_list_create(&list)); /* which loads the layer */
    device_list_destroy(&list);
    void *layer = dlopen(FAILING_LAYER, RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(layer);
    driver_launches = dlsym(layer, "layer_launches");
    driver_bytes = dlsym(layer, "layer_bytes");
    dlclose(layer);
    return driver_launches && driver_bytes ? 0 : -1;
}

static struct device *open_device(const char *gemm) {
    struct device *device;
    assert_ok(device_open_choice("gpu", &(struct device_options){.gemm = gemm}, &device));
    return device;
}

/* From now on CLBlast copies all that its larger kernel wants otherwise, for the smallest products as well. */
static void have_all_copied(struct device *device) {
    struct gemm_choice choice = gemm_choice_of(&gemm_clblast);
    assert_true(clblast_parameters_candidate(device_information(device), 0, &choice.clblast));
    choice.clblast.values[CLBLAST_LEAST_INDIRECT] = 1;
    choice.clblast.given = true;
    assert_ok(gemm_use(device, &choice));
}

static struct graph *build(const struct device *device, const char *pattern, int depth, int batch, int context) {
    static struct catalogue catalogue;
    struct model_settings settings = {.width = WIDTH,
                                      .context = context,
                                      .reach = CONTEXT,
                                      .head_channels = 64,
                                      .vocabulary = 256,
                                      .window = 64,
                                      .block = 64,
                                      .cache_context = CONTEXT,
                                      .embedding_deviation = 1};
    struct genome genome;
    struct graph *graph;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(genome_parse(pattern, &genome));
    for (int period = genome.depth; genome.depth < depth; genome.depth++)
        genome.livs[genome.depth] = genome.livs[genome.depth - period];
    assert_ok(architecture_build(&genome, &catalogue, &settings, batch, device_shape(device), &graph));
    return graph;
}

/* ---- training ---- */

struct training {
    struct device *device;
    struct graph *graph;
    struct model *model;
    struct optimiser *optimiser;
};

static void start(struct training *training, struct device *device, const char *pattern, int depth) {
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    training->device = device;
    training->graph = build(training->device, pattern, depth, BATCH, CONTEXT);
    assert_ok(model_create(training->device, training->graph, &(struct model_options){.seed = 1}, &training->model));
    assert_ok(optimiser_create(training->model, &adamw, &training->optimiser));
}

static void step(struct training *training) {
    assert_ok(model_forward(training->model));
    assert_ok(model_backward(training->model));
    assert_ok(optimiser_step(training->optimiser, 1e-4));
}

static void finish(struct training *training) {
    optimiser_destroy(training->optimiser);
    model_destroy(training->model);
    graph_destroy(training->graph);
    device_close(training->device);
}

static void print(const struct launch_tally *tally) {
    for (int row = 0; row < tally->count; row++)
        printf("  %4lld %s\n", tally->rows[row].launches, tally->rows[row].name);
}

static long long launches_of(const struct launch_tally *tally, const char *name) {
    for (int row = 0; row < tally->count; row++)
        if (strcmp(tally->rows[row].name, name) == 0)
            return tally->rows[row].launches;
    return 0;
}

/* What the program counts is what the driver sees. */
static void check_count(const struct launch_tally *tally, long seen, int most) {
    long long launches = tally_kernels(tally).launches, copies = launches_of(tally, "clblast copy");
    if (launches - copies > most)
        print(tally);
    printf("  %lld launches, of which CLBlast's copies %lld\n", launches, copies);
    assert_int_equal(launches, seen);
    assert_true(launches - copies <= most);
}

static void check_step(const char *gemm, int most, struct launch_tally *tally) {
    struct training training;
    start(&training, open_device(gemm), TRANSFORMER, DEPTH);
    step(&training);
    long before = *driver_launches;
    device_count(training.device, tally);
    step(&training);
    device_count(training.device, NULL);
    check_count(tally, *driver_launches - before, most);
    finish(&training);
}

static void test_step(void **unused) {
    (void)unused;
    struct launch_tally tally = {0};
    check_step("clblast", MOST_OF_STEP, &tally);
    tally_free(&tally);
}

/*
 * Which copies nothing, and makes the products of q, k and v, or of a gate, one launch each way, on a device of so many
 * units that they are not divided.
 */
static void test_step_by_tiles(void **unused) {
    (void)unused;
    struct launch_tally tally = {0};
    check_step("tiles", MOST_OF_STEP_BY_TILES, &tally);
    assert_int_equal(tally_copies(&tally).launches, 0);
    tally_free(&tally);
}

/* ---- decoding ---- */

static void test_token(void **unused) {
    (void)unused;
    struct device *device = open_device(NULL);
    struct graph *graph = build(device, TRANSFORMER, DEPTH, 1, 1);
    struct decoder *decoder;
    struct launch_tally tally = {0};
    float logits[256];
    int32_t token = 7;
    assert_ok(decoder_create(device, graph, NULL, &decoder));
    assert_ok(decoder_start(decoder));
    assert_ok(decoder_step(decoder, &token, logits));
    long before = *driver_launches;
    device_count(device, &tally);
    assert_ok(decoder_step(decoder, &token, logits));
    device_count(device, NULL);
    check_count(&tally, *driver_launches - before, MOST_OF_TOKEN);
    assert_int_equal(tally_copies(&tally).launches, 0);
    tally_free(&tally);
    decoder_destroy(decoder);
    graph_destroy(graph);
    device_close(device);
}

/* ---- memory ---- */

/* Steps make no buffer that the plan does not have: two LIVs, of which one has grouped features, so batches. */
static void check_memory(struct device *device) {
    struct training training;
    struct model_memory planned;
    long before = *driver_bytes;
    start(&training, device, "11111-81111|1:2222.B1231.C1231.V1231", 2);
    assert_ok(model_measure(device, training.graph, &(struct model_options){0}, &planned));
    step(&training);
    size_t all = planned.all + optimiser_bytes(device, planned.parameters);
    printf("  %s: %zu bytes planned, %ld allocated\n", gemm_provider_name(device), all, *driver_bytes - before);
    assert_int_equal(*driver_bytes - before, all);
    assert_int_equal(device_allocated_bytes(device), all);
    finish(&training);
}

static void test_planned_is_allocated(void **unused) {
    (void)unused;
    check_memory(open_device(NULL));
    check_memory(open_device("clblast"));
    check_memory(open_device("tiles"));
    struct device *device = open_device("clblast");
    have_all_copied(device);
    check_memory(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),
        cmocka_unit_test(test_step_by_tiles),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_planned_is_allocated),
    };
    setenv("OPENCL_LAYERS", FAILING_LAYER, 1);
    setenv("FAKE_GPU", "1", 1);
    setenv("IDLE", "1", 1);
    setenv("UNITS", "132", 1); /* an H100's */
    return cmocka_run_group_tests(tests, set_up, NULL);
}
