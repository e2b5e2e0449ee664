#include "train/gradient_sum.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/*
 * What a rank has of a step. Rank 0 has the first parts, so it adds them up as they come: one block. Those of other
 * ranks have to wait for what comes before them: a block each.
 *
 *     blocks, by rank     0        1     1     2          rank 1 has two parts
 *     slice of rank 0   |####|   |    |    |    |
 *     slice of rank 1   |    |   |    |    |    |    ->   rank 1 receives, and adds from left to right
 *     slice of rank 2   |    |   |    |    |    |
 */
struct gradient_sum {
    struct model *model;
    struct ranks *ranks;
    struct division division;
    int taken;                     /* parts of this step */
    int block_count;               /* this rank's */
    float **blocks;                /* each as long as the gradient */
    float *part;                   /* of rank 0: a part that is to be added */
    float *slices;                 /* of others' blocks, this rank's slice, in the order of the blocks */
    size_t begins[RANKS_MOST + 1]; /* of the slices, in floats */
};

static size_t gradient_floats(const struct gradient_sum *sum) {
    return model_plan(sum->model)->parameter_bytes / sizeof(float);
}

static int parts_of(const struct gradient_sum *sum, int rank) {
    int ranks = ranks_count(sum->ranks);
    return division_first(&sum->division, rank + 1, ranks) - division_first(&sum->division, rank, ranks);
}

static int blocks_of(const struct gradient_sum *sum, int rank) {
    return rank == 0 ? 1 : parts_of(sum, rank);
}

static size_t slice_floats(const struct gradient_sum *sum, int rank) {
    return sum->begins[rank + 1] - sum->begins[rank];
}

static status take_memory(size_t floats, float **block) {
    *block = malloc((floats ? floats : 1) * sizeof **block);
    return *block ? STATUS_OK
                  : fail("the host has no memory for the gradients of train.parts, %zu bytes; fewer parts, or a "
                         "smaller model, need less",
                         floats * sizeof **block);
}

static status create(struct gradient_sum *sum) {
    int ranks = ranks_count(sum->ranks), own = ranks_own(sum->ranks), foreign = 0;
    size_t floats = gradient_floats(sum);
    for (int rank = 0; rank <= ranks; rank++)
        sum->begins[rank] = floats * (size_t)rank / (size_t)ranks;
    for (int rank = 0; rank < ranks; rank++)
        foreign += rank == own ? 0 : blocks_of(sum, rank);
    sum->blocks = memory_allocate((size_t)blocks_of(sum, own), sizeof *sum->blocks);
    for (; sum->block_count < blocks_of(sum, own); sum->block_count++)
        TRY(take_memory(floats, &sum->blocks[sum->block_count]));
    if (parts_of(sum, own) > sum->block_count)
        TRY(take_memory(floats, &sum->part));
    return take_memory((size_t)foreign * slice_floats(sum, own), &sum->slices);
}

status gradient_sum_create(struct model *model, const struct division *division, struct ranks *ranks,
                           struct gradient_sum **result) {
    *result = NULL;
    if (division_parts(division) == 1)
        return STATUS_OK;
    struct gradient_sum *sum = memory_allocate(1, sizeof *sum);
    *sum = (struct gradient_sum){.model = model, .ranks = ranks, .division = *division};
    status outcome = create(sum);
    if (outcome != STATUS_OK) {
        gradient_sum_destroy(sum);
        sum = NULL;
    }
    *result = sum;
    return outcome;
}

void gradient_sum_destroy(struct gradient_sum *sum) {
    if (!sum)
        return;
    for (int block = 0; block < sum->block_count; block++)
        free(sum->blocks[block]);
    free(sum->blocks);
    free(sum->part);
    free(sum->slices);
    free(sum);
}

static void add(float *restrict sum, const float *restrict more, size_t floats) {
    for (size_t i = 0; i < floats; i++)
        sum[i] += more[i];
}

status gradient_sum_take(struct gradient_sum *sum) {
    if (!sum)
        return STATUS_OK;
    struct device *device = model_device(sum->model);
    size_t floats = gradient_floats(sum);
    bool kept = sum->taken < sum->block_count;
    float *block = kept ? sum->blocks[sum->taken] : sum->part;
    TRY(device_read(device, model_gradients(sum->model), 0, block, floats * sizeof *block));
    if (!kept)
        add(sum->blocks[0], block, floats);
    sum->taken++;
    return STATUS_OK;
}

/* This rank's slice of everything to it, and every other slice to whose it is. */
static status exchange(struct gradient_sum *sum) {
    int ranks = ranks_count(sum->ranks), own = ranks_own(sum->ranks);
    float *slice = sum->slices;
    for (int rank = 0; rank < ranks; rank++)
        for (int block = 0; rank != own && block < blocks_of(sum, rank); block++) {
            TRY(ranks_receive(sum->ranks, rank, slice, slice_floats(sum, own) * sizeof *slice));
            slice += slice_floats(sum, own);
        }
    for (int away = 1; away < ranks; away++) {
        int rank = (own + away) % ranks; /* not all to the same one first */
        for (int block = 0; block < sum->block_count; block++)
            TRY(ranks_send(sum->ranks, rank, sum->blocks[block] + sum->begins[rank],
                           slice_floats(sum, rank) * sizeof *slice));
    }
    return ranks_wait(sum->ranks);
}

/* Adds up this rank's slice of all blocks, into its first block. */
static void add_slices(struct gradient_sum *sum) {
    int ranks = ranks_count(sum->ranks), own = ranks_own(sum->ranks);
    size_t floats = slice_floats(sum, own), begin = sum->begins[own];
    float *slice = sum->slices, *all = own == 0 ? sum->blocks[0] + begin : slice;
    for (int rank = 0; rank < ranks; rank++)
        for (int block = 0; block < blocks_of(sum, rank); block++) {
            float *next = rank == own ? sum->blocks[block] + begin : slice;
            if (next != all)
                add(all, next, floats);
            slice += rank == own ? 0 : floats;
        }
    memmove(sum->blocks[0] + begin, all, floats * sizeof *all);
}

status gradient_sum_give(struct gradient_sum *sum) {
    if (!sum)
        return STATUS_OK;
    int ranks = ranks_count(sum->ranks);
    size_t offsets[RANKS_MOST + 1];
    sum->taken = 0;
    if (ranks > 1) {
        for (int rank = 0; rank <= ranks; rank++)
            offsets[rank] = sum->begins[rank] * sizeof(float);
        TRY(exchange(sum));
        add_slices(sum);
        TRY(ranks_gather(sum->ranks, sum->blocks[0], offsets));
    }
    return device_write(model_device(sum->model), model_gradients(sum->model), 0, sum->blocks[0],
                        gradient_floats(sum) * sizeof(float));
}
