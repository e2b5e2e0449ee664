#include "device/gemm_provider.h"

#include <clblast_c.h>

static status run(struct device *device, const struct gemm *gemm) {
    cl_command_queue queue = device_queue(device);
    CLBlastTranspose transpose_a = gemm->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose transpose_b = gemm->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t m = (size_t)gemm->m, n = (size_t)gemm->n, k = (size_t)gemm->k;
    size_t lda = (size_t)gemm->lda, ldb = (size_t)gemm->ldb, ldc = (size_t)gemm->ldc;
    int code = gemm->batch == 1
                   ? CLBlastSgemm(CLBlastLayoutRowMajor, transpose_a, transpose_b, m, n, k, gemm->alpha, gemm->a, 0,
                                  lda, gemm->b, 0, ldb, gemm->beta, gemm->c, 0, ldc, &queue, NULL)
                   : CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, transpose_a, transpose_b, m, n, k, gemm->alpha,
                                                gemm->a, 0, lda, (size_t)gemm->a_step, gemm->b, 0, ldb,
                                                (size_t)gemm->b_step, gemm->beta, gemm->c, 0, ldc, (size_t)gemm->c_step,
                                                (size_t)gemm->batch, &queue, NULL);
    return opencl_check(code, "CLBlast GEMM of %d x %d x %d", gemm->m, gemm->n, gemm->k);
}

/* CLBlast keeps programs, and with them contexts, until the process ends, when a driver may be gone already. */
static void release(void) {
    (void)CLBlastClearCache();
}

const struct gemm_provider gemm_clblast = {"clblast", run, release};
