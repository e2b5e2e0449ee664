/*
 * What every kernel file starts with.
 *
 * A kernel is written once for a work-group of LANES work-items that each handle vectors of WIDTH floats. LANES 1 with
 * WIDTH 8 or 16 is the shape for CPUs, where a work-group is one core's loop; LANES 64 with WIDTH 1 is the shape for
 * GPUs. The host compiles the shape in (struct device_shape):
 *   ITEMS           vectors a work-item handles in a kernel over a flat array
 *   ROWS            rows a work-group handles in a kernel over rows
 *   REDUCTION_ROWS  rows a work-group sums when columns are reduced
 * Activations are [rows, channels] row-major, row = sequence * context + token.
 */
#pragma OPENCL FP_CONTRACT ON

#if WIDTH == 1
typedef float vec;
typedef int ivec;
#define NUMBERS 0
#define VLOAD(p) (*(p))
#define VSTORE(v, p) (*(p) = (v))
#define VSELECT(otherwise, then, condition) ((condition) ? (then) : (otherwise))
#else
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
typedef JOIN(float, WIDTH) vec;
typedef JOIN(int, WIDTH) ivec;
#define VLOAD(p) JOIN(vload, WIDTH)(0, p)
#define VSTORE(v, p) JOIN(vstore, WIDTH)(v, 0, p)
#define VSELECT(otherwise, then, condition) select(otherwise, then, condition)
#if WIDTH == 4
#define NUMBERS 0, 1, 2, 3
#elif WIDTH == 8
#define NUMBERS 0, 1, 2, 3, 4, 5, 6, 7
#else
#define NUMBERS 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#endif
#endif
#define VEC_NUMBERS ((vec)(NUMBERS))   /* 0, 1, 2, ... */
#define IVEC_NUMBERS ((ivec)(NUMBERS))

#define LANE ((int)get_local_id(0))
#define SPAN (LANES * WIDTH) /* floats that a work-group handles at once */
/* Before a loop whose vectors are to stay in registers. */
#define UNROLL _Pragma("unroll")
/* For functions whose arrays are to become registers of their caller. */
#define ALWAYS_INLINE __attribute__((always_inline))
#define GROUP_SHAPE __attribute__((reqd_work_group_size(LANES, 1, 1)))

/* The first float of this lane's item-th vector in a flat array; padding behind the array makes whole vectors safe. */
inline int flat_index(int item) {
    return (((int)get_group_id(0) * ITEMS + item) * LANES + LANE) * WIDTH;
}

#define FOR_FLAT(i, count)                                                                                             \
    for (int item_ = 0, i = flat_index(0); item_ < ITEMS && i < (count); item_++, i = flat_index(item_))

/* This group's rows, and within a row this lane's vectors of channels. */
#define FOR_ROWS(row, rows)                                                                                            \
    for (int row = (int)get_group_id(0) * ROWS, last_ = min(row + ROWS, rows); row < last_; row++)
#define FOR_CHANNELS(c, channels) for (int c = LANE * WIDTH; c < (channels); c += SPAN)

