/* A whole graph in double precision on the host: what the device model is tested against. Slow, and meant to be. */
#ifndef STARCL_MODEL_REFERENCE_H
#define STARCL_MODEL_REFERENCE_H

#include "model/graph.h"

struct reference {
    const struct graph *graph;
    double **values; /* by value, shape_elements each; the caller fills tokens and parameters */
};

/* All values zero. The graph must outlive it. */
struct reference *reference_create(const struct graph *graph);
void reference_destroy(struct reference *reference);

/* Runs the graph; returns the loss. */
double reference_forward(struct reference *reference);

/* d loss / d element of a parameter, by a central difference. */
double reference_gradient(struct reference *reference, int value, size_t element);

#endif
