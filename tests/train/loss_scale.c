/*
 * Loss scaling: a power of two changes no digit of a training, a step whose gradient overflowed changes nothing but the
 * scale, and a state that is read goes on with the scale that it had.
 */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"
#include "starcl/constants.h"
#include "train/checkpoint.h"
#include "train/loss_scale.h"
#include "train/optimiser.h"
#include "train/text_task.h"
#include "train/trainer.h"

#include <math.h>
#include <string.h>

enum { BATCH = 4, CONTEXT = 19, COUNT = BATCH * CONTEXT };

static struct catalogue catalogue;
static struct device *device;
static struct task *task;
static char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 8];

static int set_up(void **unused) {
    (void)unused;
    char text[4000];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + (i * i / 5 + i % 7) % 26);
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(path, sizeof path, "%s/text", folder);
    assert_ok(file_write(path, text, sizeof text));
    assert_ok(text_task_open(path, &(struct corpus_split){.validation = 0.2, .test = 0.1}, CONTEXT, &task));
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(device_open_choice(NULL, NULL, &device));
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    device_close(device);
    task_close(task);
    return test_remove_folder(folder);
}

/* A model whose activations wait in float16 unless it says otherwise. */
struct training {
    struct graph *graph;
    struct model *model;
    struct trainer *trainer;
};

static struct training begin(enum dtype waits_as, int piece, int64_t steps) {
    struct model_settings settings = {.width = 32,
                                      .context = CONTEXT,
                                      .head_channels = 16,
                                      .vocabulary = CORPUS_VOCABULARY,
                                      .window = 7,
                                      .block = 5,
                                      .cache_context = CONTEXT,
                                      .embedding_deviation = 1,
                                      .waits_as = waits_as};
    struct train_settings train = {.steps = steps,
                                   .batch = BATCH,
                                   .learning_rate = 3e-3,
                                   .warmup = 3,
                                   .final_rate = 0.1,
                                   .weight_decay = 0.1,
                                   .clip = 1,
                                   .validation_batches = 3};
    struct training training;
    struct genome genome;
    assert_ok(genome_parse("11111-41111-81111", &genome));
    assert_ok(architecture_build(&genome, &catalogue, &settings, piece, device_shape(device), &training.graph));
    assert_ok(model_create(device, training.graph, &(struct model_options){.seed = 7}, &training.model));
    assert_ok(trainer_create(training.model, task, &train, 5, &training.trainer));
    return training;
}

static void end(struct training *training) {
    trainer_destroy(training->trainer);
    model_destroy(training->model);
    graph_destroy(training->graph);
}

/* A block of the model's layout, to be freed. */
static float *read_block(const struct model *model, cl_mem block, size_t *bytes) {
    *bytes = model_plan(model)->parameter_bytes;
    float *numbers = memory_allocate(*bytes, 1);
    assert_ok(device_read(device, block, 0, numbers, *bytes));
    return numbers;
}

static void assert_scale(cl_mem state, float scale, float steps) {
    float numbers[LOSS_SCALE_NUMBERS];
    assert_ok(device_read(device, state, 0, numbers, sizeof numbers));
    if (numbers[0] != scale || numbers[1] != steps)
        fail_test("the scale is %g after %g steps, not %g after %g", numbers[0], numbers[1], scale, steps);
}

static void set_scale(cl_mem state, float scale, float steps) {
    const float numbers[LOSS_SCALE_NUMBERS] = {scale, steps};
    assert_ok(device_write(device, state, 0, numbers, sizeof numbers));
}

