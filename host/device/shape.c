/* For sub-groups, where a device is that new. */
#define CL_TARGET_OPENCL_VERSION 210
#include "device/shape.h"

#include "base/text.h"
#include "device/kernels.h"

#include <stdio.h>

/*
 * The families' numbers were tried against others on an EPYC with PoCL 3.1, for AVX-512, AVX2 and SSE4.1, in turn. How
 * many times as fast as what is here, forward and backward, by medians of which about 0.05 is noise:
 *
 *     attention     together 4: 0.88 to 1.00; 6 and 12: 0.88 to 1.04
 *     linear        chunk 16: 0.76 to 1.00; 64: 0.80 to 0.99
 *     scan          chunk 16: 0.86 to 1.00; 32: 0.90 to 1.07, mostly 0.95; 128: 0.88 to 1.00
 *     convolution   tile 4: 0.80 to 0.92; 6: 0.92 to 1.03; 12: 0.81 to 0.98; radix 2: 0.68 to 0.79
 *
 * A head's keys are shared by `parts` groups for the sake of many cores. On two cores a batch of one sequence of 12
 * heads would be 1.0 to 1.2 times as fast with one, but what comes out must not depend on how many cores there are.
 */
static const struct kind {
    struct device_shape shape;
    struct product_blocks product;
    struct attention_blocks attention;
    struct scan_blocks scan;
    struct convolution_blocks convolution;
} kinds[] = {
    {
        .shape = {.lanes = 1, .width = 16, .items = 64, .rows = 8, .reduction_rows = 64},
        /* 24 sums, 2 vectors of B and a float of A, broadcast, in the 32 registers of AVX-512. */
        .product = {12, 2, 96, 384, 512, 512, 64, 1024, PACK_NOTHING},
        .attention = {.together = 8, .groups = 32, .parts = 8, .chunk = 32, .outputs = 8},
        .scan = {.chunk = 64},
        .convolution = {.tile = 8, .radix = 8, .groups = 32, .weight = 20},
    },
    {
        .shape = {.lanes = 1, .width = 8, .items = 64, .rows = 8, .reduction_rows = 64},
        /* 12 sums, 2 and 1 in the 16 registers of AVX. */
        .product = {6, 2, 96, 384, 512, 512, 32, 0, PACK_B},
        .attention = {.together = 8, .groups = 32, .parts = 8, .chunk = 32, .outputs = 8},
        .scan = {.chunk = 64},
        .convolution = {.tile = 8, .radix = 4, .groups = 32, .weight = 20},
    },
    {
        .shape = {.lanes = 1, .width = 4, .items = 64, .rows = 8, .reduction_rows = 64},
        /* Without fused multiply-adds a product needs a register, too: with 12 sums the compiler spills one. */
        .product = {5, 2, 100, 384, 512, 512, 16, 0, PACK_B},
        .attention = {.together = 8, .groups = 32, .parts = 8, .chunk = 32, .outputs = 8},
        .scan = {.chunk = 64},
        .convolution = {.tile = 8, .radix = 4, .groups = 32, .weight = 20},
    },
    {
        .shape = {.lanes = 64, .width = 1, .items = 4, .rows = 1, .reduction_rows = 64},
        .attention = {.together = 8, .tile = 16, .across = 8, .chunk = 32, .outputs = 4},
        .scan = {.chunk = 16},
        .convolution = {.tile = 8, .radix = 4, .groups = 32},
    },
};
enum { KINDS = sizeof kinds / sizeof *kinds, LANES_KIND = KINDS - 1 };

