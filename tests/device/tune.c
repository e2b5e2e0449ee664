/*
 * Tuning: classes, the kept choice and damage to it, candidates of CLBlast's parameters, and products under each
 * choice. The order of the tests matters: CLBlast cannot forget parameters.
 */
#include "test.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "device/tune.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char cache[TEST_PATH_BYTES];

/* A first device before the folder is another one, so that the driver keeps what it compiles where it always does. */
static int make_cache(void **unused) {
    (void)unused;
    struct device *device;
    assert_ok(device_open_choice(NULL, NULL, &device));
    device_close(device);
    return test_make_folder(cache) == 0 ? setenv("XDG_CACHE_HOME", cache, 1) : -1;
}

static int remove_cache(void **unused) {
    (void)unused;
    return test_remove_folder(cache);
}

static struct device *open_device(const char *gemm) {
    struct device *device;
    assert_ok(device_open_choice(NULL, &(struct device_options){.gemm = gemm}, &device));
    return device;
}

/* ---- products against the host ---- */

static void check_product(struct device *device, struct gemm product) {
    int a_elements = product.m * product.k, b_elements = product.k * product.n, c_elements = product.m * product.n;
    float *a = memory_allocate((size_t)a_elements, sizeof *a), *b = memory_allocate((size_t)b_elements, sizeof *b);
    float *c = memory_allocate((size_t)c_elements, sizeof *c);
    double *expected = memory_allocate((size_t)c_elements, sizeof *expected);
    struct random_stream random = random_open(3, 1);
    random_normal(&random, a, (size_t)a_elements, 1);
    random_normal(&random, b, (size_t)b_elements, 1);
    for (int i = 0; i < product.m; i++)
        for (int p = 0; p < product.k; p++)
            for (int j = 0; j < product.n; j++)
                expected[i * product.n + j] += (double)a[product.transpose_a ? p * product.m + i : i * product.k + p] *
                                               b[product.transpose_b ? j * product.k + p : p * product.n + j];
    assert_ok(device_buffer_create(device, (size_t)a_elements * sizeof *a, &product.a));
    assert_ok(device_buffer_create(device, (size_t)b_elements * sizeof *b, &product.b));
    assert_ok(device_buffer_create(device, (size_t)c_elements * sizeof *c, &product.c));
    assert_ok(device_write(device, product.a, 0, a, (size_t)a_elements * sizeof *a));
    assert_ok(device_write(device, product.b, 0, b, (size_t)b_elements * sizeof *b));
    assert_ok(gemm(device, &product));
    assert_ok(device_read(device, product.c, 0, c, (size_t)c_elements * sizeof *c));
    for (int i = 0; i < c_elements; i++)
        if (!(fabs(c[i] - expected[i]) < 1e-5 * product.k + 1e-5))
            fail_test("%s, %s: %g, not %g", gemm_provider_name(device), gemm_class_name(gemm_class_of(&product)), c[i],
                      expected[i]);
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    free(a);
    free(b);
    free(c);
    free(expected);
}

static struct gemm product_of(int m, int n, int k) {
    return (struct gemm){.m = m, .n = n, .k = k, .alpha = 1};
}

static void check_classes(struct device *device) {
    struct gemm input = product_of(65, 70, 33), weight = input;
    input.transpose_b = true;
    weight.transpose_a = true;
    check_product(device, product_of(3, 70, 33));
    check_product(device, product_of(65, 70, 33));
    check_product(device, input);
    check_product(device, weight);
    check_product(device, product_of(401, 403, 402));
}

static void test_classes(void **unused) {
    (void)unused;
    struct gemm product = product_of(9, 64, 64);
    assert_int_equal(gemm_class_of(&product), GEMM_FORWARD);
    product.m = 8;
    assert_int_equal(gemm_class_of(&product), GEMM_THIN);
    product.transpose_b = true;
    assert_int_equal(gemm_class_of(&product), GEMM_THIN);
    product.transpose_b = false;
    product.transpose_a = true;
    assert_int_equal(gemm_class_of(&product), GEMM_WEIGHT_GRADIENT);
    product = product_of(100000, 100000, 100000);
    assert_int_equal(gemm_class_of(&product), GEMM_LARGE_FORWARD);
    product.transpose_b = true;
    assert_int_equal(gemm_class_of(&product), GEMM_LARGE_INPUT_GRADIENT);
    product.transpose_b = false;
    product.transpose_a = true;
    assert_int_equal(gemm_class_of(&product), GEMM_LARGE_WEIGHT_GRADIENT);
}

