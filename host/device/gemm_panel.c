/* The GEMM for devices whose work-groups each run on one core: cl/cpu/gemm.cl says how it works. */
#include "device/gemm_provider.h"
#include "starcl/arguments.h"

#include <stdio.h>

/* Where both matrices are read where they lie: a strip of B is one panel, and these stay in the second-level cache. */
enum { LYING_TILE_ROWS = 96, LYING_BLOCK_K = 768 };

static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    (void)device, (void)gemm;
    return 0;
}

static cl_mem addend_of(const struct gemm *gemm) {
    return gemm->addend ? gemm->addend : gemm->c;
}

/* `whole` in as many equal parts as there must be if each is at most `most`, rounded up to multiples of `unit`. */
static int equal_part(int whole, int most, int unit) {
    size_t parts = divide_up((size_t)whole, (size_t)most), part = divide_up((size_t)whole, parts);
    return (int)(divide_up(part, (size_t)unit) * (size_t)unit);
}

static struct launch_groups tiles_of(const struct gemm_sizes *p, int batch) {
    return (struct launch_groups){divide_up((size_t)p->n, (size_t)p->tile_columns),
                                  divide_up((size_t)p->m, (size_t)p->tile_rows), (size_t)batch};
}

/* At most a fifth of the units' time passes without a tile, if all tiles take as long. */
static bool are_busy(struct launch_groups tiles, size_t units) {
    size_t count = tiles.x * tiles.y * tiles.z, rounds = divide_up(count, units);
    return 5 * count >= 4 * rounds * units;
}

/*
 * Tiles as large as the blocks allow, because a tile's operands are packed once for all of it; halved while units of
 * the device would be idle, the longer side first.
 */
static void choose_tiles(struct gemm_sizes *p, struct product_blocks blocks, int micro_columns, size_t units,
                         int batch) {
    p->tile_rows = equal_part(p->m, blocks.tile_rows, blocks.micro_rows);
    p->tile_columns = equal_part(p->n, blocks.tile_columns, micro_columns);
    while (!are_busy(tiles_of(p, batch), units)) {
        if (p->tile_rows > blocks.micro_rows && (p->tile_rows >= p->tile_columns || p->tile_columns == micro_columns))
            p->tile_rows = equal_part(p->tile_rows, p->tile_rows - blocks.micro_rows, blocks.micro_rows);
        else if (p->tile_columns > micro_columns)
            p->tile_columns = equal_part(p->tile_columns, p->tile_columns - micro_columns, micro_columns);
        else
            break;
    }
}

static size_t panels_bytes(int count, int panel, int depth) {
    size_t panel_floats = (size_t)panel * (size_t)depth + STAR_PANEL_PADDING;
    return divide_up((size_t)count, (size_t)panel) * panel_floats * sizeof(float);
}

/* Where local memory is small, narrower tiles and then shorter steps of k. */
static struct product_blocks fitting(struct product_blocks blocks, int micro_columns, size_t local_bytes) {
    while (blocks.block_k > 1 && panels_bytes(blocks.block_rows, blocks.micro_rows, blocks.block_k) +
                                         panels_bytes(blocks.tile_columns, micro_columns, blocks.block_k) >
                                     local_bytes) {
        if (blocks.tile_columns > 4 * micro_columns)
            blocks.tile_columns -= micro_columns;
        else
            blocks.block_k /= 2;
    }
    return blocks;
}

static struct gemm_sizes product_of(const struct gemm *gemm) {
    return (struct gemm_sizes){.m = gemm->m,
                               .n = gemm->n,
                               .k = gemm->k,
                               .a_row_stride = gemm->transpose_a ? 1 : gemm->lda,
                               .a_k_stride = gemm->transpose_a ? gemm->lda : 1,
                               .b_column_stride = gemm->transpose_b ? gemm->ldb : 1,
                               .b_k_stride = gemm->transpose_b ? 1 : gemm->ldb,
                               .ldc = gemm->ldc,
                               .a_step = gemm->a_step,
                               .b_step = gemm->b_step,
                               .c_step = gemm->c_step,
                               .alpha = gemm->alpha,
                               .beta = gemm->beta};
}

/* Of B read where it lies, rows are contiguous and whole vectors. */
static enum packing packing_of(const struct gemm *gemm, struct product_blocks blocks, int width) {
    bool b_may_lie = !gemm->transpose_b && gemm->n % width == 0;
    if (b_may_lie && gemm->m <= blocks.few_rows)
        return PACK_NOTHING;
    if (gemm->transpose_a && b_may_lie && gemm->k <= blocks.lying_k)
        return PACK_NOTHING;
    if (gemm->transpose_a)
        return PACK_BOTH;
    return blocks.packing == PACK_NOTHING && !b_may_lie ? PACK_B : blocks.packing;
}

static status run(struct device *device, const struct gemm *gemm) {
    static const struct {
        const char *name;
        int arguments;
    } kernels[] = {[PACK_NOTHING] = {"lying", 5}, [PACK_B] = {"packed_b", 6}, [PACK_BOTH] = {"packed", 7}};
    const struct device_information *information = device_information(device);
    int width = device_shape(device).width;
    struct product_blocks blocks = gemm_blocks(device);
    int micro_columns = blocks.micro_vectors * width;
    enum packing packing = packing_of(gemm, blocks, width);
    if (packing == PACK_NOTHING) {
        blocks.tile_rows = LYING_TILE_ROWS;
        blocks.tile_columns = micro_columns;
        blocks.block_k = LYING_BLOCK_K;
    } else {
        blocks = fitting(blocks, micro_columns, (size_t)information->local_bytes);
    }
    struct gemm_sizes p = product_of(gemm);
    choose_tiles(&p, blocks, micro_columns, (size_t)information->compute_units, gemm->batch);
    p.block_rows = equal_part(p.tile_rows, blocks.block_rows, blocks.micro_rows);
    p.block_k = equal_part(p.k, blocks.block_k, 1);

    char options[64];
    snprintf(options, sizeof options, "-DMICRO_ROWS=%d -DMICRO_VECTORS=%d", blocks.micro_rows, blocks.micro_vectors);
    struct kernel_name name = {"gemm", kernels[packing].name, options};
    struct kernel_argument arguments[] = {
        argument_buffer(gemm->a),
        argument_buffer(gemm->b),
        argument_buffer(gemm->c),
        argument_buffer(addend_of(gemm)),
        argument_struct(&p, sizeof p),
        argument_local(panels_bytes(p.tile_columns, micro_columns, p.block_k)),
        argument_local(panels_bytes(p.block_rows, blocks.micro_rows, p.block_k)),
    };
    return device_launch(device, name, tiles_of(&p, gemm->batch), arguments, kernels[packing].arguments);
}

const struct gemm_provider gemm_panel = {
    .name = "panel", .takes_addend = true, .run = run, .scratch_bytes = scratch_bytes};
