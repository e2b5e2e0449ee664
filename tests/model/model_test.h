/* What tests of whole models share: the catalogue, the device, and graphs of genomes. */
#ifndef STARCL_TESTS_MODEL_TEST_H
#define STARCL_TESTS_MODEL_TEST_H

#include "test.h"

#include "model/architecture.h"
#include "model/model.h"

static struct catalogue catalogue;
static struct device *device;

/* Setup and teardown of a group of tests. */
static inline int open_catalogue_and_device(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    return 0;
}

static inline int close_device(void **unused) {
    (void)unused;
    device_close(device);
    return 0;
}

/* The graph of a genome that must be valid. */
static inline struct graph *build_graph(const struct genome *genome, const struct model_settings *settings, int batch) {
    struct genome_space space = genome_space_of(&catalogue);
    struct graph *graph;
    assert_ok(genome_validate(genome, &space));
    assert_ok(architecture_build(genome, &catalogue, settings, batch, device_shape(device), &graph));
    return graph;
}

#endif
