/* Training takes the memory that was planned, in parts learns what it learns whole, and is refused where it cannot fit.
 */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "device/gemm.h"
#include "train/fit.h"
#include "train/text_task.h"
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VALIDATION_BATCHES = 3 };

static const char MIXED[] = "11212-42111-61111-81112-11212-82112-71111-51111~32";
static const char DIFFERENTIAL[] = "9.1.2.1.1-11.1.1.1.1-12.1.2.2.2-9.1.2.1.1-13.1.1.1.1-12.1.2.2.2-14.1.1.1.1-81111";

static struct catalogue catalogue;
static char text_path[TEST_PATH_BYTES + 8];
static char folder[TEST_PATH_BYTES];

static int set_up(void **unused) {
    (void)unused;
    char text[20000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (i * i / 7 + i % 11) % 26);
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(text_path, sizeof text_path, "%s/text", folder);
    assert_ok(file_write(text_path, text, sizeof text));
    return catalogue_read(NULL, &catalogue);
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

static struct task *open_text(int context) {
    struct task *task;
    assert_ok(text_task_open(text_path, &(struct corpus_split){.validation = 0.3, .test = 0.1}, context, &task));
    return task;
}

static struct device *open_device(const char *gemm, uint64_t memory) {
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = gemm, .memory = memory}, &device));
    return device;
}

static enum dtype waits_as; /* of graphs that are built now */

static struct model_settings settings_of(int width, int context) {
    return (struct model_settings){.width = width,
                                   .context = context,
                                   .head_channels = 16,
                                   .vocabulary = CORPUS_VOCABULARY,
                                   .window = 7,
                                   .block = 5,
                                   .cache_context = context,
                                   .embedding_deviation = 1,
                                   .waits_as = waits_as};
}

static struct genome parse(const char *text) {
    struct genome genome;
    struct genome_space space = genome_space_of(&catalogue);
    assert_ok(genome_parse(text, &genome));
    assert_ok(genome_validate(&genome, &space));
    return genome;
}

static struct graph *build(struct device *device, const char *text, int width, int context, int batch) {
    struct genome genome = parse(text);
    struct model_settings settings = settings_of(width, context);
    struct graph *graph;
    assert_ok(architecture_build(&genome, &catalogue, &settings, batch, device_shape(device), &graph));
    return graph;
}

static struct train_settings training(int steps, int batch) {
    return (struct train_settings){.steps = steps,
                                   .batch = batch,
                                   .learning_rate = 3e-3,
                                   .final_rate = 0.1,
                                   .weight_decay = 0.1,
                                   .clip = 1,
                                   .validation_batches = VALIDATION_BATCHES};
}

static void note_loss(void *context, int64_t step, int64_t steps, double loss) {
    (void)steps;
    ((double *)context)[step - 1] = loss;
}

static double gradient_norm(struct model *model) {
    size_t bytes = model_plan(model)->parameter_bytes;
    float *gradients = memory_allocate(bytes, 1);
    double sum = 0;
    assert_ok(device_read(model_device(model), model_gradients(model), 0, gradients, bytes));
    for (size_t i = 0; i < bytes / sizeof *gradients; i++)
        sum += (double)gradients[i] * gradients[i];
    free(gradients);
    return sqrt(sum);
}

/* The numbers of a training: the loss of each step, of the evaluation, and the norm of the last gradient. */
enum { EVALUATION, NORM, FURTHER_NUMBERS };

