/*
 * Numbers that host code and kernels must agree on. Included by both, so it holds nothing but #defines.
 */
#ifndef STARCL_CONSTANTS_H
#define STARCL_CONSTANTS_H

#define STAR_RMS_NORM_EPSILON 1e-5f
#define STAR_ROTARY_BASE 10000.0f

/* Edge of the square that one work-group of gemm.cl's transpose copies. */
#define STAR_TRANSPOSE_TILE 16

/* Tokens between the states that a recurrence keeps for its backward pass. */
#define STAR_SCAN_CHUNK 16

#endif
