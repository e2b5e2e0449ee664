/*
 * Which instructions multiply matrices on a device. It is not asked who made it: each instruction is built and tried on
 * a small product, as leela-zero does for its tensor cores, and the first that is right is used.
 */
#include "base/memory.h"
#include "device/gemm_provider.h"
#include "starcl/constants.h"

#include <stdlib.h>
#include <string.h>

/* More registers, which a GPU with few of them has for half as many lanes: the sums alone are half of the usual. */
static const char large_registers[] = "-cl-intel-256-GRF-per-thread";

const struct gemm_unit gemm_units[] = {
    {STAR_FACTORS_TF32, "mma.sync", STAR_UNIT_MMA, 32, ""},
    {STAR_FACTORS_TF32, "mfma", STAR_UNIT_MFMA, 64, ""},
    {STAR_FACTORS_BFLOAT16, "mma.sync", STAR_UNIT_MMA, 32, ""},
    {STAR_FACTORS_BFLOAT16, "mfma", STAR_UNIT_MFMA, 64, ""},
    {STAR_FACTORS_BFLOAT16, "wmma", STAR_UNIT_WMMA, 32, ""},
    {STAR_FACTORS_BFLOAT16, "dpas", STAR_UNIT_DPAS_16, 16, large_registers},
    {STAR_FACTORS_BFLOAT16, "dpas", STAR_UNIT_DPAS_8, 8, large_registers},
    {STAR_FACTORS_FLOAT16, "mma.sync", STAR_UNIT_MMA, 32, ""},
    {STAR_FACTORS_FLOAT16, "mfma", STAR_UNIT_MFMA, 64, ""},
    {STAR_FACTORS_FLOAT16, "wmma", STAR_UNIT_WMMA, 32, ""},
    {STAR_FACTORS_FLOAT16, "dpas", STAR_UNIT_DPAS_16, 16, large_registers},
    {STAR_FACTORS_FLOAT16, "dpas", STAR_UNIT_DPAS_8, 8, large_registers},
};
const int gemm_unit_count = sizeof gemm_units / sizeof *gemm_units;

/* By STAR_FACTORS_...; all of them are in gemm_products_names(), too. */
static const char *const factors_names[] = {"float32", "tf32", "bfloat16", "float16"};

const char *gemm_products_names(void) {
    return "float32, tf32, bfloat16, float16";
}

int gemm_factors_find(const char *products) {
    for (int i = 0; i < (int)(sizeof factors_names / sizeof *factors_names); i++)
        if (strcmp(factors_names[i], products) == 0)
            return i;
    return -1;
}

const char *gemm_factors_name(int factors) {
    return factors_names[factors];
}

/*
 * A product with edges in every direction, of whole numbers that every kind of number holds: what comes out is exact.
 * The numbers differ from one place to the next, so that one that is taken for another changes a sum.
 */
enum { ROWS = 70, COLUMNS = 45, DEPTH = 51, MOST = 7 };

static float number_at(int i, int odd) {
    return (float)((i * odd + i / 7 * 5) % (2 * MOST + 1) - MOST);
}

static bool is_right(const float *a, const float *b, const float *c) {
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
            float sum = 0;
            for (int k = 0; k < DEPTH; k++)
                sum += a[i * DEPTH + k] * b[k * COLUMNS + j];
            if (c[i * COLUMNS + j] != sum)
                return false;
        }
    }
    return true;
}

/* What fails to build or to run is not right either; a device that is lost says it again outside. */
static bool computes(struct device *device, const struct gemm_unit *unit, struct gemm product, const float *a,
                     const float *b, float *c) {
    gemm_unit_set(device, unit);
    bool right = gemm_tiles.run(device, &product) == STATUS_OK &&
                 device_read(device, product.c, 0, c, ROWS * COLUMNS * sizeof *c) == STATUS_OK && is_right(a, b, c);
    gemm_unit_set(device, NULL);
    return right;
}

static status try_units(struct device *device, int factors, struct gemm product, float *a, float *b, float *c,
                        const struct gemm_unit **unit) {
    int lanes = device_shape(device).lanes;
    for (int i = 0; i < ROWS * DEPTH; i++)
        a[i] = number_at(i, 11);
    for (int i = 0; i < DEPTH * COLUMNS; i++)
        b[i] = number_at(i, 13);
    TRY(device_write(device, product.a, 0, a, ROWS * DEPTH * sizeof *a));
    TRY(device_write(device, product.b, 0, b, DEPTH * COLUMNS * sizeof *b));
    for (int i = 0; i < gemm_unit_count && !*unit; i++)
        if (gemm_units[i].factors == factors && lanes % gemm_units[i].wave == 0 &&
            computes(device, &gemm_units[i], product, a, b, c))
            *unit = &gemm_units[i];
    return STATUS_OK;
}

status gemm_units_probe(struct device *device, int factors, const struct gemm_unit **unit) {
    float *a = memory_allocate(ROWS * DEPTH, sizeof *a), *b = memory_allocate(DEPTH * COLUMNS, sizeof *b);
    float *c = memory_allocate(ROWS * COLUMNS, sizeof *c);
    struct gemm product = {
        .m = ROWS, .n = COLUMNS, .k = DEPTH, .alpha = 1, .lda = DEPTH, .ldb = COLUMNS, .ldc = COLUMNS, .batch = 1};
    *unit = NULL;
    status outcome = device_buffer_create(device, ROWS * DEPTH * sizeof *a, &product.a);
    if (outcome == STATUS_OK)
        outcome = device_buffer_create(device, DEPTH * COLUMNS * sizeof *b, &product.b);
    if (outcome == STATUS_OK)
        outcome = device_buffer_create(device, ROWS * COLUMNS * sizeof *c, &product.c);
    if (outcome == STATUS_OK)
        outcome = try_units(device, factors, product, a, b, c, unit);
    device_buffer_destroy(device, product.a);
    device_buffer_destroy(device, product.b);
    device_buffer_destroy(device, product.c);
    free(a);
    free(b);
    free(c);
    return outcome;
}
