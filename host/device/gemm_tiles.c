/* The GEMM of our own for devices of many lanes: cl/gemm_tiles.cl says how it works. */
#include "device/gemm_provider.h"
#include "starcl/arguments.h"

#include <stdio.h>

/*
 * A unit has enough to do with so many lanes of 64 sums each: two to four times what its multiply-adders take at once,
 * so that some of them can wait for memory. And what a part of k must have at least, for the sums to be worth adding up
 * by another kernel: reading and writing one of them takes about as long as 32 multiply-adds.
 */
enum { LANES_A_UNIT = 256, LEAST_PART = 128 };

/* Of k at a time, where units multiply: what the largest takes at once, twice. */
enum { UNIT_DEPTH = 16 };

/* A product's tiles, and how many parts of part_k its k has. */
struct plan {
    struct product_tiles tiles;
    const struct gemm_unit *unit;
    int lanes, across; /* of a group */
    struct launch_groups groups;
    int parts, part_k;
};

static bool is_possible(const struct device_information *information, const struct plan *plan) {
    size_t edges = (size_t)(plan->across * plan->tiles.columns + plan->lanes / plan->across * plan->tiles.rows) + 16;
    return (size_t)plan->lanes <= information->largest_work_group &&
           edges * (size_t)plan->tiles.depth * sizeof(float) <= information->local_bytes;
}

static struct plan plan_with(struct device *device, const struct gemm *gemm, int which) {
    struct plan plan = {.tiles = shape_product_tiles(which), .unit = gemm_unit(device), .parts = 1, .part_k = gemm->k};
    if (plan.unit)
        plan.tiles.depth = UNIT_DEPTH;
    plan.lanes = device_shape(device).lanes * plan.tiles.lane_rows;
    plan.across = shape_lanes_across(plan.lanes);
    size_t columns = (size_t)(plan.across * plan.tiles.columns);
    size_t rows = (size_t)(plan.lanes / plan.across * plan.tiles.rows);
    plan.groups = (struct launch_groups){divide_up((size_t)gemm->n, columns), divide_up((size_t)gemm->m, rows),
                                         (size_t)gemm->batch};
    return plan;
}

/* In parts, as many as keep the device busy. */
static struct plan divided(struct plan plan, size_t lanes, size_t wanted, int k) {
    int most = k / LEAST_PART;
    int parts = (int)divide_up(wanted, lanes);
    parts = parts < most ? parts : most;
    if (parts < 2)
        return plan;
    int steps = (int)divide_up((size_t)k, (size_t)plan.tiles.depth);
    plan.part_k = (int)divide_up((size_t)steps, (size_t)parts) * plan.tiles.depth;
    plan.parts = (int)divide_up((size_t)k, (size_t)plan.part_k);
    plan.groups.z *= (size_t)plan.parts;
    return plan;
}

/*
 * As was tuned; else with the largest tiles that keep the device busy, or that do in parts of k, or the smallest, in
 * parts.
 */
static struct plan plan_product(struct device *device, const struct gemm *gemm) {
    const struct device_information *information = device_information(device);
    size_t wanted = (size_t)information->compute_units * LANES_A_UNIT;
    int chosen = gemm_tiles_chosen(device, gemm);
    struct plan plan = {0};
    for (int in_parts = chosen >= 0; in_parts < 2; in_parts++) {
        for (int which = 0; which < PRODUCT_TILES; which++) {
            plan = plan_with(device, gemm, which);
            size_t lanes = plan.groups.x * plan.groups.y * plan.groups.z * (size_t)plan.lanes;
            if (in_parts)
                plan = divided(plan, lanes, wanted, gemm->k);
            bool is_enough = chosen >= 0 ? which >= chosen : lanes * (size_t)plan.parts >= wanted;
            if (is_enough && is_possible(information, &plan))
                return plan;
        }
    }
    return plan;
}