/* Every number of the families; `macro` is what kernels know it by, NULL where they need not. */
static const struct {
    const char *family, *name, *macro;
    size_t offset;
} numbers[] = {
    {"attention", "together", "TOGETHER", offsetof(struct kind, attention.together)},
    {"attention", "groups", NULL, offsetof(struct kind, attention.groups)},
    {"attention", "parts", NULL, offsetof(struct kind, attention.parts)},
    {"attention", "tile", NULL, offsetof(struct kind, attention.tile)},
    {"attention", "across", "TILE_ACROSS", offsetof(struct kind, attention.across)},
    {"attention", "chunk", "LINEAR_CHUNK", offsetof(struct kind, attention.chunk)},
    {"attention", "outputs", "OUTPUTS_TOGETHER", offsetof(struct kind, attention.outputs)},
    {"scan", "chunk", "SCAN_CHUNK", offsetof(struct kind, scan.chunk)},
    {"convolution", "tile", "LONG_TILE", offsetof(struct kind, convolution.tile)},
    {"convolution", "radix", "RADIX", offsetof(struct kind, convolution.radix)},
    {"convolution", "groups", NULL, offsetof(struct kind, convolution.groups)},
    {"convolution", "weight", NULL, offsetof(struct kind, convolution.weight)},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

/*
 * For many lanes. With 8 x 8 sums a lane four multiply-adds come with each float that is read from local memory, which
 * reads a quarter as many floats a second as GPUs multiply; 4 x 4 are for products too small to keep a device busy
 * otherwise. Registers: 64 sums, 16 factors, and at most 8 floats on their way from memory.
 */
static const struct product_tiles tiles[PRODUCT_TILES] = {{4, 8, 8, 8}, {1, 8, 8, 8}, {1, 4, 4, 16}};

struct product_tiles shape_product_tiles(int which) {
    return tiles[which];
}

int shape_lanes_across(int lanes) {
    int across = 1;
    while (across * across < lanes)
        across *= 2;
    return across;
}

/* The widest kind that is not wider; narrower than the narrowest means that, because vectors cost nothing there. */
static const struct kind *kind_of_width(int width) {
    for (int i = 0; i < LANES_KIND; i++)
        if (kinds[i].shape.width <= width)
            return &kinds[i];
    return &kinds[LANES_KIND - 1];
}

static const struct kind *kind_of(struct device_shape shape) {
    return shape.lanes > 1 ? &kinds[LANES_KIND] : kind_of_width(shape.width);
}

static int number_of(const struct kind *kind, int index) {
    return *(const int *)((const char *)kind + numbers[index].offset);
}

bool shape_number(struct device_shape shape, int index, struct shape_number *number) {
    if (index >= NUMBERS)
        return false;
    *number = (struct shape_number){numbers[index].family, numbers[index].name, number_of(kind_of(shape), index)};
    return true;
}

void shape_build_options(struct device_shape shape, struct text *options) {
    text_append(options, "-cl-std=CL1.2 -DLANES=%d -DWIDTH=%d -DITEMS=%d -DROWS=%d -DREDUCTION_ROWS=%d", shape.lanes,
                shape.width, shape.items, shape.rows, shape.reduction_rows);
    for (int i = 0; i < NUMBERS; i++)
        if (numbers[i].macro)
            text_append(options, " -D%s=%d", numbers[i].macro, number_of(kind_of(shape), i));
}

/* What the compiler predefines, by cl/cpu/vector_width.cl; 0 where that says nothing. */
static status read_width(const struct device_information *information, cl_context context, cl_command_queue queue,
                         struct kernel_set *kernels, int *width) {
    struct kernel *kernel;
    int code;
    size_t one = 1;
    TRY(kernel_set_find(kernels, "vector_width", "vector_width", NULL, &kernel));
    cl_mem answer = clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof *width, NULL, &code);
    TRY(opencl_check(code, "allocating on %s", information->name));
    code = clSetKernelArg(kernel->kernel, 0, sizeof answer, &answer);
    if (code == CL_SUCCESS)
        code = clEnqueueNDRangeKernel(queue, kernel->kernel, 1, NULL, &one, &one, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clEnqueueReadBuffer(queue, answer, CL_TRUE, 0, sizeof *width, width, 0, NULL, NULL);
    clReleaseMemObject(answer);
    return opencl_check(code, "asking %s for the width of its vectors", information->name);
}

/*
 * Work-items that the driver runs as one vector: the sub-group of a kernel over floats, which is one, or the whole
 * work-group, where it runs them one by one. 0 where the driver does not tell.
 */
static status read_lanes(const struct device_information *information, struct kernel_set *kernels, int *lanes) {
    struct kernel *kernel;
    size_t group = 1024, sub_group = 0;
    int major = 0, minor = 0;
    *lanes = 0;
    if (sscanf(information->version, "OpenCL %d.%d", &major, &minor) != 2 || 10 * major + minor < 21)
        return STATUS_OK;
    TRY(kernel_set_find(kernels, "vector_width", "vector_lanes", NULL, &kernel));
    int code = clGetKernelSubGroupInfo(kernel->kernel, information->id, CL_KERNEL_MAX_SUB_GROUP_SIZE_FOR_NDRANGE,
                                       sizeof group, &group, sizeof sub_group, &sub_group, NULL);
    if (code == CL_SUCCESS)
        *lanes = (int)sub_group;
    return STATUS_OK;
}

/*
 * Drivers of CPUs claim widths that they do not compile for: PoCL claims what the host's processor has even where
 * POCL_KERNELLIB_NAME makes it compile for an older one, and vectors of twice a register's width spill. So a kernel
 * tells which instruction set its compiler aims at; where it cannot, the claim counts. Intel's predefines the same for
 * every set, but makes vectors of work-items as wide as a register is: the narrower of both counts.
 */
static status measure_width(const struct device_information *information, cl_context context, cl_command_queue queue,
                            enum binaries binaries, int *width) {
    const struct device_shape scalar = {.lanes = 1, .width = 1, .items = 1, .rows = 1, .reduction_rows = 1};
    int lanes = 0;
    struct text options = {0};
    shape_build_options(scalar, &options);
    struct program_store *programs = program_store_create(information, context, options.text, binaries);
    struct kernel_set *kernels = kernel_set_create(programs, BUILD_WAITED_FOR);
    status outcome = read_width(information, context, queue, kernels, width);
    if (outcome == STATUS_OK)
        outcome = read_lanes(information, kernels, &lanes);
    kernel_set_destroy(kernels);
    program_store_destroy(programs);
    text_free(&options);
    if (outcome == STATUS_OK && *width == 0)
        *width = (int)information->float_vector_width;
    if (outcome == STATUS_OK && lanes > 1 && lanes < *width)
        *width = lanes;
    return outcome;
}

static bool is_power_of_two(int number) {
    return number > 0 && (number & (number - 1)) == 0;
}

status shape_check(struct device_shape shape) {
    if (!is_power_of_two(shape.lanes))
        return fail_usage("kernels need a power of two of work-items a work-group, because halves of them add up what "
                          "the others have; not %d",
                          shape.lanes);
    if (shape.width != 1 && shape.width != 4 && shape.width != 8 && shape.width != 16)
        return fail_usage("kernels need vectors of 1, 4, 8 or 16 floats, not %d", shape.width);
    if (shape.items < 1 || shape.rows < 1 || shape.reduction_rows < 1)
        return fail_usage("kernels need at least one item, row and row of a reduction a work-item or work-group");
    return STATUS_OK;
}

/*
 * As many lanes as the row of the table has, or the largest power of two that a work-group may have and for which there
 * is local memory: the most that a kernel takes a lane is 512 bytes (cl/semiseparable.cl, with 64 states).
 */
static struct device_shape lanes_that_fit(const struct device_information *information) {
    enum { LOCAL_BYTES_A_LANE = 512 };
    struct device_shape shape = kinds[LANES_KIND].shape;
    while (shape.lanes > 1 && ((size_t)shape.lanes > information->largest_work_group ||
                               (cl_ulong)shape.lanes * LOCAL_BYTES_A_LANE > information->local_bytes))
        shape.lanes /= 2;
    return shape.lanes > 1 ? shape : kind_of_width((int)information->float_vector_width)->shape;
}

status shape_choose(const struct device_information *information, cl_context context, cl_command_queue queue,
                    enum binaries binaries, struct device_shape *shape) {
    int width;
    *shape = lanes_that_fit(information);
    if (!(information->type & CL_DEVICE_TYPE_CPU))
        return STATUS_OK;
    TRY(measure_width(information, context, queue, binaries, &width));
    *shape = kind_of_width(width)->shape;
    return STATUS_OK;
}

struct product_blocks shape_product_blocks(struct device_shape shape) {
    return kind_of_width(shape.width)->product;
}

struct attention_blocks shape_attention_blocks(struct device_shape shape) {
    return kind_of(shape)->attention;
}

struct scan_blocks shape_scan_blocks(struct device_shape shape) {
    return kind_of(shape)->scan;
}

struct convolution_blocks shape_convolution_blocks(struct device_shape shape) {
    return kind_of(shape)->convolution;
}

const char *packing_name(enum packing packing) {
    static const char *const names[] = {[PACK_NOTHING] = "nothing", [PACK_B] = "B", [PACK_BOTH] = "A and B"};
    return names[packing];
}
