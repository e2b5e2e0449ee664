/*
 * C[m,n] = alpha * op(A)[m,k] * B[k,n] + beta * C on devices where a work-group is one core's loop.
 *
 * A work-group (LANES 1) makes the tile of `block_rows` rows and 2 * WIDTH columns. Its inner piece keeps MICRO_ROWS x 2
 * vectors of C in registers and runs down k: two vectors of B, and one float of A a row, broadcast. A is read where it
 * lies (any strides), B rows are contiguous; a transposed B is copied by `transpose` first. Panels of B stay in the
 * first- or second-level cache while the rows of the block pass.
 */
#if WIDTH == 16
#define MICRO_ROWS 12 /* 24 accumulators of the 32 registers of AVX-512 */
#else
#define MICRO_ROWS 6 /* 12 accumulators of the 16 registers of AVX and SSE */
#endif

/* One function a piece size, so that every accumulator is a register. */
#define DEFINE_MICRO(NAME, MR, NV)                                                                                     \
    inline void NAME(__global const float *a, int a_row_stride, int a_k_stride, __global const float *b,               \
                     __global float *c, int n, int k, float alpha, float beta) {                                       \
        vec sum[MR][NV];                                                                                               \
        UNROLL for (int i = 0; i < MR; i++)                                                                 \
            UNROLL for (int j = 0; j < NV; j++) sum[i][j] = (vec)(0.0f);                                    \
        for (int p = 0; p < k; p++) {                                                                                  \
            vec bv[NV];                                                                                                \
            UNROLL for (int j = 0; j < NV; j++) bv[j] = VLOAD(b + j * WIDTH);                               \
            UNROLL for (int i = 0; i < MR; i++) {                                                           \
                vec av = (vec)(a[i * a_row_stride]);                                                                   \
                UNROLL for (int j = 0; j < NV; j++) sum[i][j] = fma(av, bv[j], sum[i][j]);                  \
            }                                                                                                          \
            a += a_k_stride;                                                                                           \
            b += n;                                                                                                    \
        }                                                                                                              \
        UNROLL for (int i = 0; i < MR; i++) {                                                               \
            UNROLL for (int j = 0; j < NV; j++) {                                                           \
                __global float *place = c + (size_t)i * n + j * WIDTH;                                                         \
                vec value = alpha * sum[i][j];                                                                         \
                if (beta != 0.0f)                                                                                      \
                    value += beta * VLOAD(place);                                                                      \
                VSTORE(value, place);                                                                                  \
            }                                                                                                          \
        }                                                                                                              \
    }

DEFINE_MICRO(micro_full_2, MICRO_ROWS, 2)
DEFINE_MICRO(micro_full_1, MICRO_ROWS, 1)
DEFINE_MICRO(micro_4_2, 4, 2)
DEFINE_MICRO(micro_4_1, 4, 1)
DEFINE_MICRO(micro_1_2, 1, 2)
DEFINE_MICRO(micro_1_1, 1, 1)

/* Rows first..last-1 of NV vectors of columns at b and c. */
#define DEFINE_STRIP(NAME, FULL, FOUR, ONE)                                                                            \
    inline void NAME(__global const float *a, int a_row_stride, int a_k_stride, __global const float *b,               \
                     __global float *c, int n, int k, float alpha, float beta, int first, int last) {                  \
        int row = first;                                                                                               \
        for (; row + MICRO_ROWS <= last; row += MICRO_ROWS)                                                            \
            FULL(a + (size_t)row * a_row_stride, a_row_stride, a_k_stride, b, c + (size_t)row * n, n, k, alpha, beta);                 \
        for (; row + 4 <= last; row += 4)                                                                              \
            FOUR(a + (size_t)row * a_row_stride, a_row_stride, a_k_stride, b, c + (size_t)row * n, n, k, alpha, beta);                 \
        for (; row < last; row++)                                                                                      \
            ONE(a + (size_t)row * a_row_stride, a_row_stride, a_k_stride, b, c + (size_t)row * n, n, k, alpha, beta);                  \
    }

DEFINE_STRIP(strip_2, micro_full_2, micro_4_2, micro_1_2)
DEFINE_STRIP(strip_1, micro_full_1, micro_4_1, micro_1_1)

/* Columns that do not fill a vector. */
inline void strip_scalar(__global const float *a, int a_row_stride, int a_k_stride, __global const float *b,
                         __global float *c, int n, int k, float alpha, float beta, int first, int last, int columns) {
    for (int row = first; row < last; row++) {
        for (int j = 0; j < columns; j++) {
            float sum = 0.0f;
            for (int p = 0; p < k; p++)
                sum = fma(a[(size_t)row * a_row_stride + (size_t)p * a_k_stride], b[(size_t)p * n + j], sum);
            __global float *place = c + (size_t)row * n + j;
            *place = alpha * sum + (beta != 0.0f ? beta * *place : 0.0f);
        }
    }
}

GROUP_SHAPE __kernel void gemm_panel(__global const float *a, __global const float *b, __global float *c, int m, int n,
                                     int k, int a_row_stride, int a_k_stride, float alpha, float beta,
                                     int block_rows) {
    int column = (int)get_group_id(0) * 2 * WIDTH, columns = min(2 * WIDTH, n - column);
    int first = (int)get_group_id(1) * block_rows, last = min(first + block_rows, m);
    b += column;
    c += column;
    if (columns == 2 * WIDTH) {
        strip_2(a, a_row_stride, a_k_stride, b, c, n, k, alpha, beta, first, last);
        return;
    }
    if (columns >= WIDTH) {
        strip_1(a, a_row_stride, a_k_stride, b, c, n, k, alpha, beta, first, last);
        b += WIDTH;
        c += WIDTH;
        columns -= WIDTH;
    }
    strip_scalar(a, a_row_stride, a_k_stride, b, c, n, k, alpha, beta, first, last, columns);
}

/* to[k,n] = from[n,k] transposed; a group makes a square tile. */
GROUP_SHAPE __kernel void transpose(__global const float *from, __global float *to, int n, int k) {
    int first_k = (int)get_group_id(0) * STAR_TRANSPOSE_TILE, last_k = min(first_k + STAR_TRANSPOSE_TILE, k);
    int first_n = (int)get_group_id(1) * STAR_TRANSPOSE_TILE, last_n = min(first_n + STAR_TRANSPOSE_TILE, n);
    for (int p = first_k; p < last_k; p++)
        for (int j = first_n; j < last_n; j++)
            to[(size_t)p * n + j] = from[(size_t)j * k + p];
}