/* A vector of a row at channel c; beyond the row it reads `beyond` (row_load: 0) and writes nothing. */
inline vec row_load_or(__global const float *row, int c, int channels, float beyond) {
#if WIDTH == 1
    return c < channels ? row[c] : beyond;
#else
    if (c + WIDTH <= channels)
        return VLOAD(row + c);
    float part[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        part[i] = c + i < channels ? row[c + i] : beyond;
    return VLOAD(part);
#endif
}

inline vec row_load(__global const float *row, int c, int channels) {
    return row_load_or(row, c, channels, 0.0f);
}

inline void row_store(vec value, __global float *row, int c, int channels) {
#if WIDTH == 1
    if (c < channels)
        row[c] = value;
#else
    if (c + WIDTH <= channels) {
        VSTORE(value, row + c);
        return;
    }
    float part[WIDTH];
    VSTORE(value, part);
    for (int i = 0; i < WIDTH && c + i < channels; i++)
        row[c + i] = part[i];
#endif
}

/* rows[i][j] becomes rows[j][i]: log2(WIDTH) perfect shuffles of the first half of the rows with the second. */
inline void transpose_square(vec *rows) {
#if WIDTH > 1
    for (int stage = 1; stage < WIDTH; stage *= 2) {
        vec shuffled[WIDTH];
        UNROLL for (int i = 0; i < WIDTH / 2; i++) {
            shuffled[2 * i].even = rows[i].lo;
            shuffled[2 * i].odd = rows[i + WIDTH / 2].lo;
            shuffled[2 * i + 1].even = rows[i].hi;
            shuffled[2 * i + 1].odd = rows[i + WIDTH / 2].hi;
        }
        UNROLL for (int i = 0; i < WIDTH; i++)
            rows[i] = shuffled[i];
    }
#endif
}

/* Gradients are written by the first consumer of a value and added to by the others. */
inline void row_put(vec value, __global float *row, int c, int channels, int accumulate) {
    if (accumulate)
        value += row_load(row, c, channels);
    row_store(value, row, c, channels);
}

/* The same for flat arrays, whose padding makes whole vectors safe. */
inline void flat_put(vec value, __global float *p, int accumulate) {
    if (accumulate)
        value += VLOAD(p);
    VSTORE(value, p);
}

/* Vectors over the WIDTH rows from `first`: to[d] = from[row, d] * scale; rows beyond `count` repeat the last. */
inline void gather(__global const float *from, size_t stride, int columns, int first, int count, float scale, vec *to) {
    for (int d = 0; d < columns; d += WIDTH) {
        vec square[WIDTH];
        UNROLL for (int w = 0; w < WIDTH; w++)
            square[w] = row_load(from + min(first + w, count - 1) * stride, d, columns);
        transpose_square(square);
        for (int i = 0; i < WIDTH && d + i < columns; i++)
            to[d + i] = square[i] * scale;
    }
}

/* to[row, d] = from[d] * scale, or added to it, for those of the WIDTH rows from `first` that are below `count`. */
inline void scatter(const vec *from, __global float *to, size_t stride, int columns, int first, int count, vec scale,
                    int accumulate) {
    for (int d = 0; d < columns; d += WIDTH) {
        vec square[WIDTH];
        UNROLL for (int i = 0; i < WIDTH; i++)
            square[i] = from[min(d + i, columns - 1)] * scale;
        transpose_square(square);
        for (int w = 0; w < WIDTH && first + w < count; w++)
            row_put(square[w], to + (first + w) * stride, d, columns, accumulate);
    }
}

/*
 * product[k] = sum over d of vectors[d] * rows[k][d] for TOGETHER rows, enough to keep the multiply-adders busy; rows
 * beyond `count` repeat the last.
 */
#define TOGETHER 8

inline ALWAYS_INLINE void products(const vec *vectors, __global const float *from, size_t stride, int columns,
                                   int first, int count, vec *product) {
    __global const float *rows[TOGETHER];
    UNROLL for (int k = 0; k < TOGETHER; k++) {
        rows[k] = from + min(first + k, count - 1) * stride;
        product[k] = (vec)(0.0f);
    }
    for (int d = 0; d < columns; d++)
        UNROLL for (int k = 0; k < TOGETHER; k++)
            product[k] += vectors[d] * rows[k][d];
}

inline float vec_sum(vec v) {
#if WIDTH == 1
    return v;
#elif WIDTH == 4
    float2 a = v.lo + v.hi;
    return a.x + a.y;
#elif WIDTH == 8
    float4 a = v.lo + v.hi;
    float2 b = a.lo + a.hi;
    return b.x + b.y;
#else
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    float2 c = b.lo + b.hi;
    return c.x + c.y;
#endif
}

/* The sums of WIDTH vectors, by far fewer shuffles than as many vec_sum() take. Overwrites the vectors. */
inline ALWAYS_INLINE vec vec_sums(vec *vectors) {
#if WIDTH > 1
    UNROLL for (int count = WIDTH / 2; count > 0; count /= 2)
        UNROLL for (int i = 0; i < count; i++)
            vectors[i] = (vec)(vectors[2 * i].even, vectors[2 * i + 1].even) +
                         (vec)(vectors[2 * i].odd, vectors[2 * i + 1].odd);
#endif
    return vectors[0];
}

inline float vec_max(vec v) {
#if WIDTH == 1
    return v;
#elif WIDTH == 4
    float2 a = fmax(v.lo, v.hi);
    return fmax(a.x, a.y);
#elif WIDTH == 8
    float4 a = fmax(v.lo, v.hi);
    float2 b = fmax(a.lo, a.hi);
    return fmax(b.x, b.y);
#else
    float8 a = fmax(v.lo, v.hi);
    float4 b = fmax(a.lo, a.hi);
    float2 c = fmax(b.lo, b.hi);
    return fmax(c.x, c.y);
#endif
}

/*
 * Sum or maximum over the lanes of the group, in a fixed order, the result in every lane. `scratch` is a local array
 * declared with GROUP_SCRATCH in the kernel. Every lane calls it.
 */
#define GROUP_SCRATCH(name) __local float name[LANES]

inline float group_sum(float value, __local float *scratch) {
#if LANES == 1
    return value;
#else
    scratch[LANE] = value;
    for (int half_ = LANES / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (LANE < half_)
            scratch[LANE] += scratch[LANE + half_];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float sum = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return sum;
#endif
}

inline float group_max(float value, __local float *scratch) {
#if LANES == 1
    return value;
#else
    scratch[LANE] = value;
    for (int half_ = LANES / 2; half_ > 0; half_ /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (LANE < half_)
            scratch[LANE] = fmax(scratch[LANE], scratch[LANE + half_]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    float largest = scratch[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    return largest;
#endif
}

inline vec sigmoid(vec x) {
    return 1.0f / (1.0f + exp(-x));
}

/* s(x) and its derivative, for STAR_NONLINEARITY_... but softmax; `kind` is a constant after compiling. */
inline vec nonlinear(vec x, int kind) {
    switch (kind) {
    case STAR_NONLINEARITY_SIGMOID:
        return sigmoid(x);
    case STAR_NONLINEARITY_RELU:
        return fmax(x, (vec)(0.0f));
    case STAR_NONLINEARITY_SILU:
        return x * sigmoid(x);
    default:
        return x;
    }
}

inline vec nonlinear_slope(vec x, int kind) {
    vec s = sigmoid(x);
    switch (kind) {
    case STAR_NONLINEARITY_SIGMOID:
        return s * (1.0f - s);
    case STAR_NONLINEARITY_RELU:
        return VSELECT((vec)(0.0f), (vec)(1.0f), x > 0.0f);
    case STAR_NONLINEARITY_SILU:
        return s * (1.0f + x * (1.0f - s));
    default:
        return (vec)(1.0f);
    }
}

/* The first token that token t sees, and the token behind the last that sees token t. */
inline int first_visible(int t, int mask, int span) {
    return mask == STAR_MASK_BANDED ? max(t - span + 1, 0) : mask == STAR_MASK_BLOCKED ? t - t % span : 0;
}

inline int last_visible(int t, int mask, int span, int context) {
    int end = mask == STAR_MASK_BANDED ? t + span : mask == STAR_MASK_BLOCKED ? t - t % span + span : context;
    return min(end, context);
}

/* log(1 + exp(x)) without overflow. */
inline vec softplus(vec x) {
    return fmax(x, (vec)(0.0f)) + log1p(exp(-fabs(x)));
}
