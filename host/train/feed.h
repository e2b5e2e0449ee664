/*
 * What goes to the device and comes back of it while a model is trained or measured: tokens and targets of some steps
 * at once, losses and counts of right answers. It runs the graph on this process's pieces of a step (division.h); where
 * other ranks have the rest, their losses come by ranks_gather(), so that all ranks know the same numbers.
 *
 * A step of those that are at the device at once is called by its slot, 0 .. FEED_SLOTS - 1.
 */
#ifndef STARCL_TRAIN_FEED_H
#define STARCL_TRAIN_FEED_H

#include "model/model.h"
#include "train/division.h"
#include "train/loss_scale.h"
#include "train/ranks.h"
#include "train/task.h"

/*
 * So many steps are at the device at once; between there is no wait. Long steps make the waits rare anyway, so an
 * interrupt is never far.
 */
enum { FEED_SLOTS = 16 };

struct feed_tally; /* of a part of a step */

struct feed {
    struct model *model;
    struct ranks *ranks; /* NULL: this process has every part */
    struct division division;
    int batch, context;         /* sequences of a step, tokens of a sequence */
    int first, last;            /* this process's parts are first .. last - 1 */
    int pieces;                 /* of these parts, on each of which the graph runs at once */
    int *parts;                 /* of each piece: the part that it belongs to */
    size_t rows;                /* tokens of a step in this process's parts */
    int32_t *whole;             /* tokens then targets of a whole step; NULL where this process has every part */
    int32_t *host;              /* tokens then targets, of each slot */
    int *counts;                /* of each piece: its counted targets */
    float *shares;              /* of each piece: that of its step's counted targets */
    float *results;             /* of each piece */
    long long *targets;         /* of each part, of all ranks: its counted targets */
    struct feed_tally *tallies; /* of each part, of all ranks */
    cl_mem tokens, numbers;     /* on the device, for FEED_SLOTS steps: the tokens; the shares, then the results */
    cl_mem right;               /* one number */
    const struct loss_scale *loss_scale; /* of the gradients, owned by another; NULL: they are not scaled */
};

/*
 * The graph's batch is a piece, which must divide this process's parts. Close after a failure too; a zeroed feed with a
 * model may be closed.
 */
status feed_open(struct feed *feed, struct model *model, const struct division *division, int batch,
                 struct ranks *ranks, const struct loss_scale *loss_scale) MUST_CHECK;
void feed_close(struct feed *feed);
/* Device memory, where this process has `sequences` of a step. */
size_t feed_bytes(const struct graph *graph, int sequences);

/* The task's batches, as task.h says, and to the device with those of slots 0 .. slots - 1. */
status feed_training_batch(struct feed *feed, const struct task *task, uint64_t seed, int64_t step,
                           int slot) MUST_CHECK;
status feed_evaluation_batch(struct feed *feed, const struct task *task, enum task_part part, int index, int count,
                             int slot) MUST_CHECK;
status feed_upload(struct feed *feed, int slots) MUST_CHECK;

/* Runs the graph forward on a piece, with feed_backward() behind it or alone, and keeps its loss. */
status feed_forward(struct feed *feed, int slot, int piece, bool backward_follows) MUST_CHECK;
/*
 * Behind feed_forward(): adds the piece's share to the gradient of its part, which the first piece of it begins. The
 * observer, which may be NULL, is told of it.
 */
status feed_backward(struct feed *feed, int slot, int piece, const struct backward_observer *observer) MUST_CHECK;
/* Behind feed_forward(): keeps how many targets are right. */
status feed_count_right(struct feed *feed, int slot, int piece) MUST_CHECK;
/* Whether no piece of the same part follows. */
bool feed_ends_part(const struct feed *feed, int piece);

/* Waits for the device, and for the other ranks; then the numbers below are known, of all parts. */
status feed_read_results(struct feed *feed, int slots) MUST_CHECK;
/* The counted targets of a step, those that are right, and the mean loss of them: 0 where there are none. */
long long feed_count(const struct feed *feed, int slot);
double feed_right(const struct feed *feed, int slot);
float feed_loss(const struct feed *feed, int slot);

#endif
