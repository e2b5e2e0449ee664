/*
 * A genome as a row of numbers that quality may depend on, for a regression: which classes it has, where, beside which
 * others, what it shares, what its operators do, how large it is, and how long it is trained.
 *
 * The numbers come in families. A regression that standardises every number divides by the root of its family's size,
 * so that 49 pairs of classes do not outweigh 7 shares of classes.
 */
#ifndef STARCL_EVOLVE_PREDICTORS_H
#define STARCL_EVOLVE_PREDICTORS_H

#include "genome/genome.h"

enum predictor_family {
    PREDICTORS_CLASSES,   /* the share of LIVs of each class */
    PREDICTORS_PLACES,    /* the share of each class in each part of the backbone (predictor_parts()) */
    PREDICTORS_ENDS,      /* the class of the first LIV, and of the last */
    PREDICTORS_PAIRS,     /* of neighbours, the share of each pair of classes */
    PREDICTORS_SHARING,   /* LIVs of each class that use another's features, and another's weights, over the depth */
    PREDICTORS_OPERATORS, /* the share of LIVs of each token mixing, mask, nonlinearity and channel mixing */
    PREDICTORS_FORM,      /* depth, norm, residual */
    PREDICTORS_COSTS,     /* logarithms of what can be known without training */
    PREDICTORS_STEPS,     /* logarithm of the training steps */
    PREDICTOR_FAMILIES
};

/* A candidate before it is trained. */
struct prospect {
    const struct genome *genome; /* valid in the space */
    const double *costs;         /* such as parameters and cache bytes, of any sign; as many for every prospect */
    double steps;                /* of training, at least 1 */
};

/* How many numbers prospects of this space have; `families` gets the family of each where it is not NULL. */
int predictors_count(const struct genome_space *space, int costs, unsigned char *families);

/* The numbers of a prospect, all finite where the costs are; predictors_count() of them. */
void predictors_fill(const struct genome_space *space, int costs, const struct prospect *prospect, float *numbers);

/*
 * Parts into which places fall: each place is a part where the backbone's depth is fixed and at most 8, or else the
 * thirds of the backbone are.
 */
int predictor_parts(const struct genome_space *space);

#endif
