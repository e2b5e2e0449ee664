#include "train/feed.h"

#include "base/memory.h"
#include "ops/cross_entropy.h"

#include <stdlib.h>
#include <string.h>

/* What comes back of each piece. */
enum { RESULT_LOSS, RESULT_RIGHT, RESULTS };

/* Sums over counted targets. A rank has those of its parts behind each other, all slots of one before the next. */
struct feed_tally {
    double loss, right;
};

static size_t step_bytes(const struct feed *feed) {
    return feed->rows * sizeof(int32_t);
}

static size_t tokens_bytes(const struct feed *feed) {
    return 2 * FEED_SLOTS * step_bytes(feed);
}

/* All pieces of all slots. */
static size_t all_pieces(const struct feed *feed) {
    return FEED_SLOTS * (size_t)feed->pieces;
}

static size_t numbers_bytes(const struct feed *feed) {
    return (1 + RESULTS) * all_pieces(feed) * sizeof(float);
}

static size_t piece_rows(const struct feed *feed) {
    return feed->rows / (size_t)feed->pieces;
}

/* Whether a backward pass starts from what that of the piece before did not: its share, or a scale. */
static bool has_shares(const struct feed *feed) {
    return feed->pieces > 1 || division_parts(&feed->division) > 1 || feed->loss_scale;
}

size_t feed_bytes(const struct graph *graph, int sequences) {
    struct feed feed = {.rows = (size_t)sequences * (size_t)graph->context, .pieces = sequences / graph->batch};
    return tokens_bytes(&feed) + numbers_bytes(&feed) + sizeof(float);
}

void feed_close(struct feed *feed) {
    device_buffer_destroy(model_device(feed->model), feed->tokens);
    device_buffer_destroy(model_device(feed->model), feed->numbers);
    device_buffer_destroy(model_device(feed->model), feed->right);
    free(feed->parts);
    free(feed->whole);
    free(feed->host);
    free(feed->counts);
    free(feed->shares);
    free(feed->results);
    free(feed->targets);
    free(feed->tallies);
}

/* This process's parts, cut into pieces of what the graph runs on at once. */
static status cut(struct feed *feed) {
    int piece = model_graph(feed->model)->batch, ranks = ranks_count(feed->ranks), own = ranks_own(feed->ranks);
    feed->first = division_first(&feed->division, own, ranks);
    feed->last = division_first(&feed->division, own + 1, ranks);
    int sequences = division_sequences(&feed->division, feed->batch, feed->first, feed->last);
    feed->rows = (size_t)sequences * (size_t)feed->context;
    feed->parts = memory_allocate((size_t)sequences, sizeof *feed->parts);
    for (int part = feed->first; part < feed->last; part++) {
        int of_part = division_sequences(&feed->division, feed->batch, part, part + 1);
        if (of_part < piece || of_part % piece != 0)
            return fail("a batch of %d sequences cannot be split into parts of %d", of_part, piece);
        for (int i = 0; i < of_part / piece; i++)
            feed->parts[feed->pieces++] = part;
    }
    return STATUS_OK;
}

static status allocate_tokens(struct feed *feed) {
    size_t whole_bytes = 2 * (size_t)feed->batch * (size_t)feed->context * sizeof(int32_t);
    bool has_all = ranks_count(feed->ranks) == 1;
    feed->host = malloc(tokens_bytes(feed));
    feed->whole = has_all ? NULL : malloc(whole_bytes);
    if (feed->host && (has_all || feed->whole))
        return STATUS_OK;
    return fail("the host has no memory for the tokens of %d steps, %zu bytes; a smaller train.batch or "
                "model.context needs less",
                FEED_SLOTS, tokens_bytes(feed));
}

status feed_open(struct feed *feed, struct model *model, const struct division *division, int batch,
                 struct ranks *ranks, const struct loss_scale *loss_scale) {
    struct device *device = model_device(model);
    const struct graph *graph = model_graph(model);
    *feed = (struct feed){.model = model,
                          .ranks = ranks,
                          .division = *division,
                          .batch = batch,
                          .context = graph->context,
                          .loss_scale = loss_scale};
    TRY(division_check(division, batch));
    TRY(cut(feed));
    TRY(allocate_tokens(feed));
    size_t pieces = all_pieces(feed), parts = FEED_SLOTS * (size_t)division_parts(division);
    feed->counts = memory_allocate(pieces, sizeof *feed->counts);
    feed->shares = memory_allocate(pieces, sizeof *feed->shares);
    feed->results = memory_allocate(RESULTS * pieces, sizeof *feed->results);
    feed->targets = memory_allocate(parts, sizeof *feed->targets);
    feed->tallies = memory_allocate(parts, sizeof *feed->tallies);
    TRY(device_buffer_create(device, tokens_bytes(feed), &feed->tokens));
    TRY(device_buffer_create(device, numbers_bytes(feed), &feed->numbers));
    TRY(device_buffer_create(device, sizeof(float), &feed->right));
    float one = 1;
    return device_write(device, model_gradient(model, graph->loss), 0, &one, sizeof one);
}

