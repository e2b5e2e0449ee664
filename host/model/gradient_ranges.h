/*
 * Which part of a model's gradient is final when, while the backward pass goes from the last node to the first: such a
 * part may go to other processes while the rest is still computed.
 *
 *     gradients   | embedding, LIV 0   | LIV 1         | LIV 2, output |     by offset
 *     final       behind node 0          behind node 8   behind node 15
 *
 * A parameter's gradient is final behind the first node that uses it: where LIVs share weights or features, the
 * first one of them. A range waits for the last to be final of its parameters.
 */
#ifndef STARCL_MODEL_GRADIENT_RANGES_H
#define STARCL_MODEL_GRADIENT_RANGES_H

#include "model/graph.h"
#include "model/plan.h"

/*
 * A range is a sixteenth of the gradient, so that little is left to send when the backward pass ends, but no less than
 * 1 MiB, which a network of 1 Gbit/s carries in 8 ms: of smaller ones latency and calls would be a share that counts.
 */
enum { GRADIENT_RANGES_MOST = 16, GRADIENT_RANGE_LEAST_BYTES = 1 << 20 };

struct gradient_range {
    size_t offset, bytes; /* of the gradient block; the offset is a multiple of the plan's alignment */
    int node;             /* behind whose backward the range is final */
};

/* The ranges by offset; they fill the block. Returns how many there are. It depends on where parameters lie alone. */
int gradient_ranges(const struct graph *graph, const struct plan *plan,
                    struct gradient_range ranges[GRADIENT_RANGES_MOST]);

#endif
