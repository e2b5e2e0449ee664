/*
 * Weights of parents: a child begins with those of the LIVs that it kept, and only what is new is drawn (as in network
 * morphism and "lamarckian" evolution: Elsken et al., "Efficient multi-objective neural architecture search via
 * lamarckian evolution", arXiv 1804.09081).
 */
#ifndef STARCL_TRAIN_INHERIT_H
#define STARCL_TRAIN_INHERIT_H

#include "genome/draft.h"
#include "model/model.h"

struct inheritance {
    const struct genome *parents[2];  /* NULL: there is no such parent, or nothing is taken from it */
    const char *weights[2];           /* their files, as checkpoint_write_weights() makes them */
    const struct liv_source *sources; /* of each LIV of the child */
};

/*
 * Overwrites the parameters of the child's model with the parents': those of a LIV with those of the LIV that it comes
 * from, embedding, final norm and output with the first parent's (or the second's, where there is only that). What was
 * shared is read from the LIV that owned it. A parameter that the parent does not have, or has in another shape, stays
 * as it was drawn. *inherited is the number of parameters (tensors) that were taken. Fails where a file cannot be read.
 */
status inherit_weights(struct model *model, const struct inheritance *inheritance, int *inherited) MUST_CHECK;

#endif
