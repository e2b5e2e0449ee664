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

#include <stdlib.h>

static void swap(struct individual *a, struct individual *b) {
    struct individual moved = *a;
    *a = *b;
    *b = moved;
}

/* Puts individuals that compute what another one does behind those that differ, and returns how many of these there
 * are. Of those that are the same, one that did not fail stays before, or the one that was there before. */
static int part_clones(struct individual *individuals, int count, int objectives) {
    int distinct = 0;
    for (int i = 0; i < count; i++) {
        int same = 0;
        while (same < distinct && individuals[same].identity != individuals[i].identity)
            same++;
        if (same == distinct)
            swap(&individuals[distinct++], &individuals[i]);
        else if (individual_failed(&individuals[same], objectives) && !individual_failed(&individuals[i], objectives))
            swap(&individuals[same], &individuals[i]);
    }
    return distinct;
}

/* Best first. Clones are last, in fronts of their own, and crowd nobody. */
static void sort_pool(struct individual *pool, int count, int objectives) {
    int distinct = part_clones(pool, count, objectives);
    rank_population(pool, distinct, objectives);
    qsort(pool, (size_t)distinct, sizeof *pool, compare_individuals);
    rank_population(pool + distinct, count - distinct, objectives);
    for (int i = distinct; i < count; i++)
        pool[i].rank += pool[distinct - 1].rank + 1;
    qsort(pool + distinct, (size_t)(count - distinct), sizeof *pool, compare_individuals);
}

void survive(struct evolution *evolution) {
    int count = evolution->member_count + evolution->added_count, population = evolution->settings.population;
    sort_pool(evolution->members, count, evolution->settings.objectives);
    evolution->member_count = count < population ? count : population;
    evolution->added_count = 0;
}

void accept_generation(struct evolution *evolution, const struct individual *result) {
    evolution->members[evolution->member_count + evolution->added_count++] = *result;
    if (evolution->added_count == evolution->settings.population)
        survive(evolution);
}
