#include "run/lineage.h"

#include "base/memory.h"
#include "genome/sharing.h"
#include "run/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sources_print(const struct individual *individual, char *buffer) {
    int length = 0;
    buffer[0] = '\0';
    for (int liv = 0; liv < individual->genome.depth; liv++) {
        const struct liv_source *source = &individual->sources[liv];
        const char *gap = liv > 0 ? " " : "";
        size_t left = SOURCES_TEXT_BYTES - (size_t)length;
        length += source->parent == SOURCE_NEW
                      ? snprintf(buffer + length, left, "%s-", gap)
                      : snprintf(buffer + length, left, "%s%d:%d", gap, source->parent, source->liv);
    }
    return buffer;
}

bool sources_parse(const char *text, struct individual *individual) {
    bool complete = true;
    for (int liv = 0; liv < GENOME_MAX_DEPTH; liv++) {
        int parent, place, length = 0;
        individual->sources[liv] = (struct liv_source){SOURCE_NEW, 0};
        if (liv >= individual->genome.depth)
            continue;
        text += strspn(text, " ");
        bool kept = sscanf(text, "%1d:%3d%n", &parent, &place, &length) == 2;
        if (kept && parent >= 0 && parent < 2 && place >= 0 && place < GENOME_MAX_DEPTH)
            individual->sources[liv] = (struct liv_source){(signed char)parent, (short)place};
        else
            complete = complete && *text == '-';
        text += kept ? (size_t)length : *text != '\0';
    }
    return complete;
}

int lineage_find(const struct candidate *candidates, int count, int id) {
    int low = 0, high = count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (candidates[middle].individual.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && candidates[low].individual.id == id ? low : -1;
}

int *lineage_of(const struct candidate *candidates, int count, int id, int *found) {
    bool *descends = memory_allocate((size_t)count + 1, sizeof *descends);
    int *places = memory_allocate((size_t)count + 1, sizeof *places), start = lineage_find(candidates, count, id);
    *found = 0;
    if (start >= 0)
        descends[start] = true;
    /* Parents are older than their children, so one pass from the newest meets every ancestor behind its descendants.
     */
    for (int place = start; place >= 0; place--) {
        if (!descends[place])
            continue;
        places[(*found)++] = place;
        for (int p = 0; p < 2; p++) {
            int parent = lineage_find(candidates, place, candidates[place].individual.parents[p]);
            if (parent >= 0)
                descends[parent] = true;
        }
    }
    free(descends);
    return places;
}

/* ---- changes ---- */

static enum sharing_change compare_sharing(const struct liv *before, const struct liv *now, enum liv_gene kind) {
    bool shared = before->genes[kind + 1] > 1, shares = now->genes[kind + 1] > 1;
    if (shared != shares)
        return shares ? SHARING_BEGUN : SHARING_ENDED;
    return before->genes[kind + 1] == now->genes[kind + 1] ? SHARING_AS_BEFORE : SHARING_OTHERWISE;
}

static bool has_class_at(const struct candidate *candidate, int place, int class_gene) {
    return candidate && place < candidate->individual.genome.depth &&
           candidate->individual.genome.livs[place].genes[LIV_CLASS] == class_gene;
}

/* Where a LIV came from: as it was kept, or by its place. */
static struct liv_source source_of(const struct candidate *child, const struct candidate *const parents[2], int liv) {
    int class_gene = child->individual.genome.livs[liv].genes[LIV_CLASS];
    if (child->has_sources)
        return child->individual.sources[liv];
    for (int p = 0; p < 2; p++)
        if (has_class_at(parents[p], liv, class_gene))
            return (struct liv_source){(signed char)p, (short)liv};
    return (struct liv_source){SOURCE_NEW, 0};
}

void lineage_changes(const struct candidate *child, const struct candidate *const parents[2],
                     struct liv_change *changes) {
    const struct genome *genome = &child->individual.genome;
    for (int liv = 0; liv < genome->depth; liv++) {
        struct liv_source source = source_of(child, parents, liv);
        const struct candidate *parent = source.parent == SOURCE_NEW ? NULL : parents[source.parent];
        changes[liv] = (struct liv_change){.is_new = source.parent == SOURCE_NEW};
        if (changes[liv].is_new)
            continue;
        changes[liv].parent = child->individual.parents[source.parent];
        changes[liv].place = source.liv;
        for (int kind = 0; kind < SHARING_KINDS && parent; kind++)
            if (source.liv < parent->individual.genome.depth)
                changes[liv].sharing[kind] = compare_sharing(&parent->individual.genome.livs[source.liv],
                                                             &genome->livs[liv], sharing_kinds[kind]);
    }
}
