#include "ops/check.h"

#include "base/memory.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Everything of one check, so that it is released in one place. */
struct check {
    struct device *device;
    struct op *op;
    unsigned token_inputs;
    double *inputs[OP_MAX_INPUTS], *outputs[OP_MAX_OUTPUTS], *loss_weights;
    struct op_buffers buffers;
};

/* A buffer with `values` (doubles, rounded to what the device stores) or, with NULL, poisoned with NaN. */
static status upload(struct check *check, const double *values, size_t elements, bool tokens, cl_mem *buffer) {
    size_t bytes = tensor_bytes(elements);
    TRY(device_buffer_create(check->device, bytes, buffer));
    float *floats = memory_allocate(bytes, 1);
    for (size_t i = 0; i < elements; i++) {
        if (tokens && values)
            ((cl_int *)floats)[i] = (cl_int)values[i];
        else if (!tokens)
            floats[i] = values ? (float)values[i] : NAN;
    }
    status outcome = device_write(check->device, *buffer, 0, floats, bytes);
    free(floats);
    return outcome;
}

static status prepare(struct check *check, int token_count, unsigned long long seed) {
    struct op *op = check->op;
    for (int i = 0; i < op->input_count; i++) {
        size_t elements = shape_elements(op->inputs[i]);
        bool tokens = check->token_inputs >> i & 1;
        struct random_stream random = random_open(seed, (uint64_t)i);
        float *normal = memory_allocate(elements, sizeof *normal);
        random_normal(&random, normal, elements, 1);
        check->inputs[i] = memory_allocate(elements, sizeof(double));
        for (size_t e = 0; e < elements; e++)
            check->inputs[i][e] = tokens ? random_below(&random, (uint32_t)token_count) : normal[e];
        free(normal);
        TRY(upload(check, check->inputs[i], elements, tokens, &check->buffers.inputs[i]));
        if (!tokens)
            TRY(upload(check, NULL, elements, false, &check->buffers.input_gradients[i]));
    }
    for (int i = 0; i < op->output_count; i++) {
        size_t elements = shape_elements(op->outputs[i]);
        check->outputs[i] = memory_allocate(elements, sizeof(double));
        TRY(upload(check, NULL, elements, false, &check->buffers.outputs[i]));
    }
    size_t outputs = shape_elements(op->outputs[0]);
    struct random_stream random = random_open(seed, 1000);
    check->loss_weights = memory_allocate(outputs, sizeof(double));
    for (size_t i = 0; i < outputs; i++)
        check->loss_weights[i] = (float)(2 * random_uniform(&random) - 1);
    TRY(upload(check, check->loss_weights, outputs, false, &check->buffers.output_gradient));
    size_t scratch = op->forward_scratch > op->backward_scratch ? op->forward_scratch : op->backward_scratch;
    return upload(check, NULL, scratch, false, &check->buffers.scratch);
}

static void release(struct check *check) {
    for (int i = 0; i < OP_MAX_INPUTS; i++) {
        free(check->inputs[i]);
        device_buffer_destroy(check->device, check->buffers.inputs[i]);
        device_buffer_destroy(check->device, check->buffers.input_gradients[i]);
    }
    for (int i = 0; i < OP_MAX_OUTPUTS; i++) {
        free(check->outputs[i]);
        device_buffer_destroy(check->device, check->buffers.outputs[i]);
    }
    free(check->loss_weights);
    device_buffer_destroy(check->device, check->buffers.output_gradient);
    device_buffer_destroy(check->device, check->buffers.scratch);
}

static double loss(struct check *check) {
    check->op->type->reference(check->op, (const double *const *)check->inputs, check->outputs);
    double sum = 0;
    for (size_t i = 0; i < shape_elements(check->op->outputs[0]); i++)
        sum += check->loss_weights[i] * check->outputs[0][i];
    return sum;
}

static double central_difference(struct check *check, int input, size_t element) {
    double step = 1e-5, *place = &check->inputs[input][element], value = *place;
    *place = value + step;
    double above = loss(check);
    *place = value - step;
    double below = loss(check);
    *place = value;
    return (above - below) / (2 * step);
}

static status compare_forward(struct check *check, double *error) {
    struct op *op = check->op;
    (void)loss(check);
    *error = 0;
    for (int i = 0; i < op->output_count; i++) {
        size_t elements = shape_elements(op->outputs[i]);
        float *device_values = memory_allocate(elements, sizeof *device_values);
        status outcome =
            device_read(check->device, check->buffers.outputs[i], 0, device_values, elements * sizeof(float));
        double largest = 1e-30, difference = 0;
        for (size_t e = 0; outcome == STATUS_OK && e < elements; e++) {
            double distance = fabs(device_values[e] - check->outputs[i][e]);
            largest = fmax(largest, fabs(check->outputs[i][e]));
            /* Not fmax, which would lose a NaN. */
            difference = distance > difference || isnan(distance) ? distance : difference;
        }
        free(device_values);
        TRY(outcome);
        double relative = difference / largest;
        *error = relative > *error || isnan(relative) ? relative : *error;
    }
    return STATUS_OK;
}

/* `times` is how often the gradient was added up. */
static status compare_gradient(struct check *check, int input, int times, int samples, uint64_t seed, double *error) {
    size_t elements = shape_elements(check->op->inputs[input]);
    float *gradient = memory_allocate(elements, sizeof *gradient);
    status outcome =
        device_read(check->device, check->buffers.input_gradients[input], 0, gradient, elements * sizeof(float));
    bool all = elements <= (size_t)samples;
    struct random_stream random = random_open(seed, 2000 + (uint64_t)input);
    double largest = 1e-30, difference = 0;
    for (size_t i = 0; outcome == STATUS_OK && i < (all ? elements : (size_t)samples); i++) {
        size_t element = all ? i : random_below(&random, (uint32_t)elements);
        double expected = times * central_difference(check, input, element);
        double distance = fabs(gradient[element] - expected);
        largest = fmax(largest, fabs(expected));
        difference = distance > difference || isnan(distance) ? distance : difference;
    }
    free(gradient);
    /* Where there is none, as queries of a single key have, what is left are rounding errors of numbers about one. */
    *error = difference / (largest < 1e-9 ? 1e-3 : largest);
    return outcome;
}

static status run(struct check *check, int token_count, int samples, unsigned long long seed, struct op_error *error) {
    struct op *op = check->op;
    TRY(prepare(check, token_count, seed));
    TRY(op->type->forward(check->device, op, &check->buffers));
    TRY(compare_forward(check, &error->forward));
    for (int times = 1; times <= 2; times++) {
        for (int i = 0; i < op->input_count; i++)
            check->buffers.accumulate[i] = times == 2;
        TRY(op->type->backward(check->device, op, &check->buffers));
        for (int i = 0; i < op->input_count; i++) {
            double gradient_error = 0;
            if (!(check->token_inputs >> i & 1))
                TRY(compare_gradient(check, i, times, samples, seed, &gradient_error));
            if (gradient_error > error->backward[i] || isnan(gradient_error))
                error->backward[i] = gradient_error;
        }
    }
    return STATUS_OK;
}

status op_check(struct device *device, struct op *op, unsigned token_inputs, int token_count, int samples,
                unsigned long long seed, struct op_error *error) {
    memset(error, 0, sizeof *error);
    op->device = device_shape(device);
    TRY(op_infer(op));
    struct check check = {.device = device, .op = op, .token_inputs = token_inputs};
    status outcome = run(&check, token_count, samples, seed, error);
    release(&check);
    return outcome;
}
