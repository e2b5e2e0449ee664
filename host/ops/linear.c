/*
 * y[rows, out] = x[rows, in] weight: dense channel mixing, weight [in, out]; or grouped, weight [in, out / groups],
 * where block g of x, in / groups channels, makes block g of y with rows g in / groups ... of the weight. With a third
 * input, y = x weight + residual: the product's last instruction adds it, and no pass over memory of its own.
 */
#include "device/gemm.h"
#include "ops/op.h"

enum { X, WEIGHT, RESIDUAL };

/* So few that each may read the weight anew. */
enum { FEW_ROWS = 4 };

static int groups_of(const struct op *op) {
    return op->attributes.groups > 1 ? op->attributes.groups : 1;
}

static bool has_residual(const struct op *op) {
    return op->input_count > RESIDUAL;
}

static status infer(struct op *op) {
    int groups = groups_of(op);
    TRY(op_require(op, op->inputs[X].columns == op->inputs[WEIGHT].rows, "weight rows must equal x columns"));
    TRY(op_require(op, op->attributes.groups >= 0, "there cannot be less than no groups"));
    TRY(op_require(op, op->inputs[X].columns % groups == 0, "the groups must divide the columns of x"));
    TRY(op_add_output(op, op->inputs[X].rows, (int64_t)op->inputs[WEIGHT].columns * groups));
    if (has_residual(op))
        TRY(op_require(op,
                       op->inputs[RESIDUAL].rows == op->outputs[0].rows &&
                           op->inputs[RESIDUAL].columns == op->outputs[0].columns,
                       "the residual must have the shape of x weight"));
    return STATUS_OK;
}

/* A product for each group, with everything but buffers and transposes set; in and out are one group's columns. */
static struct gemm product(const struct op *op, int *in, int *out) {
    *in = op->inputs[X].columns / groups_of(op);
    *out = op->inputs[WEIGHT].columns;
    return (struct gemm){.batch = groups_of(op), .alpha = 1};
}

static struct gemm forward_product(const struct op *op, const struct op_buffers *buffers) {
    int in, out;
    struct gemm y = product(op, &in, &out);
    y.a = buffers->inputs[X];
    y.b = buffers->inputs[WEIGHT];
    y.half_b = buffers->half_weight;
    y.c = buffers->outputs[0];
    if (has_residual(op)) {
        y.addend = buffers->inputs[RESIDUAL];
        y.beta = 1;
    }
    y.m = op->inputs[X].rows, y.n = out, y.k = in;
    y.lda = op->inputs[X].columns, y.ldc = op->outputs[0].columns;
    y.a_step = in, y.b_step = in * out, y.c_step = out;
    const struct op_inside *inside = &buffers->inside[X];
    if (inside->op) {
        bool is_norm = inside->op->type == &op_rms_norm;
        y.a = inside->inputs[0];
        *(is_norm ? &y.a_gain : &y.a_gate) = inside->inputs[1];
        y.gate_nonlinearity = inside->op->attributes.nonlinearity;
    }
    return y;
}

static status forward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    struct gemm y = forward_product(op, buffers);
    return gemm(device, &y);
}

static status forward_together(struct device *device, const struct op *const ops[],
                               const struct op_buffers *const buffers[], int count) {
    struct gemm products[OP_TOGETHER];
    for (int i = 0; i < count; i++)
        products[i] = forward_product(ops[i], buffers[i]);
    return gemm_together(device, GEMM_SIDES, products, count);
}

/*
 * A norm, where there are no groups, which see only their channels of a row, while a norm is over all; and gates, where
 * many lanes have less to do with them than with starting a launch. Many rows are better off when both are done once.
 */
static bool makes_inside(const struct op *op, int input, const struct op *maker) {
    if (input != X || op->inputs[X].rows > FEW_ROWS)
        return false;
    return (maker->type == &op_rms_norm && groups_of(op) == 1) || (maker->type == &op_gate && op->device.lanes > 1);
}

static status halve_weight(struct device *device, const struct op *op, cl_mem weight, cl_mem halves) {
    int in, out, groups = product(op, &in, &out).batch;
    return gemm_halve(device, weight, halves, in, out, groups);
}

/* dx = dy weight^T */
static struct gemm input_product(const struct op *op, const struct op_buffers *buffers) {
    int in, out;
    struct gemm dx = product(op, &in, &out);
    dx.a = buffers->output_gradient;
    dx.b = buffers->inputs[WEIGHT];
    dx.transpose_b = true;
    dx.c = buffers->input_gradients[X];
    dx.beta = buffers->accumulate[X] ? 1 : 0;
    dx.m = op->inputs[X].rows, dx.n = in, dx.k = out;
    dx.lda = op->outputs[0].columns, dx.ldc = op->inputs[X].columns;
    dx.a_step = out, dx.b_step = in * out, dx.c_step = in;
    return dx;
}

