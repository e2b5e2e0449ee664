/*
 * Evolution as a conversation: it is asked for the next individual and told what came of it (STAR, arXiv 2411.17800,
 * section 4: assess, pair, recombine, mutate, repair).
 *
 *     ask  ->  a genome that was not tried before     tell  <-  its objectives, or that it failed
 *
 * It knows genomes and numbers, no device, clock or thread. Every random choice is named by seed and id, so what is
 * asked is a function of the settings and of what was told before, and in which order. Resuming is telling again what
 * is known. Which individuals become parents and which survive is a matter of the algorithm (algorithm.h).
 *
 * Many workers may be busy: others are asked for while some were not told yet, and they are told as they come. Where
 * evolution_is_repeatable(), whoever asks ahead and tells in order of id gets what a single worker gets. Elsewhere an
 * individual descends from what was known when it was asked for.
 */
#ifndef STARCL_EVOLVE_EVOLUTION_H
#define STARCL_EVOLVE_EVOLUTION_H

#include "evolve/filter.h"
#include "evolve/population.h"
#include "evolve/variation.h"

struct algorithm;
struct evolution;

struct evolve_settings {
    const struct algorithm *algorithm;
    const struct genome_space *space; /* must outlive the evolution */
    uint64_t seed;
    int population; /* individuals that are parents together, and of a generation */
    int objectives; /* of which an algorithm takes so many; 1 .. its objectives_most */
    int tournament; /* individuals drawn for each parent */
    struct variation variation;
    struct filter_settings filter; /* off where it has no more than one candidate */
    bool limited;                  /* what filter.measure() finds beyond limits is drawn again, too */
    const struct genome *founders; /* of the first population, valid, canonical and different; must outlive it, too */
    int founder_count;             /* 0 .. population */
    double immigrants;             /* share of the later individuals that are random instead */
    int elite;                     /* of ga: the best that pass on; below the population */
    double attraction, absorption; /* of firefly: see firefly.c */
    int rungs;                     /* of the fidelity that individuals are evaluated with; 0 and 1: there is one */
    double promoted;               /* share of those on a rung that go on to the next: halving.h */
};

struct evolution *evolution_create(const struct evolve_settings *settings);
void evolution_destroy(struct evolution *evolution);

/* The filter of what is asked for, owned by the evolution; NULL where it is off. */
struct filter *evolution_filter(const struct evolution *evolution);

/*
 * Whether the next individual is the same whatever those come to that evolution_ask() lets be asked before it is told:
 * without rungs and filter, a generation at a time or at random.
 */
bool evolution_is_repeatable(const struct evolve_settings *settings);

/*
 * The next individual: id, generation, parents, origin, sources, genome and identity; ids count from 1. False where
 * something that it depends on has not been told yet: with a generational algorithm, before the last one of a
 * generation was. With the others nobody waits. Until as many were told as the population has, they ask for random
 * individuals, also beyond the first population: there may be more workers than that, and waiting for the slowest of
 * it leaves the rest idle, while children of the few that were fastest would all be alike.
 *
 * Genomes are canonical; one that computes what was tried before (genome_identity()), or violates limits that are known
 * without training, is drawn again, up to 50 times: a small space may hold nothing new, or nothing within the limits.
 * Of those that violate them, the one that does so least is asked for.
 */
bool evolution_ask(struct evolution *evolution, struct individual *child);

/*
 * What the `ahead`-th individual from now, 1 .., would be if nothing more were told before. Changes nothing. False
 * where it has no parents yet.
 */
bool evolution_guess(struct evolution *evolution, int ahead, struct individual *child);

/*
 * Whether that individual will be asked for as it is guessed, unless a filter learns meanwhile: it is of the first
 * population, or random, or of a generation that waits for nobody. Of others the guess is somebody alike.
 */
bool evolution_is_decided(const struct evolution *evolution, int ahead);

/* The next individual that is to be evaluated again, a rung higher: halving_next(). False where there is none now. */
bool evolution_promote(struct evolution *evolution, struct individual *individual);

/*
 * What came of an individual that was asked: failed, or its violation and objectives, and the rung that it was
 * evaluated on. One that is known may be told again, with a higher rung. New ones may be told in any order; in which
 * order those of a generation are makes no difference to a generational algorithm without rungs and filter.
 */
void evolution_tell(struct evolution *evolution, const struct individual *result);

/* Those that new ones descend from now, best first; valid until the next tell or the next call of this. */
const struct individual *evolution_population(struct evolution *evolution, int *count);

#endif
