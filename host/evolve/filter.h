/*
 * Filtering: an algorithm proposes several children for each individual, and only the one that promises most is
 * trained. What training would tell is predicted (surrogate.h), what is known without training is measured, and the
 * choice is acquisition.h's.
 *
 *     propose x candidates  -->  measure (costs, limits), predict (the rest)  -->  choose  -->  train  --told--> model
 *
 * Like all of evolution it is a function of settings and of what was told, in order.
 */
#ifndef STARCL_EVOLVE_FILTER_H
#define STARCL_EVOLVE_FILTER_H

#include "evolve/population.h"

enum { FILTER_MOST_COSTS = 16, FILTER_MOST_CANDIDATES = 64 };

/* What a genome is known to be before it is trained. */
struct measured {
    double costs[FILTER_MOST_COSTS];   /* numbers for the model, such as parameters */
    double objectives[MAX_OBJECTIVES]; /* as an individual's; those that only training tells are not looked at */
    double violation;                  /* of limits, as far as it is known; finite */
};

struct filter_settings {
    int candidates; /* children proposed for each individual, at most FILTER_MOST_CANDIDATES; 0 or 1: off */
    int warmup;     /* individuals that are not filtered at first */
    double chance;  /* share of the later ones that are not, for the model to see more than its favourites */
    int costs;      /* that measure() gives */
    bool trained[MAX_OBJECTIVES]; /* the objectives that only training tells */
    /* Measures a valid genome; false where it cannot be built. A function of the genome alone. */
    bool (*measure)(void *context, const struct genome *genome, struct measured *measured);
    void *context;
    /* Training steps of an evaluation of this rung. */
    double (*steps)(void *context, int rung);
};

struct filter;

/* The space and what the settings point to must outlive it. */
struct filter *filter_create(const struct filter_settings *settings, const struct genome_space *space, int objectives,
                             uint64_t seed);
void filter_destroy(struct filter *filter);

/* How many children are to be proposed for the individual `id`: 1 where it is not filtered. */
int filter_candidates(const struct filter *filter, int id);

/* The one to train of children[0..count), count >= 1; the first where too little is known to choose. */
int filter_choose(const struct filter *filter, const struct individual *children, int count,
                  const struct individual *population, int individuals);

/*
 * What training told of an individual at its rung, or in an earlier run after so many steps: failed, or its objectives.
 * One that measure() finds beyond limits was not trained and teaches nothing; earlier runs may have had other limits.
 */
void filter_tell(struct filter *filter, const struct individual *result);
void filter_tell_earlier(struct filter *filter, const struct individual *result, double steps);

/*
 * What the model predicted of the individual that was told last, by objective, and the rank correlation of its latest
 * predictions (surrogate_correlation()). NaN for objectives that are measured, and where there is none.
 */
double filter_prediction(const struct filter *filter, int objective);
double filter_correlation(const struct filter *filter, int objective);

#endif
