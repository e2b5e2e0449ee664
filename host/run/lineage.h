/* Who descends from whom, and what each changed: how a candidate's LIVs came to be, back to the founders. */
#ifndef STARCL_RUN_LINEAGE_H
#define STARCL_RUN_LINEAGE_H

#include "evolve/population.h"
#include "genome/sharing.h"

struct candidate;

/*
 * "0:0 - 1:2": for each LIV of an individual its parent and its place there, both from 0, or "-" for one that is new.
 * Writes to buffer (SOURCES_TEXT_BYTES) and returns it.
 */
enum { SOURCES_TEXT_BYTES = GENOME_MAX_DEPTH * 8 };
const char *sources_print(const struct individual *individual, char *buffer);
/* Reads them for the individual's genome: whether the text gives all; what it does not give is SOURCE_NEW. */
bool sources_parse(const char *text, struct individual *individual);

/*
 * The candidate `id` and all that it descends from, as places in candidates[0..count), which are in order of id: newest
 * first, each once. *found is 0 where there is no such candidate; a parent that is not among them is passed over. The
 * caller frees it.
 */
int *lineage_of(const struct candidate *candidates, int count, int id, int *found);

/* The place of the candidate with this id, or -1. */
int lineage_find(const struct candidate *candidates, int count, int id);

enum sharing_change { SHARING_AS_BEFORE, SHARING_BEGUN, SHARING_ENDED, SHARING_OTHERWISE };

/* What became of one LIV between a parent and a child. */
struct liv_change {
    bool is_new;       /* drawn, added, or its class changed */
    int parent, place; /* the parent's id and the LIV's place there, from 0; of one that is not new */
    enum sharing_change sharing[SHARING_KINDS]; /* in the order of sharing_kinds */
};

/*
 * The change of each LIV of a candidate with parents, of which one may be NULL (not known). Where the run did not keep
 * the sources, a LIV counts as the one at its place in the first parent that has its class there.
 */
void lineage_changes(const struct candidate *child, const struct candidate *const parents[2],
                     struct liv_change *changes);

#endif
