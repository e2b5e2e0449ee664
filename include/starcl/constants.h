/*
 * Numbers that host code and kernels must agree on. Included by both, so it holds nothing but #defines. Those that are
 * another for another device are in the table of device/shape.c.
 */
#ifndef STARCL_CONSTANTS_H
#define STARCL_CONSTANTS_H

/* Values of the operator genes, numbered as genomes write them. */
#define STAR_MASK_CAUSAL 1
#define STAR_MASK_BANDED 2
#define STAR_MASK_BLOCKED 3

#define STAR_NONLINEARITY_NONE 1
#define STAR_NONLINEARITY_SOFTMAX 2
#define STAR_NONLINEARITY_SIGMOID 3
#define STAR_NONLINEARITY_RELU 4
#define STAR_NONLINEARITY_SILU 5

#define STAR_RMS_NORM_EPSILON 1e-5f
#define STAR_ROTARY_BASE 10000.0f

/* Independent multiply-adds that peaks.cl keeps going, so that one need not wait for the one before. */
#define STAR_PEAK_CHAINS 12

/* Vectors of columns that gemv.cl keeps in registers; of floats in rows, rows that it reads at once, and columns at most
 * (a multiple of 48); and matrices that one launch of it takes. */
#define STAR_GEMV_VECTORS 8
#define STAR_GEMV_ROWS 8
#define STAR_GEMV_STRIP 384
#define STAR_GEMV_TOGETHER 6

/* Products that one launch of gemm_tiles.cl makes or adds up. */
#define STAR_TILES_TOGETHER 4

/* Columns beside each other of which a group of rms_norm.cl sums a gradient. */
#define STAR_NORM_COLUMNS 8

/* Kinds of parameters that one launch of adamw.cl takes. */
#define STAR_ADAMW_KINDS 16

/* Tensors that one launch of narrow.cl converts. */
#define STAR_NARROW_TOGETHER 4

/* The loss's scale (loss_scale.cl): at first, at most, and steps without overflow after which it doubles. */
#define STAR_LOSS_SCALE_FIRST 65536.0f
#define STAR_LOSS_SCALE_MOST 16777216.0f
#define STAR_LOSS_SCALE_STEPS 2000

/* Tensors that one launch of rotary.cl turns. */
#define STAR_ROTARY_TOGETHER 2

/* Rows of C for which gemm.cl has smaller micro-kernels. */
#define STAR_FEW_ROWS 4

/* Floats behind each packed panel of gemm.cl, so that whole vectors may be stored to its end. */
#define STAR_PANEL_PADDING 16

/* Instructions that multiply matrices (matrix_units.cl). */
#define STAR_UNIT_NONE 0
#define STAR_UNIT_MMA 1
#define STAR_UNIT_MFMA 2
#define STAR_UNIT_WMMA 3
#define STAR_UNIT_DPAS_8 4
#define STAR_UNIT_DPAS_16 5

/* Numbers that the factors of products are rounded to (matrix_layouts.cl). */
#define STAR_FACTORS_FLOAT32 0
#define STAR_FACTORS_TF32 1
#define STAR_FACTORS_BFLOAT16 2
#define STAR_FACTORS_FLOAT16 3

/* Sines and cosines of the lag that an implicit kernel is made from, and the width of its hidden layer. */
#define STAR_LAG_FEATURES 32
#define STAR_LAG_HIDDEN 32

#endif
