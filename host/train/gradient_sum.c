#include "train/gradient_sum.h"

#include "base/memory.h"
#include "device/reader.h"
#include "model/gradient_ranges.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)GRADIENT_RANGES_MOST <= (int)RANKS_MOST_CHANNEL, "each bucket has a channel");

enum stage {
    BUCKET_AWAITED,   /* the backward pass has not come so far */
    BUCKET_READ,      /* from the device */
    BUCKET_EXCHANGED, /* this rank's slice of all to it, and every other slice to whose it is */
    BUCKET_GATHERED,  /* the sums of the slices */
    BUCKET_SUMMED
};

/*
 * What a rank has of a step. Rank 0 has the first parts, so it adds them up as they come: one block. Those of other
 * ranks have to wait for what comes before them: a block each.
 *
 *     blocks, by rank     0        1     1     2          rank 1 has two parts
 *     slice of rank 0   |####|   |    |    |    |
 *     slice of rank 1   |    |   |    |    |    |    ->   rank 1 receives, and adds from left to right
 *     slice of rank 2   |    |   |    |    |    |
 *     slice of rank 0   |####|   |    |    |    |         the next bucket
 *     ...
 */
struct bucket {
    struct gradient_range range;
    cl_mem gradient; /* the model's: part of its block */
    float *slices;   /* of others' blocks, this rank's slice, in the order of the blocks */
    enum stage stage;
    cl_event read;
};

