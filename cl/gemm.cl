/*
 * C[m,n] = alpha * op(A)[m,k] * B[k,n] + beta * D on devices where a work-group is one core's loop; D may be C.
 *
 * A work-group (LANES 1) makes a tile of `block_rows` rows and 2 * WIDTH columns. Its inner piece keeps MICRO_ROWS x 2
 * vectors of C in registers and runs down k: two vectors of B, and one float of A a row, broadcast. A is read where it
 * lies (any strides), rows of B are contiguous; a transposed B is copied by `transpose` first. It takes BLOCK_K rows of
 * B at a time, which stay in the second-level cache while the rows of the tile pass.
 */
#define BLOCK_K 768
#if WIDTH == 16
#define MICRO_ROWS 12 /* 24 accumulators of the 32 registers of AVX-512 */
#else
#define MICRO_ROWS 6 /* 12 accumulators of the 16 registers of AVX and SSE */
#endif

struct product {
    __global const float *a, *b, *addend;
    __global float *c;
    int a_row_stride, a_k_stride, ldb, ldc, k;
    float alpha, beta;
    int skip; /* columns of the (only) vector that are not written */
};

/* The part of C that begins so many floats on, with what is added to it. */
inline struct product product_moved(struct product p, long floats) {
    p.c += floats;
    p.addend += floats;
    return p;
}

inline struct product product_at_row(struct product p, int row) {
    p.a += (size_t)row * p.a_row_stride;
    return product_moved(p, (size_t)row * p.ldc);
}

inline void put(vec value, struct product p, size_t offset) {
    __global float *place = p.c + offset;
    __global const float *addend = p.addend + offset;
#if WIDTH > 1
    if (p.skip) {
        float part[WIDTH];
        VSTORE(value, part);
        for (int i = p.skip; i < WIDTH; i++)
            place[i] = part[i] + (p.beta != 0.0f ? p.beta * addend[i] : 0.0f);
        return;
    }
#endif
    if (p.beta != 0.0f)
        value += p.beta * VLOAD(addend);
    VSTORE(value, place);
}

/* One function a piece size, so that every accumulator is a register. */
#define DEFINE_MICRO(NAME, MR, NV)                                                                                     \
    inline void NAME(struct product p) {                                                                               \
        vec sum[MR][NV];                                                                                               \
        UNROLL for (int i = 0; i < MR; i++)                                                                            \
            UNROLL for (int j = 0; j < NV; j++) sum[i][j] = (vec)(0.0f);                                               \
        __global const float *a = p.a, *b = p.b;                                                                       \
        for (int step = 0; step < p.k; step++) {                                                                       \
            vec bv[NV];                                                                                                \
            UNROLL for (int j = 0; j < NV; j++) bv[j] = VLOAD(b + j * WIDTH);                                          \
            UNROLL for (int i = 0; i < MR; i++) {                                                                      \
                vec av = (vec)(a[i * p.a_row_stride]);                                                                 \
                UNROLL for (int j = 0; j < NV; j++) sum[i][j] = fma(av, bv[j], sum[i][j]);                             \
            }                                                                                                          \
            a += p.a_k_stride;                                                                                         \
            b += p.ldb;                                                                                                \
        }                                                                                                              \
        UNROLL for (int i = 0; i < MR; i++)                                                                            \
            UNROLL for (int j = 0; j < NV; j++) put(p.alpha * sum[i][j], p, (size_t)i * p.ldc + j * WIDTH);            \
    }

DEFINE_MICRO(micro_full_2, MICRO_ROWS, 2)
DEFINE_MICRO(micro_full_1, MICRO_ROWS, 1)
DEFINE_MICRO(micro_4_2, 4, 2)
DEFINE_MICRO(micro_4_1, 4, 1)
DEFINE_MICRO(micro_1_2, 1, 2)
DEFINE_MICRO(micro_1_1, 1, 1)

/* Rows first..last-1 of NV vectors of columns at b and c. */
#define DEFINE_STRIP(NAME, FULL, FOUR, ONE)                                                                            \
    inline void NAME(struct product p, int first, int last) {                                                          \
        int row = first;                                                                                               \
        for (; row + MICRO_ROWS <= last; row += MICRO_ROWS)                                                            \
            FULL(product_at_row(p, row));                                                                              \
        for (; row + 4 <= last; row += 4)                                                                              \
            FOUR(product_at_row(p, row));                                                                              \
        for (; row < last; row++)                                                                                      \
            ONE(product_at_row(p, row));                                                                               \
    }

