/*
 * Motifs: classes that follow each other in a row of LIVs, pairs and triples, and whether chosen genomes have them more
 * often than random ones.
 *
 * The unit is a genome, which has a motif or has not, however often: LIVs of one genome are not independent of each
 * other. (Genomes of a front descend from each other, too, so their intervals are narrower than what another search
 * would tell.) Random genomes are those of the run's space, as the search draws them.
 *
 * Some motif stands in any genome, so among all that there could be, rare ones are found by chance. One stands out
 * where as many random genomes would have it as often, or as seldom, with a probability below 5 % over the number of
 * motifs (a binomial test with Bonferroni's correction). Their share is known to one random genome at best, and is
 * taken to be nearer by one.
 */
#ifndef STARCL_RUN_MOTIFS_H
#define STARCL_RUN_MOTIFS_H

#include "base/statistics.h"
#include "genome/genome.h"

enum { MOTIF_MOST_LENGTH = 3, MOTIF_RANDOM_GENOMES = 2000 };

struct motif {
    int length;
    short classes[MOTIF_MOST_LENGTH]; /* class genes, in order */
    int holders;                      /* of the chosen genomes, those that have it */
    struct interval share;            /* of the chosen genomes, share_interval() */
    double random_share;              /* of MOTIF_RANDOM_GENOMES random ones */
    int stands_out; /* 1: the chosen genomes have it more often than random ones; -1: less often; 0: it may be chance */
};

/*
 * The motifs of `length` (2 or 3) that any of genomes[0..count) has, and those that none of them has but random ones so
 * often that this stands out; first those that exceed random genomes most. The caller frees them.
 */
struct motif *motifs_find(const struct genome *const *genomes, int count, const struct genome_space *space, int length,
                          int *found);

#endif
