/* The GEMM for devices whose work-groups each run on one core: cl/gemm.cl says how it works. */
#include "device/gemm_provider.h"
#include "starcl/constants.h"

enum { ROW_BLOCK = 96 };

static size_t divide_up(int count, int by) {
    return ((size_t)count + (size_t)by - 1) / (size_t)by;
}

static status run(struct device *device, const struct gemm *gemm) {
    cl_mem b = gemm->b;
    if (gemm->transpose_b) {
        TRY(gemm_scratch(device, sizeof(float) * (size_t)gemm->n * (size_t)gemm->k, &b));
        struct launch_groups tiles = {divide_up(gemm->k, STAR_TRANSPOSE_TILE), divide_up(gemm->n, STAR_TRANSPOSE_TILE),
                                      1};
        TRY(LAUNCH(device, ((struct kernel_name){"gemm", "transpose", NULL}), tiles, argument_buffer(gemm->b),
                   argument_buffer(b), argument_int(gemm->n), argument_int(gemm->k)));
    }
    int a_row_stride = gemm->transpose_a ? 1 : gemm->k, a_k_stride = gemm->transpose_a ? gemm->m : 1;
    int panel = 2 * device_shape(device).width;
    struct launch_groups groups = {divide_up(gemm->n, panel), divide_up(gemm->m, ROW_BLOCK), 1};
    return LAUNCH(device, ((struct kernel_name){"gemm", "gemm_panel", NULL}), groups, argument_buffer(gemm->a),
                  argument_buffer(b), argument_buffer(gemm->c), argument_int(gemm->m), argument_int(gemm->n),
                  argument_int(gemm->k), argument_int(a_row_stride), argument_int(a_k_stride),
                  argument_float(gemm->alpha), argument_float(gemm->beta), argument_int(ROW_BLOCK));
}

const struct gemm_provider gemm_panel = {"panel", run, NULL};
