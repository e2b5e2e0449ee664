/* The GEMM of our own for devices of many lanes: cl/gpu/gemm_tiles.cl says how it works. */
#include "device/gemm_provider.h"
#include "starcl/arguments.h"

#include <stdio.h>
#include <string.h>

/*
 * A unit has enough to do with so many lanes of 64 sums each: two to four times what its multiply-adders take at once,
 * so that some of them can wait for memory. And what a part of k must have at least, for the sums to be worth adding up
 * by another kernel: reading and writing one of them takes about as long as 32 multiply-adds.
 */
enum { LANES_A_UNIT = 256, LEAST_PART = 128 };

/* Of k at a time, where units multiply: what the largest takes at once, twice. */
enum { UNIT_DEPTH = 16 };

/* What one launch makes: a product, or sides or terms. */
struct work {
    const struct gemm *gemms;
    int count;
    enum gemm_relation relation;
};

/* Its tiles, and how many parts of part_k the k of all terms has. */
struct plan {
    struct product_tiles tiles;
    const struct gemm_unit *unit;
    int lanes, across; /* of a group */
    struct launch_groups groups;
    int whole_k, parts, part_k;
};

static int sides(const struct work *work) {
    return work->relation == GEMM_SIDES ? work->count : 1;
}

static int terms(const struct work *work) {
    return work->relation == GEMM_TERMS ? work->count : 1;
}

static size_t all_columns(const struct work *work) {
    size_t columns = 0;
    for (int i = 0; i < sides(work); i++)
        columns += (size_t)work->gemms[i].n;
    return columns;
}

static bool is_possible(const struct device_information *information, const struct plan *plan) {
    size_t edges = (size_t)(plan->across * plan->tiles.columns + plan->lanes / plan->across * plan->tiles.rows) + 16;
    return (size_t)plan->lanes <= information->largest_work_group &&
           edges * (size_t)plan->tiles.depth * sizeof(float) <= information->local_bytes;
}

static struct plan plan_with(struct device *device, const struct work *work, int which) {
    struct plan plan = {.tiles = shape_product_tiles(which), .unit = gemm_unit(device), .parts = 1};
    if (plan.unit)
        plan.tiles.depth = UNIT_DEPTH;
    plan.lanes = device_shape(device).lanes * plan.tiles.lane_rows;
    plan.across = shape_lanes_across(plan.lanes);
    size_t columns = (size_t)(plan.across * plan.tiles.columns), depth = (size_t)plan.tiles.depth;
    size_t rows = (size_t)(plan.lanes / plan.across * plan.tiles.rows);
    plan.groups = (struct launch_groups){0, divide_up((size_t)work->gemms[0].m, rows), (size_t)work->gemms[0].batch};
    for (int i = 0; i < sides(work); i++)
        plan.groups.x += divide_up((size_t)work->gemms[i].n, columns);
    for (int i = 0; i < terms(work); i++)
        plan.whole_k += (int)(divide_up((size_t)work->gemms[i].k, depth) * depth);
    plan.part_k = plan.whole_k;
    return plan;
}

/* In parts, as many as keep the device busy. */
static struct plan divided(struct plan plan, size_t lanes, size_t wanted) {
    int most = plan.whole_k / LEAST_PART;
    int parts = (int)divide_up(wanted, lanes);
    parts = parts < most ? parts : most;
    if (parts < 2)
        return plan;
    int steps = plan.whole_k / plan.tiles.depth;
    plan.part_k = (int)divide_up((size_t)steps, (size_t)parts) * plan.tiles.depth;
    plan.parts = (int)divide_up((size_t)plan.whole_k, (size_t)plan.part_k);
    plan.groups.z *= (size_t)plan.parts;
    return plan;
}

/*
 * As was tuned; else with the largest tiles that keep the device busy, or that do in parts of k, or the smallest, in
 * parts.
 */