/* Whole and in pieces, whose shares are scaled: the parameters are those of steps that scale nothing, by hand. */
static void test_scale_changes_nothing(void **unused) {
    (void)unused;
    enum { STEPS = 12 };
    size_t bytes;
    struct optimiser_settings adamw = {.beta_1 = 0.9, .beta_2 = 0.95, .epsilon = 1e-8, .weight_decay = 0.1, .clip = 1};
    struct training scaled = begin(DTYPE_FLOAT16, BATCH, STEPS), plain = begin(DTYPE_FLOAT16, BATCH, STEPS);
    struct optimiser *optimiser;
    assert_ok(trainer_run(scaled.trainer, STEPS, NULL));
    assert_scale(trainer_loss_scale(scaled.trainer), STAR_LOSS_SCALE_FIRST, STEPS);
    assert_ok(optimiser_create(plain.model, &adamw, &optimiser));
    struct train_settings settings = {.steps = STEPS, .learning_rate = 3e-3, .warmup = 3, .final_rate = 0.1};
    for (int step = 0; step < STEPS; step++) {
        int32_t tokens[COUNT], targets[COUNT];
        float one = 1;
        assert_ok(task_training_batch(task, 5, step, BATCH, tokens, targets));
        assert_ok(device_write(device, model_value(plain.model, plain.graph->tokens), 0, tokens, sizeof tokens));
        assert_ok(device_write(device, model_value(plain.model, plain.graph->targets), 0, targets, sizeof targets));
        assert_ok(device_write(device, model_gradient(plain.model, plain.graph->loss), 0, &one, sizeof one));
        assert_ok(model_forward(plain.model));
        assert_ok(model_backward(plain.model));
        assert_ok(optimiser_step(optimiser, train_rate(&settings, step)));
    }
    float *expected = read_block(plain.model, model_parameters(plain.model), &bytes);
    float *got = read_block(scaled.model, model_parameters(scaled.model), &bytes);
    assert_memory_equal(got, expected, bytes);
    free(got);
    free(expected);
    optimiser_destroy(optimiser);

    struct training pieces = begin(DTYPE_FLOAT16, 1, STEPS), unscaled = begin(DTYPE_BFLOAT16, 1, STEPS);
    assert_null(trainer_loss_scale(unscaled.trainer));
    assert_ok(trainer_run(pieces.trainer, 1, NULL));
    assert_ok(trainer_run(scaled.trainer, STEPS, NULL));
    struct training whole = begin(DTYPE_FLOAT16, BATCH, STEPS);
    assert_ok(trainer_run(whole.trainer, 1, NULL));
    float *of_pieces = read_block(pieces.model, optimiser_mean(trainer_optimiser(pieces.trainer)), &bytes);
    float *of_whole = read_block(whole.model, optimiser_mean(trainer_optimiser(whole.trainer)), &bytes);
    double distance = 0, norm = 0;
    for (size_t i = 0; i < bytes / sizeof(float); i++) {
        distance += pow((double)of_pieces[i] - of_whole[i], 2);
        norm += pow((double)of_whole[i], 2);
    }
    assert_true(norm > 0 && sqrt(distance / norm) < 1e-5);
    free(of_pieces);
    free(of_whole);
    end(&whole);
    end(&pieces);
    end(&unscaled);
    end(&scaled);
    end(&plain);
}

/* One number of the gradient is spoilt. */
static void step_with(struct training *training, float spoilt) {
    const struct plan *plan = model_plan(training->model);
    int v = graph_find_parameter(training->graph, "norm.gain");
    assert_ok(
        device_write(device, model_gradients(training->model), plan->parameter_offsets[v], &spoilt, sizeof spoilt));
    assert_ok(optimiser_step(trainer_optimiser(training->trainer), 0.01));
}