struct gradient_sum {
    struct model *model;
    struct ranks *ranks;
    struct division division;
    struct backward_observer observer;
    struct reader *reader;
    int taken;       /* parts of this step */
    int block_count; /* this rank's */
    float **blocks;  /* each as long as the gradient */
    float *part;     /* of rank 0: a part that is to be added */
    float *coming;   /* where the part that is read goes: one of those */
    int bucket_count;
    struct bucket buckets[GRADIENT_RANGES_MOST];
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

/* Where a rank's slice of a bucket begins, in floats of a block; that of the next rank is where it ends. */
static size_t slice_begin(const struct gradient_sum *sum, const struct bucket *bucket, int rank) {
    size_t floats = bucket->range.bytes / sizeof(float);
    return bucket->range.offset / sizeof(float) + floats * (size_t)rank / (size_t)ranks_count(sum->ranks);
}

static size_t slice_floats(const struct gradient_sum *sum, const struct bucket *bucket, int rank) {
    return slice_begin(sum, bucket, rank + 1) - slice_begin(sum, bucket, rank);
}

/* ---- making and freeing ---- */

static status take_memory(size_t floats, float **block) {
    *block = malloc((floats ? floats : 1) * sizeof **block);
    return *block ? STATUS_OK
                  : fail("the host has no memory for the gradients of train.parts, %zu bytes; fewer parts, or a "
                         "smaller model, need less",
                         floats * sizeof **block);
}

static status create_buckets(struct gradient_sum *sum) {
    struct gradient_range ranges[GRADIENT_RANGES_MOST];
    int own = ranks_own(sum->ranks), count = gradient_ranges(model_graph(sum->model), model_plan(sum->model), ranges);
    size_t foreign = 0;
    for (int rank = 0; rank < ranks_count(sum->ranks); rank++)
        foreign += rank == own ? 0 : (size_t)blocks_of(sum, rank);
    for (; sum->bucket_count < count; sum->bucket_count++) {
        struct bucket *bucket = &sum->buckets[sum->bucket_count];
        bucket->range = ranges[sum->bucket_count];
        TRY(device_buffer_part(model_gradients(sum->model), bucket->range.offset, bucket->range.bytes,
                               &bucket->gradient));
        TRY(take_memory(foreign * slice_floats(sum, bucket, own), &bucket->slices));
    }
    return STATUS_OK;
}

static status create(struct gradient_sum *sum) {
    int own = ranks_own(sum->ranks);
    size_t floats = gradient_floats(sum);
    TRY(reader_create(model_device(sum->model), &sum->reader));
    sum->blocks = memory_allocate((size_t)blocks_of(sum, own), sizeof *sum->blocks);
    for (; sum->block_count < blocks_of(sum, own); sum->block_count++)
        TRY(take_memory(floats, &sum->blocks[sum->block_count]));
    if (parts_of(sum, own) > sum->block_count)
        TRY(take_memory(floats, &sum->part));
    return create_buckets(sum);
}

static status note_passed(void *context, int node);

status gradient_sum_create(struct model *model, const struct division *division, struct ranks *ranks,
                           struct gradient_sum **result) {
    *result = NULL;
    if (division_parts(division) == 1)
        return STATUS_OK;
    struct gradient_sum *sum = memory_allocate(1, sizeof *sum);
    *sum = (struct gradient_sum){
        .model = model, .ranks = ranks, .division = *division, .observer = {.passed = note_passed, .context = sum}};
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
    reader_destroy(sum->reader);
    for (int b = 0; b < GRADIENT_RANGES_MOST; b++) {
        if (sum->buckets[b].read)
            clReleaseEvent(sum->buckets[b].read);
        if (sum->buckets[b].gradient)
            clReleaseMemObject(sum->buckets[b].gradient);
        free(sum->buckets[b].slices);
    }
    for (int block = 0; block < sum->block_count; block++)
        free(sum->blocks[block]);
    free(sum->blocks);
    free(sum->part);
    free(sum);
}

/* ---- from the device ---- */

static void add(float *restrict sum, const float *restrict more, size_t floats) {
    for (size_t i = 0; i < floats; i++)
        sum[i] += more[i];
}

/* A bucket of a part is there. */
static void keep(struct gradient_sum *sum, const struct bucket *bucket) {
    size_t begin = bucket->range.offset / sizeof(float);
    if (sum->coming == sum->part)
        add(sum->blocks[0] + begin, sum->part + begin, bucket->range.bytes / sizeof(float));
}

static void await_all(struct gradient_sum *sum) {
    for (int b = 0; b < sum->bucket_count; b++)
        sum->buckets[b].stage = BUCKET_AWAITED;
}

/* A part has been told whole. The last one of a rank among several is left to gradient_sum_give(). */
static status end_part(struct gradient_sum *sum) {
    int ranks = ranks_count(sum->ranks);
    sum->taken++;
    if (ranks > 1 && sum->taken == parts_of(sum, ranks_own(sum->ranks)))
        return STATUS_OK;
    for (int b = 0; b < sum->bucket_count; b++) {
        TRY(reader_wait(sum->reader, &sum->buckets[b].read));
        keep(sum, &sum->buckets[b]);
    }
    await_all(sum);
    return STATUS_OK;
}

static status note_passed(void *context, int node) {
    struct gradient_sum *sum = context;
    sum->coming = sum->taken < sum->block_count ? sum->blocks[sum->taken] : sum->part;
    for (int b = 0; b < sum->bucket_count; b++) {
        struct bucket *bucket = &sum->buckets[b];
        if (bucket->stage != BUCKET_AWAITED || bucket->range.node < node)
            continue;
        TRY(reader_begin(sum->reader, bucket->gradient, sum->coming + bucket->range.offset / sizeof(float),
                         bucket->range.bytes, &bucket->read));
        bucket->stage = BUCKET_READ;
    }
    return node == 0 ? end_part(sum) : STATUS_OK;
}

const struct backward_observer *gradient_sum_observer(struct gradient_sum *sum) {
    return sum ? &sum->observer : NULL;
}

/* ---- between ranks ---- */

static int channel_of(const struct gradient_sum *sum, const struct bucket *bucket) {
    return 1 + (int)(bucket - sum->buckets);
}

static status begin_exchange(struct gradient_sum *sum, struct bucket *bucket) {
    int ranks = ranks_count(sum->ranks), own = ranks_own(sum->ranks), channel = channel_of(sum, bucket);
    size_t floats = slice_floats(sum, bucket, own);
    float *slice = bucket->slices;
    for (int rank = 0; rank < ranks; rank++)
        for (int block = 0; rank != own && block < blocks_of(sum, rank); block++) {
            TRY(ranks_receive(sum->ranks, channel, rank, slice, floats * sizeof *slice));
            slice += floats;
        }
    for (int away = 1; away < ranks; away++) {
        int rank = (own + away) % ranks; /* not all to the same one first */
        for (int block = 0; block < sum->block_count; block++)
            TRY(ranks_send(sum->ranks, channel, rank, sum->blocks[block] + slice_begin(sum, bucket, rank),
                           slice_floats(sum, bucket, rank) * sizeof *slice));
    }
    return STATUS_OK;
}

/* Adds up this rank's slice of all blocks, into its first block. */
static void add_slices(struct gradient_sum *sum, struct bucket *bucket) {
    int ranks = ranks_count(sum->ranks), own = ranks_own(sum->ranks);
    size_t floats = slice_floats(sum, bucket, own), begin = slice_begin(sum, bucket, own);
    float *slice = bucket->slices, *all = own == 0 ? sum->blocks[0] + begin : slice;
    for (int rank = 0; rank < ranks; rank++)
        for (int block = 0; block < blocks_of(sum, rank); block++) {
            float *next = rank == own ? sum->blocks[block] + begin : slice;
            if (next != all)
                add(all, next, floats);
            slice += rank == own ? 0 : floats;
        }
    memmove(sum->blocks[0] + begin, all, floats * sizeof *all);
}

static status begin_gather(struct gradient_sum *sum, struct bucket *bucket) {
    size_t offsets[RANKS_MOST + 1];
    for (int rank = 0; rank <= ranks_count(sum->ranks); rank++)
        offsets[rank] = slice_begin(sum, bucket, rank) * sizeof(float);
    return ranks_begin_gather(sum->ranks, channel_of(sum, bucket), sum->blocks[0], offsets);
}

/* Where what a bucket waits for is there, begins what comes next. */
static status go_on(struct gradient_sum *sum, struct bucket *bucket) {
    bool done = false;
    if (bucket->stage == BUCKET_READ)
        TRY(reader_test(sum->reader, &bucket->read, &done));
    else if (bucket->stage != BUCKET_SUMMED)
        TRY(ranks_test(sum->ranks, channel_of(sum, bucket), &done));
    if (!done)
        return STATUS_OK;
    switch (bucket->stage++) {
    case BUCKET_READ:
        keep(sum, bucket);
        return begin_exchange(sum, bucket);
    case BUCKET_EXCHANGED:
        add_slices(sum, bucket);
        return begin_gather(sum, bucket);
    default:
        return STATUS_OK;
    }
}

/* The bucket that the device is to have next; NULL: it has them all. */
static struct bucket *next_to_read(struct gradient_sum *sum) {
    struct bucket *next = NULL;
    for (int b = 0; b < sum->bucket_count; b++)
        if (sum->buckets[b].stage == BUCKET_READ && (!next || sum->buckets[b].range.node > next->range.node))
            next = &sum->buckets[b];
    return next;
}

static bool is_travelling(const struct gradient_sum *sum) {
    for (int b = 0; b < sum->bucket_count; b++)
        if (sum->buckets[b].stage == BUCKET_EXCHANGED || sum->buckets[b].stage == BUCKET_GATHERED)
            return true;
    return false;
}

static status attend(void *context, enum ranks_state *state) {
    struct gradient_sum *sum = context;
    struct bucket *next = next_to_read(sum);
    if (next && !is_travelling(sum))
        TRY(reader_wait(sum->reader, &next->read)); /* there is nothing else to attend to */
    for (int b = 0; b < sum->bucket_count; b++)
        TRY(go_on(sum, &sum->buckets[b]));
    *state = next_to_read(sum) ? RANKS_COMPUTING : is_travelling(sum) ? RANKS_TRAVELLING : RANKS_DONE;
    return STATUS_OK;
}

status gradient_sum_give(struct gradient_sum *sum) {
    if (!sum)
        return STATUS_OK;
    if (ranks_count(sum->ranks) > 1)
        TRY(ranks_attend(sum->ranks, attend, sum));
    await_all(sum);
    sum->taken = 0;
    return device_write(model_device(sum->model), model_gradients(sum->model), 0, sum->blocks[0],
                        gradient_floats(sum) * sizeof(float));
}
