#include "ops/spectral_convolution.h"

#include "device/shape.h"

#include <math.h>

enum { X, KERNEL };

/* A column and a block that are as many elements as the kernels have in registers at once. */
enum { LEAST_SIZE = 64 };

#define NAME(name) ((struct kernel_name){"spectral_convolution", name, NULL})

/*
 * Groups that share the work, each with slots of its own: enough for many cores, few enough that slots stay small
 * beside the activations. In as many parts, or few more, the gradient of the kernel is summed.
 */
static int most_groups(const struct op *op) {
    return shape_convolution_blocks(op->device).groups;
}

/* How the work is divided, and places in scratch, in floats; the roots come first. */
struct layout {
    int size;     /* elements of a transform */
    int spans;    /* groups of channels that are transformed at once */
    int segments; /* of all sequences */
    int parts;    /* of the segments in the backward pass */
    int forward_groups, backward_groups;
    size_t spectra, forward_slots, forward_end, sums, backward_slots, backward_end;
};

static int smaller(int a, int b) {
    return a < b ? a : b;
}

static int transform_size(const struct op *op) {
    int size = LEAST_SIZE;
    while (size < op_segment(op))
        size *= 2;
    return size;
}

static int count_segments(const struct op *op) {
    return (int)divide_up((size_t)op->context, (size_t)op_segment(op)) * op->batch;
}

static struct layout layout_of(const struct op *op) {
    struct layout layout = {.size = transform_size(op),
                            .spans = groups_over_columns(op->device, op->inputs[X].columns),
                            .segments = count_segments(op)};
    size_t slot = (size_t)layout.size * 2 * (size_t)op->device.lanes * (size_t)op->device.width;
    int most = most_groups(op), parts = (int)divide_up((size_t)most, (size_t)layout.spans);
    layout.parts = smaller(layout.segments, parts);
    layout.forward_groups = layout.segments >= parts ? most : layout.spans * layout.segments;
    layout.backward_groups = smaller(most, layout.spans * layout.parts);
    /* Whole vectors, so that slots are aligned. */
    layout.spectra = tensor_bytes(2 * (size_t)layout.size) / sizeof(float);
    layout.forward_slots = layout.sums = layout.spectra + (size_t)layout.spans * slot;
    layout.forward_end = layout.forward_slots + (size_t)layout.forward_groups * slot;
    layout.backward_slots = layout.sums + (size_t)layout.parts * (size_t)layout.spans * slot;
    layout.backward_end = layout.backward_slots + (size_t)layout.backward_groups * 2 * slot;
    return layout;
}

bool spectral_convolution_fits(const struct op *op) {
    return op_segment(op) <= OP_MOST_SPAN && layout_of(op).backward_end <= OP_MOST_ELEMENTS;
}

double spectral_convolution_flops(const struct op *op) {
    double size = transform_size(op), segments = count_segments(op);
    double transform = 10 * size / 2 * log2(size), product = 6 * size;
    return (transform * (1 + 2 * segments) + product * segments) * op->inputs[X].columns;
}

void spectral_convolution_scratch(struct op *op) {
    struct layout layout = layout_of(op);
    op->forward_scratch = layout.forward_end;
    op->backward_scratch = layout.backward_end;
}

static struct spectral_sizes sizes_of(const struct op *op, const struct op_buffers *buffers,
                                      const struct layout *layout, int lags) {
    return (struct spectral_sizes){.channels = op->inputs[X].columns,
                                   .context = op->context,
                                   .segment = op_segment(op),
                                   .segments = layout->segments,
                                   .parts = layout->parts,
                                   .rows = op->inputs[KERNEL].rows,
                                   .lags = lags,
                                   .size = layout->size,
                                   .spectra = (int)layout->spectra,
                                   .sums = (int)layout->sums,
                                   .accumulate = buffers->accumulate[X],
                                   .accumulate_kernel = buffers->accumulate[KERNEL]};
}

/*
 * Not many more groups than run at the same time, because each has to fetch slots of its own into its core's cache; but
 * some more, so that a core that is slower does fewer of them.
 */
static struct launch_groups groups_at_once(struct device *device, int most) {
    enum { GROUPS_A_UNIT = 4 };
    int units = (int)device_information(device)->compute_units;
    return (struct launch_groups){(size_t)(units < most / GROUPS_A_UNIT ? GROUPS_A_UNIT * units : most), 1, 1};
}

/* The roots, and the kernel's transform where not the group of its channels makes it. */
static status prepare(struct device *device, const struct op_buffers *buffers, const struct layout *layout,
                      const struct spectral_sizes *sizes, struct device_shape shape) {
    TRY(LAUNCH(device, NAME("spectral_roots"), groups_flat(shape, (size_t)layout->size),
               argument_buffer(buffers->scratch), argument_int(layout->size)));
    if (layout->segments == 1)
        return STATUS_OK;
    return LAUNCH(device, NAME("spectral_kernel"), ((struct launch_groups){(size_t)layout->spans, 1, 1}),
                  argument_buffer(buffers->inputs[KERNEL]), argument_buffer(buffers->scratch),
                  argument_struct(sizes, sizeof *sizes));
}

status spectral_convolution_forward(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                    int lags) {
    struct layout layout = layout_of(op);
    struct spectral_sizes sizes = sizes_of(op, buffers, &layout, lags);
    sizes.slots = (int)layout.forward_slots;
    TRY(prepare(device, buffers, &layout, &sizes, op->device));
    return LAUNCH(device, NAME("spectral_forward"), groups_at_once(device, layout.forward_groups),
                  argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[KERNEL]),
                  argument_buffer(buffers->scratch), argument_buffer(buffers->outputs[0]),
                  argument_struct(&sizes, sizeof sizes));
}

status spectral_convolution_backward(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                     int lags) {
    struct layout layout = layout_of(op);
    struct spectral_sizes sizes = sizes_of(op, buffers, &layout, lags);
    sizes.slots = (int)layout.backward_slots;
    TRY(prepare(device, buffers, &layout, &sizes, op->device));
    TRY(LAUNCH(device, NAME("spectral_backward"), groups_at_once(device, layout.backward_groups),
               argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[KERNEL]),
               argument_buffer(buffers->output_gradient), argument_buffer(buffers->scratch),
               argument_buffer(buffers->input_gradients[X]), argument_buffer(buffers->input_gradients[KERNEL]),
               argument_struct(&sizes, sizeof sizes)));
    if (layout.segments == 1)
        return STATUS_OK;
    return LAUNCH(device, NAME("spectral_lags"), ((struct launch_groups){(size_t)layout.spans, 1, 1}),
                  argument_buffer(buffers->scratch), argument_buffer(buffers->input_gradients[KERNEL]),
                  argument_struct(&sizes, sizeof sizes));
}
