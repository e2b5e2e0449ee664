/*
 * Matrix multiplication behind one interface. Providers are rows of a table in gemm.c; a device uses the one named in
 * its options, or what was tuned for it (gemm_choice.h), or the default for its type; products of one row have a kernel
 * of their own. Float32, row-major.
 */
#ifndef STARCL_DEVICE_GEMM_H
#define STARCL_DEVICE_GEMM_H

#include "device/device.h"

/*
 * C[m,n] = alpha * op(A)[m,k] * op(B)[k,n] + beta * D, where D is C itself unless `addend` names another matrix laid
 * out as C is; what lies between the rows of C may be overwritten then. A is stored as [m,k], or as [k,m] with
 * transpose_a; B as [k,n], or as [n,k] with transpose_b. With beta 0, D is not read.
 *
 * lda, ldb and ldc are the floats from one stored row to the next; 0 means that rows are dense. `batch` products (0
 * means one) are computed at once, their matrices a_step, b_step and c_step elements apart.
 *
 * With a_gate, which is laid out as A, each element of A is first s(a) times that of a_gate, s being gate_nonlinearity
 * (STAR_NONLINEARITY_...).
 *
 * With a_gain, each row of A is first divided by its root mean square and multiplied by that row of k floats (RMS norm,
 * epsilon STAR_RMS_NORM_EPSILON); it is one product then, with rows of B dense and nothing transposed.
 *
 * With half_b, B is what gemm_halve() made of a matrix; nothing is transposed then. All three are for few rows: each
 * row of A reads B anew.
 */
struct gemm {
    cl_mem a, b, c, addend, a_gain, a_gate;
    int m, n, k, gate_nonlinearity;
    bool transpose_a, transpose_b, half_b;
    float alpha, beta;
    int lda, ldb, ldc;
    int batch, a_step, b_step, c_step;
};

status gemm(struct device *device, const struct gemm *gemm) MUST_CHECK;

/* What several products have to do with each other. */
enum gemm_relation {
    GEMM_SIDES, /* they share A and do not depend on each other */
    GEMM_TERMS, /* they are added up in one C, to the first's beta * D; the others' beta and addend say nothing */
};

/*
 * Several products, in as few launches as the provider can: where each alone is small, starting the device's work takes
 * longer than the work, and leaves much of the device idle; and terms need not be read back to be added to.
 */
status gemm_together(struct device *device, enum gemm_relation relation, const struct gemm *gemms,
                     int count) MUST_CHECK;

/*
 * Makes float16 numbers of `batch` dense matrices [k,n], which lie behind each other, in an order of elements that
 * products with half_b know: halves must hold batch * k * n of two bytes.
 */
status gemm_halve(struct device *device, cl_mem floats, cl_mem halves, int k, int n, int batch) MUST_CHECK;

/*
 * Device memory that a product makes the provider keep, and that several do together; the largest of all counts. Reads
 * no buffer, but tells by them what gemm_together() may do.
 */
size_t gemm_scratch_bytes(struct device *device, const struct gemm *gemm);
size_t gemm_together_bytes(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count);

/* Allocates that much now, so that no product does. */
status gemm_keep_scratch(struct device *device, size_t bytes) MUST_CHECK;
/* Gives back what is kept, so that a new model's memory is its own. */
void gemm_release_scratch(struct device *device);

/*
 * What is in use: a provider's name, or as gemm_choice_describe() says it where it was tuned, and how its products
 * multiply where that is not in float32: "tiles, tf32 by mma.sync".
 */
const char *gemm_provider_name(struct device *device);
/* Whether devices.gemm may say so: "auto", or a provider's name; and all that it may say, for help and errors. */
bool gemm_provider_exists(const char *name);
const char *gemm_provider_names(void);

/*
 * Has the device's products multiply in `products`, by the tiles provider, where an instruction of the device does that
 * rightly; says so where none does, or the provider is another, and leaves them in float32. Sums are float32, and
 * products of one row are in float32. `provider` is what device_options.gemm says.
 */
status gemm_use_products(struct device *device, const char *provider, const char *products) MUST_CHECK;

/* What a device keeps for its provider; used by device_open() and device_close(). */
struct gemm_state;
status gemm_state_create(struct device *device, const char *provider, struct gemm_state **state) MUST_CHECK;
/* For a companion: the same choice. */
struct gemm_state *gemm_state_of_companion(const struct gemm_state *state, struct device *companion);
void gemm_state_destroy(struct gemm_state *state);
struct gemm_state *device_gemm_state(struct device *device);

#endif
