/*
 * Asynchronous successive halving: which individuals are worth being trained further (ASHA: Li et al., "A system for
 * massively parallel hyperparameter tuning", arXiv 1810.05934; by non-dominated rank for several objectives as
 * Schmucker et al., "Multi-objective asynchronous successive halving", arXiv 2106.12639).
 *
 *     rung 2   all of the tokens     o
 *     rung 1   30 %                  o o o          the best `promoted` share of the n that completed a rung goes on,
 *     rung 0   10 %                  o o o o o o o o o       as soon as there are n: nobody waits for a rung to fill
 *
 * A function of what it was told, in order: no clock, no chance.
 */
#ifndef STARCL_EVOLVE_HALVING_H
#define STARCL_EVOLVE_HALVING_H

#include "evolve/population.h"

enum { HALVING_MAX_RUNGS = 8 };

struct halving_settings {
    int rungs;       /* 1 .. HALVING_MAX_RUNGS; from the last nobody is promoted */
    double promoted; /* share of a rung's results that go on, 0 .. 1 */
    int objectives;  /* 1 .. MAX_OBJECTIVES */
};

struct halving;

struct halving *halving_create(const struct halving_settings *settings);
void halving_destroy(struct halving *halving);

/*
 * An individual completed its rung (individual->rung), which it may do once. Memory is some 100 bytes a result. Time is
 * that of inserting into sorted fronts: what is said in halving.c.
 */
void halving_tell(struct halving *halving, const struct individual *individual);

/*
 * Takes the next individual to be promoted, if there is one: of the highest rung that has one, the best that was not
 * taken yet of those among the best floor(promoted * n) of that rung's n results, by front, crowding distance and age.
 * What failed, or violates a limit, counts among the n and is never promoted. The individual is to be evaluated at rung
 * + 1 next.
 *
 * As long as nothing is taken, the order in which the same results were told does not matter.
 */
bool halving_next(struct halving *halving, int *id, int *rung);

#endif
