#include "model/reference.h"

#include "base/memory.h"

#include <stdlib.h>

struct reference *reference_create(const struct graph *graph) {
    struct reference *reference = memory_allocate(1, sizeof *reference);
    reference->graph = graph;
    reference->values = memory_allocate((size_t)graph->value_count, sizeof *reference->values);
    for (int v = 0; v < graph->value_count; v++)
        reference->values[v] = memory_allocate(shape_elements(graph->values[v].shape), sizeof(double));
    return reference;
}

void reference_destroy(struct reference *reference) {
    if (!reference)
        return;
    for (int v = 0; v < reference->graph->value_count; v++)
        free(reference->values[v]);
    free(reference->values);
    free(reference);
}

double reference_forward(struct reference *reference) {
    for (int n = 0; n < reference->graph->node_count; n++) {
        const struct node *node = &reference->graph->nodes[n];
        const double *inputs[OP_MAX_INPUTS];
        double *outputs[OP_MAX_OUTPUTS];
        for (int i = 0; i < node->op.input_count; i++)
            inputs[i] = reference->values[node->inputs[i]];
        for (int i = 0; i < node->op.output_count; i++)
            outputs[i] = reference->values[node->outputs[i]];
        node->op.type->reference(&node->op, inputs, outputs);
    }
    return reference->values[reference->graph->loss][0];
}

double reference_gradient(struct reference *reference, int value, size_t element) {
    double step = 1e-5, *place = &reference->values[value][element], kept = *place;
    *place = kept + step;
    double above = reference_forward(reference);
    *place = kept - step;
    double below = reference_forward(reference);
    *place = kept;
    return (above - below) / (2 * step);
}