/* ---- to the device ---- */

static int32_t *slot_tokens(struct feed *feed, int slot) {
    return feed->host + (size_t)2 * (size_t)slot * feed->rows;
}

static int32_t *slot_targets(struct feed *feed, int slot) {
    return slot_tokens(feed, slot) + feed->rows;
}

static size_t piece_index(const struct feed *feed, int slot, int piece) {
    return (size_t)slot * (size_t)feed->pieces + (size_t)piece;
}

static size_t part_index(int slot, int part) {
    return (size_t)part * FEED_SLOTS + (size_t)slot;
}

static int count_targets(const int32_t *targets, size_t rows) {
    int count = 0;
    for (size_t row = 0; row < rows; row++)
        count += targets[row] >= 0;
    return count;
}

/* The rows of a step that come before a part. */
static size_t rows_before(const struct feed *feed, int part) {
    return (size_t)division_sequences(&feed->division, feed->batch, 0, part) * (size_t)feed->context;
}

/* Where a task puts a step: its own place, or where its parts of all ranks are. */
static int32_t *step_tokens(struct feed *feed, int slot) {
    return feed->whole ? feed->whole : slot_tokens(feed, slot);
}

static int32_t *step_targets(struct feed *feed, int slot) {
    return feed->whole ? feed->whole + rows_before(feed, division_parts(&feed->division)) : slot_targets(feed, slot);
}

/* Counts the targets of every part, and takes this process's tokens from those of all. */
static void take_step(struct feed *feed, int slot) {
    const int32_t *tokens = step_tokens(feed, slot), *targets = step_targets(feed, slot);
    for (int part = 0; part < division_parts(&feed->division); part++) {
        size_t begin = rows_before(feed, part);
        feed->targets[part_index(slot, part)] = count_targets(targets + begin, rows_before(feed, part + 1) - begin);
    }
    if (!feed->whole)
        return;
    size_t begin = rows_before(feed, feed->first);
    memcpy(slot_tokens(feed, slot), tokens + begin, step_bytes(feed));
    memcpy(slot_targets(feed, slot), targets + begin, step_bytes(feed));
}

status feed_training_batch(struct feed *feed, const struct task *task, uint64_t seed, int64_t step, int slot) {
    TRY(task_training_batch(task, seed, step, feed->batch, step_tokens(feed, slot), step_targets(feed, slot)));
    take_step(feed, slot);
    return STATUS_OK;
}

status feed_evaluation_batch(struct feed *feed, const struct task *task, enum task_part part, int index, int count,
                             int slot) {
    TRY(task_evaluation_batch(task, part, index, count, feed->batch, step_tokens(feed, slot),
                              step_targets(feed, slot)));
    take_step(feed, slot);
    return STATUS_OK;
}

static void share_out(struct feed *feed, int slot) {
    long long all = feed_count(feed, slot);
    for (int piece = 0; piece < feed->pieces; piece++) {
        size_t index = piece_index(feed, slot, piece);
        const int32_t *targets = slot_targets(feed, slot) + (size_t)piece * piece_rows(feed);
        feed->counts[index] = count_targets(targets, piece_rows(feed));
        feed->shares[index] = all ? (float)((double)feed->counts[index] / (double)all) : 0;
    }
}

status feed_upload(struct feed *feed, int slots) {
    struct device *device = model_device(feed->model);
    for (int slot = 0; slot < slots; slot++)
        share_out(feed, slot);
    if (has_shares(feed))
        TRY(device_write(device, feed->numbers, 0, feed->shares, piece_index(feed, slots, 0) * sizeof(float)));
    return device_write(device, feed->tokens, 0, feed->host, 2 * (size_t)slots * step_bytes(feed));
}

/* ---- on the device ---- */

/* Where a result of a piece lies in `numbers`, behind the shares. */
static size_t result_offset(const struct feed *feed, int slot, int piece, int result) {
    return (all_pieces(feed) + RESULTS * piece_index(feed, slot, piece) + (size_t)result) * sizeof(float);
}