/* ---- candidates ---- */

static void test_candidates(void **unused) {
    (void)unused;
    struct device_information cpu = {.type = CL_DEVICE_TYPE_CPU, .largest_work_group = 4096, .local_bytes = 1 << 18};
    struct device_information small = {.type = CL_DEVICE_TYPE_GPU, .largest_work_group = 256, .local_bytes = 16384};
    struct clblast_parameters set;
    int count = 0;
    while (clblast_parameters_candidate(&cpu, count, &set)) {
        assert_true(clblast_parameters_fit(&set, &cpu));
        count++;
    }
    assert_in_range(count, 3, 20);
    for (int i = 0; i < 100; i++) {
        assert_true(clblast_parameters_candidate(&small, i, &set));
        assert_true(clblast_parameters_fit(&set, &small));
    }
    set.values[CLBLAST_MWG] = 50; /* of at least 8 work-items */
    assert_false(clblast_parameters_fit(&set, &small));
}

/* ---- the kept choice ---- */

static struct gemm_choice made_up_choice(const struct device_information *information) {
    struct gemm_choice choice = gemm_choice_of(&gemm_clblast);
    assert_true(clblast_parameters_candidate(information, 0, &choice.clblast));
    choice.clblast.values[CLBLAST_LEAST_INDIRECT] = GEMM_LARGE_EDGE;
    choice.providers[GEMM_LARGE_FORWARD] = &gemm_panel;
    choice.blocks = (struct block_choice){true, PACK_BOTH, 24, 33, 48};
    choice.tiles = (struct tile_choice){true, {2, 1, 1, 2, 0, 0, 1}};
    choice.tuned = true;
    return choice;
}

static void refuse(const struct device_information *information, const char *path, const char *text) {
    struct gemm_choice choice;
    assert_ok(file_write(path, text, strlen(text)));
    if (gemm_choice_read(information, &choice))
        fail_test("this choice was taken: %s", text);
}

/* A copy of the text where every `word` is `other`. */
static char *replace(const char *text, const char *word, const char *other) {
    char *result = memory_allocate(strlen(text) * 2 + 64, 1), *end = result;
    assert_non_null(strstr(text, word));
    for (const char *found; (found = strstr(text, word)); text = found + strlen(word))
        end += sprintf(end, "%.*s%s", (int)(found - text), text, other);
    strcpy(end, text);
    return result;
}

static void test_file(void **unused) {
    (void)unused;
    struct device *device = open_device("clblast");
    const struct device_information *information = device_information(device);
    struct gemm_choice choice = made_up_choice(information), read;
    char path[256], name[GEMM_CHOICE_NAME_BYTES], read_name[GEMM_CHOICE_NAME_BYTES], *text;
    size_t length;
    assert_false(gemm_choice_read(information, &read));
    assert_ok(gemm_choice_write(information, &choice, path, sizeof path));
    assert_true(gemm_choice_read(information, &read));
    assert_memory_equal(&choice.clblast, &read.clblast, sizeof read.clblast);
    assert_true(read.blocks.given);
    assert_int_equal(read.blocks.packing, PACK_BOTH);
    assert_int_equal(read.blocks.block_rows, 24);
    assert_int_equal(read.blocks.block_k, 33);
    assert_int_equal(read.blocks.tile_columns, 48);
    assert_true(read.tiles.given);
    assert_memory_equal(choice.tiles.which, read.tiles.which, sizeof read.tiles.which);
    assert_memory_equal(choice.providers, read.providers, sizeof read.providers);
    assert_string_equal(gemm_choice_describe(&choice, name), gemm_choice_describe(&read, read_name));
    assert_non_null(strstr(name, ": panel, clblast with parameters"));

    struct device_information other = *information;
    strcpy(other.driver, "another driver");
    assert_false(gemm_choice_read(&other, &read));

    static const char *const changes[][2] = {{"\"panel\"", "\"cublas\""},
                                             {"\"thin\"", "\"thick\""},
                                             {"\"MWG\"", "\"GWM\""},
                                             {"\"block_k\":\t33", "\"block_k\":\t0"},
                                             {"\"block_rows\":\t24", "\"block_rows\":\t\"24\""},
                                             {"\"tile_columns\":\t48", "\"tile_columns\":\t1048576"},
                                             {"\"A and B\"", "\"C\""},
                                             {"\"packing\"", "\"packed\""},
                                             {"\"thin\":\t2", "\"thin\":\t3"},
                                             {"\"thin\":\t2", "\"thin\":\t-1"},
                                             {"\"large forward\":\t0", "\"large forward\":\t\"0\""},
                                             {"\"KREG\":\t1", "\"KREG\":\t3"},
                                             {"\"starcl\":\t\"", "\"starcl\":\t\"older than "},
                                             {"\"driver\":\t\"", "\"driver\":\t\"older than "}};
    assert_ok(file_read(path, &text, &length));
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char *changed = replace(text, changes[i][0], changes[i][1]);
        refuse(information, path, changed);
        free(changed);
    }
    refuse(information, path, "");
    refuse(information, path, "nothing of the kind");
    refuse(information, path, "[{\"classes\": 7}]");
    text[length / 2] = '\0';
    refuse(information, path, text);
    free(text);
    device_close(device);
    /* With the damaged file the device does what it does without one, and tuning replaces it. */
    device = open_device("auto");
    assert_null(strstr(gemm_provider_name(device), "tuned"));
    assert_ok(gemm_choice_write(device_information(device), &choice, NULL, 0));
    assert_true(gemm_choice_read(device_information(device), &read));
    device_close(device);
    remove(path);
}

