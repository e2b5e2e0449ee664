/* The GEMM for devices whose work-groups each run on one core: cl/gemm.cl says how it works. */
#include "device/gemm_provider.h"
#include "starcl/constants.h"

enum { ROW_BLOCK = 96 };

static size_t divide_up(int count, int by) {
    return ((size_t)count + (size_t)by - 1) / (size_t)by;
}

/* B transposed. */
static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    (void)device;
    return gemm->transpose_b ? sizeof(float) * (size_t)gemm->n * (size_t)gemm->k * (size_t)gemm->batch : 0;
}

/* One row times a dense matrix as it lies: what decoding does, and what cl/gemm.cl's gemm_thin is for. */
static bool is_thin(const struct gemm *gemm) {
    return gemm->m == 1 && gemm->batch == 1 && !gemm->transpose_a && !gemm->transpose_b && gemm->ldb == gemm->n &&
           gemm->alpha == 1 && (gemm->beta == 0 || (gemm->beta == 1 && gemm->addend));
}

static cl_mem addend_of(const struct gemm *gemm) {
    return gemm->addend ? gemm->addend : gemm->c;
}

/*
 * Strips as wide as a group's registers allow, or narrower where that would leave cores without work.
 */
static int strip_columns(struct device *device, const struct gemm *gemms, int count) {
    int width = device_shape(device).width, columns = 0;
    int units = (int)device_information(device)->compute_units;
    for (int i = 0; i < count; i++)
        columns += gemms[i].n;
    return columns >= 2 * units * STAR_THIN_VECTORS * width ? STAR_THIN_VECTORS * width : 2 * width;
}

static status run_thin(struct device *device, const struct gemm *gemms, int count) {
    int strip = strip_columns(device, gemms, count);
    struct gemm g[GEMM_TOGETHER];
    size_t strips = 0;
    for (int i = 0; i < GEMM_TOGETHER; i++) {
        g[i] = gemms[i < count ? i : 0];
        g[i].n = i < count ? g[i].n : 0;
        strips += divide_up(g[i].n, strip);
    }
    return LAUNCH(device, ((struct kernel_name){"gemm", "gemm_thin", NULL}), ((struct launch_groups){strips, 1, 1}),
                  argument_buffer(g[0].a), argument_int(g[0].k), argument_int(strip), argument_float(g[0].beta),
                  argument_buffer(addend_of(&g[0])), argument_buffer(g[0].b), argument_buffer(g[0].c),
                  argument_int(g[0].n), argument_buffer(g[1].b), argument_buffer(g[1].c), argument_int(g[1].n),
                  argument_buffer(g[2].b), argument_buffer(g[2].c), argument_int(g[2].n), argument_buffer(g[3].b),
                  argument_buffer(g[3].c), argument_int(g[3].n));
}

static status run(struct device *device, const struct gemm *gemm) {
    cl_mem b = gemm->b;
    int ldb = gemm->ldb, b_step = gemm->b_step;
    size_t batch = (size_t)gemm->batch;
    if (is_thin(gemm))
        return run_thin(device, gemm, 1);
    if (gemm->transpose_b) {
        TRY(gemm_scratch(device, scratch_bytes(device, gemm), &b));
        struct launch_groups tiles = {divide_up(gemm->k, STAR_TRANSPOSE_ROWS), batch, 1};
        TRY(LAUNCH(device, ((struct kernel_name){"gemm", "transpose", NULL}), tiles, argument_buffer(gemm->b),
                   argument_buffer(b), argument_int(gemm->n), argument_int(gemm->k), argument_int(gemm->ldb),
                   argument_int(gemm->b_step)));
        ldb = gemm->n;
        b_step = gemm->n * gemm->k;
    }
    int a_row_stride = gemm->transpose_a ? 1 : gemm->lda, a_k_stride = gemm->transpose_a ? gemm->lda : 1;
    struct launch_groups groups = {divide_up(gemm->n, 2 * device_shape(device).width), divide_up(gemm->m, ROW_BLOCK),
                                   batch};
    return LAUNCH(device, ((struct kernel_name){"gemm", "gemm_panel", NULL}), groups, argument_buffer(gemm->a),
                  argument_buffer(b), argument_buffer(gemm->c), argument_buffer(addend_of(gemm)), argument_int(gemm->m),
                  argument_int(gemm->n), argument_int(gemm->k), argument_int(a_row_stride), argument_int(a_k_stride),
                  argument_int(ldb), argument_int(gemm->ldc), argument_int(gemm->a_step), argument_int(b_step),
                  argument_int(gemm->c_step), argument_float(gemm->alpha), argument_float(gemm->beta),
                  argument_int(ROW_BLOCK));
}

static status run_together(struct device *device, const struct gemm *gemms, int count) {
    bool thin = true;
    for (int i = 0; i < count; i++)
        thin = thin && is_thin(&gemms[i]) && (count == 1 || gemms[i].beta == 0);
    if (thin)
        return run_thin(device, gemms, count);
    for (int i = 0; i < count; i++)
        TRY(run(device, &gemms[i]));
    return STATUS_OK;
}

const struct gemm_provider gemm_panel = {"panel", true, run, run_together, scratch_bytes, NULL};