static size_t parts_bytes(const struct gemm *gemm, const struct plan *plan) {
    return plan->parts < 2 ? 0 : plan->groups.z * (size_t)gemm->m * (size_t)gemm->n * sizeof(float);
}

static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    struct plan plan = plan_product(device, gemm);
    return parts_bytes(gemm, &plan);
}

/* Whether a matrix's rows, which have so many floats, are fours that begin where the device reads four at once. */
static bool is_whole(int columns, int stride, int step, int batch) {
    return columns % 4 == 0 && stride % 4 == 0 && (batch == 1 || step % 4 == 0);
}

static bool are_whole(const struct gemm *gemm) {
    return is_whole(gemm->transpose_a ? gemm->m : gemm->k, gemm->lda, gemm->a_step, gemm->batch) &&
           is_whole(gemm->transpose_b ? gemm->k : gemm->n, gemm->ldb, gemm->b_step, gemm->batch) &&
           is_whole(gemm->n, gemm->ldc, gemm->c_step, gemm->batch);
}

static status run(struct device *device, const struct gemm *gemm) {
    struct plan plan = plan_product(device, gemm);
    size_t bytes = parts_bytes(gemm, &plan);
    cl_mem parts = NULL, addend = gemm->addend ? gemm->addend : gemm->c;
    if (bytes > 0)
        TRY(gemm_scratch(device, bytes, &parts));
    struct tile_product whole = {.m = gemm->m,
                                 .n = gemm->n,
                                 .k = gemm->k,
                                 .part_k = plan.part_k,
                                 .batch = gemm->batch,
                                 .lda = gemm->lda,
                                 .ldb = gemm->ldb,
                                 .ldc = gemm->ldc,
                                 .a_step = gemm->a_step,
                                 .b_step = gemm->b_step,
                                 .c_step = gemm->c_step,
                                 .alpha = gemm->alpha,
                                 .beta = gemm->beta};
    struct tile_product made = whole;
    if (parts) {
        made.ldc = gemm->n;
        made.c_step = gemm->m * gemm->n;
        made.alpha = 1;
        made.beta = 0;
    }
    char options[256];
    snprintf(options, sizeof options,
             "-DLANE_ROWS=%d -DACROSS=%d -DEACH_ROWS=%d -DEACH_COLUMNS=%d -DDEPTH=%d -DA_ACROSS=%d -DB_ACROSS=%d "
             "-DWHOLE=%d -DUNIT=%d -DFACTORS=%d %s",
             plan.tiles.lane_rows, plan.across, plan.tiles.rows, plan.tiles.columns, plan.tiles.depth,
             !gemm->transpose_a, gemm->transpose_b, are_whole(gemm), plan.unit ? plan.unit->unit : STAR_UNIT_NONE,
             plan.unit ? plan.unit->factors : STAR_FACTORS_FLOAT32, plan.unit ? plan.unit->options : "");
    struct kernel_argument arguments[] = {argument_buffer(gemm->a), argument_buffer(gemm->b),
                                          argument_buffer(parts ? parts : gemm->c),
                                          argument_buffer(parts ? parts : addend), argument_struct(&made, sizeof made)};
    TRY(device_launch_rows(device, (struct kernel_name){"gemm_tiles", "gemm_tiles", options}, plan.groups,
                           plan.tiles.lane_rows, arguments, sizeof arguments / sizeof *arguments));
    if (!parts)
        return STATUS_OK;
    struct launch_groups rows = {(size_t)groups_over_columns(device_shape(device), gemm->n), (size_t)gemm->m,
                                 (size_t)gemm->batch};
    return LAUNCH(device, ((struct kernel_name){"gemm_tiles", "add_parts", options}), rows, argument_buffer(parts),
                  argument_buffer(gemm->c), argument_buffer(addend), argument_struct(&whole, sizeof whole));
}

const struct gemm_provider gemm_tiles = {"tiles", true, run, scratch_bytes, NULL};