/* Gives the memory taken; numbers[steps + FURTHER_NUMBERS]. */
static size_t train_graph(struct device *device, const struct graph *graph, int batch, int steps, double *numbers) {
    struct train_settings settings = training(steps, batch);
    struct train_observer observer = {.tell = note_loss, .context = numbers};
    struct model *model;
    struct trainer *trainer;
    struct task *text = open_text(graph->context);
    struct train_score score;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &model));
    assert_ok(trainer_create(model, text, &settings, 1, &trainer));
    for (int step = 0; step < steps; step++) /* one by one, for the observer to see each */
        assert_ok(trainer_run(trainer, step + 1, &observer));
    numbers[steps + NORM] = gradient_norm(model);
    assert_ok(trainer_evaluate(trainer, PART_VALIDATION, &score));
    numbers[steps + EVALUATION] = score.loss;
    size_t allocated = device_allocated_bytes(device);
    assert_int_equal(trainer_statistics(trainer).peak_bytes, allocated);
    trainer_destroy(trainer);
    model_destroy(model);
    task_close(text);
    gemm_release_scratch(device);
    assert_int_equal(device_allocated_bytes(device), 0);
    return allocated;
}

/* ---- what is planned is what is allocated ---- */

/* The difference as a share of what was planned. */
static double plan_error(struct device *device, const char *genome, int width, int context, int batch, int parts) {
    enum { STEPS = 2 };
    struct graph *graph = build(device, genome, width, context, batch / parts);
    size_t planned;
    double numbers[STEPS + FURTHER_NUMBERS];
    assert_ok(trainer_bytes(device, graph, batch, &planned));
    assert_int_equal(device_allocated_bytes(device), 0);
    size_t allocated = train_graph(device, graph, batch, STEPS, numbers);
    double error = fabs((double)allocated - (double)planned) / (double)planned;
    if (allocated != planned)
        fail_test("%s, width %d, context %d, batch %d in %d: %zu bytes planned, %zu allocated", genome, width, context,
                  batch, parts, planned, allocated);
    graph_destroy(graph);
    return error;
}

static void test_planned_is_allocated(void **unused) {
    (void)unused;
    struct device *device = open_device(NULL, 0);
    double largest = 0;
    int count = 0;
    for (int c = 1; c <= catalogue.class_count; c++) {
        char genome[64];
        snprintf(genome, sizeof genome, "%d.1.1.1.1-%d.2.1.2.1", c, c);
        largest = fmax(largest, plan_error(device, genome, 32, 19, 2, 1));
        largest = fmax(largest, plan_error(device, genome, 96, 64, 4, 2));
        count += 2;
    }
    const char *genomes[] = {MIXED, DIFFERENTIAL};
    for (int i = 0; i < 2; i++) {
        largest = fmax(largest, plan_error(device, genomes[i], 64, 128, 4, 1));
        largest = fmax(largest, plan_error(device, genomes[i], 128, 32, 6, 3));
        count += 2;
    }
    for (waits_as = DTYPE_BFLOAT16; waits_as <= DTYPE_FLOAT16; waits_as++, count++)
        largest = fmax(largest, plan_error(device, MIXED, 64, 128, 4, 2));
    waits_as = DTYPE_FLOAT32;
    device_close(device);
    /* The shape and the providers of GPUs. */
    const char *providers[] = {"clblast", "tiles"};
    for (int i = 0; i < 2; i++) {
        struct device_options options = {.gemm = providers[i], .shape = {64, 1, 4, 1, 64}};
        assert_ok(device_open_choice(NULL, &options, &device));
        largest = fmax(largest, plan_error(device, "11111-81111", 256, 128, 4, 1));
        device_close(device);
        count++;
    }
    printf("  largest difference of %d trainings: %.4f %%\n", count, 100 * largest);
}

