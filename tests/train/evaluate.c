/*
 * Bits a byte of a text in sliding windows, against the decoder: another path through the kernels, token by token, and
 * the windows of each byte by their definition.
 */
#include "test.h"

#include "base/file.h"
#include "base/random.h"
#include "model/decoder.h"
#include "train/checkpoint.h"
#include "train/corpus.h"
#include "train/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONTEXT = 8, BYTES = 1200, MOST_CONTEXT = 16 };

static struct device *device;
static struct catalogue catalogue;
static struct checkpoint_files files;
static char folder[TEST_PATH_BYTES], text_path[TEST_PATH_BYTES + 8];
static unsigned char text[BYTES];

static status write_weights(struct model *model) {
    const struct graph *graph = model_graph(model);
    for (int v = 0; v < graph->value_count; v++) {
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        size_t count = shape_elements(graph->values[v].shape);
        float *elements = malloc(count * sizeof *elements);
        struct random_stream random = random_open(3, (uint64_t)v);
        for (size_t i = 0; i < count; i++)
            elements[i] = (float)(0.5 * random_uniform(&random) - 0.25);
        status outcome = model_write_parameter(model, v, elements);
        free(elements);
        TRY(outcome);
    }
    return checkpoint_write_weights(model, files.weights);
}

static int set_up(void **unused) {
    (void)unused;
    struct genome genome;
    struct graph *graph;
    struct model *model;
    struct model_settings settings = {.width = 32,
                                      .context = CONTEXT,
                                      .head_channels = 8,
                                      .vocabulary = CORPUS_VOCABULARY,
                                      .window = 4,
                                      .block = 4,
                                      .cache_context = CONTEXT,
                                      .embedding_deviation = 1};
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(files.architecture, sizeof files.architecture, "%s/architecture.json", folder);
    snprintf(files.weights, sizeof files.weights, "%s/weights.safetensors", folder);
    snprintf(text_path, sizeof text_path, "%s/text", folder);
    assert_ok(genome_parse("11111-41111-61111", &genome));
    assert_ok(architecture_build(&genome, &catalogue, &settings, 1, device_shape(device), &graph));
    assert_ok(checkpoint_write_architecture(graph, &genome, &catalogue, &settings, files.architecture));
    assert_ok(model_create(device, graph, &(struct model_options){.inference = true}, &model));
    assert_ok(write_weights(model));
    model_destroy(model);
    graph_destroy(graph);
    /* One letter in the first half, anything in the second. */
    struct random_stream random = random_open(4, 0);
    for (int i = 0; i < BYTES; i++)
        text[i] = (unsigned char)(i < BYTES / 2 ? 'a' : random_uniform(&random) * 256);
    assert_ok(file_write(text_path, text, BYTES));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    device_close(device);
    return test_remove_folder(folder);
}

static double surprise(const float *logits, int byte) {
    double largest = logits[0], sum = 0;
    for (int i = 1; i < CORPUS_VOCABULARY; i++)
        largest = fmax(largest, logits[i]);
    for (int i = 0; i < CORPUS_VOCABULARY; i++)
        sum += exp(logits[i] - largest);
    return (largest + log(sum) - logits[byte]) / log(2);
}

/* Bits of text[i] behind those from `begin` on. */
static double bits_of(struct decoder *decoder, int begin, int i) {
    float logits[CORPUS_VOCABULARY];
    assert_ok(decoder_start(decoder));
    for (int j = begin; j < i; j++) {
        int32_t token = text[j];
        assert_ok(decoder_step(decoder, &token, j + 1 == i ? logits : NULL));
    }
    return surprise(logits, text[i]);
}

static double mean_bits(int bytes, int context, int stride) {
    struct graph *graph;
    struct decoder *decoder;
    double bits = 0;
    assert_ok(checkpoint_read_graph(files.architecture, 1, 1, MOST_CONTEXT, device_shape(device), &graph));
    assert_ok(decoder_create(device, graph, NULL, &decoder));
    assert_ok(checkpoint_read_weights(decoder_model(decoder), files.weights));
    for (int i = 1; i < bytes; i++) {
        int begin = 0;
        while (i > begin + context)
            begin += stride;
        bits += bits_of(decoder, begin, i);
    }
    decoder_destroy(decoder);
    graph_destroy(graph);
    return bits / (bytes - 1);
}

static struct text_score evaluate(int bytes, int context, int stride) {
    struct evaluate_settings settings = {.context = context, .stride = stride, .bytes = (uint64_t)bytes};
    struct source *source;
    struct text_score score;
    assert_ok(source_open(text_path, &source));
    assert_ok(evaluate_text(device, &files, source, &settings, &score));
    source_close(source);
    return score;
}

