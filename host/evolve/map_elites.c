/*
 * MAP-Elites (Mouret and Clune, "Illuminating search spaces by mapping elites", arXiv 1504.04909): not the best, but
 * the best of each kind. An archive of cells, each with its elite; parents are elites of any two cells.
 *
 *     mixing of most LIVs    cache, in powers of two
 *                            ..  16k  32k  64k  128k  ..
 *     none                        .    .    .    .
 *     low-rank (attention)        .    x    x    x
 *     Toeplitz                    x    x    .    .        x: an elite
 *     Toeplitz, implicit          .    .    x    .
 *     semi-separable              x    x    x    .
 *
 * The mixing of a genome is the token mixing that most of its LIVs have, those without any (diagonal) left aside, and
 * of equally frequent ones that of the first LIV. The cache is individual.descriptor, in bytes.
 *
 * A new individual takes an empty cell, or one whose elite it dominates: with one objective the better one stays. What
 * failed is in no cell. An elite that is told again with a higher rung keeps its cell.
 */
#include "evolve/algorithm.h"

#include <math.h>

enum { MIXINGS = TOKEN_SEMISEPARABLE, BUCKETS = 64 };

/* The most frequent token mixing but TOKEN_DIAGONAL, which stands for none. */
static enum token_mixing dominant_mixing(const struct genome *genome, const struct catalogue *catalogue) {
    int counts[MIXINGS + 1] = {0};
    enum token_mixing of_liv[GENOME_MAX_DEPTH], dominant = TOKEN_DIAGONAL;
    for (int liv = 0; liv < genome->depth; liv++) {
        struct liv_class liv_class;
        genome_class(genome, catalogue, genome->livs[liv].genes[LIV_CLASS], &liv_class);
        of_liv[liv] = liv_class.token_mixing;
        counts[liv_class.token_mixing]++;
    }
    counts[TOKEN_DIAGONAL] = 0;
    for (int liv = 0; liv < genome->depth; liv++)
        if (counts[of_liv[liv]] > counts[dominant])
            dominant = of_liv[liv];
    return dominant;
}

static int cell_of(const struct individual *individual, const struct catalogue *catalogue) {
    int bucket = 0;
    if (individual->descriptor >= 1) /* false for NaN */
        bucket = 1 + (int)fmin(floor(log2(individual->descriptor)), BUCKETS - 2);
    return (dominant_mixing(&individual->genome, catalogue) - 1) * BUCKETS + bucket;
}

static void propose(const struct evolution *evolution, struct random_stream *random, struct individual *child) {
    uint32_t elites = (uint32_t)evolution->member_count;
    if (elites == 0) { /* nothing has succeeded yet */
        propose_random(evolution, random, child);
        return;
    }
    const struct individual *a = evolution->members[random_below(random, elites)];
    const struct individual *b = evolution->members[random_below(random, elites)];
    propose_child(evolution, a, b, random, child);
}

static void accept(struct evolution *evolution, const struct individual *result) {
    int objectives = evolution->settings.objectives, place = 0, count = evolution->member_count;
    if (individual_failed(result, objectives))
        return;
    int cell = cell_of(result, evolution->settings.space->catalogue);
    while (place < count && evolution->members[place]->mark != cell)
        place++;
    if (place < count && !dominates(result, evolution->members[place], objectives))
        return;
    members_add(evolution, result);
    evolution->members[count]->mark = cell;
    if (place < count) {
        struct individual *left = evolution->members[place];
        evolution->members[place] = evolution->members[count];
        evolution->members[count] = left;
    }
    members_keep(evolution, place < count ? count : count + 1);
    sort_population(evolution->members, evolution->member_count, objectives);
}

const struct algorithm algorithm_map_elites = {
    .name = "map-elites",
    .meaning = "the best of each kind: dominant token mixing x cache",
    .objectives_most = MAX_OBJECTIVES,
    .propose = propose,
    .accept = accept,
};
