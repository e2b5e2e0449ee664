/* The bounds that efficiencies are shares of. */
#include "bench.h"

#include "base/progress.h"
#include "starcl/constants.h"

enum { STEPS = 4096, GROUPS_A_UNIT = 64, READ_FLOATS_A_GROUP = 1 << 16 };

/* What is read in one go: more than caches hold, of which GPUs with memory of their own have up to 256 MiB. */
enum { READ_MEBIBYTES = 256, READ_MEBIBYTES_OWN = 2048 };

struct peak {
    struct device *device;
    cl_mem from, out;
    size_t groups;
    double bytes;
};

static status multiply_add(void *context) {
    struct peak *peak = context;
    return LAUNCH(peak->device, ((struct kernel_name){"peaks", "multiply_add", NULL}),
                  ((struct launch_groups){peak->groups, 1, 1}), argument_buffer(peak->out), argument_int(STEPS),
                  argument_float(0.5f), argument_float(1.0f));
}

static status read_all(void *context) {
    struct peak *peak = context;
    return LAUNCH(peak->device, ((struct kernel_name){"peaks", "read_all", NULL}),
                  ((struct launch_groups){peak->groups, 1, 1}), argument_buffer(peak->from),
                  argument_int(READ_FLOATS_A_GROUP), argument_buffer(peak->out));
}

static status measure_multiply_adds(struct bench *bench, struct peak *peak) {
    struct device_shape shape = device_shape(bench->device);
    double seconds;
    peak->groups = (size_t)device_information(bench->device)->compute_units * GROUPS_A_UNIT;
    TRY(device_buffer_create(bench->device, peak->groups * (size_t)shape.lanes * sizeof(float), &peak->out));
    TRY(bench_time_best(bench, multiply_add, peak, &seconds));
    double operations = 2.0 * STAR_PEAK_CHAINS * STEPS * (double)peak->groups * shape.lanes * shape.width;
    bench->peaks.gflops = operations / seconds * 1e-9;
    return STATUS_OK;
}

static status prepare_reading(const struct bench *bench, struct peak *peak) {
    const struct device_information *device = device_information(bench->device);
    size_t bytes = (size_t)(device->own_memory ? READ_MEBIBYTES_OWN : READ_MEBIBYTES) << 20;
    size_t quarter = device->global_bytes / 4;
    size_t largest = device->largest_buffer_bytes < quarter ? device->largest_buffer_bytes : quarter;
    size_t group_bytes = READ_FLOATS_A_GROUP * sizeof(float);
    peak->groups = (bytes < largest ? bytes : largest) / group_bytes;
    peak->bytes = (double)(peak->groups * group_bytes);
    TRY(device_buffer_create(bench->device, peak->groups * (size_t)device_shape(bench->device).lanes * sizeof(float),
                             &peak->out));
    TRY(device_buffer_create(bench->device, peak->groups * group_bytes, &peak->from));
    return device_fill_zero(bench->device, peak->from, 0, peak->groups * group_bytes);
}

static status measure_reading(struct bench *bench, struct peak *peak) {
    double seconds;
    TRY(prepare_reading(bench, peak));
    TRY(bench_time_best(bench, read_all, peak, &seconds));
    bench->peaks.read_gbytes = peak->bytes / seconds * 1e-9;
    return STATUS_OK;
}

static void release(struct peak *peak) {
    device_buffer_destroy(peak->device, peak->from);
    device_buffer_destroy(peak->device, peak->out);
}

static status with_buffers(struct bench *bench, status (*measure)(struct bench *bench, struct peak *peak)) {
    struct peak peak = {.device = bench->device};
    status outcome = measure(bench, &peak);
    release(&peak);
    return outcome;
}

status bench_time_beside_reading(const struct bench *bench, status (*work)(void *context), void *context, double bytes,
                                 double *seconds, double *share) {
    struct peak peak = {.device = bench->device};
    double read_share;
    status outcome = prepare_reading(bench, &peak);
    if (outcome == STATUS_OK)
        outcome = bench_time_in_turn(bench, work, context, read_all, &peak, seconds, &read_share);
    if (outcome == STATUS_OK)
        *share = read_share * bytes / peak.bytes;
    release(&peak);
    return outcome;
}

status bench_measure_peaks(struct bench *bench) {
    static const bool transposes[][2] = {{false, false}, {false, true}, {true, false}};
    progress_update("peaks");
    TRY(with_buffers(bench, measure_multiply_adds));
    TRY(with_buffers(bench, measure_reading));
    for (int i = 0; i < 3; i++) {
        double gflops;
        TRY(bench_product(bench, 1024, 1024, 1024, transposes[i][0], transposes[i][1], &gflops));
        if (gflops > bench->peaks.gemm_gflops)
            bench->peaks.gemm_gflops = gflops;
    }
    return STATUS_OK;
}
