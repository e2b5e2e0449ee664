/* One LIV as nodes of a graph: featurizer, operator, output projection. Used by architecture.c. */
#ifndef STARCL_MODEL_LIV_H
#define STARCL_MODEL_LIV_H

#include "model/architecture.h"
#include "model/scaling.h"

enum { LIV_NAME_BYTES = 64 };

/* What building one graph needs to know. */
struct liv_builder {
    const struct genome *genome;
    const struct catalogue *catalogue;
    const struct model_settings *settings;
    struct graph *graph;
    /* The computed features of each LIV, for later members of its feature group. */
    int features[GENOME_MAX_DEPTH][FEATURE_NAMES];
};

enum { NO_RESIDUAL = -1 };

/* The LIV of its input x, all [rows, width]; added to `residual` unless that is NO_RESIDUAL. */
status liv_build(struct liv_builder *builder, int liv, int x, int residual, int *y) MUST_CHECK;

/* The parameter of this name; made where it does not exist yet, which is how LIVs share weights. */
int liv_parameter(struct liv_builder *builder, const char *name, int rows, int columns, struct parameter_rule rule);

#endif
