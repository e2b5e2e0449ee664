/* Files of tensors: their bytes by hand, what damaged ones say, and the memory that writing and reading take. */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/optimiser.h"
#include "train/tensors.h"
#include "train/text_task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES + 32];

static int set_up(void **unused) {
    (void)unused;
    assert_int_equal(test_make_folder(folder), 0);
    snprintf(path, sizeof path, "%s/x.safetensors", folder);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

/* ---- bytes ---- */

static const float first_tensor[] = {1, -2, 0.5f, 4, 5, 6}, second_tensor[] = {7, 8};

static status give(void *context, int index, const float **elements) {
    assert_null(context);
    *elements = index == 0 ? first_tensor : second_tensor;
    return STATUS_OK;
}

static status give_up(void *context, int index, const float **elements) {
    return index == 0 ? give(context, index, elements) : fail("nothing more");
}

static struct tensors *two_tensors(void) {
    struct tensors *tensors = tensors_create();
    tensors_add(tensors, "first", (struct shape){3, 2});
    tensors_add(tensors, "second", (struct shape){1, 2});
    tensors_add_text(tensors, "steps", "12");
    return tensors;
}

/* The format as its description has it: length, JSON, spaces to a multiple of eight, little-endian floats. */
static void test_bytes(void **unused) {
    (void)unused;
    static const char header[] = "{\"__metadata__\":{\"steps\":\"12\"},"
                                 "\"first\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]},"
                                 "\"second\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}";
    char expected[256], *bytes;
    size_t length, padded = (strlen(header) + 7) / 8 * 8;
    memset(expected, ' ', sizeof expected);
    memset(expected, 0, 8);
    expected[0] = (char)padded;
    memcpy(expected + 8, header, strlen(header));
    memcpy(expected + 8 + padded, first_tensor, sizeof first_tensor);
    memcpy(expected + 8 + padded + sizeof first_tensor, second_tensor, sizeof second_tensor);
    struct tensors *tensors = two_tensors();
    assert_ok(tensors_write(tensors, path, give, NULL));
    assert_ok(file_read(path, &bytes, &length));
    assert_int_equal(length, 8 + padded + 32);
    assert_memory_equal(bytes, expected, length);
    free(bytes);
    /* A source that fails leaves the old file, and nothing beside it. */
    assert_fails(tensors_write(tensors, path, give_up, NULL), STATUS_FAILED, "nothing more");
    assert_ok(file_read(path, &bytes, &length));
    assert_memory_equal(bytes, expected, length);
    free(bytes);
    tensors_destroy(tensors);
}

static void test_reading(void **unused) {
    (void)unused;
    struct tensors *tensors = two_tensors();
    float elements[6];
    assert_ok(tensors_write(tensors, path, give, NULL));
    tensors_destroy(tensors);
    assert_ok(tensors_open(path, &tensors));
    assert_string_equal(tensors_find_text(tensors, "steps"), "12");
    assert_null(tensors_find_text(tensors, "other"));
    assert_ok(tensors_read(tensors, "second", (struct shape){1, 2}, elements));
    assert_memory_equal(elements, second_tensor, sizeof second_tensor);
    assert_ok(tensors_read(tensors, "first", (struct shape){3, 2}, elements));
    assert_memory_equal(elements, first_tensor, sizeof first_tensor);
    assert_fails(tensors_require(tensors, "third", (struct shape){1, 2}), STATUS_FAILED, "there is no tensor third");
    assert_fails(tensors_read(tensors, "first", (struct shape){2, 3}, elements), STATUS_FAILED,
                 "the tensor first is 3 x 2, not 2 x 3");
    /* Cut off while it is open. */
    struct stat information;
    assert_int_equal(stat(path, &information), 0);
    assert_int_equal(truncate(path, information.st_size - 4), 0);
    assert_fails(tensors_read(tensors, "second", (struct shape){1, 2}, elements), STATUS_FAILED, "it was cut off");
    tensors_destroy(tensors);
}

static void refused(const char *header, uint64_t header_bytes, size_t data_bytes, const char *words) {
    char bytes[512] = {0};
    struct tensors *tensors;
    memcpy(bytes, &header_bytes, sizeof header_bytes);
    memcpy(bytes + 8, header, strlen(header));
    assert_ok(file_write(path, bytes, 8 + strlen(header) + data_bytes));
    assert_fails(tensors_open(path, &tensors), STATUS_FAILED, words);
    assert_non_null(strstr(status_message(), path));
    assert_null(tensors);
}

static void test_damage(void **unused) {
    (void)unused;
#define ONE(shape, offsets) "{\"a\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    static const char *const places[] = {
        ONE("[2]", "[0,9]"),           ONE("[2]", "[8,0]"),     ONE("[2]", "[4,12]"),
        ONE("[2]", "[-8,0]"),          ONE("[0]", "[0,0]"),     ONE("[2147483648]", "[0,8]"),
        ONE("[1e300,1e300]", "[0,8]"), ONE("[2]", "[0.5,8.5]"), ONE("[65536,65536]", "[0,8]"),
        ONE("[2]", "[1e300,1e300]"),   ONE("[\"2\"]", "[0,8]"), ONE("[2]", "[]"),
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        refused(places[i], strlen(places[i]), 8, "the tensor a does not lie in the file as its shape says");
    refused(ONE("[1,1,2]", "[0,8]"), strlen(ONE("[1,1,2]", "[0,8]")), 8, "not float32 with one or two dimensions");
    refused("[1]", 3, 8, "its header is not JSON");
    refused("{}", UINT64_MAX, 0, "or it was cut off");
    refused("{}", UINT64_MAX - 7, 0, "or it was cut off");
    refused("{}", 0, 0, "or it was cut off");
    refused("{}", 3, 0, "or it was cut off");
    struct tensors *tensors;
    assert_fails(tensors_open(folder, &tensors), STATUS_FAILED, "it is not a file");
    assert_fails(tensors_open("/dev/zero", &tensors), STATUS_FAILED, "it is not a file");
    assert_ok(file_write(path, "1234", 4));
    assert_fails(tensors_open(path, &tensors), STATUS_FAILED, "or it was cut off");
}

/* ---- memory ---- */

/* The most memory of this process since forget_peak(), in bytes; 0 where the system does not tell. */
static size_t peak_memory(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        (void)sscanf(line, "VmHWM: %zu kB", &kilobytes);
    if (file)
        fclose(file);
    return kilobytes * 1024;
}

static bool forget_peak(void) {
    FILE *file = fopen("/proc/self/clear_refs", "w");
    bool written = file && fputs("5", file) >= 0;
    return file && fclose(file) == 0 && written;
}

struct trained {
    struct catalogue catalogue;
    struct task *task;
    struct device *device;
    struct graph *graph;
    struct model *model;
    struct trainer *trainer;
};

/* Two SwiGLU of width 1024: 18 million parameters. */
static void open_trained(struct trained *trained) {
    struct genome genome;
    struct model_settings settings = {.width = 1024,
                                      .context = 4,
                                      .head_channels = 64,
                                      .vocabulary = CORPUS_VOCABULARY,
                                      .cache_context = 4,
                                      .embedding_deviation = 1};
    struct train_settings train_settings = {.steps = 1, .batch = 1, .learning_rate = 1e-3, .validation_batches = 1};
    assert_ok(catalogue_read(NULL, &trained->catalogue));
    char text_path[TEST_PATH_BYTES + 8], text[4096];
    memset(text, 'x', sizeof text);
    snprintf(text_path, sizeof text_path, "%s/text", folder);
    assert_ok(file_write(text_path, text, sizeof text));
    assert_ok(text_task_open(text_path, &(struct corpus_split){0.3, 0.2}, 4, &trained->task));
    assert_ok(device_open_choice(NULL, NULL, &trained->device));
    assert_ok(genome_parse("81111-81111", &genome));
    assert_ok(
        architecture_build(&genome, &trained->catalogue, &settings, 1, device_shape(trained->device), &trained->graph));
    assert_ok(model_create(trained->device, trained->graph, &(struct model_options){.seed = 3}, &trained->model));
    assert_ok(trainer_create(trained->model, trained->task, &train_settings, 1, &trained->trainer));
}

static void close_trained(struct trained *trained) {
    trainer_destroy(trained->trainer);
    model_destroy(trained->model);
    graph_destroy(trained->graph);
    device_close(trained->device);
    task_close(trained->task);
}

static char *read_block(struct trained *trained, cl_mem block, size_t *bytes) {
    *bytes = model_plan(trained->model)->parameter_bytes;
    char *host = memory_allocate(*bytes, 1);
    assert_ok(device_read(trained->device, block, 0, host, *bytes));
    return host;
}

/*
 * A state of three times 70 MiB is written and read with one tensor, of 11 MiB, at a time. The bound leaves room for
 * what a driver and the sanitizers take.
 */
static void test_memory(void **unused) {
    (void)unused;
    const size_t bound = (size_t)40 << 20;
    struct trained trained;
    struct stat file;
    open_trained(&trained);
    size_t bytes;
    char *before = read_block(&trained, model_parameters(trained.model), &bytes);
    /* Moments as a step would leave them: not zero, and not the parameters. */
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        ((float *)before)[i] *= 2;
    assert_ok(device_write(trained.device, optimiser_variance(trainer_optimiser(trained.trainer)), 0, before, bytes));
    assert_true(bytes > (size_t)64 << 20);
    trainer_go_on(trained.trainer, 77, NULL);
    assert_true(forget_peak());
    size_t start = peak_memory();
    assert_true(start > bytes);
    assert_ok(checkpoint_write_training(trained.trainer, path));
    size_t writing = peak_memory() - start;
    assert_int_equal(stat(path, &file), 0);
    assert_true((size_t)file.st_size > 3 * ((size_t)64 << 20));
    /* And back into what has been overwritten. */
    cl_mem blocks[] = {model_parameters(trained.model), optimiser_mean(trainer_optimiser(trained.trainer)),
                       optimiser_variance(trainer_optimiser(trained.trainer))};
    char *kept = read_block(&trained, blocks[0], &bytes);
    for (int i = 0; i < 3; i++)
        assert_ok(device_fill_zero(trained.device, blocks[i], 0, bytes));
    trainer_go_on(trained.trainer, 0, NULL);
    assert_ok(device_finish(trained.device));
    assert_true(forget_peak());
    start = peak_memory();
    assert_ok(checkpoint_read_training(trained.trainer, path));
    size_t reading = peak_memory() - start;
    print_message("  a state of %zu MiB: writing took %zu MiB, reading %zu MiB\n", (size_t)file.st_size >> 20,
                  writing >> 20, reading >> 20);
    assert_int_equal(trainer_step(trained.trainer), 77);
    char *parameters = read_block(&trained, blocks[0], &bytes), *variance = read_block(&trained, blocks[2], &bytes);
    assert_memory_equal(parameters, kept, bytes);
    assert_memory_equal(variance, before, bytes);
    assert_true(writing < bound);
    assert_true(reading < bound);
    free(parameters);
    free(variance);
    free(kept);
    free(before);
    close_trained(&trained);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