DEFINE_STRIP(strip_2, micro_full_2, micro_4_2, micro_1_2)
DEFINE_STRIP(strip_1, micro_full_1, micro_4_1, micro_1_1)

/* A product of fewer columns than a vector has. */
inline void strip_scalar(struct product p, int first, int last, int columns) {
    for (int row = first; row < last; row++) {
        struct product r = product_at_row(p, row);
        for (int j = 0; j < columns; j++) {
            float sum = 0.0f;
            for (int step = 0; step < r.k; step++)
                sum = fma(r.a[(size_t)step * r.a_k_stride], r.b[(size_t)step * r.ldb + j], sum);
            r.c[j] = r.alpha * sum + (r.beta != 0.0f ? r.beta * r.addend[j] : 0.0f);
        }
    }
}

/* Rows first..last-1 of the `columns`, at most 2 * WIDTH, at b and c; the whole product has n. */
inline void panel(struct product p, int first, int last, int columns, int n) {
    if (columns == 2 * WIDTH) {
        strip_2(p, first, last);
        return;
    }
    if (columns >= WIDTH) {
        strip_1(p, first, last);
        p.b += WIDTH;
        p = product_moved(p, WIDTH);
        columns -= WIDTH;
    }
    if (columns > 0 && n < WIDTH) {
        strip_scalar(p, first, last, columns);
    } else if (columns > 0) {
        /* The last vector begins before its columns, so that it ends with them; what others wrote is not written. */
        p.skip = WIDTH - columns;
        p.b -= p.skip;
        p = product_moved(p, -p.skip);
        strip_1(p, first, last);
    }
}

/* `batch` products a third of the range, a_step, b_step and c_step floats apart. */
GROUP_SHAPE __kernel void gemm_panel(__global const float *a, __global const float *b, __global float *c,
                                     __global const float *addend, int m, int n, int k, int a_row_stride,
                                     int a_k_stride, int ldb, int ldc, int a_step, int b_step, int c_step, float alpha,
                                     float beta, int block_rows) {
    int column = (int)get_group_id(0) * 2 * WIDTH;
    int first = (int)get_group_id(1) * block_rows, last = min(first + block_rows, m);
    size_t member = get_group_id(2);
    size_t place = member * c_step + column;
    struct product p = {.a = a + member * a_step,
                        .b = b + member * b_step + column,
                        .addend = addend + place,
                        .c = c + place,
                        .a_row_stride = a_row_stride,
                        .a_k_stride = a_k_stride,
                        .ldb = ldb,
                        .ldc = ldc,
                        .alpha = alpha,
                        .beta = beta};
    for (int begin = 0; begin < k; begin += BLOCK_K) {
        p.k = min(BLOCK_K, k - begin);
        panel(p, first, last, min(2 * WIDTH, n - column), n);
        p.a += (size_t)p.k * a_k_stride;
        p.b += (size_t)p.k * ldb;
        p.addend = p.c;
        p.beta = 1.0f;
    }
}

/* to[k,n] = from[n,k] transposed, `batch` of them; a group makes STAR_TRANSPOSE_ROWS rows of `to`. */
GROUP_SHAPE __kernel void transpose(__global const float *from, __global float *to, int n, int k, int ld_from,
                                    int from_step) {
    int first = (int)get_group_id(0) * STAR_TRANSPOSE_ROWS, last = min(first + STAR_TRANSPOSE_ROWS, k);
    from += get_group_id(1) * from_step;
    to += get_group_id(1) * n * k;
    for (int p = first; p < last; p += WIDTH) {
        for (int j = 0; j < n; j += WIDTH) {
            vec square[WIDTH];
            UNROLL for (int i = 0; i < WIDTH; i++) {
                square[i] = (vec)(0.0f);
                if (j + i < n)
                    square[i] = row_load(from + (size_t)(j + i) * ld_from, p, last);
            }
            transpose_square(square);
            for (int i = 0; i < WIDTH && p + i < last; i++)
                row_store(square[i], to + (size_t)(p + i) * n, j, n);
        }
    }
}
