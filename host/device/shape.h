/*
 * Shapes of devices as a table: how kernels are laid out for devices that run work-groups as loops over vectors of 16,
 * 8 or 4 floats, and for those with many scalar lanes. A row is chosen by what the device is, not by who made it.
 */
#ifndef STARCL_DEVICE_SHAPE_H
#define STARCL_DEVICE_SHAPE_H

#include "device/device.h"
#include "device/program.h"

/* What a product packs. */
enum packing { PACK_NOTHING, PACK_B, PACK_BOTH };
/* "nothing", "B", "A and B" */
const char *packing_name(enum packing packing);

/*
 * How cl/gemm.cl blocks a product. A micro-kernel keeps micro_rows x micro_vectors vectors of C in registers.
 * block_rows x block_k floats of A and tile_columns x block_k of B are packed at a time, which should fit into a core's
 * second-level cache; a tile of C has at most tile_rows x tile_columns. `packing` is for products without a transpose;
 * what is transposed is always packed. Up to few_rows rows of C nothing is that need not be.
 */
struct product_blocks {
    int micro_rows, micro_vectors;
    int block_rows, block_k;
    int tile_rows, tile_columns;
    int few_rows;
    enum packing packing;
};

/*
 * How cl/gemm_tiles.cl shares a product out: a group of lane_rows times the shape's lanes makes a tile of C, of which
 * each lane has rows x columns sums, multiples of 4, and takes `depth` of k at a time.
 */
struct product_tiles {
    int lane_rows, rows, columns, depth;
};
enum { PRODUCT_TILES = 3 };

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

/* Those for many lanes, the largest tiles first; `which` is below PRODUCT_TILES. */
struct product_tiles shape_product_tiles(int which);
/* Lanes beside each other of so many that make a tile, a power of two of them: as many as below each other, or twice.
 */
int shape_lanes_across(int lanes);

#endif