/* dweight = x^T dy */
static struct gemm weight_product(const struct op *op, const struct op_buffers *buffers) {
    int in, out;
    struct gemm dweight = product(op, &in, &out);
    dweight.a = buffers->inputs[X];
    dweight.transpose_a = true;
    dweight.b = buffers->output_gradient;
    dweight.c = buffers->input_gradients[WEIGHT];
    dweight.beta = buffers->accumulate[WEIGHT] ? 1 : 0;
    dweight.m = in, dweight.n = out, dweight.k = op->inputs[X].rows;
    dweight.lda = op->inputs[X].columns, dweight.ldb = op->outputs[0].columns;
    dweight.a_step = in, dweight.b_step = out, dweight.c_step = in * out;
    return dweight;
}

/*
 * From the last use, whose dx is written where the others' are added to it. And dresidual = dy.
 */
static status backward_together(struct device *device, const struct op *const ops[],
                                const struct op_buffers *const buffers[], int count) {
    struct gemm dx[OP_TOGETHER], dweight[OP_TOGETHER];
    for (int i = 0, n = count - 1; n >= 0; i++, n--) {
        dx[i] = input_product(ops[n], buffers[n]);
        dweight[i] = weight_product(ops[n], buffers[n]);
    }
    TRY(gemm_together(device, GEMM_TERMS, dx, count));
    TRY(gemm_together(device, GEMM_SIDES, dweight, count));
    for (int n = count - 1; n >= 0; n--)
        if (has_residual(ops[n]))
            TRY(op_pass_gradient(device, ops[n], buffers[n], RESIDUAL));
    return STATUS_OK;
}

static status backward(struct device *device, const struct op *op, const struct op_buffers *buffers) {
    return backward_together(device, (const struct op *const[]){op}, (const struct op_buffers *const[]){buffers}, 1);
}

/* Weights that others have added to before are no side of those that none has: any run of uses may be together. */
static size_t gemm_scratch_of(struct device *device, const struct op *const ops[], int count, bool forward_only) {
    enum { FORWARD, INPUT, WEIGHTS, KINDS };
    static const enum gemm_relation relations[KINDS] = {GEMM_SIDES, GEMM_TERMS, GEMM_SIDES};
    const struct op_buffers none = {0};
    struct gemm products[KINDS][OP_TOGETHER];
    size_t largest = 0;
    for (int i = 0; i < count; i++) {
        products[FORWARD][i] = forward_product(ops[i], &none);
        products[INPUT][count - 1 - i] = input_product(ops[i], &none);
        products[WEIGHTS][count - 1 - i] = weight_product(ops[i], &none);
    }
    for (int kind = 0; kind < (forward_only ? INPUT : KINDS); kind++) {
        for (int first = 0; first < count; first++) {
            for (int some = 1; some <= count - first; some++) {
                size_t bytes = gemm_together_bytes(device, relations[kind], products[kind] + first, some);
                largest = bytes > largest ? bytes : largest;
            }
        }
    }
    return largest;
}

static double flops(const struct op *op) {
    double product = 2.0 * (double)shape_elements(op->inputs[X]) * op->inputs[WEIGHT].columns;
    return product + (has_residual(op) ? (double)shape_elements(op->outputs[0]) : 0);
}

static void reference(const struct op *op, const double *const inputs[], double *const outputs[]) {
    int in = op->inputs[X].columns / groups_of(op), out = op->inputs[WEIGHT].columns;
    for (int row = 0; row < op->inputs[X].rows; row++) {
        for (int o = 0; o < op->outputs[0].columns; o++) {
            int group = o / out;
            double sum = 0;
            for (int i = 0; i < in; i++)
                sum += inputs[X][(size_t)row * op->inputs[X].columns + group * in + i] *
                       inputs[WEIGHT][(size_t)(group * in + i) * out + o % out];
            size_t place = (size_t)row * op->outputs[0].columns + o;
            outputs[0][place] = sum + (has_residual(op) ? inputs[RESIDUAL][place] : 0);
        }
    }
}

const struct op_type op_linear = {
    .name = "linear",
    .inputs_least = 2,
    .inputs_most = 3,
    .infer = infer,
    .forward = forward,
    .forward_together = forward_together,
    .halve_weight = halve_weight,
    .makes_inside = makes_inside,
    .backward = backward,
    .backward_together = backward_together,
    .backward_inputs = 1u << X | 1u << WEIGHT,
    .passed_inputs = 1u << RESIDUAL,
    .gemm_scratch = gemm_scratch_of,
    .flops = flops,
    .reference = reference,
};
