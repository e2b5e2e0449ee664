/* What is known before training: by hand, against what training takes on the device, and limits that nothing meets. */
#include "test.h"

#include "model/architecture.h"
#include "run/evaluator.h"
#include "run/static_costs.h"
#include "train/fit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct catalogue catalogue;
static struct run_config config;
static struct device *device;

static int set_up(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    return device_open_choice(NULL, NULL, &device);
}

static int tear_down(void **unused) {
    (void)unused;
    device_close(device);
    return 0;
}

static void load(const char *text, const char *assignment) {
    assert_ok(config_load_text("the test", text, &assignment, assignment ? 1 : 0, false, &config));
}

static struct metrics measured(const char *text) {
    struct genome genome;
    struct metrics metrics;
    assert_ok(genome_parse(text, &genome));
    assert_ok(measure_static(&genome, &catalogue, &config, &metrics));
    return metrics;
}

/* One LIV of attention: keys and values of 100 tokens, 64 channels each, 4 bytes. */
enum { CACHE_OF_ATTENTION = 2 * 100 * 64 * 4 };
#define ATTENTION                                                                                                      \
    "model = { width = 64; depth = 1; context = 32; head_channels = 16; cache_context = 100; classes = [ \"SA-1\" ]; " \
    "};"

static void test_by_hand(void **unused) {
    (void)unused;
    load(ATTENTION, NULL);
    struct metrics metrics = measured("11111");
    assert_true(metrics.values[METRIC_CACHE_BYTES] == CACHE_OF_ATTENTION);
    /* Embedding and output 256 x 64 each; queries, keys, values and output of attention 64 x 64; two norms. */
    assert_true(metrics.values[METRIC_PARAMETERS] == 2 * 256 * 64 + 4 * 64 * 64 + 2 * 64);
    assert_true(metrics.values[METRIC_FLOPS_PER_TOKEN] > 2 * (256 * 64 + 4 * 64 * 64));
    for (int m = 0; m < METRICS; m++)
        if (metric_table[m].kind != METRIC_STATIC || m == METRIC_PEAK_BYTES)
            assert_true(isnan(metrics.values[m]));
}

/* The planned memory against what the trainer needs on this device: no more, and nearly as much. */
static void test_memory(void **unused) {
    (void)unused;
    static const char *const genomes[] = {"11111-81111", "41111-61111-91111-81111", "11212-42111-61111-81112-11212"};
    for (size_t g = 0; g < sizeof genomes / sizeof *genomes; g++) {
        struct genome genome;
        struct graph *graph;
        size_t bytes;
        load("model = { width = 64; context = 64; head_channels = 16; }; train = { batch = 8; };"
             "search = { objectives = [ \"peak_bytes\" ]; };",
             NULL);
        struct model_settings settings = config_model_settings(&config);
        assert_ok(genome_parse(genomes[g], &genome));
        assert_ok(architecture_build(&genome, &catalogue, &settings, 8, device_shape(device), &graph));
        assert_ok(trainer_bytes(device, graph, 8, &bytes));
        graph_destroy(graph);
        double planned = measured(genomes[g]).values[METRIC_PEAK_BYTES];
        printf("  %s: %.0f bytes planned, %zu needed\n", genomes[g], planned, bytes);
        assert_true(planned <= (double)bytes && (double)bytes < 1.15 * planned);

        /* With so little memory that the batch must be trained in parts. */
        config.devices.memory = (long long)ldexp(planned, -20) - 1;
        double of_parts = measured(genomes[g]).values[METRIC_PEAK_BYTES];
        assert_true(of_parts < planned && of_parts <= ldexp((double)config.devices.memory, 20));
    }
}

static status check(const char *text, const char *assignment) {
    struct genome fixed;
    struct genome_space space;
    load(text, assignment);
    assert_ok(config_space(&config, &catalogue, &fixed, &space));
    return check_static_limits(&config, &space);
}

static void test_limits(void **unused) {
    (void)unused;
    char limit[64];
    assert_ok(check(ATTENTION, NULL));
    snprintf(limit, sizeof limit, "search.limits.cache_bytes=%d", CACHE_OF_ATTENTION);
    assert_ok(check(ATTENTION, limit));
    snprintf(limit, sizeof limit, "search.limits.cache_bytes=%d", CACHE_OF_ATTENTION - 1);
    assert_fails(check(ATTENTION, limit), STATUS_USAGE,
                 "search.limits: none of 1000 random genomes meets them; the nearest has cache_bytes 50.0 KiB (at most "
                 "50.0 KiB): allow more");
    /* What must be trained or timed is not known yet. */
    assert_ok(check(ATTENTION, "search.limits.decode_us=0.001"));
    assert_ok(check(ATTENTION, "search.limits.bits_per_byte=0.001"));
    /* Among several classes one that meets it is found: a space of attention and memoryless LIVs, nothing cached. */
    assert_ok(check("model = { width = 64; depth = 2; head_channels = 16; classes = [ \"SA-1\", \"GMemless\" ]; };",
                    "search.limits.cache_bytes=1"));
    assert_fails(check("model = { width = 64; depth = 2; head_channels = 16; classes = [ \"SA-1\", \"Rec-1\" ]; };",
                       "search.limits.cache_bytes=1"),
                 STATUS_USAGE, "(at most 1 B)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
