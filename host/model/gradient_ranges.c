#include "model/gradient_ranges.h"

#include "base/memory.h"

#include <stdlib.h>

struct parameter {
    size_t offset;
    int node; /* the first that uses it */
};

static int lower_first(const void *a, const void *b) {
    const struct parameter *x = a, *y = b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The parameters as they lie in the block. */
static struct parameter *list_parameters(const struct graph *graph, const struct plan *plan, int *count) {
    struct parameter *parameters = memory_allocate((size_t)graph->value_count, sizeof *parameters);
    int *users = memory_allocate((size_t)graph->value_count, sizeof *users);
    for (int n = graph->node_count - 1; n >= 0; n--)
        for (int i = 0; i < graph->nodes[n].op.input_count; i++)
            users[graph->nodes[n].inputs[i]] = n;
    *count = 0;
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_PARAMETER)
            parameters[(*count)++] = (struct parameter){.offset = plan->parameter_offsets[v], .node = users[v]};
    free(users);
    qsort(parameters, (size_t)*count, sizeof *parameters, lower_first);
    return parameters;
}

int gradient_ranges(const struct graph *graph, const struct plan *plan,
                    struct gradient_range ranges[GRADIENT_RANGES_MOST]) {
    size_t least = (plan->parameter_bytes + GRADIENT_RANGES_MOST - 1) / GRADIENT_RANGES_MOST;
    int parameter_count, count = 0;
    struct parameter *parameters = list_parameters(graph, plan, &parameter_count);
    least = least > GRADIENT_RANGE_LEAST_BYTES ? least : GRADIENT_RANGE_LEAST_BYTES;
    for (int p = 0; p < parameter_count; p++) {
        size_t end = p + 1 == parameter_count ? plan->parameter_bytes : parameters[p + 1].offset;
        if (count == 0 || ranges[count - 1].bytes >= least)
            ranges[count++] = (struct gradient_range){.offset = parameters[p].offset, .node = parameters[p].node};
        struct gradient_range *last = &ranges[count - 1];
        last->node = parameters[p].node < last->node ? parameters[p].node : last->node;
        last->bytes = end - last->offset;
    }
    free(parameters);
    return count;
}
