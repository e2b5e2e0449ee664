/*
 * Backbone genomes: five integers a LIV (STAR, arXiv 2411.17800, section 4).
 *
 * Text form: LIVs joined with '-', genes joined with '.', the dots left out where all five are single digits:
 * "21211-31112" and "1.1.1.1.1-2.10.1.10.1". Genes count from 1.
 *
 * A featurizer (weight) group is formed by the LIVs of one class with one featurizer group number and one featurizer
 * strategy other than 1 (nothing); a feature (activation) group likewise with genes 4 and 5.
 */
#ifndef STARCL_GENOME_GENOME_H
#define STARCL_GENOME_GENOME_H

#include "base/random.h"
#include "base/status.h"
#include "genome/catalogue.h"

#include <stdbool.h>

enum { GENOME_MAX_DEPTH = 128, GENOME_TEXT_BYTES = GENOME_MAX_DEPTH * 20 };

enum liv_gene {
    LIV_CLASS,
    LIV_FEATURIZER_GROUP,
    LIV_FEATURIZER_STRATEGY,
    LIV_FEATURE_GROUP,
    LIV_FEATURE_STRATEGY,
    LIV_GENES
};

struct liv {
    short genes[LIV_GENES];
};

struct genome {
    int depth;
    struct liv livs[GENOME_MAX_DEPTH];
};

/* Where genomes are drawn from. */
struct backbone_space {
    const struct catalogue *catalogue;
    int depth;
    int class_count; /* classes in use, as gene values */
    short classes[CATALOGUE_MAX_CLASSES];
};

/* Reads the text form; a failure is a STATUS_USAGE that names position and reason. Says nothing about validity. */
status genome_parse(const char *text, struct genome *genome) MUST_CHECK;
/* Writes the text form to buffer (GENOME_TEXT_BYTES) and returns it. parse(print(g)) is g. */
const char *genome_print(const struct genome *genome, char *buffer);

/* Fails with the LIV, the gene and the reason unless the genome is valid in the space. */
status genome_validate(const struct genome *genome, const struct backbone_space *space) MUST_CHECK;

/*
 * Makes a genome of the space's depth valid by re-sampling what is not: genes out of range are drawn again; a LIV that
 * shares with nobody joins another LIV of its class or stops sharing. A valid genome stays as it is.
 */
void genome_repair(struct genome *genome, const struct backbone_space *space, struct random_stream *random);

/* A valid genome, genes drawn uniformly before repair. */
void genome_random(struct genome *genome, const struct backbone_space *space, struct random_stream *random);

/* Draws one gene anew from the values that it can take at its place; the result may need repair. */
void genome_draw_gene(struct genome *genome, int liv, enum liv_gene gene, const struct backbone_space *space,
                      struct random_stream *random);

/*
 * The one representative of genomes that mean the same: groups are numbered per class in order of appearance, and LIVs
 * that share nothing have groups of their own.
 */
void genome_canonicalise(struct genome *genome);

bool genome_equal(const struct genome *a, const struct genome *b);
/* Of the genome as it is; canonicalise first to identify architectures. */
uint64_t genome_hash(const struct genome *genome);

/*
 * The LIV that owns what LIV `liv` shares: the first member of its featurizer group (kind LIV_FEATURIZER_GROUP) or
 * feature group (LIV_FEATURE_GROUP); `liv` itself where it shares nothing or is the first.
 */
int genome_group_owner(const struct genome *genome, int liv, enum liv_gene kind);

#endif
