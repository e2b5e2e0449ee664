#include "ops/narrow.h"

#include <stdint.h>

static const struct dtype_row {
    size_t bytes;
    const char *options; /* of cl/narrow.cl */
} dtypes[] = {
    [DTYPE_FLOAT32] = {sizeof(float), NULL},
    [DTYPE_BFLOAT16] = {sizeof(uint16_t), "-DBFLOAT16=1"},
    [DTYPE_FLOAT16] = {sizeof(uint16_t), "-DBFLOAT16=0"},
};

size_t dtype_bytes(enum dtype dtype, size_t elements) {
    return tensor_bytes(elements) / sizeof(float) * dtypes[dtype].bytes;
}

static status convert(struct device *device, const char *kernel, enum dtype dtype, cl_mem from, cl_mem to,
                      size_t elements) {
    return LAUNCH(device, ((struct kernel_name){"narrow", kernel, dtypes[dtype].options}),
                  groups_flat(device_shape(device), elements), argument_buffer(from), argument_buffer(to),
                  argument_int((int)elements));
}

status narrow_store(struct device *device, enum dtype dtype, cl_mem wide, cl_mem narrow, size_t elements) {
    return convert(device, "narrow_store", dtype, wide, narrow, elements);
}

status narrow_load(struct device *device, enum dtype dtype, cl_mem narrow, cl_mem wide, size_t elements) {
    return convert(device, "narrow_load", dtype, narrow, wide, elements);
}
