/*
 * Names tell what belongs to what: "liv.05.V.weight" of the child belongs to LIV 5 and to those that share it, of which
 * 5 is the first. It comes from LIV 3 of a parent, say. That one may have computed V with weights of its own, or with
 * those of the first of its featurizer group, or it was handed V by the first of its feature group, which again had it
 * from its own or its group's weights. Whichever of these four has the tensor has it alone on this way: a LIV that is
 * lent something has none of its own.
 */
#include "train/inherit.h"

#include "base/memory.h"
#include "train/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_BYTES = 128, PARENTS = 2 };

struct heir {
    struct model *model;
    const struct inheritance *inheritance;
    struct tensors *files[PARENTS];
    float *elements;
};

/* The name of LIV `liv`'s parameter `what` in the parent's file; false where there is none of this shape. */
static bool find_of_liv(const struct heir *heir, int parent, int liv, const char *what, struct shape shape,
                        char name[NAME_BYTES]) {
    const struct genome *genome = heir->inheritance->parents[parent];
    int feature_owner = genome_group_owner(genome, liv, LIV_FEATURE_GROUP);
    int owners[] = {liv, genome_group_owner(genome, liv, LIV_FEATURIZER_GROUP), feature_owner,
                    genome_group_owner(genome, feature_owner, LIV_FEATURIZER_GROUP)};
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        snprintf(name, NAME_BYTES, "liv.%02d.%s", owners[i], what);
        if (tensors_has(heir->files[parent], name, shape))
            return true;
    }
    return false;
}

/* Whose file has a parameter of the child, and under what name; -1: nobody's. */
static int find(const struct heir *heir, const struct value *value, char name[NAME_BYTES]) {
    int liv, length = 0;
    if (sscanf(value->name, "liv.%d.%n", &liv, &length) == 1 && length > 0) {
        struct liv_source source = heir->inheritance->sources[liv];
        bool kept = source.parent != SOURCE_NEW && heir->files[source.parent];
        return kept && find_of_liv(heir, source.parent, source.liv, value->name + length, value->shape, name)
                   ? source.parent
                   : -1;
    }
    int parent = heir->files[0] ? 0 : 1;
    snprintf(name, NAME_BYTES, "%s", value->name);
    return heir->files[parent] && tensors_has(heir->files[parent], name, value->shape) ? parent : -1;
}

static status take(struct heir *heir, int *inherited) {
    const struct graph *graph = model_graph(heir->model);
    size_t most = 0;
    for (int v = 0; v < graph->value_count; v++)
        if (graph->values[v].role == VALUE_PARAMETER && shape_elements(graph->values[v].shape) > most)
            most = shape_elements(graph->values[v].shape);
    heir->elements = memory_allocate(most, sizeof *heir->elements);
    for (int v = 0; v < graph->value_count; v++) {
        const struct value *value = &graph->values[v];
        char name[NAME_BYTES];
        int parent = value->role == VALUE_PARAMETER ? find(heir, value, name) : -1;
        if (parent < 0)
            continue;
        TRY(tensors_read(heir->files[parent], name, value->shape, heir->elements));
        TRY(model_write_parameter(heir->model, v, heir->elements));
        ++*inherited;
    }
    return STATUS_OK;
}

static status open_and_take(struct heir *heir, int *inherited) {
    const struct inheritance *inheritance = heir->inheritance;
    for (int parent = 0; parent < PARENTS; parent++)
        if (inheritance->parents[parent] && inheritance->weights[parent])
            TRY(tensors_open(inheritance->weights[parent], &heir->files[parent]));
    return take(heir, inherited);
}

status inherit_weights(struct model *model, const struct inheritance *inheritance, int *inherited) {
    struct heir heir = {.model = model, .inheritance = inheritance};
    *inherited = 0;
    status outcome = open_and_take(&heir, inherited);
    for (int parent = 0; parent < PARENTS; parent++)
        tensors_destroy(heir.files[parent]);
    free(heir.elements);
    return outcome;
}