/* ---- tuning ---- */

static void test_tune(void **unused) {
    (void)unused;
    struct device *device = open_device("clblast");
    struct tune_report report;
    char name[GEMM_CHOICE_NAME_BYTES];
    assert_ok(tune_gemm(device, 2, &report));
    assert_string_equal(gemm_provider_name(device), gemm_choice_describe(&report.choice, name));
    assert_true(report.choice.tuned);
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        assert_true(report.rows[kind].packaged > 0);
        assert_true((report.rows[kind].panel > 0) == gemm_provider_fits(&gemm_panel, device));
        assert_true((report.rows[kind].tiles > 0) == gemm_provider_fits(&gemm_tiles, device));
    }
    check_classes(device);
    assert_ok(gemm_choice_write(device_information(device), &report.choice, NULL, 0));
    device_close(device);

    device = open_device("auto");
    assert_string_equal(gemm_provider_name(device), gemm_choice_describe(&report.choice, name));
    check_classes(device);
    device_close(device);
}

/* In the shape of GPUs: sizes of tiles. */
static void test_tune_tiles(void **unused) {
    (void)unused;
    struct device *device;
    struct tune_report report;
    char name[GEMM_CHOICE_NAME_BYTES];
    struct device_options options = {.gemm = "clblast", .shape = {64, 1, 4, 1, 16}};
    assert_ok(device_open_choice(NULL, &options, &device));
    assert_ok(tune_gemm(device, 1, &report));
    assert_string_equal(gemm_provider_name(device), gemm_choice_describe(&report.choice, name));
    for (int kind = 0; kind < GEMM_CLASSES; kind++) {
        const struct tune_row *row = &report.rows[kind];
        assert_true(row->packaged > 0 && row->tiles > 0 && row->panel == 0);
        assert_in_range(report.choice.tiles.which[kind], 0, PRODUCT_TILES - 1);
        if (row->packaged > 1.1 * row->tiles)
            assert_ptr_equal(report.choice.providers[kind], &gemm_clblast);
        if (row->tiles > 1.1 * row->packaged)
            assert_ptr_equal(report.choice.providers[kind], &gemm_tiles);
    }
    check_classes(device);
    device_close(device);
}

static void test_parameters(void **unused) {
    (void)unused;
    struct device *device = open_device("auto");
    struct gemm_choice choice = made_up_choice(device_information(device));
    struct tune_report report;
    choice.providers[GEMM_LARGE_FORWARD] = &gemm_clblast;
    assert_ok(gemm_use(device, &choice));
    check_classes(device);
    if (gemm_provider_fits(&gemm_panel, device)) {
        choice.providers[GEMM_THIN] = choice.providers[GEMM_LARGE_FORWARD] = &gemm_panel;
        assert_ok(gemm_use(device, &choice));
        check_classes(device);
    }
    assert_fails(tune_gemm(device, 1, &report), STATUS_FAILED, "set parameters of CLBlast already");
    device_close(device);
    assert_fails(device_open_choice(NULL, &(struct device_options){.gemm = "clblast"}, &device), STATUS_FAILED,
                 "keeps them until it ends");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes), cmocka_unit_test(test_candidates), cmocka_unit_test(test_file),
        cmocka_unit_test(test_tune),    cmocka_unit_test(test_tune_tiles), cmocka_unit_test(test_parameters),
    };
    return cmocka_run_group_tests(tests, make_cache, remove_cache);
}
