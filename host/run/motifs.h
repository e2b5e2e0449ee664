/*
 * Motifs: classes that follow each other in a row of LIVs, pairs and triples, and whether chosen genomes have them more
 * often than random ones.
 *
 * The unit is a genome, which has a motif or has not, however often: LIVs of one genome are not independent of each
 * other. (Genomes of a front descend from each other, too, so their intervals are narrower than what another search
 * would tell.) Random genomes are those of the run's space, as the search draws them.
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
};

/* Negative where the chosen genomes have it less often than random ones, positive where more often, 0 where the
 * interval holds the random share. */
int motif_stands_out(const struct motif *motif);

/*
 * The motifs of `length` (2 or 3) that any of genomes[0..count) has, those first that exceed random genomes most. Fills
 * in what stands in none of them, too, where random ones have it so often that this stands out. The caller frees them.
 */
struct motif *motifs_find(const struct genome *const *genomes, int count, const struct genome_space *space, int length,
                          int *found);

#endif
