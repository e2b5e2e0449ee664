/*
 * CLBlast's products. Its kernels make C column by column, so it is told to compute C^T = B^T A^T, which is the same
 * numbers in the same places: of rows it would transpose C before and behind each product.
 *
 * What it thinks small it computes where it lies, in one launch. Its kernel for larger products wants matrices in whole
 * tiles, in one order and from the beginning of a buffer, and those that are not so are copied into temporaries, which
 * are scratch of ours. Of large batches it would allocate temporaries itself, so those are computed one by one.
 */
#include "device/gemm_provider.h"

#include <clblast_c.h>

/* Elements before a matrix in its buffer. */
struct offsets {
    size_t a, b, c;
};

static CLBlastTranspose transposed(bool transpose) {
    return transpose ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static size_t temporary_bytes(struct device *device, const struct gemm *gemm, struct offsets offsets) {
    cl_command_queue queue = device_queue(device);
    size_t bytes = 0;
    int code =
        CLBlastSGemmTempBufferSize(CLBlastLayoutColMajor, transposed(gemm->transpose_b), transposed(gemm->transpose_a),
                                   (size_t)gemm->n, (size_t)gemm->m, (size_t)gemm->k, offsets.b, (size_t)gemm->ldb,
                                   offsets.a, (size_t)gemm->lda, offsets.c, (size_t)gemm->ldc, &queue, &bytes);
    return code == CLBlastSuccess ? bytes : 0;
}

/* Whether it is computed where it lies: the other kernel copies whatever does not begin at the beginning. */
static bool is_small(struct device *device, const struct gemm *gemm) {
    return temporary_bytes(device, gemm, (struct offsets){1, 1, 1}) == 0;
}

static struct offsets offsets_of(const struct gemm *gemm, int member) {
    size_t index = (size_t)member;
    return (struct offsets){index * (size_t)gemm->a_step, index * (size_t)gemm->b_step, index * (size_t)gemm->c_step};
}

static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    size_t first = temporary_bytes(device, gemm, offsets_of(gemm, 0));
    size_t last = temporary_bytes(device, gemm, offsets_of(gemm, gemm->batch - 1));
    return last > first ? last : first;
}

/* The product, and what it copies: each of A and B that is, and C before it, where it is read, and behind it. */
static void count(struct device *device, const struct gemm *gemm, struct offsets offsets, cl_mem scratch) {
    const cl_mem matrices[] = {gemm->a, gemm->b, gemm->c, scratch};
    if (!device_is_counted(device))
        return;
    device_count_others(device, "clblast gemm", 1, matrices, 4);
    if (!scratch)
        return;
    const struct offsets moved[] = {{1, offsets.b, offsets.c}, {offsets.a, 1, offsets.c}, {offsets.a, offsets.b, 1}};
    const long long copies[] = {1, 1, gemm->beta != 0 ? 2 : 1};
    size_t bytes = temporary_bytes(device, gemm, offsets);
    for (int i = 0; i < 3; i++)
        if (temporary_bytes(device, gemm, moved[i]) == bytes)
            device_count_others(device, "clblast copy", copies[i], &matrices[i], 1);
}

static status run_one(struct device *device, const struct gemm *gemm, struct offsets offsets) {
    cl_command_queue queue = device_queue(device);
    size_t scratch_needed = temporary_bytes(device, gemm, offsets);
    cl_mem scratch = NULL;
    if (scratch_needed > 0)
        TRY(gemm_scratch(device, scratch_needed, &scratch));
    count(device, gemm, offsets, scratch);
    return opencl_check(CLBlastSgemmWithTempBuffer(CLBlastLayoutColMajor, transposed(gemm->transpose_b),
                                                   transposed(gemm->transpose_a), (size_t)gemm->n, (size_t)gemm->m,
                                                   (size_t)gemm->k, gemm->alpha, gemm->b, offsets.b, (size_t)gemm->ldb,
                                                   gemm->a, offsets.a, (size_t)gemm->lda, gemm->beta, gemm->c,
                                                   offsets.c, (size_t)gemm->ldc, &queue, NULL, scratch),
                        "CLBlast GEMM of %d x %d x %d", gemm->m, gemm->n, gemm->k);
}

static status run_batch(struct device *device, const struct gemm *gemm) {
    cl_command_queue queue = device_queue(device);
    const cl_mem matrices[] = {gemm->a, gemm->b, gemm->c};
    device_count_others(device, "clblast gemm", 1, matrices, 3);
    return opencl_check(CLBlastSgemmStridedBatched(CLBlastLayoutColMajor, transposed(gemm->transpose_b),
                                                   transposed(gemm->transpose_a), (size_t)gemm->n, (size_t)gemm->m,
                                                   (size_t)gemm->k, gemm->alpha, gemm->b, 0, (size_t)gemm->ldb,
                                                   (size_t)gemm->b_step, gemm->a, 0, (size_t)gemm->lda,
                                                   (size_t)gemm->a_step, gemm->beta, gemm->c, 0, (size_t)gemm->ldc,
                                                   (size_t)gemm->c_step, (size_t)gemm->batch, &queue, NULL),
                        "CLBlast GEMM of %d times %d x %d x %d", gemm->batch, gemm->m, gemm->n, gemm->k);
}

static status run(struct device *device, const struct gemm *gemm) {
    if (gemm->batch > 1 && is_small(device, gemm))
        return run_batch(device, gemm);
    for (int member = 0; member < gemm->batch; member++)
        TRY(run_one(device, gemm, offsets_of(gemm, member)));
    return STATUS_OK;
}

/* CLBlast keeps programs, and with them contexts, until the process ends, when a driver may be gone already. */
static void release(void) {
    (void)CLBlastClearCache();
}

const struct gemm_provider gemm_clblast = {
    .name = "clblast", .takes_addend = false, .run = run, .scratch_bytes = scratch_bytes, .release = release};
