/*
 * A genetic algorithm with elitism for one objective, which STAR compares with NSGA-II (arXiv 2411.17800, section 4):
 * the `elite` best pass on whatever the children are, the rest are replaced by children.
 *
 *     parents (N)  --tournaments, crossover, mutation-->  children (N)
 *        |                                                   |
 *        '-- the best `elite` --> parents (N) <-- the best N - elite
 *
 * A generation evaluates N children, as with the other algorithms, and its `elite` worst are no parents.
 */
#include "evolve/algorithm.h"

static void propose(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    const struct individual *a = tournament(evolution, random), *b = tournament(evolution, random);
    propose_child(evolution, a, b, random, child);
}

static void swap(struct individual **a, struct individual **b) {
    struct individual *moved = *a;
    *a = *b;
    *b = moved;
}

static void accept(struct evolution *evolution, const struct individual *result) {
    int population = evolution->settings.population, elite = evolution->settings.elite;
    members_add(evolution, result);
    if (evolution->added_count < population)
        return;
    struct individual **members = evolution->members;
    if (evolution->member_count > 0) {
        struct individual **children = members + evolution->member_count;
        sort_individuals(children, population, evolution->settings.objectives);
        /* Parents behind the elite change places with the best children. */
        for (int i = elite; i < evolution->member_count; i++)
            swap(&members[i], &children[i - elite]);
    }
    sort_individuals(members, population, evolution->settings.objectives);
    members_keep(evolution, population);
}

const struct algorithm algorithm_ga = {
    .name = "ga",
    .meaning = "a genetic algorithm for one objective, whose best pass on",
    .objectives_most = 1,
    .generational = true,
    .elitist = true,
    .propose = propose,
    .accept = accept,
};
