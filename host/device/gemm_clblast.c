#include "device/gemm_provider.h"

#include <clblast_c.h>

static CLBlastTranspose transposed(bool transpose) {
    return transpose ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* Padded copies of the matrices. What batched products need is CLBlast's own affair: it has no call that says how much.
 */
static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    cl_command_queue queue = device_queue(device);
    size_t bytes = 0;
    if (gemm->batch != 1 ||
        CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, transposed(gemm->transpose_a), transposed(gemm->transpose_b),
                                   (size_t)gemm->m, (size_t)gemm->n, (size_t)gemm->k, 0, (size_t)gemm->lda, 0,
                                   (size_t)gemm->ldb, 0, (size_t)gemm->ldc, &queue, &bytes) != CLBlastSuccess)
        return 0;
    return bytes;
}

static status run(struct device *device, const struct gemm *gemm) {
    cl_command_queue queue = device_queue(device);
    CLBlastTranspose transpose_a = transposed(gemm->transpose_a), transpose_b = transposed(gemm->transpose_b);
    size_t scratch_needed = scratch_bytes(device, gemm);
    cl_mem scratch = NULL;
    if (scratch_needed > 0)
        TRY(gemm_scratch(device, scratch_needed, &scratch));
    size_t m = (size_t)gemm->m, n = (size_t)gemm->n, k = (size_t)gemm->k;
    size_t lda = (size_t)gemm->lda, ldb = (size_t)gemm->ldb, ldc = (size_t)gemm->ldc;
    int code =
        gemm->batch == 1
            ? CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, transpose_a, transpose_b, m, n, k, gemm->alpha, gemm->a,
                                         0, lda, gemm->b, 0, ldb, gemm->beta, gemm->c, 0, ldc, &queue, NULL, scratch)
            : CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, transpose_a, transpose_b, m, n, k, gemm->alpha, gemm->a,
                                         0, lda, (size_t)gemm->a_step, gemm->b, 0, ldb, (size_t)gemm->b_step,
                                         gemm->beta, gemm->c, 0, ldc, (size_t)gemm->c_step, (size_t)gemm->batch, &queue,
                                         NULL);
    return opencl_check(code, "CLBlast GEMM of %d x %d x %d", gemm->m, gemm->n, gemm->k);
}

/* CLBlast keeps programs, and with them contexts, until the process ends, when a driver may be gone already. */
static void release(void) {
    (void)CLBlastClearCache();
}

const struct gemm_provider gemm_clblast = {"clblast", false, run, scratch_bytes, release};