static struct plan plan_work(struct device *device, const struct work *work) {
    const struct device_information *information = device_information(device);
    size_t wanted = (size_t)information->compute_units * LANES_A_UNIT;
    int chosen = gemm_tiles_chosen(device, &work->gemms[0]);
    struct plan plan = {0};
    for (int in_parts = chosen >= 0; in_parts < 2; in_parts++) {
        for (int which = 0; which < PRODUCT_TILES; which++) {
            plan = plan_with(device, work, which);
            size_t lanes = plan.groups.x * plan.groups.y * plan.groups.z * (size_t)plan.lanes;
            if (in_parts)
                plan = divided(plan, lanes, wanted);
            bool is_enough = chosen >= 0 ? which >= chosen : lanes * (size_t)plan.parts >= wanted;
            if (is_enough && is_possible(information, &plan))
                return plan;
        }
    }
    return plan;
}

static size_t parts_bytes(const struct work *work, const struct plan *plan) {
    return plan->parts < 2 ? 0 : plan->groups.z * (size_t)work->gemms[0].m * all_columns(work) * sizeof(float);
}

/* Whether a matrix's rows, which have so many floats, are fours that begin where the device reads four at once. */
static bool is_whole(int columns, int stride, int step, int batch) {
    return columns % 4 == 0 && stride % 4 == 0 && (batch == 1 || step % 4 == 0);
}

static bool are_whole(const struct work *work) {
    for (int i = 0; i < work->count; i++) {
        const struct gemm *gemm = &work->gemms[i];
        if (!is_whole(gemm->transpose_a ? gemm->m : gemm->k, gemm->lda, gemm->a_step, gemm->batch) ||
            !is_whole(gemm->transpose_b ? gemm->k : gemm->n, gemm->ldb, gemm->b_step, gemm->batch) ||
            !is_whole(gemm->n, gemm->ldc, gemm->c_step, gemm->batch))
            return false;
    }
    return true;
}

/* As the kernels are told it; parts of all sides lie behind each other, part by part. */
static struct tile_product numbers_of(const struct work *work, const struct plan *plan) {
    const struct gemm *first = &work->gemms[0];
    struct tile_product numbers = {.m = first->m,
                                   .whole_k = plan->whole_k,
                                   .part_k = plan->part_k,
                                   .batch = first->batch,
                                   .a_step = first->a_step,
                                   .b_step = first->b_step,
                                   .c_step = first->c_step,
                                   .alpha = first->alpha,
                                   .beta = first->beta};
    for (int i = 0; i < work->count; i++) {
        const struct gemm *gemm = &work->gemms[i];
        numbers.n[i] = gemm->n;
        numbers.k[i] = gemm->k;
        numbers.lda[i] = gemm->lda;
        numbers.ldb[i] = gemm->ldb;
        numbers.ldc[i] = gemm->ldc;
        if (i > 0)
            numbers.c_offset[i] = numbers.c_offset[i - 1] + first->m * work->gemms[i - 1].n;
    }
    return numbers;
}

/* The same for who makes parts, or, where there are none, C. */
static struct tile_product made_numbers(const struct work *work, const struct tile_product *whole, bool parts) {
    struct tile_product made = *whole;
    made.alpha = parts ? 1 : whole->alpha;
    made.beta = parts ? 0 : whole->beta;
    made.c_step = parts ? whole->m * (int)all_columns(work) : whole->c_step;
    for (int i = 0; i < work->count; i++) {
        made.ldc[i] = parts ? whole->n[i] : whole->ldc[i];
        made.c_offset[i] = parts ? whole->c_offset[i] : 0;
    }
    return made;
}

/* A matrix of each product, and the first's for products that are not there. */
static void name_matrices(const struct work *work, struct kernel_argument *a, struct kernel_argument *b,
                          struct kernel_argument *c, struct kernel_argument *addend) {
    for (int i = 0; i < STAR_TILES_TOGETHER; i++) {
        const struct gemm *gemm = &work->gemms[i < work->count ? i : 0];
        a[i] = argument_buffer(gemm->a);
        b[i] = argument_buffer(gemm->b);
        c[i] = argument_buffer(gemm->c);
        addend[i] = argument_buffer(gemm->addend ? gemm->addend : gemm->c);
    }
}

