/*
 * Regularised evolution (Real, Aggarwal, Huang and Le, "Regularized evolution for image classifier architecture
 * search", arXiv 1802.01548): the best of a sample is mutated, and the oldest dies, however good it is.
 *
 *     oldest <- [ a  b  c  d  e  f ] <- the mutant of the best of `tournament` that are drawn
 *       dies
 *
 * So nothing stays that was lucky once: a genome lasts only where its descendants are good as well. There is no
 * crossover. With several objectives the best is that of the least rank in the population, then of the most crowding
 * distance. The best that a run ever found is in its front, dead or not.
 *
 * The oldest is who came first, not who was asked for first: with many workers, who took long would else die of having
 * taken long.
 */
#include "evolve/algorithm.h"

static void propose(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    propose_mutant(evolution, tournament(evolution, random), random, child);
}

static void accept(struct evolution *evolution, const struct individual *result) {
    int population = evolution->settings.population, oldest = 0;
    struct individual arrived = *result;
    arrived.mark = evolution->told;
    members_add(evolution, &arrived);
    if (evolution->told < population)
        return;
    int count = evolution->member_count + evolution->added_count;
    struct individual **members = evolution->members;
    if (count > population) {
        for (int i = 1; i < count; i++)
            if (members[i]->mark < members[oldest]->mark)
                oldest = i;
        struct individual *dying = members[oldest];
        members[oldest] = members[count - 1];
        members[count - 1] = dying;
    }
    sort_individuals(members, population, evolution->settings.objectives);
    members_keep(evolution, population);
}

const struct algorithm algorithm_ageing = {
    .name = "ageing",
    .meaning = "regularised evolution: mutants of the best of a sample, and the oldest dies",
    .objectives_most = MAX_OBJECTIVES,
    .propose = propose,
    .accept = accept,
};
