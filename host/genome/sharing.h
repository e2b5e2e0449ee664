/*
 * What LIVs share in effect: which features a LIV computes itself, and with whose weights. Genes can say more than
 * that: sharing the weights of features that a feature group hands on anyway changes nothing.
 */
#ifndef STARCL_GENOME_SHARING_H
#define STARCL_GENOME_SHARING_H

#include "genome/genome.h"

/* The two kinds of sharing by their group gene, of features and of weights; the strategy gene follows each. */
enum { SHARING_KINDS = 2 };
extern const enum liv_gene sharing_kinds[SHARING_KINDS];

/* The sets that a class lists for this kind, strategy 1 first, and how many. */
const unsigned *sharing_strategies(const struct liv_class *liv_class, enum liv_gene kind, int *count);

/* The features that a class has, as bits. */
unsigned sharing_features(const struct liv_class *liv_class);

/*
 * The features of a LIV for which this kind of sharing can mean anything. Features: all of the class. Weights: those
 * that the LIV computes itself because no feature group hands them to it, and A, whose bias the LIV has in any case.
 * `handed` is the set that it is handed.
 */
unsigned sharing_concerns(const struct liv_class *liv_class, enum liv_gene kind, unsigned handed);

/* The set that a LIV is handed by its feature group: none for the first of the group and for one without a group. */
unsigned sharing_handed(const struct genome *genome, const struct liv_class *liv_class, int liv);

/*
 * The smallest strategy by which LIVs that these sets concern (concerns[0..members)) share the same as by `strategy`; 0
 * if that does not hold all of them together, be it that nothing is shared or that what is shared links only some.
 */
int sharing_simplest(const unsigned *strategies, int count, int strategy, const unsigned *concerns, int members);

/*
 * Marks the members that LIV `first` is linked to when the set `shared` is shared: those that one of its features
 * concerns too, those that are linked to these, and `first` itself. Returns how many.
 */
int sharing_linked(unsigned shared, const unsigned *concerns, int members, int first, bool *linked);

#endif