static status add_parts(struct device *device, const struct work *work, const char *options, cl_mem parts,
                        const struct kernel_argument *matrices, const struct tile_product *whole) {
    enum { MATRICES = 2 * STAR_TILES_TOGETHER, ARGUMENTS = MATRICES + 2 };
    struct launch_groups rows = {0, (size_t)whole->m, (size_t)whole->batch};
    for (int i = 0; i < sides(work); i++)
        rows.x += (size_t)groups_over_columns(device_shape(device), whole->n[i]);
    struct kernel_argument arguments[ARGUMENTS] = {argument_buffer(parts)};
    memcpy(arguments + 1, matrices, MATRICES * sizeof *matrices);
    arguments[ARGUMENTS - 1] = argument_struct(whole, sizeof *whole);
    return device_launch(device, (struct kernel_name){"gemm_tiles", "add_parts", options}, rows, arguments, ARGUMENTS);
}

static status run_work(struct device *device, const struct work *work) {
    enum { A, B = STAR_TILES_TOGETHER, C = 2 * STAR_TILES_TOGETHER, ADDEND = 3 * STAR_TILES_TOGETHER };
    enum { NUMBERS = 4 * STAR_TILES_TOGETHER, ARGUMENTS };
    const struct gemm *first = &work->gemms[0];
    struct plan plan = plan_work(device, work);
    size_t bytes = parts_bytes(work, &plan);
    cl_mem parts = NULL;
    if (bytes > 0)
        TRY(gemm_scratch(device, bytes, &parts));
    struct tile_product whole = numbers_of(work, &plan), made = made_numbers(work, &whole, parts != NULL);
    char options[256];
    snprintf(options, sizeof options,
             "-DLANE_ROWS=%d -DACROSS=%d -DEACH_ROWS=%d -DEACH_COLUMNS=%d -DDEPTH=%d -DA_ACROSS=%d -DB_ACROSS=%d "
             "-DWHOLE=%d -DPRODUCTS=%d -DSUMMED=%d -DUNIT=%d -DFACTORS=%d %s",
             plan.tiles.lane_rows, plan.across, plan.tiles.rows, plan.tiles.columns, plan.tiles.depth,
             !first->transpose_a, first->transpose_b, are_whole(work), work->count, work->relation == GEMM_TERMS,
             plan.unit ? plan.unit->unit : STAR_UNIT_NONE, plan.unit ? plan.unit->factors : STAR_FACTORS_FLOAT32,
             plan.unit ? plan.unit->options : "");
    struct kernel_argument matrices[ARGUMENTS], arguments[ARGUMENTS];
    name_matrices(work, matrices + A, matrices + B, matrices + C, matrices + ADDEND);
    memcpy(arguments, matrices, sizeof arguments);
    for (int i = 0; parts && i < STAR_TILES_TOGETHER; i++)
        arguments[C + i] = arguments[ADDEND + i] = argument_buffer(parts);
    arguments[NUMBERS] = argument_struct(&made, sizeof made);
    TRY(device_launch_rows(device, (struct kernel_name){"gemm_tiles", "gemm_tiles", options}, plan.groups,
                           plan.tiles.lane_rows, arguments, ARGUMENTS));
    return parts ? add_parts(device, work, options, parts, matrices + C, &whole) : STATUS_OK;
}

static status run_together(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count) {
    return run_work(device, &(struct work){gemms, count, relation});
}

static size_t together_bytes(struct device *device, enum gemm_relation relation, const struct gemm *gemms, int count) {
    const struct work work = {gemms, count, relation};
    struct plan plan = plan_work(device, &work);
    return parts_bytes(&work, &plan);
}

static status run(struct device *device, const struct gemm *gemm) {
    return run_together(device, GEMM_SIDES, gemm, 1);
}

static size_t scratch_bytes(struct device *device, const struct gemm *gemm) {
    return together_bytes(device, GEMM_SIDES, gemm, 1);
}

const struct gemm_provider gemm_tiles = {.name = "tiles",
                                         .takes_addend = true,
                                         .run = run,
                                         .scratch_bytes = scratch_bytes,
                                         .run_together = run_together,
                                         .together_bytes = together_bytes};
