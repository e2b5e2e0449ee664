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
    /*
     * The same for up to STAR_TILES_TOGETHER products in one launch, no batches, with one m, alpha, beta and way of
     * transposing: terms have one C and n, and the first's D, sides one A and k. NULL: one after the other.
     */
    status (*run_together)(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count);
    size_t (*together_bytes)(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count);
    void (*release)(void); /* when a device closes; may be NULL */
};

extern const struct gemm_provider gemm_clblast, gemm_panel, gemm_tiles;

/* By its name, NULL if there is none; and whether a provider can work on the device. */
const struct gemm_provider *gemm_provider_find(const char *name);
bool gemm_provider_fits(const struct gemm_provider *provider, const struct device *device);

/* How the panel provider blocks: as the device was tuned, or else as its shape says. */
struct product_blocks gemm_blocks(struct device *device);

/* Which of the shape's tiles the tiles provider is to make of a product, as the device was tuned; -1: by its size. */
int gemm_tiles_chosen(struct device *device, const struct gemm *completed);

/*
 * Instructions of cl/gpu/matrix_units.cl, with the numbers that they multiply: rows of a table in gemm_units.c. Each needs
 * groups whose lanes are whole waves.
 */
struct gemm_unit {
    int factors;         /* STAR_FACTORS_... */
    const char *name;    /* "mma.sync" */
    int unit, wave;      /* STAR_UNIT_...; lanes */
    const char *options; /* further build options */
};

extern const struct gemm_unit gemm_units[];
extern const int gemm_unit_count;

/* The one that the tiles provider uses on the device, or NULL: the scalar body, in float32. */
const struct gemm_unit *gemm_unit(struct device *device);
/* Uses it from now on. */
void gemm_unit_set(struct device *device, const struct gemm_unit *unit);

/* STAR_FACTORS_... of products in "tf32" and so on, or -1; the word for one, and all of them. */
int gemm_factors_find(const char *products);
const char *gemm_products_names(void);
const char *gemm_factors_name(int factors);

/*
 * The first unit for the factors that compiles for the device and multiplies a small product as it must be: NULL where
 * there is none. The tiles provider must fit the device.
 */
status gemm_units_probe(struct device *device, int factors, const struct gemm_unit **unit) MUST_CHECK;

/* A buffer of at least `bytes` that the provider may use until its next call; owned by the device. */
status gemm_scratch(struct device *device, size_t bytes, cl_mem *scratch) MUST_CHECK;

#endif
