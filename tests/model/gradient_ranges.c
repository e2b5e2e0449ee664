/*
 * Ranges of the gradient are told neither before they are final nor after it, where LIVs share weights and features,
 * too; and they can be read while the device computes the others.
 */
#include "model/model_test.h"

#include "base/memory.h"
#include "base/random.h"
#include "device/reader.h"
#include "model/gradient_ranges.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 16, BATCH = 2, VOCABULARY = 64 };

static struct graph *build(const char *genome_text, int width) {
    const struct model_settings settings = {.width = width,
                                            .context = CONTEXT,
                                            .head_channels = 32,
                                            .vocabulary = VOCABULARY,
                                            .window = 7,
                                            .block = 5,
                                            .cache_context = CONTEXT,
                                            .embedding_deviation = 1};
    struct genome genome;
    assert_ok(genome_parse(genome_text, &genome));
    return build_graph(&genome, &settings, BATCH);
}

static void put_tokens(struct model *model, int value, uint64_t seed) {
    int32_t ids[BATCH * CONTEXT];
    struct random_stream random = random_open(seed, (uint64_t)value);
    for (int i = 0; i < BATCH * CONTEXT; i++)
        ids[i] = (int32_t)random_below(&random, VOCABULARY);
    assert_ok(device_write(device, model_value(model, value), 0, ids, sizeof ids));
}

/* A gradient that no backward pass leaves. */
static void spoil(struct model *model) {
    size_t bytes = model_plan(model)->parameter_bytes;
    float *gradient = memory_allocate(bytes, 1);
    for (size_t i = 0; i < bytes / sizeof *gradient; i++)
        gradient[i] = 1000;
    assert_ok(device_write(device, model_gradients(model), 0, gradient, bytes));
    free(gradient);
}

static float *read_gradient(struct model *model) {
    size_t bytes = model_plan(model)->parameter_bytes;
    float *gradient = memory_allocate(bytes, 1);
    assert_ok(device_read(device, model_gradients(model), 0, gradient, bytes));
    return gradient;
}

static float *backward(struct model *model, bool adding, const struct backward_observer *observer) {
    put_tokens(model, model_graph(model)->tokens, adding ? 1 : 2);
    put_tokens(model, model_graph(model)->targets, adding ? 3 : 4);
    assert_ok(model_forward(model));
    assert_ok(model_backward_observed(model, adding, observer));
    return read_gradient(model);
}

/* ---- when they are final ---- */

struct looking {
    struct model *model;
    int count;
    struct gradient_range ranges[GRADIENT_RANGES_MOST];
    float *before[GRADIENT_RANGES_MOST], *when[GRADIENT_RANGES_MOST]; /* just before the node is passed, and then */
};

static status look(void *context, int node) {
    struct looking *looking = context;
    for (int r = 0; r < looking->count; r++) {
        const struct gradient_range *range = &looking->ranges[r];
        if (range->node != node && range->node + 1 != node)
            continue;
        assert_ok(device_read(device, model_gradients(looking->model), range->offset,
                              range->node == node ? looking->when[r] : looking->before[r], range->bytes));
    }
    return STATUS_OK;
}

static void check_moments(struct looking *looking, bool adding) {
    const struct backward_observer observer = {.passed = look, .context = looking};
    float *gradient = backward(looking->model, adding, &observer);
    for (int r = 0; r < looking->count; r++) {
        const struct gradient_range *range = &looking->ranges[r];
        const float *final = gradient + range->offset / sizeof(float);
        if (memcmp(looking->when[r], final, range->bytes) != 0)
            fail_test("range %d of %d is not final behind node %d", r, looking->count, range->node);
        if (memcmp(looking->before[r], final, range->bytes) == 0)
            fail_test("range %d of %d is final before node %d", r, looking->count, range->node);
    }
    free(gradient);
}

static void check_genome(const char *genome, int width) {
    struct graph *graph = build(genome, width);
    struct looking looking;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &looking.model));
    looking.count = gradient_ranges(graph, model_plan(looking.model), looking.ranges);
    assert_true(looking.count >= 3);
    int early = 0;
    for (int r = 0; r < looking.count; r++) {
        looking.before[r] = memory_allocate(looking.ranges[r].bytes, 1);
        looking.when[r] = memory_allocate(looking.ranges[r].bytes, 1);
        early += looking.ranges[r].node > graph->node_count / 4;
    }
    printf("  %s: %d ranges, %d of them before three quarters of the backward pass are done\n", genome, looking.count,
           early);
    assert_true(early > 0);
    spoil(looking.model);
    check_moments(&looking, false);
    check_moments(&looking, true);
    for (int r = 0; r < looking.count; r++) {
        free(looking.before[r]);
        free(looking.when[r]);
    }
    model_destroy(looking.model);
    graph_destroy(graph);
}

