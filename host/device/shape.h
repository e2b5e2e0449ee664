/*
 * Shapes of devices as a table: how kernels are laid out for devices that run work-groups as loops over vectors of 16,
 * 8 or 4 floats, and for those with many scalar lanes. A row is chosen by what the device is, not by who made it. It
 * has a part for each family of kernels: a number more is a member of its struct here, and its line and values in
 * shape.c.
 */
#ifndef STARCL_DEVICE_SHAPE_H
#define STARCL_DEVICE_SHAPE_H

#include "device/device.h"
#include "device/program.h"

struct text;

/* What a product packs. */
enum packing { PACK_NOTHING, PACK_B, PACK_BOTH };
/* "nothing", "B", "A and B" */
const char *packing_name(enum packing packing);

/*
 * How cl/cpu/gemm.cl blocks a product. A micro-kernel keeps micro_rows x micro_vectors vectors of C in registers.
 * block_rows x block_k floats of A and tile_columns x block_k of B are packed at a time, which should fit into a core's
 * second-level cache; a tile of C has at most tile_rows x tile_columns. `packing` is for products without a transpose;
 * what is transposed is packed, but for A up to lying_k steps of k. Up to few_rows rows of C nothing is that need not
 * be.
 */
struct product_blocks {
    int micro_rows, micro_vectors;
    int block_rows, block_k;
    int tile_rows, tile_columns;
    int few_rows, lying_k;
    enum packing packing;
};

/*
 * How cl/gpu/gemm_tiles.cl shares a product out: a group of lane_rows times the shape's lanes makes a tile of C, of which
 * each lane has rows x columns sums, multiples of 4, and takes `depth` of k at a time.
 */
struct product_tiles {
    int lane_rows, rows, columns, depth;
};
enum { PRODUCT_TILES = 3 };

/*
 * Attention, of both kinds. Where a lane is a core's loop it holds a vector of queries or keys, which meet `together`
 * rows of the other side at once; about `groups` work-groups, but at most `parts` a head, share the keys of the
 * backward pass (0: queries and keys in turn). Many lanes work by tiles of at most `tile` rows, `across` lanes beside
 * each other (0: no tiles). Linear attention takes `chunk` tokens as a dense block, and makes `outputs` rows of it at
 * once.
 */
struct attention_blocks {
    int together, groups, parts;
    int tile, across;
    int chunk, outputs;
};

/* Recurrences keep a state every `chunk` tokens for the backward pass; with 4 lanes a token, all chunks run at once. */
struct scan_blocks {
    int chunk;
};

/*
 * Long convolutions. By the definition a lane makes `tile` positions at once. A pass of a transform has `radix`
 * elements in registers; transforms are shared by `groups` work-groups, and taken from where they have `weight` tenths
 * of the definition's operations on (0: never).
 */
struct convolution_blocks {
    int tile;
    int radix, groups, weight;
};

/* Fails where kernels would compute wrong numbers in this shape, or not build. */
status shape_check(struct device_shape shape) MUST_CHECK;

/*
 * The shape that device_open() gives a device where its options name none: on devices that are no CPUs no more lanes
 * than its largest work-group and its local memory allow. `binaries` as in program_store_create().
 */
status shape_choose(const struct device_information *information, cl_context context, cl_command_queue queue,
                    enum binaries binaries, struct device_shape *shape) MUST_CHECK;

/* Those of the row that is as wide as the shape, which has one lane. */
struct product_blocks shape_product_blocks(struct device_shape shape);

/* What kernels of a family are laid out by in this shape: all of the row but what many lanes multiply by. */
struct attention_blocks shape_attention_blocks(struct device_shape shape);
struct scan_blocks shape_scan_blocks(struct device_shape shape);
struct convolution_blocks shape_convolution_blocks(struct device_shape shape);

/* The numbers of these structs one by one: "attention", "together", 8. False behind the last. */
struct shape_number {
    const char *family, *name;
    int value;
};
bool shape_number(struct device_shape shape, int index, struct shape_number *number);

/* Appends what every program of a device of this shape is built with, of which those numbers are that kernels need. */
void shape_build_options(struct device_shape shape, struct text *options);

/* Those for many lanes, the largest tiles first; `which` is below PRODUCT_TILES. */
struct product_tiles shape_product_tiles(int which);
/* Lanes beside each other of so many that make a tile, a power of two of them: as many as below each other, or twice.
 */
int shape_lanes_across(int lanes);

#endif
