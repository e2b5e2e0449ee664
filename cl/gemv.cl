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
 * With GATE, which is a nonlinearity, x is s(x) times the other factor of a gate, in the place of `gain` (cl/elementwise.cl).
 *
 * A group takes a strip of columns within a panel. Where it is one lane and reads halves, it keeps STAR_GEMV_VECTORS
 * vectors of them in registers and runs down k. Of floats, which are not in panels, it reads pieces of STAR_GEMV_ROWS
 * rows at once, each as long as the strip: where half a kilobyte comes from each page, memory gives two thirds of what
 * it can, and the sums of up to STAR_GEMV_STRIP columns are near enough in the first cache. Where a group is many
 * lanes, each takes four columns of every so many rows of w, `strip` / 4 lanes beside each other, and a turn of it
 * begins loads of TURN rows before it needs the first: a device of many lanes is as fast as its memory when enough is
 * under way. A narrow strip has more lanes along k, for matrices of few strips.
 * Groups: strips of all matrices, rows of x, members of a batch, whose matrices are x_step, w_step and y_step elements
 * apart.
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
#elif defined(GATE)
#define X(p, step) (gated((p).x[step], (p).gain[step]))
#else
#define X(p, step) ((p).x[step])
#endif

#ifdef GATE
INLINE float gated(float x, float factor) {
#if WIDTH == 1
    return nonlinear(x, GATE) * factor;
#else
    return nonlinear((vec)(x), GATE).s0 * factor;
#endif
}
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

#if LANES > 1
#define TURN 8

#if HALVES
#define LOAD_ALIGNED_FOUR(p) vloada_half4(0, p)
#else
#define LOAD_ALIGNED_FOUR(p) (*(__global const float4 *)(p))
#endif

/* Four columns of a row, or as many as there are, and the last of them again. */
INLINE float4 load_four(__global const weight *row, int column, int last, bool aligned) {
    if (aligned)
        return LOAD_ALIGNED_FOUR(row + column);
    return (float4)(LOAD_ONE(row + min(column, last)), LOAD_ONE(row + min(column + 1, last)),
                    LOAD_ONE(row + min(column + 2, last)), LOAD_ONE(row + min(column + 3, last)));
}

/* This lane's share of four columns: rows `share`, share + shares, ... of w. `aligned` is a constant after inlining. */
INLINE float4 sum_four(struct operands p, int column, int last, int share, int shares, bool aligned) {
    float4 sum = (float4)(0.0f);
    for (int first = share; first < p.k; first += TURN * shares) {
        float x[TURN];
        float4 w[TURN];
        UNROLL for (int i = 0; i < TURN; i++) {
            int step = min(first + i * shares, p.k - 1);
            w[i] = load_four(p.w + (size_t)step * p.stride, column, last, aligned);
            x[i] = first + i * shares < p.k ? X(p, step) : 0.0f;
        }
        UNROLL for (int i = 0; i < TURN; i++) sum += x[i] * w[i];
    }
    return sum;
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

/* One of STAR_GEMV_TOGETHER arguments, which an array of them would have to be memory for. */
#define CHOSEN(name, i)                                                                                                \
    ((i) == 0 ? name##0 : (i) == 1 ? name##1 : (i) == 2 ? name##2 : (i) == 3 ? name##3 : (i) == 4 ? name##4 : name##5)

GROUP_SHAPE __kernel void gemv(__global const float *x, __global const float *gain, __global const float *addend,
                               struct gemv_sizes sizes, __global const weight *w0, __global const weight *w1,
                               __global const weight *w2, __global const weight *w3, __global const weight *w4,
                               __global const weight *w5, __global float *y0, __global float *y1, __global float *y2,
                               __global float *y3, __global float *y4, __global float *y5) {
    int k = sizes.k, strip = sizes.strip, matrix = 0, index = (int)get_group_id(0), n = sizes.n[0];
    UNROLL for (int next = 1; next < STAR_GEMV_TOGETHER; next++) {
        int strips = (n + strip - 1) / strip;
        if (matrix == next - 1 && index >= strips) {
            index -= strips;
            matrix = next;
            n = sizes.n[next];
        }
    }
    int first = index * strip, last = min(first + strip, n);
    int panel_first = first - first % sizes.panel;
    size_t row = get_group_id(1), member = get_group_id(2);
    size_t place = member * sizes.y_step + row * (sizes.y_stride ? sizes.y_stride : n);
    struct operands p = {.x = x + member * sizes.x_step + row * sizes.x_stride,
#ifdef GATE
                         .gain = gain + member * sizes.x_step + row * sizes.x_stride,
#else
                         .gain = gain,
#endif
                         .addend = addend + place,
                         .w = CHOSEN(w, matrix) + member * sizes.w_step + (size_t)panel_first * (k - 1),
                         .y = CHOSEN(y, matrix) + place,
                         .k = k,
                         .stride = min(sizes.panel, n - panel_first),
                         .alpha = sizes.alpha,
                         .beta = sizes.beta};
#if NORMED
    GROUP_SCRATCH(squares);
    p.alpha *= norm_scale(p.x, k, squares);
#endif
#if LANES == 1
    columns(p, first, last);
#else
    __local float4 sums[LANES];
    int beside = strip / 4, shares = LANES / beside, column = first + LANE % beside * 4, share = LANE / beside;
    /* Where rows and members are multiples of four, so are strips and panels: no lane has columns beyond the last. */
    if (column >= last)
        sums[LANE] = (float4)(0.0f);
    else if (p.stride % 4 == 0 && sizes.w_step % 4 == 0)
        sums[LANE] = sum_four(p, column, last - 1, share, shares, true);
    else
        sums[LANE] = sum_four(p, column, last - 1, share, shares, false);
    for (int half_ = shares / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (share < half_)
            sums[LANE] += sums[LANE + half_ * beside];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int c = first + LANE; c < last; c += LANES)
        put_one(((__local const float *)sums)[c - first], operands_at(p, c));
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