static void test_overflow(void **unused) {
    (void)unused;
    struct training training = begin(DTYPE_FLOAT16, BATCH, 10);
    struct optimiser *optimiser = trainer_optimiser(training.trainer);
    cl_mem state = trainer_loss_scale(training.trainer);
    const cl_mem blocks[] = {model_parameters(training.model), optimiser_mean(optimiser),
                             optimiser_variance(optimiser)};
    size_t bytes;
    assert_ok(trainer_run(training.trainer, 3, NULL));
    assert_scale(state, STAR_LOSS_SCALE_FIRST, 3);
    for (int b = 0; b < 3; b++) {
        float *before = read_block(training.model, blocks[b], &bytes);
        step_with(&training, b == 0 ? INFINITY : b == 1 ? -INFINITY : NAN);
        float *after = read_block(training.model, blocks[b], &bytes);
        assert_memory_equal(before, after, bytes);
        assert_scale(state, STAR_LOSS_SCALE_FIRST / (float)(2 << b), 0);
        free(before);
        free(after);
    }
    /* A good one counts, and changes something; enough of them double the scale, but not beyond the most. */
    float *before = read_block(training.model, blocks[0], &bytes);
    step_with(&training, 1);
    float *after = read_block(training.model, blocks[0], &bytes);
    assert_memory_not_equal(before, after, bytes);
    assert_scale(state, STAR_LOSS_SCALE_FIRST / 8, 1);
    free(before);
    free(after);
    set_scale(state, 512, STAR_LOSS_SCALE_STEPS - 2);
    step_with(&training, 1);
    assert_scale(state, 512, STAR_LOSS_SCALE_STEPS - 1);
    step_with(&training, 1);
    assert_scale(state, 1024, 0);
    set_scale(state, STAR_LOSS_SCALE_MOST, STAR_LOSS_SCALE_STEPS - 1);
    step_with(&training, 1);
    assert_scale(state, STAR_LOSS_SCALE_MOST, 0);
    set_scale(state, 1, 7);
    step_with(&training, NAN);
    assert_scale(state, 1, 0);
    end(&training);
}

/* Too large a scale: the first steps are left out until it fits, and training goes on. */
static void test_scale_finds_its_size(void **unused) {
    (void)unused;
    struct training training = begin(DTYPE_FLOAT16, BATCH, 60);
    cl_mem state = trainer_loss_scale(training.trainer);
    float numbers[LOSS_SCALE_NUMBERS];
    struct train_score first, last;
    assert_ok(trainer_evaluate(training.trainer, PART_VALIDATION, &first));
    set_scale(state, 0x1p+76f, 0);
    assert_ok(trainer_run(training.trainer, 60, NULL));
    assert_ok(trainer_evaluate(training.trainer, PART_VALIDATION, &last));
    assert_ok(device_read(device, state, 0, numbers, sizeof numbers));
    printf("  the scale came to 2^%g, and %g steps were done with it\n", log2(numbers[0]), numbers[1]);
    /* Its square times that of the norm is below 2^128. */
    assert_true(numbers[0] < 0x1p+70f && numbers[1] > 20 && numbers[1] < 60);
    assert_true(last.loss < first.loss);
    end(&training);
}

static void test_states(void **unused) {
    (void)unused;
    char state_path[TEST_PATH_BYTES + 32];
    snprintf(state_path, sizeof state_path, "%s/training.safetensors", folder);
    struct training kept = begin(DTYPE_FLOAT16, BATCH, 10), read = begin(DTYPE_FLOAT16, BATCH, 10);
    size_t bytes;
    assert_ok(trainer_run(kept.trainer, 4, NULL));
    set_scale(trainer_loss_scale(kept.trainer), 2048, 77);
    assert_ok(checkpoint_write_training(kept.trainer, state_path));
    assert_ok(checkpoint_read_training(read.trainer, state_path));
    assert_scale(trainer_loss_scale(read.trainer), 2048, 77);
    assert_ok(trainer_run(kept.trainer, 10, NULL));
    assert_ok(trainer_run(read.trainer, 10, NULL));
    float *expected = read_block(kept.model, model_parameters(kept.model), &bytes);
    float *got = read_block(read.model, model_parameters(read.model), &bytes);
    assert_memory_equal(got, expected, bytes);
    assert_scale(trainer_loss_scale(read.trainer), 2048, 83);
    free(expected);
    free(got);

    struct training unscaled = begin(DTYPE_BFLOAT16, BATCH, 10);
    assert_ok(trainer_run(unscaled.trainer, 1, NULL));
    assert_ok(checkpoint_write_training(unscaled.trainer, state_path));
    assert_fails(checkpoint_read_training(read.trainer, state_path), STATUS_FAILED, "loss_scale");
    end(&unscaled);
    end(&kept);
    end(&read);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale_changes_nothing),
        cmocka_unit_test(test_overflow),
        cmocka_unit_test(test_scale_finds_its_size),
        cmocka_unit_test(test_states),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