/* A product that is large enough for CLBlast to make copies; a few elements of it against double precision. */
static void check_scratch(struct device *device, bool transpose_a, bool transpose_b) {
    enum { SIDE = 900, SAMPLES = 50 };
    size_t bytes = sizeof(float) * SIDE * SIDE;
    float *a = memory_allocate(bytes, 1), *b = memory_allocate(bytes, 1), *c = memory_allocate(bytes, 1);
    struct gemm product = {
        .m = SIDE, .n = SIDE, .k = SIDE, .alpha = 1, .transpose_a = transpose_a, .transpose_b = transpose_b};
    struct random_stream random = random_open(1, 0);
    random_normal(&random, a, SIDE * SIDE, 1);
    random_normal(&random, b, SIDE * SIDE, 1);
    assert_ok(device_buffer_create(device, bytes, &product.a));
    assert_ok(device_buffer_create(device, bytes, &product.b));
    assert_ok(device_buffer_create(device, bytes, &product.c));
    assert_ok(device_write(device, product.a, 0, a, bytes));
    assert_ok(device_write(device, product.b, 0, b, bytes));
    size_t planned = gemm_scratch_bytes(device, &product), before = device_allocated_bytes(device);
    assert_ok(gemm(device, &product));
    printf("  %s, transposed %d %d: %zu bytes\n", gemm_provider_name(device), transpose_a, transpose_b, planned);
    assert_int_equal(device_allocated_bytes(device) - before, planned);
    assert_ok(device_read(device, product.c, 0, c, bytes));
    for (int sample = 0; sample < SAMPLES; sample++) {
        size_t i = random_below(&random, SIDE), j = random_below(&random, SIDE);
        double sum = 0;
        for (size_t p = 0; p < SIDE; p++)
            sum += (double)a[transpose_a ? p * SIDE + i : i * SIDE + p] * b[transpose_b ? j * SIDE + p : p * SIDE + j];
        assert_true(fabs(c[i * SIDE + j] - sum) < 1e-2);
    }
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    gemm_release_scratch(device);
    free(a);
    free(b);
    free(c);
}

static void test_gemm_scratch(void **unused) {
    (void)unused;
    const char *providers[] = {"auto", "clblast"};
    for (int i = 0; i < 2; i++) {
        struct device *device = open_device(providers[i], 0);
        for (int transposes = 0; transposes < 4; transposes++)
            check_scratch(device, transposes & 1, transposes & 2);
        device_close(device);
    }
}

/* ---- parts ---- */

static void check_parts(struct device *device, const char *genome) {
    enum { BATCH = 8, STEPS = 6, COUNT = STEPS + FURTHER_NUMBERS };
    double whole[COUNT], split[COUNT], again[COUNT], largest = 0;
    size_t memory_whole = 0;
    for (int parts = 1; parts <= 4; parts *= 2) {
        struct graph *graph = build(device, genome, 32, 24, BATCH / parts);
        size_t memory = train_graph(device, graph, BATCH, STEPS, parts == 1 ? whole : split);
        if (parts == 1) {
            memory_whole = memory;
        } else {
            for (int i = 0; i <= STEPS + EVALUATION; i++)
                largest = fmax(largest, fabs(split[i] - whole[i]) / whole[i]);
            /* AdamW would hide a wrong scale from the losses. */
            assert_true(fabs(split[STEPS + NORM] / whole[STEPS + NORM] - 1) < 1e-4);
            assert_true(memory < memory_whole);
            train_graph(device, graph, BATCH, STEPS, again);
            assert_memory_equal(split, again, sizeof split);
        }
        graph_destroy(graph);
    }
    printf("  %-80s %.1e\n", genome, largest);
    assert_true(whole[STEPS - 1] < whole[0]);
    assert_true(largest < 1e-5);
}

static void test_parts_learn_the_same(void **unused) {
    (void)unused;
    struct device *device = open_device(NULL, 0);
    check_parts(device, MIXED);
    check_parts(device, DIFFERENTIAL);
    check_parts(device, "31111-51111-10.1.1.1.1-15.1.1.1.1");
    device_close(device);
}

static void test_uneven_parts(void **unused) {
    (void)unused;
    struct device *device = open_device(NULL, 0);
    struct graph *graph = build(device, "81111", 32, 24, 3);
    struct train_settings settings = training(1, 8);
    struct model *model;
    struct trainer *trainer;
    assert_ok(model_create(device, graph, &(struct model_options){.seed = 7}, &model));
    struct task *text = open_text(24);
    assert_fails(trainer_create(model, text, &settings, 1, &trainer), STATUS_FAILED, "cannot be split");
    task_close(text);
    model_destroy(model);
    graph_destroy(graph);
    device_close(device);
}

