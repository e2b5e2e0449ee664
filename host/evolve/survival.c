/*
 * Survival: a generation's survivors are the best of its parents and children together: rank, then crowding distance.
 *
 * The paper's elitism passes on the 2 best whatever the children are; here everybody survives for whom there is room
 * behind those that are better, which is stronger: with one objective a parent is dropped only where as many as the
 * population are better, and with more no survivor is dominated by one that was dropped, and the best value of each
 * objective stays where the population is at least twice the number of objectives. A failure survives only where too
 * few succeeded. Of several individuals that compute the same only one survives, one that did not fail if there is one,
 * unless the population could not be filled without the others.
 */
#include "evolve/algorithm.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

struct place {
    uint64_t identity;
    bool failed;
    int place;
};

static int by_identity(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->identity != y->identity)
        return x->identity < y->identity ? -1 : 1;
    return x->failed != y->failed ? x->failed - y->failed : x->place - y->place;
}

/* Puts individuals that compute what another one does behind those that differ, and returns how many of these there
 * are. Of those that are the same, the first that did not fail stays before, or the first. */
static int part_clones(struct individual **individuals, int count, int objectives) {
    struct place *places = memory_allocate((size_t)count + 1, sizeof *places);
    struct individual **clones = memory_allocate((size_t)count + 1, sizeof *clones);
    bool *is_clone = memory_allocate((size_t)count + 1, sizeof *is_clone);
    for (int i = 0; i < count; i++)
        places[i] = (struct place){individuals[i]->identity, individual_failed(individuals[i], objectives), i};
    qsort(places, (size_t)count, sizeof *places, by_identity);
    for (int i = 1; i < count; i++)
        is_clone[places[i].place] = places[i].identity == places[i - 1].identity;
    int distinct = 0, clone_count = 0;
    for (int i = 0; i < count; i++) {
        if (is_clone[i])
            clones[clone_count++] = individuals[i];
        else
            individuals[distinct++] = individuals[i];
    }
    memcpy(individuals + distinct, clones, (size_t)clone_count * sizeof(struct individual *));
    free(places);
    free(clones);
    free(is_clone);
    return distinct;
}

void sort_individuals(struct individual **individuals, int count, int objectives) {
    int distinct = part_clones(individuals, count, objectives);
    sort_population(individuals, distinct, objectives);
    sort_population(individuals + distinct, count - distinct, objectives);
    for (int i = distinct; i < count; i++)
        individuals[i]->rank += individuals[distinct - 1]->rank + 1;
}

void survive(struct evolution *evolution) {
    int count = evolution->member_count + evolution->added_count, population = evolution->settings.population;
    sort_individuals(evolution->members, count, evolution->settings.objectives);
    members_keep(evolution, count < population ? count : population);
}

void accept_generation(struct evolution *evolution, const struct individual *result) {
    members_add(evolution, result);
    if (evolution->added_count == evolution->settings.population)
        survive(evolution);
}

void accept_steadily(struct evolution *evolution, const struct individual *result) {
    members_add(evolution, result);
    if (evolution->told >= evolution->settings.population)
        survive(evolution);
}