static void test_windows(void **unused) {
    (void)unused;
    /* Texts of one window and of one byte more; strides that end with the text and do not; as many windows as run in
     * several sequences at once, of which the last run is not full. */
    static const int cases[][3] = {{2, 8, 4},  {9, 8, 4},   {10, 8, 8},   {10, 8, 1},  {17, 8, 8},
                                   {61, 8, 3}, {61, 16, 7}, {1200, 8, 7}, {700, 8, 4}, {40, 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int bytes = cases[i][0], context = cases[i][1], stride = cases[i][2];
        struct text_score score = evaluate(bytes, context, stride);
        assert_int_equal(score.bytes, bytes - 1);
        assert_int_equal(score.context, context);
        assert_int_equal(score.stride, stride);
        double expected = mean_bits(bytes, context, stride);
        if (!(fabs(score.bits - expected) < 1e-5))
            fail_test("%d bytes, context %d, stride %d: %.7f bits a byte instead of %.7f", bytes, context, stride,
                      score.bits, expected);
        assert_true(fabs(score.byte_perplexity / exp2(score.bits) - 1) < 1e-9);
    }
}

static void test_defaults(void **unused) {
    (void)unused;
    struct text_score score = evaluate(0, 0, 0);
    assert_int_equal(score.context, CONTEXT);
    assert_int_equal(score.stride, CONTEXT / 2);
    assert_int_equal(score.bytes, BYTES - 1);
}

/* Halves that differ by D: of n parts whose means are D / 2 from theirs the mean has the error D / 2 / sqrt(n - 1). */
static void test_error(void **unused) {
    (void)unused;
    enum { PARTS = 32 };
    struct text_score all = evaluate(BYTES, CONTEXT, 1), half = evaluate(BYTES / 2, CONTEXT, 1);
    double expected = fabs(all.bits - half.bits) / sqrt(PARTS - 1);
    assert_true(half.error < 0.01 * expected);
    assert_true(fabs(all.error / expected - 1) < 0.15);
    assert_true(isnan(evaluate(CONTEXT, CONTEXT, CONTEXT).error));
}

static void test_words(void **unused) {
    (void)unused;
    static const char words[] = "two words,\n\tthree ";
    unsigned char saved[sizeof words];
    memcpy(saved, text, sizeof words);
    assert_ok(file_write(text_path, words, strlen(words)));
    struct text_score score = evaluate(0, 0, 0);
    assert_int_equal(score.words, 3);
    double bits = score.bits * (double)score.bytes;
    assert_true(fabs(score.word_perplexity / exp2(bits / 3) - 1) < 1e-9);
    assert_int_equal(evaluate(13, 0, 0).words, 3);
    assert_ok(file_write(text_path, "  \n ", 4));
    assert_true(isinf(evaluate(0, 0, 0).word_perplexity));
    assert_ok(file_write(text_path, text, BYTES));
}

static void test_refusals(void **unused) {
    (void)unused;
    struct source *source;
    struct text_score score;
    assert_ok(source_open(text_path, &source));
    assert_fails(evaluate_text(device, &files, source, &(struct evaluate_settings){.stride = CONTEXT + 1}, &score),
                 STATUS_USAGE, "a stride of 9 would leave bytes out between windows of 8");
    assert_fails(evaluate_text(device, &files, source, &(struct evaluate_settings){.bytes = 1}, &score), STATUS_USAGE,
                 "the text has 1 bytes");
    /* A text that shrinks while it is used. */
    assert_ok(file_write(text_path, text, BYTES / 2));
    assert_fails(evaluate_text(device, &files, source, &(struct evaluate_settings){0}, &score), STATUS_FAILED,
                 text_path);
    source_close(source);
    assert_ok(file_write(text_path, text, BYTES));
    assert_ok(source_open(text_path, &source));
    struct checkpoint_files hostile = files;
    snprintf(hostile.architecture, sizeof hostile.architecture, "%s/hostile.json", folder);
    static const char *const contexts[] = {"{}", "{\"model\": {\"context\": 0}}", "{\"model\": {\"context\": 1e9}}",
                                           "{\"model\": {\"context\": \"8\"}}", "[8]"};
    for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
        assert_ok(file_write(hostile.architecture, contexts[i], strlen(contexts[i])));
        assert_fails(evaluate_text(device, &hostile, source, &(struct evaluate_settings){0}, &score), STATUS_FAILED,
                     "'context'");
    }
    source_close(source);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows), cmocka_unit_test(test_defaults), cmocka_unit_test(test_error),
        cmocka_unit_test(test_words),   cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
