/*
 * y_i[rows, n_i] = alpha * x[rows, k] w_i[k, n_i] + beta * addend for up to six matrices w_i: what decoding does, and
 * bound by reading the matrices, which each row of x does anew. Several matrices make one launch, because on a CPU
 * waking the cores takes as long as reading a megabyte.
 *
 * A matrix is floats as they lie, or halves (HALVES) in panels that halve_matrix() makes: `panel` columns of all rows,
 * then the next panel. A short piece of a row would otherwise be all that is read in one place.
 *
 * With NORMED, a row of x is x / rms(x) * gain first (cl/rms_norm.cl): a decoding step has so little else to do in a
 * norm that its launch would be most of it, and each group can sum the squares for itself.
 *
 * A group takes a strip of columns within a panel. Where it is one lane and reads halves, it keeps STAR_GEMV_VECTORS
 * vectors of them in registers and runs down k. Of floats, which are not in panels, it reads pieces of STAR_GEMV_ROWS
 * rows at once, each as long as the strip: where half a kilobyte comes from each page, memory gives two thirds of what
 * it can, and the sums of up to STAR_GEMV_STRIP columns are near enough in the first cache. Where a group is many
 * lanes, `strip` of them take a column each, and each LANES / strip of such rows of lanes its share of k. Groups:
 * strips of all matrices, rows of x, members of a batch, whose matrices are x_step, w_step and y_step elements apart.
 */
#if HALVES
typedef half weight;
#define LOAD_ONE(p) vload_half(0, p)
#else
typedef float weight;
#define LOAD_ONE(p) (*(p))
#endif

#if NORMED
#define X(p, step) ((p).x[step] * (p).gain[step])
#else
#define X(p, step) ((p).x[step])
#endif

/* What a lane reads and writes. */
struct operands {
    __global const float *x, *gain, *addend;
    __global const weight *w;
    __global float *y;
    int k, stride; /* stride: from one row of w to the next */
    float alpha, beta;
};

INLINE struct operands operands_at(struct operands p, int column) {
    p.w += column;
    p.y += column;
    p.addend += column;
    return p;
}

INLINE void put_one(float sum, struct operands p) {
    *p.y = p.alpha * sum + (p.beta != 0.0f ? p.beta * *p.addend : 0.0f);
}

#if LANES == 1
#if !HALVES
#define LOAD(p) VLOAD(p)
#elif WIDTH == 1
#define LOAD(p) LOAD_ONE(p)
#else
#define LOAD(p) JOIN(vload_half, WIDTH)(0, p)
#endif

INLINE void put_vector(vec sum, struct operands p) {
    vec value = p.alpha * sum;
    if (p.beta != 0.0f)
        value += p.beta * VLOAD(p.addend);
    VSTORE(value, p.y);
}

#if HALVES
/* One function a number of vectors, so that every sum is a register. */
#define DEFINE_COLUMNS(NAME, VECTORS)                                                                                  \
    INLINE void NAME(struct operands p) {                                                                               \
        vec sum[VECTORS];                                                                                              \
        UNROLL for (int j = 0; j < VECTORS; j++) sum[j] = (vec)(0.0f);                                                 \
        for (int step = 0; step < p.k; step++) {                                                                       \
            vec x = (vec)(X(p, step));                                                                                 \
            UNROLL for (int j = 0; j < VECTORS; j++) sum[j] += x * LOAD(p.w + j * WIDTH);                              \
            p.w += p.stride;                                                                                           \
        }                                                                                                              \
        UNROLL for (int j = 0; j < VECTORS; j++) put_vector(sum[j], operands_at(p, j * WIDTH));                        \
    }

DEFINE_COLUMNS(many_vectors, STAR_GEMV_VECTORS)
DEFINE_COLUMNS(two_vectors, 2)
DEFINE_COLUMNS(one_vector, 1)
#else
/* sums[0 .. vectors - 1] += x[row] * w[row], row by row, for COUNT of them from `step` on. */
#define DEFINE_ROWS(NAME, COUNT)                                                                                       \
    INLINE void NAME(struct operands p, int step, int vectors, vec *sums) {                                            \
        vec x[COUNT];                                                                                                  \
        UNROLL for (int row = 0; row < COUNT; row++) x[row] = (vec)(X(p, step + row));                                 \
        for (int j = 0; j < vectors; j++) {                                                                            \
            vec sum = sums[j];                                                                                         \
            UNROLL for (int row = 0; row < COUNT; row++) sum += x[row] * LOAD(p.w + row * p.stride + j * WIDTH);       \
            sums[j] = sum;                                                                                             \
        }                                                                                                              \
    }

DEFINE_ROWS(many_rows, STAR_GEMV_ROWS)
DEFINE_ROWS(one_row, 1)

