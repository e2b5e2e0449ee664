#include "ops/narrow.h"

#include "starcl/arguments.h"

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

/* Groups over the longest tensor, for each of them; what is not there stands for the first. */
static status convert(struct device *device, const char *kernel, enum dtype dtype, const struct narrow_pair *pairs,
                      int count) {
    struct narrow_counts counts = {{0}};
    struct kernel_argument arguments[2 * NARROW_TOGETHER + 1];
    size_t longest = 0;
    for (int i = 0; i < NARROW_TOGETHER; i++) {
        const struct narrow_pair *pair = &pairs[i < count ? i : 0];
        counts.elements[i] = i < count ? (int)pair->elements : 0;
        longest = pair->elements > longest ? pair->elements : longest;
        arguments[i] = argument_buffer(pair->wide);
        arguments[NARROW_TOGETHER + i] = argument_buffer(pair->narrow);
    }
    arguments[2 * NARROW_TOGETHER] = argument_struct(&counts, sizeof counts);
    struct launch_groups groups = groups_flat(device_shape(device), longest);
    groups.y = (size_t)count;
    return device_launch(device, (struct kernel_name){"narrow", kernel, dtypes[dtype].options}, groups, arguments,
                         2 * NARROW_TOGETHER + 1);
}

status narrow_store(struct device *device, enum dtype dtype, const struct narrow_pair *pairs, int count) {
    return convert(device, "narrow_store", dtype, pairs, count);
}

status narrow_load(struct device *device, enum dtype dtype, const struct narrow_pair *pairs, int count) {
    return convert(device, "narrow_load", dtype, pairs, count);
}
