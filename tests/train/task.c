/*
 * Training on a task whose sequences have different numbers of counted targets: the loss, the gradient and the scores
 * are means over counted targets, however the batch is cut into parts. The task is made here, so that its targets are
 * known, and what the device computes is compared with the model's reference in double precision.
 */
#include "test.h"

#include "base/memory.h"
#include "base/random.h"
#include "model/architecture.h"
#include "model/reference.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 4, CONTEXT = 12, VOCABULARY = 19, ROWS = BATCH * CONTEXT };

static struct catalogue catalogue;
static struct device *device;
static struct task *task;

/* Of sequence s of batch `index` 1, 4, 7, ... targets are counted; of the second sequence none is. */
static void fill(uint64_t stream, int batch, int index, int32_t *tokens, int32_t *targets) {
    struct random_stream random = random_open(9, stream);
    for (int i = 0; i < batch * CONTEXT; i++) {
        int sequence = i / CONTEXT, counted = sequence == 1 ? 0 : 1 + 3 * sequence - index % 2 * (sequence > 0);
        tokens[i] = (int32_t)random_below(&random, VOCABULARY);
        targets[i] = i % CONTEXT < counted ? (tokens[i] + 1) % VOCABULARY : -1 - i;
    }
}

static status training_batch(const void *data, uint64_t seed, int64_t step, int batch, int32_t *tokens,
                             int32_t *targets) {
    (void)data;
    fill(seed + (uint64_t)step, batch, 0, tokens, targets);
    return STATUS_OK;
}

static status evaluation_batch(const void *data, enum task_part part, int index, int count, int batch, int32_t *tokens,
                               int32_t *targets) {
    (void)data;
    (void)count;
    fill((uint64_t)(1000 + 100 * part + index), batch, index, tokens, targets);
    if (part == PART_TEST)
        for (int i = 0; i < batch * CONTEXT; i++)
            targets[i] = -1;
    return STATUS_OK;
}

static uint64_t fingerprint(const void *data) {
    return (uint64_t)(uintptr_t)data;
}

static void close_nothing(void *data) {
    (void)data;
}

static const struct task_kind kind = {.training_batch = training_batch,
                                      .evaluation_batch = evaluation_batch,
                                      .fingerprint = fingerprint,
                                      .close = close_nothing};

static int set_up(void **unused) {
    (void)unused;
    task =
        task_create(&kind, &(struct task_traits){.name = "uneven", .vocabulary = VOCABULARY, .context = CONTEXT}, NULL);
    assert_ok(catalogue_read(NULL, &catalogue));
    return device_open_choice(NULL, NULL, &device) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **unused) {
    (void)unused;
    task_close(task);
    device_close(device);
    return 0;
}

static struct graph *build(int context, int vocabulary, int batch) {
    struct genome genome;
    struct graph *graph;
    struct model_settings settings = {.width = 32,
                                      .context = context,
                                      .head_channels = 16,
                                      .vocabulary = vocabulary,
                                      .cache_context = 64,
                                      .embedding_deviation = 1};
    assert_ok(genome_parse("11111-81111", &genome));
    assert_ok(architecture_build(&genome, &catalogue, &settings, batch, device_shape(device), &graph));
    return graph;
}

static struct train_settings settings_of(int64_t steps, double rate, int batches) {
    return (struct train_settings){
        .steps = steps, .batch = BATCH, .learning_rate = rate, .clip = 1e6, .validation_batches = batches};
}

/* The reference with the parameters of the model. */
static struct reference *reference_of(const struct graph *graph, struct model *model) {
    struct reference *reference = reference_create(graph);
    for (int v = 0; v < graph->value_count; v++) {
        size_t count = shape_elements(graph->values[v].shape);
        if (graph->values[v].role != VALUE_PARAMETER)
            continue;
        float *elements = memory_allocate(count, sizeof *elements);
        assert_ok(model_read_parameter(model, v, elements));
        for (size_t e = 0; e < count; e++)
            reference->values[v][e] = elements[e];
        free(elements);
    }
    return reference;
}

/* Sums over the counted targets of a batch: of losses, of right ones, and their number, from the reference's logits. */
struct sums {
    double loss, right, count;
};

static void add_batch(const struct graph *graph, struct reference *reference, const int32_t *tokens,
                      const int32_t *targets, struct sums *sums) {
    for (int i = 0; i < ROWS; i++) {
        reference->values[graph->tokens][i] = tokens[i];
        reference->values[graph->targets][i] = targets[i];
    }
    (void)reference_forward(reference);
    for (int row = 0; row < ROWS; row++) {
        const double *logits = reference->values[graph->logits] + (size_t)row * VOCABULARY;
        double sum = 0;
        int largest = 0;
        for (int c = 0; c < VOCABULARY; c++) {
            sum += exp(logits[c]);
            largest = logits[c] > logits[largest] ? c : largest;
        }
        if (targets[row] < 0)
            continue;
        sums->loss += log(sum) - logits[targets[row]];
        sums->right += largest == targets[row];
        sums->count++;
    }
}

static void note_loss(void *context, int64_t step, int64_t steps, double loss) {
    (void)step;
    (void)steps;
    *(double *)context = loss;
}

/* ---- scores ---- */

