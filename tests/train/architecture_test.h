/* Valid architecture.json files of genomes that use every operator, to be spoilt by the tests. */
#ifndef STARCL_TESTS_ARCHITECTURE_TEST_H
#define STARCL_TESTS_ARCHITECTURE_TEST_H

#include "test.h"

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, CONTEXT = 6, REACH = 9 };

static const char *const genomes[] = {
    "11111-21111-31111-71111-81111~31",
    "41111-51111-12.1.1.1.1-14.1.1.1.1~12",
    "61111-21111-11111|6:3313.B1331.C1331.V1331,2:3312.B1131.C1231.V2331,1:2312.B1332.C1331.V1334",
};
enum { GENOMES = sizeof genomes / sizeof *genomes };

static struct catalogue catalogue;
static struct device *device;
static char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 20];
static cJSON *valid[GENOMES];

static inline struct graph *build(const char *text, struct genome *genome, struct model_settings *settings) {
    struct genome_space space = genome_space_of(&catalogue);
    struct graph *graph;
    *settings = (struct model_settings){.width = 32,
                                        .context = CONTEXT,
                                        .head_channels = 8,
                                        .vocabulary = CORPUS_VOCABULARY,
                                        .window = 4,
                                        .block = 3,
                                        .cache_context = CONTEXT,
                                        .embedding_deviation = 1};
    assert_ok(genome_parse(text, genome));
    assert_ok(genome_validate(genome, &space));
    assert_ok(architecture_build(genome, &catalogue, settings, BATCH, device_shape(device), &graph));
    return graph;
}

static inline cJSON *parse(const char *name) {
    char *text;
    size_t length;
    assert_ok(file_read(name, &text, &length));
    cJSON *json = cJSON_ParseWithLength(text, length);
    assert_non_null(json);
    free(text);
    return json;
}

static inline int set_up(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(path, sizeof path, "%s/architecture.json", folder);
    bool used[64] = {false};
    for (int i = 0; i < GENOMES; i++) {
        struct genome genome;
        struct model_settings settings;
        struct graph *graph = build(genomes[i], &genome, &settings);
        assert_ok(checkpoint_write_architecture(graph, &genome, &catalogue, &settings, path));
        valid[i] = parse(path);
        for (int n = 0; n < graph->node_count; n++)
            for (int type = 0; op_types[type]; type++)
                used[type] |= op_types[type] == graph->nodes[n].op.type;
        graph_destroy(graph);
    }
    /* What encodes is never read: test_encoder(). */
    for (int type = 0; op_types[type]; type++)
        if (!used[type] && op_types[type] != &op_spread_last)
            fail_test("no genome of this test uses the operator %s", op_types[type]->name);
    return 0;
}

static inline int tear_down(void **unused) {
    (void)unused;
    for (int i = 0; i < GENOMES; i++)
        cJSON_Delete(valid[i]);
    device_close(device);
    return test_remove_folder(folder);
}

/* Not cJSON_Duplicate(), whose arrays some versions of cJSON cannot insert into. */
static inline cJSON *copy_of(int g) {
    char *text = cJSON_PrintUnformatted(valid[g]);
    cJSON *json = cJSON_Parse(text);
    assert_non_null(json);
    cJSON_free(text);
    return json;
}

/* Without waiting for the disk. */
static inline void write_bytes(const char *text, size_t length) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

#endif
