/*
 * NSGA-II, one child at a time (Durillo, Nebro, Luna and Alba, "On the effect of the steady-state selection scheme in
 * multi-objective genetic algorithms", EMO 2009): the parents of a child know all that came before it, where those of
 * a generation know nothing of each other. It pays where evaluations are few, and costs a sort an evaluation.
 *
 *     parents (N)  --tournaments, crossover, mutation-->  one child
 *        ^                                                   |
 *        '---- best N of N + 1: rank, then crowding <--------'      (survival.c)
 */
#include "evolve/algorithm.h"

static void propose(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    const struct individual *a = tournament(evolution, random), *b = tournament(evolution, random);
    propose_child(evolution, a, b, random, child);
}

const struct algorithm algorithm_nsga2_steady = {
    .name = "nsga2-steady",
    .meaning = "NSGA-II, a child at a time",
    .objectives_most = MAX_OBJECTIVES,
    .elitist = true,
    .propose = propose,
    .accept = accept_steadily,
};
