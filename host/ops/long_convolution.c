/*
 * Causal convolution with a kernel of every lag, [lags, channels]: by its definition, cl/long_convolution.cl, or where
 * that takes longer by transforms, cl/spectral_convolution.cl.
 */
#include "device/shape.h"
#include "ops/op.h"
#include "ops/spectral_convolution.h"

#include <math.h>

enum { X, KERNEL };

#define NAME(name) ((struct kernel_name){"long_convolution", name, NULL})

static int lags_of(const struct op *op) {
    int visible = op_visible_rows(op);
    return op->inputs[KERNEL].rows < visible ? op->inputs[KERNEL].rows : visible;
}

/* Pairs of a token and one that it sees, in a segment of so many tokens. */
static double pairs(double tokens, double visible) {
    visible = fmin(visible, tokens);
    return visible * (visible + 1) / 2 + (tokens - visible) * visible;
}

static double direct_flops(const struct op *op) {
    int segment = op_segment(op), visible = op_visible_rows(op);
    double whole = op->context / segment, rest = op->context % segment;
    return 2 * (whole * pairs(segment, visible) + pairs(rest, visible)) * op->batch * op->inputs[X].columns;
}

/*
 * How many operations of the transforms take as long as one of the definition is the shape's weight. Where a work-item
 * is a core's loop, milliseconds of forward and backward over 4096 tokens in sequences of T, 256 channels, one core of
 * an EPYC with PoCL:
 *
 *     T                          32     48     64     96    128    256
 *     AVX-512   definition      8.1    9.1   10.9   12.9   15.5   26.0
 *               transforms      8.3    6.7    5.6    6.8    4.7    5.1
 *     AVX2      definition      6.6    7.5    9.1   11.7   15.0   26.9
 *               transforms      6.4    5.4    4.6    5.5    4.6    4.9
 *     SSE4.1    definition     13.1   15.6   18.6   24.5   31.3   60.9
 *               transforms     13.8   10.5    8.4   11.1    9.1    9.9
 *
 * From T = 64 on that is 1.9 to 2.0 with each of them. Many lanes, as GPUs have, share the definition's tiles evenly,
 * while each would walk a transform of its own.
 */
static bool is_spectral(const struct op *op) {
    int weight = shape_convolution_blocks(op->device).weight;
    return 10 * spectral_convolution_flops(op) < weight * direct_flops(op) && spectral_convolution_fits(op);
}

static status infer(struct op *op) {
    TRY(op_require(op, op->inputs[KERNEL].columns == op->inputs[X].columns, "the kernel must be lags x channels"));
    TRY(op_require_mask(op));
    TRY(op_require(op, op->inputs[KERNEL].rows >= op_visible_rows(op), "the kernel has fewer lags than tokens see"));
    TRY(op_require_sequences(op, 1));
    if (is_spectral(op))
        spectral_convolution_scratch(op);
    return op_add_output(op, op->inputs[X].rows, op->inputs[X].columns);
}

static size_t tiles_of(const struct op *op, int count) {
    return divide_up((size_t)count, (size_t)shape_convolution_blocks(op->device).tile);
}

static status convolve(struct device *device, const struct op *op, cl_mem x, cl_mem kernel, cl_mem y, bool mirrored,
                       bool accumulate) {
    int channels = op->inputs[X].columns, segment = op_segment(op);
    size_t segments = (size_t)(op->context + segment - 1) / (size_t)segment;
    struct launch_groups groups = {tiles_of(op, segment) * segments, (size_t)groups_over_columns(op->device, channels),
                                   (size_t)op->batch};
    return LAUNCH(device, NAME("long_convolution"), groups, argument_buffer(x), argument_buffer(kernel),
                  argument_buffer(y), argument_int(channels), argument_int(op->context), argument_int(segment),
                  argument_int(lags_of(op)), argument_int(mirrored), argument_int(accumulate));
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    if (is_spectral(op))
        return spectral_convolution_forward(device, op, buffers, lags_of(op));
    return convolve(device, op, buffers->inputs[X], buffers->inputs[KERNEL], buffers->outputs[0], false, false);
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    int channels = op->inputs[X].columns, rows = op->inputs[KERNEL].rows;
    if (is_spectral(op))
        return spectral_convolution_backward(device, op, buffers, lags_of(op));
    TRY(convolve(device, op, buffers->output_gradient, buffers->inputs[KERNEL], buffers->input_gradients[X], true,
                 buffers->accumulate[X]));
    struct launch_groups groups = {tiles_of(op, rows), (size_t)groups_over_columns(op->device, channels), 1};
    return LAUNCH(device, NAME("long_convolution_lags"), groups, argument_buffer(buffers->inputs[X]),
                  argument_buffer(buffers->output_gradient), argument_buffer(buffers->input_gradients[KERNEL]),
                  argument_int(channels), argument_int(op->context), argument_int(op->batch),
                  argument_int(op_segment(op)), argument_int(rows), argument_int(lags_of(op)),
                  argument_int(buffers->accumulate[KERNEL]));
}

static status step(struct device *device, const struct op *op, const struct op_buffers *buffers,
                   const struct op_memory *memory, int position) {
    int channels = op->inputs[X].columns;
    return LAUNCH(device, NAME("long_convolution_step"),
                  ((struct launch_groups){(size_t)groups_over_columns(op->device, channels), (size_t)op->batch, 1}),
                  argument_buffer(buffers->inputs[X]), argument_buffer(buffers->inputs[KERNEL]),
                  argument_buffer(memory->state), argument_buffer(buffers->outputs[0]), argument_int(channels),
                  argument_int(op_visible_rows(op)), argument_int(position),
                  argument_int(position - op_first_visible(op, position)));
}

/* Of the cheaper form, whichever a device prefers: the cost of an architecture is the same everywhere. */
static double flops(const struct op *op) {
    return fmin(direct_flops(op), spectral_convolution_flops(op));
}

/* Decoding keeps every row of x that a later token may see. */
static size_t state(const struct op *op) {
    return (size_t)op_visible_rows(op) * (size_t)op->inputs[X].columns;
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int channels = op->inputs[X].columns;
    for (int row = 0; row < op->inputs[X].rows; row++) {
        int t = row % op->context;
        for (int c = 0; c < channels; c++) {
            double sum = 0;
            for (int k = 0; k <= t - op_first_visible(op, t); k++)
                sum += inputs[KERNEL][(size_t)k * channels + c] * inputs[X][(size_t)(row - k) * channels + c];
            outputs[0][(size_t)row * channels + c] = sum;
        }
    }
}

const struct op_type op_long_convolution = {
    .name = "long_convolution",
    .inputs_least = 2,
    .inputs_most = 2,
    .infer = infer,
    .forward = forward,
    .backward = backward,
    .step = step,
    .backward_inputs = 1u << X | 1u << KERNEL,
    .flops = flops,
    .state = state,
    .reference = reference,
};
