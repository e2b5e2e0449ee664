/*
 * Which GEMM provider a device uses for which products. Without tuning it is one provider for all; `starcl tune` keeps
 * what it measured in a file of the user's cache folder, one for each device, driver and version of starcl.
 */
#ifndef STARCL_DEVICE_GEMM_CHOICE_H
#define STARCL_DEVICE_GEMM_CHOICE_H

#include "device/clblast_parameters.h"
#include "device/gemm_provider.h"

/* Products that behave alike. What is neither of a weight's gradient nor of an input's counts as forward. */
enum gemm_class {
    GEMM_THIN, /* few rows; a single one is gemv's */
    GEMM_FORWARD,
    GEMM_INPUT_GRADIENT,  /* B transposed */
    GEMM_WEIGHT_GRADIENT, /* A transposed */
    GEMM_LARGE_FORWARD,
    GEMM_LARGE_INPUT_GRADIENT,
    GEMM_LARGE_WEIGHT_GRADIENT,
    GEMM_CLASSES
};

enum {
    GEMM_THIN_ROWS = 8,
    GEMM_LARGE_EDGE = 400 /* large: m n k of one product is at least this cubed */
};

enum gemm_class gemm_class_of(const struct gemm *gemm);
/* "thin", "forward", "large weight gradient", ... */
const char *gemm_class_name(enum gemm_class kind);

/* What is tuned of the panel kernel's blocks (struct product_blocks); not given: the device's shape says all of it. */
struct block_choice {
    bool given;
    enum packing packing;
    int block_rows, block_k, tile_columns;
};

/* {"block_rows": ..., "packing": "B"}; the caller deletes it. */
cJSON *gemm_blocks_print(const struct block_choice *blocks);

/* Which of the shape's tiles (shape_product_tiles()) the tiles provider makes; not given: it goes by a product's size.
 */
struct tile_choice {
    bool given;
    int which[GEMM_CLASSES];
};

struct gemm_choice {
    const struct gemm_provider *providers[GEMM_CLASSES];
    struct clblast_parameters clblast; /* for all products that CLBlast computes */
    struct block_choice blocks;        /* for all of the panel kernel */
    struct tile_choice tiles;
    bool tuned;
};

/* One provider for every class, CLBlast as packaged, blocks as the shape says, tiles as a product's size does. */
struct gemm_choice gemm_choice_of(const struct gemm_provider *provider);
bool gemm_choice_uses(const struct gemm_choice *choice, const struct gemm_provider *provider);

enum { GEMM_CHOICE_NAME_BYTES = 80 };
/* "panel", or "tuned 1f3c09ab: panel, clblast"; the digits name the whole choice. Writes to name and returns it. */
const char *gemm_choice_describe(const struct gemm_choice *choice, char name[GEMM_CHOICE_NAME_BYTES]);

/*
 * What was tuned for the device. False where nothing was, or the file is damaged or holds what this version or the
 * device does not know.
 */
bool gemm_choice_read(const struct device_information *device, struct gemm_choice *choice);
/* Keeps it and tells the file's path (may be NULL). */
status gemm_choice_write(const struct device_information *device, const struct gemm_choice *choice, char *path,
                         size_t path_bytes) MUST_CHECK;

/* All products of the device are computed so from now on. */
status gemm_use(struct device *device, const struct gemm_choice *choice) MUST_CHECK;

#endif
