/*
 * How the sequences of a step are divided:
 *
 *     step     | 0 1 2 3 4 5 6 7 8 9 a b | c d e f |     train.batch sequences
 *     parts    |            0            |    1    |     a gradient each, summed in this order, whoever has them
 *     pieces   |   0   |   1   |    2    |    0    |     what the graph runs on at once, one after the other
 *     ranks    |            0            |    1    |     some parts each, one after the other
 *
 * Parts are a matter of the training: which floats are added to which depends on them, and on nothing else. So however
 * many ranks share them, the result has the same bits. Pieces are a matter of memory: all have the same size, which
 * divides that of every part, and within a part the operators themselves add to the gradient.
 */
#ifndef STARCL_TRAIN_DIVISION_H
#define STARCL_TRAIN_DIVISION_H

#include "base/status.h"

enum { DIVISION_MOST_PARTS = 64 };

struct division {
    int count; /* parts; 0: one, of the whole step */
    int sequences[DIVISION_MOST_PARTS];
};

/* STATUS_USAGE where the parts are not `batch` sequences together, each of at least one. */
status division_check(const struct division *division, int batch) MUST_CHECK;

int division_parts(const struct division *division);
/* The sequences of parts first .. last - 1. */
int division_sequences(const struct division *division, int batch, int first, int last);
/* The most sequences that a piece can have: what divides every part. */
int division_piece_most(const struct division *division, int batch);
/* The first part of a rank; that of the next rank is where its parts end. No rank is without one. */
int division_first(const struct division *division, int rank, int ranks);

#endif