static void test_scores(void **unused) {
    (void)unused;
    enum { BATCHES = 5, STEPS = 3 };
    struct graph *whole = build(CONTEXT, VOCABULARY, BATCH);
    for (int parts = 1; parts <= BATCH; parts *= 2) {
        struct graph *graph = build(CONTEXT, VOCABULARY, BATCH / parts);
        struct train_settings settings = settings_of(STEPS, 0.02, BATCHES);
        struct model *model;
        struct trainer *trainer;
        struct train_score score;
        struct sums sums = {0};
        assert_ok(model_create(device, graph, &(struct model_options){.seed = 3}, &model));
        assert_ok(trainer_create(model, task, &settings, 1, &trainer));
        assert_ok(trainer_run(trainer, STEPS, NULL));
        assert_ok(trainer_evaluate(trainer, PART_VALIDATION, &score));
        struct reference *reference = reference_of(whole, model);
        for (int index = 0; index < BATCHES; index++) {
            int32_t tokens[ROWS], targets[ROWS];
            fill((uint64_t)(1000 + 100 * PART_VALIDATION + index), BATCH, index, tokens, targets);
            add_batch(whole, reference, tokens, targets, &sums);
        }
        printf("  %d parts: loss %.6f (%.6f), accuracy %.4f (%.4f) of %g targets\n", parts, score.loss,
               sums.loss / sums.count, score.accuracy, sums.right / sums.count, sums.count);
        assert_true(fabs(score.loss - sums.loss / sums.count) < 1e-5);
        assert_true(fabs(score.accuracy - sums.right / sums.count) < 1e-9);
        assert_true(sums.right > 8 && sums.right < sums.count - 8);
        /* A part without any counted target has no score. */
        assert_fails(trainer_evaluate(trainer, PART_TEST, &score), STATUS_FAILED,
                     "no target of the test part of uneven is counted");
        reference_destroy(reference);
        trainer_destroy(trainer);
        model_destroy(model);
        graph_destroy(graph);
    }
    graph_destroy(whole);
}

/* ---- gradients ---- */

/* The gradients that a step left, of one parameter. */
static float *read_gradient(struct model *model, int value, size_t count) {
    float *elements = memory_allocate(count, sizeof *elements);
    assert_ok(device_read(device, model_gradient(model, value), 0, elements, count * sizeof *elements));
    return elements;
}

/* Of the logits' weights: sampled elements against central differences of the mean loss in double precision. */
static void test_gradients(void **unused) {
    (void)unused;
    int32_t tokens[ROWS], targets[ROWS];
    struct graph *whole = build(CONTEXT, VOCABULARY, BATCH);
    fill(1 + 0, BATCH, 0, tokens, targets);
    for (int parts = 1; parts <= BATCH; parts *= 2) {
        struct graph *graph = build(CONTEXT, VOCABULARY, BATCH / parts);
        struct train_settings settings = settings_of(1, 0, 1);
        struct model *model;
        struct trainer *trainer;
        double told;
        struct sums sums = {0};
        assert_ok(model_create(device, graph, &(struct model_options){.seed = 3}, &model));
        assert_ok(trainer_create(model, task, &settings, 1, &trainer));
        assert_ok(trainer_run(trainer, 1, &(struct train_observer){.tell = note_loss, .context = &told}));
        struct reference *reference = reference_of(whole, model); /* the rate is 0: they have not moved */
        add_batch(whole, reference, tokens, targets, &sums);
        assert_true(sums.count == 1 + 7 + 10);
        assert_true(fabs(told - sums.loss / sums.count) < 1e-5);
        double largest = 0, difference = 0;
        static const char *const names[] = {"output.weight", "embedding.weight", "liv.00.C.weight"};
        for (int n = 0; n < 3; n++) {
            int v = graph_find_parameter(whole, names[n]), mine = graph_find_parameter(graph, names[n]);
            size_t count = shape_elements(whole->values[v].shape);
            float *got = read_gradient(model, mine, count);
            for (size_t e = 0; e < count; e += count / 23) {
                double *place = &reference->values[v][e], kept = *place;
                struct sums above = {0}, below = {0};
                *place = kept + 1e-5;
                add_batch(whole, reference, tokens, targets, &above);
                *place = kept - 1e-5;
                add_batch(whole, reference, tokens, targets, &below);
                *place = kept;
                double expected = (above.loss / above.count - below.loss / below.count) / 2e-5;
                largest = fmax(largest, fabs(expected));
                difference = fmax(difference, fabs(got[e] - expected));
            }
            free(got);
        }
        printf("  %d parts: largest error of a gradient %.1e of %.1e\n", parts, difference, largest);
        assert_true(difference < 1e-4 * largest);
        reference_destroy(reference);
        trainer_destroy(trainer);
        model_destroy(model);
        graph_destroy(graph);
    }
    graph_destroy(whole);
}

/* ---- what does not fit ---- */

static void test_refusals(void **unused) {
    (void)unused;
    static const struct { int context, vocabulary; } wrong[] = {{CONTEXT + 1, VOCABULARY}, {CONTEXT, VOCABULARY - 1}};
    for (int i = 0; i < 2; i++) {
        struct graph *graph = build(wrong[i].context, wrong[i].vocabulary, BATCH);
        struct train_settings settings = settings_of(1, 0, 1);
        struct model *model;
        struct trainer *trainer;
        assert_ok(model_create(device, graph, &(struct model_options){.seed = 3}, &model));
        assert_fails(trainer_create(model, task, &settings, 1, &trainer), STATUS_FAILED,
                     "the task uneven has sequences of 12 tokens and a vocabulary of 19");
        model_destroy(model);
        graph_destroy(graph);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
