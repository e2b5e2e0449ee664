#include "device/gemm_provider.h"

#include <clblast_c.h>

static status run(struct device *device, const struct gemm *gemm) {
    cl_command_queue queue = device_queue(device);
    CLBlastTranspose transpose_a = gemm->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose transpose_b = gemm->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t m = (size_t)gemm->m, n = (size_t)gemm->n, k = (size_t)gemm->k;
    int code = CLBlastSgemm(CLBlastLayoutRowMajor, transpose_a, transpose_b, m, n, k, gemm->alpha, gemm->a, 0,
                            gemm->transpose_a ? m : k, gemm->b, 0, gemm->transpose_b ? k : n, gemm->beta, gemm->c, 0, n,
                            &queue, NULL);
    return opencl_check(code, "CLBlast GEMM of %d x %d x %d", gemm->m, gemm->n, gemm->k);
}

/* CLBlast keeps programs, and with them contexts, until the process ends, when a driver may be gone already. */
static void release(void) {
    (void)CLBlastClearCache();
}

const struct gemm_provider gemm_clblast = {"clblast", run, release};