/* `vectors` of columns, STAR_GEMV_STRIP / WIDTH at most. */
INLINE void wide_columns(struct operands p, int vectors) {
    vec sums[STAR_GEMV_STRIP / WIDTH];
    int step = 0;
    for (int j = 0; j < vectors; j++)
        sums[j] = (vec)(0.0f);
    for (; step + STAR_GEMV_ROWS <= p.k; step += STAR_GEMV_ROWS, p.w += (size_t)STAR_GEMV_ROWS * p.stride)
        many_rows(p, step, vectors, sums);
    for (; step < p.k; step++, p.w += p.stride)
        one_row(p, step, vectors, sums);
    for (int j = 0; j < vectors; j++)
        put_vector(sums[j], operands_at(p, j * WIDTH));
}
#endif

INLINE void one_column(struct operands p) {
    float sum = 0.0f;
    for (int step = 0; step < p.k; step++)
        sum += X(p, step) * LOAD_ONE(p.w + (size_t)step * p.stride);
    put_one(sum, p);
}

INLINE void columns(struct operands p, int first, int last) {
    int column = first;
#if HALVES
    for (; column + STAR_GEMV_VECTORS * WIDTH <= last; column += STAR_GEMV_VECTORS * WIDTH)
        many_vectors(operands_at(p, column));
    for (; column + 2 * WIDTH <= last; column += 2 * WIDTH)
        two_vectors(operands_at(p, column));
    for (; column + WIDTH <= last; column += WIDTH)
        one_vector(operands_at(p, column));
#else
    wide_columns(operands_at(p, column), (last - first) / WIDTH);
    column += (last - first) / WIDTH * WIDTH;
#endif
    for (; column < last; column++)
        one_column(operands_at(p, column));
}
#endif

/* 1 / rms(x) */
INLINE float norm_scale(__global const float *x, int k, __local float *scratch) {
    vec squares = (vec)(0.0f);
    FOR_CHANNELS(c, k) {
        vec v = row_load(x, c, k);
        squares += v * v;
    }
    return rsqrt(group_sum(vec_sum(squares), scratch) / k + STAR_RMS_NORM_EPSILON);
}

GROUP_SHAPE __kernel void gemv(__global const float *x, __global const float *gain, __global const float *addend,
                               struct gemv_sizes sizes, __global const weight *w0, __global const weight *w1,
                               __global const weight *w2, __global const weight *w3, __global const weight *w4,
                               __global const weight *w5, __global float *y0, __global float *y1, __global float *y2,
                               __global float *y3, __global float *y4, __global float *y5) {
    __global const weight *w[STAR_GEMV_TOGETHER] = {w0, w1, w2, w3, w4, w5};
    __global float *y[STAR_GEMV_TOGETHER] = {y0, y1, y2, y3, y4, y5};
    int k = sizes.k, strip = sizes.strip, matrix = 0, index = (int)get_group_id(0);
    for (; index >= (sizes.n[matrix] + strip - 1) / strip; matrix++)
        index -= (sizes.n[matrix] + strip - 1) / strip;
    int n = sizes.n[matrix], first = index * strip, last = min(first + strip, n);
    int panel_first = first - first % sizes.panel;
    size_t row = get_group_id(1), member = get_group_id(2);
    size_t place = member * sizes.y_step + row * (sizes.y_stride ? sizes.y_stride : n);
    struct operands p = {.x = x + member * sizes.x_step + row * sizes.x_stride,
                         .gain = gain,
                         .addend = addend + place,
                         .w = w[matrix] + member * sizes.w_step + (size_t)panel_first * (k - 1),
                         .y = y[matrix] + place,
                         .k = k,
                         .stride = min(sizes.panel, n - panel_first),
                         .alpha = sizes.alpha,
                         .beta = sizes.beta};
    GROUP_SCRATCH(sums);
#if NORMED
    p.alpha *= norm_scale(p.x, k, sums);
#endif
#if LANES == 1
    columns(p, first, last);
#else
    int column = first + LANE % strip, shares = LANES / strip;
    p = operands_at(p, column);
    sums[LANE] = 0.0f;
    for (int step = LANE / strip; step < k && column < last; step += shares)
        sums[LANE] += X(p, step) * LOAD_ONE(p.w + (size_t)step * p.stride);
    barrier(CLK_LOCAL_MEM_FENCE);
    if (LANE >= strip || column >= last)
        return;
    float sum = 0.0f;
    for (int share = 0; share < shares; share++)
        sum += sums[share * strip + LANE];
    put_one(sum, p);
#endif
}

/* The place of column c of `row` of a matrix [k, n] in panels. */
INLINE size_t place_in_panels(int row, int c, int k, int n, int panel) {
    int first = c - c % panel;
    return (size_t)first * k + (size_t)row * min(panel, n - first) + (c - first);
}

/* to = from[k, n], rounded to the nearest halves and in panels; groups over rows, members of a batch. */
GROUP_SHAPE __kernel void halve_matrix(__global const float *from, __global half *to, int k, int n, int panel) {
    size_t member = get_group_id(1) * (size_t)k * n;
    FOR_ROWS(row, k)
    for (int c = LANE; c < n; c += LANES)
        vstore_half_rte(from[member + (size_t)row * n + c], member + place_in_panels(row, c, k, n, panel), to);
}
