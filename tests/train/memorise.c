/* A model that cannot memorise one small batch has a defect somewhere between the data and the optimiser. */
#include "test.h"

#include "base/memory.h"
#include "model/architecture.h"
#include "model/model.h"
#include "train/optimiser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 8, CONTEXT = 64, STEPS = 400 };

static const char TEXT[] =
    "The portable implementation of an idea is worth as much as the machines on which somebody really ran it. A kernel "
    "that was written once for work-groups of any shape can be measured on a processor in a laptop, on a graphics card "
    "in a drawer and on an accelerator in a data centre, and the three numbers can stand beside each other in one "
    "table. Whoever reads the table may then ask which of the three is far from what its hardware could do, and go and "
    "look at that one first; this is what a benchmark is for, and it is why the text of this test is about benchmarks.";

static void memorise(const char *genome_text) {
    struct catalogue catalogue;
    struct device *device;
    struct genome genome;
    struct graph *graph;
    struct model *model;
    struct optimiser *optimiser;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    assert_ok(genome_parse(genome_text, &genome));
    struct model_settings settings = {.width = 64,
                                      .context = CONTEXT,
                                      .head_channels = 16,
                                      .vocabulary = 256,
                                      .cache_context = CONTEXT,
                                      .embedding_deviation = 1};
    assert_ok(architecture_build(&genome, &catalogue, &settings, BATCH, device_shape(device), &graph));
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 1}, &model));
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    assert_ok(optimiser_create(model, &adamw, &optimiser));

    assert_true(sizeof TEXT > BATCH * CONTEXT + 1);
    int32_t tokens[BATCH * CONTEXT], targets[BATCH * CONTEXT];
    for (int i = 0; i < BATCH * CONTEXT; i++) {
        tokens[i] = (unsigned char)TEXT[i];
        targets[i] = (unsigned char)TEXT[i + 1];
    }
    assert_ok(device_write(device, model_value(model, graph->tokens), 0, tokens, sizeof tokens));
    assert_ok(device_write(device, model_value(model, graph->targets), 0, targets, sizeof targets));
    float loss = 0, first_loss = 0;
    for (int step = 0; step <= STEPS; step++) {
        assert_ok(model_forward(model));
        assert_ok(model_read_loss(model, &loss));
        if (step == 0)
            first_loss = loss;
        assert_ok(model_backward(model));
        assert_ok(optimiser_step(optimiser, 3e-3));
    }
    printf("  %s: loss %.3f, after %d steps %.4f nats\n", genome_text, first_loss, STEPS, loss);
    assert_true(first_loss > 5);
    assert_true(loss < 0.1f);
    optimiser_destroy(optimiser);
    model_destroy(model);
    graph_destroy(graph);
    device_close(device);
}

static void test_each_mixer(void **unused) {
    (void)unused;
    memorise("11111-81111-12121-82121");
    memorise("41111-81111-42121-82121");
    memorise("61111-81111-62121-82121");
}

static void test_all_classes(void **unused) {
    (void)unused;
    memorise("11111-41111-61111-81111");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_classes),
        cmocka_unit_test(test_each_mixer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