static void test_moments(void **unused) {
    (void)unused;
    check_genome("11111-81111-41111-12111-82111", 256);
    check_genome("11112-81111-12112-82111-13112-83111", 256); /* features that three LIVs share */
    check_genome("11211-12111-11211-13111-11211", 512);       /* weights; each is a range of its own */
}

/* ---- where they lie ---- */

static void check_places(const char *genome, int width, int least_count) {
    struct graph *graph = build(genome, width);
    struct plan *plan;
    struct gradient_range ranges[GRADIENT_RANGES_MOST];
    size_t offset = 0, alignment = 4096;
    assert_ok(plan_create(graph, &(struct plan_limits){.alignment = alignment, .largest_buffer = SIZE_MAX / 4}, &plan));
    int count = gradient_ranges(graph, plan, ranges);
    assert_true(count >= least_count && count <= GRADIENT_RANGES_MOST);
    for (int r = 0; r < count; r++) {
        assert_true(ranges[r].offset == offset);
        assert_true(offset % alignment == 0);
        assert_true(r + 1 == count || ranges[r].bytes >= GRADIENT_RANGE_LEAST_BYTES);
        assert_true(r + 1 == count || ranges[r].bytes >= plan->parameter_bytes / GRADIENT_RANGES_MOST);
        offset += ranges[r].bytes;
    }
    assert_true(offset == plan->parameter_bytes);
    plan_destroy(plan);
    graph_destroy(graph);
}

static void test_places(void **unused) {
    (void)unused;
    check_places("11111-81111", 32, 1);
    check_places("11111-81111-12111-82111-13111-83111-14111-84111", 256, 8);
    check_places("11111-81111-12111-82111-13111-83111-14111-84111", 512, 12);
}

/* ---- reading them ---- */

struct reading {
    struct looking looking;
    struct reader *reader;
    cl_mem parts[GRADIENT_RANGES_MOST];
    cl_event reads[GRADIENT_RANGES_MOST];
};

static status begin_reading(void *context, int node) {
    struct reading *reading = context;
    for (int r = 0; r < reading->looking.count; r++)
        if (reading->looking.ranges[r].node == node)
            TRY(reader_begin(reading->reader, reading->parts[r], reading->looking.when[r],
                             reading->looking.ranges[r].bytes, &reading->reads[r]));
    return STATUS_OK;
}

/* What is read beside the kernels is what is there when they are done, in a hurry and with waiting. */
static void test_reading(void **unused) {
    (void)unused;
    struct graph *graph = build("11211-81111-11211-82111-11211-83111", 256);
    struct reading reading;
    struct looking *looking = &reading.looking;
    const struct backward_observer observer = {.passed = begin_reading, .context = &reading};
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &looking->model));
    assert_ok(reader_create(device, &reading.reader));
    looking->count = gradient_ranges(graph, model_plan(looking->model), looking->ranges);
    for (int r = 0; r < looking->count; r++) {
        const struct gradient_range *range = &looking->ranges[r];
        looking->when[r] = memory_allocate(range->bytes, 1);
        assert_ok(device_buffer_part(model_gradients(looking->model), range->offset, range->bytes, &reading.parts[r]));
    }
    for (int round = 0; round < 6; round++) {
        spoil(looking->model);
        float *gradient = backward(looking->model, round % 2 == 1, &observer);
        for (int r = 0; r < looking->count; r++) {
            const struct gradient_range *range = &looking->ranges[r];
            bool done = false;
            if (round < 3)
                assert_ok(reader_wait(reading.reader, &reading.reads[r]));
            while (!done)
                assert_ok(reader_test(reading.reader, &reading.reads[r], &done));
            assert_null(reading.reads[r]);
            assert_memory_equal(looking->when[r], gradient + range->offset / sizeof(float), range->bytes);
        }
        free(gradient);
    }
    for (int r = 0; r < looking->count; r++) {
        clReleaseMemObject(reading.parts[r]);
        free(looking->when[r]);
    }
    reader_destroy(reading.reader);
    model_destroy(looking->model);
    graph_destroy(graph);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_reading),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, open_catalogue_and_device, close_device);
}
