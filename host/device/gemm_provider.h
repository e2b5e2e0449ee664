/* What a GEMM provider is to gemm.c. A new one is a file with this row and its name in the table there. */
#ifndef STARCL_DEVICE_GEMM_PROVIDER_H
#define STARCL_DEVICE_GEMM_PROVIDER_H

#include "device/gemm.h"
#include "device/shape.h"

struct gemm_provider {
    const char *name;
    bool takes_addend;
    /* lda, ldb, ldc and batch are never 0 here, B is float32, and addend is NULL unless the provider takes one. */
    status (*run)(struct device *device, const struct gemm *gemm);
    /* The bytes of gemm_scratch() that run() will ask for. */
    size_t (*scratch_bytes)(struct device *device, const struct gemm *gemm);
    void (*release)(void); /* when a device closes; may be NULL */
};

extern const struct gemm_provider gemm_clblast, gemm_panel;

/* By its name, NULL if there is none; and whether a provider can work on the device. */
const struct gemm_provider *gemm_provider_find(const char *name);
bool gemm_provider_fits(const struct gemm_provider *provider, const struct device *device);

/* How the panel provider blocks: as the device was tuned, or else as its shape says. */
struct product_blocks gemm_blocks(struct device *device);

/* A buffer of at least `bytes` that the provider may use until its next call; owned by the device. */
status gemm_scratch(struct device *device, size_t bytes, cl_mem *scratch) MUST_CHECK;

#endif
