/* The GEMM for devices whose work-groups each run on one core: cl/gemm.cl says how it works. */
#include "device/gemm_provider.h"
#include "starcl/constants.h"

enum { ROW_BLOCK = 96 };

/* B transposed. */
static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    (void)device;
    return gemm->transpose_b ? sizeof(float) * (size_t)gemm->n * (size_t)gemm->k * (size_t)gemm->batch : 0;
}

static cl_mem addend_of(const struct gemm *gemm) {
    return gemm->addend ? gemm->addend : gemm->c;
}

static status run(struct device *device, const struct gemm *gemm) {
    cl_mem b = gemm->b;
    int ldb = gemm->ldb, b_step = gemm->b_step;
    size_t batch = (size_t)gemm->batch;
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

const struct gemm_provider gemm_panel = {"panel", true, run, scratch_bytes, NULL};
