/*
 * What kernels with many numbers take by value: one struct of them, which a launch fills by name. Included by both
 * sides, so fields are ints and floats, whose sizes are the same on host and device.
 */
#ifndef STARCL_ARGUMENTS_H
#define STARCL_ARGUMENTS_H

#ifndef __OPENCL_VERSION__ /* a kernel file has it before this one */
#include "starcl/constants.h"
#endif

/*
 * A matrix product as gemm.cl is told it: C[m,n] = alpha * A[m,k] * B[k,n] + beta * D, `batch` times. Strides are the
 * floats from one row, column or k to the next, and one of each matrix is 1; steps are those from one product of a
 * batch to the next. A work-group makes tile_rows x tile_columns of C, from blocks of block_rows x block_k of A.
 */
struct gemm_sizes {
    int m, n, k;
    int a_row_stride, a_k_stride, b_column_stride, b_k_stride, ldc;
    int a_step, b_step, c_step;
    int tile_rows, tile_columns, block_rows, block_k;
    float alpha, beta;
};

/*
 * The same as gemm_tiles.cl is told it, for several at once. lda, ldb and ldc are the floats from one stored row to the
 * next. whole_k is the k of all terms behind each other, each rounded up to what is taken at a time; each part_k of it
 * is summed by another group, which makes matrices of its own where there are several, c_offset from their begin.
 */
struct tile_product {
    int m, whole_k, part_k, batch;
    int n[STAR_TILES_TOGETHER], k[STAR_TILES_TOGETHER];
    int lda[STAR_TILES_TOGETHER], ldb[STAR_TILES_TOGETHER], ldc[STAR_TILES_TOGETHER];
    int c_offset[STAR_TILES_TOGETHER];
    int a_step, b_step, c_step;
    float alpha, beta;
};

/* gemv.cl: rows of x, matrices w_i[k, n[i]] and rows of y_i. Steps and strides are in elements. */
struct gemv_sizes {
    int k, n[STAR_GEMV_TOGETHER];
    int x_stride, y_stride;     /* from row to row; y_stride 0: n of the matrix */
    int x_step, w_step, y_step; /* from member to member of a batch */
    int strip, panel;           /* columns of a group, and of a panel of w */
    float alpha, beta;
};

/* low_rank.cl: heads of C and y, those of B and V, which divide them; and what a query sees. */
struct attention_sizes {
    int heads, b_heads, v_heads;
    int context, mask, span;
    float scale; /* of the scores */
};

/* linear_attention.cl: one use of its primitive. Offsets are in floats, from the start of a buffer or of scratch. */
struct chunked_use {
    int q_offset, k_offset, x_offset, out_offset, cumulative_offset, states_offset;
    int heads, q_heads, k_heads, x_heads; /* heads of out, and the others, which divide them */
    int context, segment, chunks;         /* tokens of a sequence and of a segment; chunks of a sequence */
    int mirrored;                         /* over the sources behind a row, not before it */
    int weighs_rows, weighs_sources;      /* whether token weights stand for alpha, and for beta */
    int accumulate;                       /* add to out */
    float scale;                          /* of the token weights */
};

/* spectral_convolution.cl: what is convolved, and where in scratch slots of transforms begin, in floats. */
struct spectral_sizes {
    int channels, context, segment;
    int segments, parts;               /* segments of all sequences, and the parts of them that have a sum each */
    int rows, lags;                    /* rows of the kernel, and those in use */
    int size;                          /* elements of a transform */
    int spectra, slots, sums;          /* the kernel's transforms, what groups work on, the sums of parts */
    int accumulate, accumulate_kernel; /* add to the gradients */
};

/* narrow.cl: elements of each tensor, 0 where there is none. */
struct narrow_counts {
    int elements[STAR_NARROW_TOGETHER];
};

/*
 * adamw.cl: floats first .. ends[i] - 1 of the parameter block, those behind the one before, have this rate and decay;
 * first .. first + count - 1 are updated. Kinds that are not there end with the last.
 */
struct adamw_settings {
    int first, count;
    float beta_1, beta_2, correction_1, correction_2, epsilon, clip;
    int ends[STAR_ADAMW_KINDS];
    float rates[STAR_ADAMW_KINDS], decays[STAR_ADAMW_KINDS];
};

#endif
