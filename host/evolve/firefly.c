/*
 * The firefly algorithm for one objective (Yang, "Firefly algorithms for multimodal optimization", SAGA 2009), which
 * STAR compares (arXiv 2411.17800, section 4), on genomes as the discrete forms do it (Sayadi, Ramezanian and
 * Ghaffari-Nasab, "A discrete firefly meta-heuristic with local search for makespan minimization in permutation flow
 * shop scheduling problems", IJIEC 1, 2010): a firefly flies towards a brighter one, and the nearer that is, the more
 * it is attracted.
 *
 *     x <- x + beta (y - x) + alpha noise         beta = attraction exp(-absorption d^2)
 *
 * Brightness is the objective. d is genome_distance(x, y) over the depth of the deeper one, so that it is about 1 where
 * no LIV is alike. Of the way towards y the share beta is taken: each LIV of y with this probability. The noise is
 * mutation.
 *
 * In the textbook every firefly flies to each brighter one in turn and is evaluated each time; here an evaluation is
 * one flight, to one of those that are brighter, each as likely. The brightest only mutates, and stays where that is
 * no brighter; the others fly wherever it leads. A firefly whose new place fails stays, too.
 */
#include "evolve/algorithm.h"

#include <math.h>

static void propose(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    int place = (child->id - 1) % evolution->settings.population;
    const struct individual *flying = evolution->members[place];
    if (place == 0) {
        propose_mutant(evolution, flying, random, child);
        return;
    }
    const struct individual *brighter = evolution->members[random_below(random, (uint32_t)place)];
    int depth = flying->genome.depth > brighter->genome.depth ? flying->genome.depth : brighter->genome.depth;
    double distance = genome_distance(&flying->genome, &brighter->genome) / depth;
    double share = evolution->settings.attraction * exp(-evolution->settings.absorption * distance * distance);
    unsigned faults = breed_towards(&flying->genome, &brighter->genome, share, &evolution->settings.variation,
                                    evolution->settings.space, random, &child->genome, child->sources);
    repairs_note(&child->repairs, faults);
    child->parents[0] = flying->id;
    child->parents[1] = brighter->id;
    child->origin = ORIGIN_CHILD;
}

static void accept(struct evolution *evolution, const struct individual *result) {
    int population = evolution->settings.population, objectives = evolution->settings.objectives;
    members_add(evolution, result);
    if (evolution->added_count < population)
        return;
    struct individual **members = evolution->members, **flown = members + evolution->member_count;
    for (int place = 0; place < evolution->member_count; place++) {
        bool moves =
            place == 0 ? dominates(flown[0], members[0], objectives) : !individual_failed(flown[place], objectives);
        if (!moves)
            continue;
        struct individual *left = members[place];
        members[place] = flown[place];
        flown[place] = left;
    }
    sort_individuals(members, population, objectives);
    members_keep(evolution, population);
}

const struct algorithm algorithm_firefly = {
    .name = "firefly",
    .meaning = "fireflies for one objective, which fly towards brighter ones",
    .objectives_most = 1,
    .generational = true,
    .propose = propose,
    .accept = accept,
};