/* ---- fitting ---- */

static size_t bytes_in_parts_of(int sequences, int batch) {
    struct device *device = open_device(NULL, 0);
    struct graph *graph = build(device, MIXED, 32, 24, sequences);
    size_t bytes;
    assert_ok(trainer_bytes(device, graph, batch, &bytes));
    graph_destroy(graph);
    device_close(device);
    return bytes;
}

/* The sequences at once in so much memory. */
static int sequences_that_fit(size_t memory, int batch) {
    struct device *device = open_device(NULL, memory);
    struct genome genome = parse(MIXED);
    struct model_settings settings = settings_of(32, 24);
    struct graph *graph;
    double numbers[1 + FURTHER_NUMBERS];
    assert_ok(fit_graph(device, &genome, &catalogue, &settings, batch, &graph));
    assert_int_equal(device_allocated_bytes(device), 0);
    assert_true(train_graph(device, graph, batch, 1, numbers) <= memory);
    int sequences = graph->batch;
    graph_destroy(graph);
    device_close(device);
    return sequences;
}

static void test_fit(void **unused) {
    (void)unused;
    enum { BATCH = 12 };
    const int divisors[] = {12, 6, 4, 3, 2, 1};
    for (int i = 0; i < 6; i++) {
        size_t bytes = bytes_in_parts_of(divisors[i], BATCH);
        assert_int_equal(sequences_that_fit(bytes, BATCH), divisors[i]);
        if (i < 5)
            assert_int_equal(sequences_that_fit(bytes - 1, BATCH), divisors[i + 1]);
    }
    struct device *device = open_device(NULL, bytes_in_parts_of(1, BATCH) - 1);
    struct genome genome = parse(MIXED);
    struct model_settings settings = settings_of(32, 24);
    struct graph *graph;
    assert_fails(fit_graph(device, &genome, &catalogue, &settings, BATCH, &graph), STATUS_FAILED,
                 "with 1 of 12 sequences at once");
    printf("  %s\n", status_message());
    /* Tensors of all sequences together may be more than kernels count: then parts are tried, down to one sequence. */
    settings.context = 1 << 19;
    assert_fails(fit_graph(device, &genome, &catalogue, &settings, 16, &graph), STATUS_FAILED,
                 "with 1 of 16 sequences at once");
    assert_int_equal(device_allocated_bytes(device), 0);
    assert_int_equal(device_build_statistics(device).programs_waited, 0);
    device_close(device);
}

/* Sixteen times the context takes at most sixteen times the memory, whatever the class: no T x T matrix, no loose tail.
 */
static void test_linear_in_context(void **unused) {
    (void)unused;
    struct device *device = open_device(NULL, 0);
    double largest = 0;
    for (int i = 1; i <= catalogue.class_count; i++) {
        char genome[32];
        size_t bytes[2];
        snprintf(genome, sizeof genome, "%d.1.1.1.1", i);
        for (int longer = 0; longer < 2; longer++) {
            struct graph *graph = build(device, genome, 64, longer ? 4096 : 256, 2);
            assert_ok(trainer_bytes(device, graph, 2, &bytes[longer]));
            graph_destroy(graph);
        }
        double growth = (double)bytes[1] / (double)bytes[0];
        largest = growth > largest ? growth : largest;
        assert_true(growth <= 16);
    }
    print_message("memory grows at most %.2f times from context 256 to 4096\n", largest);
    device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_planned_is_allocated), cmocka_unit_test(test_linear_in_context),
        cmocka_unit_test(test_gemm_scratch),         cmocka_unit_test(test_parts_learn_the_same),
        cmocka_unit_test(test_uneven_parts),         cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