status feed_forward(struct feed *feed, int slot, int piece, bool backward_follows) {
    struct device *device = model_device(feed->model);
    const struct graph *graph = model_graph(feed->model);
    size_t bytes = piece_rows(feed) * sizeof(int32_t);
    size_t offset = 2 * (size_t)slot * step_bytes(feed) + (size_t)piece * bytes;
    TRY(device_copy(device, feed->tokens, offset, model_value(feed->model, graph->tokens), 0, bytes));
    TRY(device_copy(device, feed->tokens, offset + step_bytes(feed), model_value(feed->model, graph->targets), 0,
                    bytes));
    TRY(backward_follows ? model_forward(feed->model) : model_forward_alone(feed->model));
    return device_copy(device, model_value(feed->model, graph->loss), 0, feed->numbers,
                       result_offset(feed, slot, piece, RESULT_LOSS), sizeof(float));
}

static bool begins_part(const struct feed *feed, int piece) {
    return piece == 0 || feed->parts[piece - 1] != feed->parts[piece];
}

bool feed_ends_part(const struct feed *feed, int piece) {
    return piece + 1 == feed->pieces || feed->parts[piece + 1] != feed->parts[piece];
}

status feed_backward(struct feed *feed, int slot, int piece, const struct backward_observer *observer) {
    cl_mem loss_gradient = model_gradient(feed->model, model_graph(feed->model)->loss);
    size_t index = piece_index(feed, slot, piece);
    if (feed->loss_scale)
        TRY(loss_scale_seed(feed->loss_scale, feed->numbers, index, loss_gradient));
    else if (has_shares(feed))
        TRY(device_copy(model_device(feed->model), feed->numbers, index * sizeof(float), loss_gradient, 0,
                        sizeof(float)));
    return model_backward_observed(feed->model, !begins_part(feed, piece), observer);
}

status feed_count_right(struct feed *feed, int slot, int piece) {
    struct device *device = model_device(feed->model);
    const struct graph *graph = model_graph(feed->model);
    int node = graph->values[graph->loss].producer;
    TRY(cross_entropy_count_right(device, &graph->nodes[node].op, model_node_buffers(feed->model, node), feed->right));
    return device_copy(device, feed->right, 0, feed->numbers, result_offset(feed, slot, piece, RESULT_RIGHT),
                       sizeof(float));
}

/* ---- back from it ---- */

static void tally(struct feed *feed, int slot) {
    for (int part = feed->first; part < feed->last; part++)
        feed->tallies[part_index(slot, part)] = (struct feed_tally){.loss = 0};
    for (int piece = 0; piece < feed->pieces; piece++) {
        size_t index = piece_index(feed, slot, piece);
        struct feed_tally *sums = &feed->tallies[part_index(slot, feed->parts[piece])];
        sums->loss += feed->counts[index] * (double)feed->results[RESULTS * index + RESULT_LOSS];
        sums->right += (double)feed->results[RESULTS * index + RESULT_RIGHT];
    }
}

status feed_read_results(struct feed *feed, int slots) {
    TRY(device_read(model_device(feed->model), feed->numbers, result_offset(feed, 0, 0, 0), feed->results,
                    RESULTS * piece_index(feed, slots, 0) * sizeof(float)));
    for (int slot = 0; slot < slots; slot++)
        tally(feed, slot);
    int ranks = ranks_count(feed->ranks);
    size_t offsets[RANKS_MOST + 1];
    for (int rank = 0; rank <= ranks; rank++)
        offsets[rank] = part_index(0, division_first(&feed->division, rank, ranks)) * sizeof *feed->tallies;
    return ranks_gather(feed->ranks, feed->tallies, offsets);
}

long long feed_count(const struct feed *feed, int slot) {
    long long count = 0;
    for (int part = 0; part < division_parts(&feed->division); part++)
        count += feed->targets[part_index(slot, part)];
    return count;
}

double feed_right(const struct feed *feed, int slot) {
    double right = 0;
    for (int part = 0; part < division_parts(&feed->division); part++)
        right += feed->tallies[part_index(slot, part)].right;
    return right;
}

float feed_loss(const struct feed *feed, int slot) {
    double sum = 0;
    long long count = feed_count(feed, slot);
    for (int part = 0; part < division_parts(&feed->division); part++)
        sum += feed->tallies[part_index(slot, part)].loss;
    return count ? (float)(sum / (double)count) : 0;
}
