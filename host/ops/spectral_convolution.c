#include "ops/spectral_convolution.h"

#include <math.h>

enum { X, KERNEL };

/*
 * Groups that share the work, each with slots of its own: enough for many cores, few enough that slots stay small
 * beside the activations. In as many parts, or few more, the gradient of the kernel is summed.
 */
enum { MOST_GROUPS = 32 };

/* Elements that the kernels handle at once at least. */
enum { LEAST_SIZE = 8 };

#define NAME(name) ((struct kernel_name){"spectral_convolution", name, NULL})

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
    size_t elements = (size_t)layout.size + STAR_SPECTRAL_COLUMN;
    size_t slot = elements * 2 * (size_t)op->device.lanes * (size_t)op->device.width;
    int parts = (int)divide_up(MOST_GROUPS, (size_t)layout.spans);
    layout.parts = smaller(layout.segments, parts);
    layout.forward_groups = layout.segments >= parts ? MOST_GROUPS : layout.spans * layout.segments;
    layout.backward_groups = smaller(MOST_GROUPS, layout.spans * layout.parts);
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

/* The roots and the kernel's transform. */
static status transform_kernel(struct device *device, const struct op *op, const struct op_buffers *buffers,
                               const struct layout *layout, int lags) {
    TRY(LAUNCH(device, NAME("spectral_roots"), groups_flat(op->device, (size_t)layout->size),
               argument_buffer(buffers->scratch), argument_int(layout->size)));
    return LAUNCH(device, NAME("spectral_kernel"), ((struct launch_groups){(size_t)layout->spans, 1, 1}),
                  argument_buffer(buffers->inputs[KERNEL]), argument_buffer(buffers->scratch),
                  argument_int((int)layout->spectra), argument_int(op->inputs[X].columns), argument_int(lags),
                  argument_int(layout->size));
}

status spectral_convolution_forward(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                    int lags) {
    struct layout layout = layout_of(op);
    TRY(transform_kernel(device, op, buffers, &layout, lags));
    return LAUNCH(device, NAME("spectral_forward"), ((struct launch_groups){(size_t)layout.forward_groups, 1, 1}),
                  argument_buffer(buffers->inputs[X]), argument_buffer(buffers->scratch),
                  argument_int((int)layout.spectra), argument_int((int)layout.forward_slots),
                  argument_buffer(buffers->outputs[0]), argument_int(op->inputs[X].columns), argument_int(op->context),
                  argument_int(op_segment(op)), argument_int(layout.segments), argument_int(layout.size));
}

status spectral_convolution_backward(struct device *device, const struct op *op, const struct op_buffers *buffers,
                                     int lags) {
    struct layout layout = layout_of(op);
    TRY(transform_kernel(device, op, buffers, &layout, lags));
    TRY(LAUNCH(device, NAME("spectral_backward"), ((struct launch_groups){(size_t)layout.backward_groups, 1, 1}),
               argument_buffer(buffers->inputs[X]), argument_buffer(buffers->output_gradient),
               argument_buffer(buffers->scratch), argument_int((int)layout.spectra),
               argument_int((int)layout.backward_slots), argument_int((int)layout.sums),
               argument_buffer(buffers->input_gradients[X]), argument_int(op->inputs[X].columns),
               argument_int(op->context), argument_int(op_segment(op)), argument_int(layout.segments),
               argument_int(layout.parts), argument_int(layout.size), argument_int(buffers->accumulate[X])));
    return LAUNCH(device, NAME("spectral_lags"), ((struct launch_groups){(size_t)layout.spans, 1, 1}),
                  argument_buffer(buffers->scratch), argument_int((int)layout.sums),
                  argument_buffer(buffers->input_gradients[KERNEL]), argument_int(op->inputs[X].columns),
                  argument_int(layout.parts), argument_int(op->inputs[KERNEL].rows), argument_int(lags),
                  argument_int(layout.size), argument_int(buffers->accumulate[KERNEL]));
}
