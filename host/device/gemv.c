#include "device/gemv.h"

#include "starcl/arguments.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Where a group has many lanes, of which each takes four columns: the columns of a strip, which are a cache line of
 * floats of each row, and at least a sector of it.
 */
enum { MOST_COLUMNS = 32, LEAST_COLUMNS = 8, LANE_COLUMNS = 4 };

bool gemv_takes(const struct gemm *gemm) {
    return !gemm->transpose_a && !gemm->transpose_b && gemm->ldb == gemm->n && !(gemm->a_gain && gemm->batch > 1);
}

static bool is_dense(const struct gemm *gemm) {
    return gemm->batch == 1 && gemm->ldc == gemm->n && gemm->beta == 0;
}

bool gemv_takes_together(const struct gemm *one, const struct gemm *other) {
    return gemv_takes(one) && gemv_takes(other) && is_dense(one) && is_dense(other) && one->a == other->a &&
           one->m == other->m && one->k == other->k && one->lda == other->lda && one->alpha == other->alpha &&
           one->half_b == other->half_b && one->a_gain == other->a_gain && one->a_gate == other->a_gate;
}

static int most_columns_of_lanes(int lanes) {
    return lanes * LANE_COLUMNS < MOST_COLUMNS ? lanes * LANE_COLUMNS : MOST_COLUMNS;
}

/* Columns of a group that has all it can take, and of a panel of halves. */
static int full_strip(struct device_shape shape) {
    return shape.lanes == 1 ? STAR_GEMV_VECTORS * shape.width : most_columns_of_lanes(shape.lanes);
}

/*
 * Narrower where full strips would leave cores without work. Floats of a core's own have no panels, and take what
 * leaves them some. A GPU's core wants several groups, because each has a few KiB under way, and its memory is as fast
 * as it can be with some 16 KiB a core.
 */
static int strip_columns(struct device *device, const struct gemm *gemms, int count) {
    enum { GROUPS_A_UNIT = 4 };
    struct device_shape shape = device_shape(device);
    int units = (int)device_information(device)->compute_units, strip = full_strip(shape), columns = 0;
    for (int i = 0; i < count; i++)
        columns += gemms[i].n;
    if (shape.lanes == 1 && gemms[0].half_b)
        return columns >= 2 * units * strip ? strip : 2 * shape.width;
    if (shape.lanes == 1) {
        strip = STAR_GEMV_STRIP;
        while (columns < 2 * units * strip && strip / 2 >= 2 * shape.width)
            strip /= 2;
        return strip;
    }
    int64_t work = (int64_t)columns * gemms[0].m * gemms[0].batch;
    while (strip > LEAST_COLUMNS && work < (int64_t)GROUPS_A_UNIT * units * strip)
        strip /= 2;
    return strip;
}

status gemv(struct device *device, const struct gemm *gemms, int count) {
    enum { BEFORE = 4, ARGUMENTS = BEFORE + 2 * GEMV_TOGETHER };
    const struct gemm *first = &gemms[0];
    int strip = strip_columns(device, gemms, count);
    struct gemv_sizes sizes = {.k = first->k,
                               .x_stride = first->lda,
                               .y_stride = count == 1 ? first->ldc : 0,
                               .x_step = first->a_step,
                               .w_step = first->b_step,
                               .y_step = first->c_step,
                               .strip = strip,
                               .panel = first->half_b ? full_strip(device_shape(device)) : INT_MAX,
                               .alpha = first->alpha,
                               .beta = first->beta};
    struct kernel_argument arguments[ARGUMENTS] = {argument_buffer(first->a),
                                                   argument_buffer(first->a_gain   ? first->a_gain
                                                                   : first->a_gate ? first->a_gate
                                                                                   : first->a),
                                                   argument_buffer(first->addend ? first->addend : first->c),
                                                   argument_struct(&sizes, sizeof sizes)};
    size_t strips = 0;
    for (int i = 0; i < GEMV_TOGETHER; i++) {
        const struct gemm *product = &gemms[i < count ? i : 0];
        arguments[BEFORE + i] = argument_buffer(product->b);
        arguments[BEFORE + GEMV_TOGETHER + i] = argument_buffer(product->c);
        sizes.n[i] = i < count ? product->n : 0;
        strips += divide_up((size_t)sizes.n[i], (size_t)strip);
    }
    char options[64];
    snprintf(options, sizeof options, "%s%s", first->half_b ? " -DHALVES=1" : "", first->a_gain ? " -DNORMED=1" : "");
    if (first->a_gate)
        snprintf(options, sizeof options, "%s -DGATE=%d", first->half_b ? " -DHALVES=1" : "", first->gate_nonlinearity);
    struct kernel_name name = {"gemv", "gemv", options};
    struct launch_groups groups = {strips, (size_t)first->m, (size_t)first->batch};
    return device_launch(device, name, groups, arguments, ARGUMENTS);
}

status gemm_halve(struct device *device, cl_mem floats, cl_mem halves, int k, int n, int batch) {
    struct launch_groups groups = groups_rows(device_shape(device), k);
    groups.y = (size_t)batch;
    return LAUNCH(device, ((struct kernel_name){"gemv", "halve_matrix", NULL}), groups, argument_buffer(floats),
                  argument_buffer(halves), argument_int(k), argument_int(n),
                  argument_int(full_strip(device_shape(device))));
}
