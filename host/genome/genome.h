/*
 * Genomes. The backbone has five integers a LIV (STAR, arXiv 2411.17800, section 4); behind it may stand the placement
 * of norms, the kind of residual, and operator and featurizer genomes of classes that differ from the catalogue's.
 *
 * Text form: LIVs joined with '-', genes joined with '.', the dots left out where all five are single digits:
 * "21211-31112" and "1.1.1.1.1-2.10.1.10.1". Genes count from 1. "~NR" behind it gives norm and residual where they are
 * not 1 and 1; "|2:2122.B1331.C1331.V1335,4:..." gives class genes (class_genes.h).
 *
 * A featurizer (weight) group is formed by the LIVs of one class with one featurizer group number and one featurizer
 * strategy other than 1 (nothing); a feature (activation) group likewise with genes 4 and 5.
 */
#ifndef STARCL_GENOME_GENOME_H
#define STARCL_GENOME_GENOME_H

#include "base/random.h"
#include "base/status.h"
#include "genome/catalogue.h"
#include "genome/class_genes.h"

#include <stdbool.h>

enum { GENOME_MAX_DEPTH = 128 };
enum { GENOME_TEXT_BYTES = GENOME_MAX_DEPTH * 20 + 8 + CATALOGUE_MAX_CLASSES * (CLASS_TEXT_BYTES + 4) };

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

/* Where norms sit: before a LIV, behind its residual, or before and behind the LIV. */
enum norm_placement { NORM_PRE = 1, NORM_POST, NORM_BOTH, NORM_PLACEMENTS = NORM_BOTH };
/* h + LIV(h), or with a learned factor a channel on the LIV. */
enum residual_kind { RESIDUAL_PLAIN = 1, RESIDUAL_SCALED, RESIDUAL_KINDS = RESIDUAL_SCALED };
extern const char *const norm_names[NORM_PLACEMENTS], *const residual_names[RESIDUAL_KINDS];

struct genome {
    short depth;
    unsigned char norm, residual; /* enum norm_placement, enum residual_kind */
    struct liv livs[GENOME_MAX_DEPTH];
    struct class_genes classes[CATALOGUE_MAX_CLASSES]; /* by class gene - 1 */
};

/* Where genomes are drawn from, and what of them evolves. */
struct genome_space {
    const struct catalogue *catalogue;
    int depth_least, depth_most; /* 0: any */
    int class_count;             /* classes in use, as gene values */
    short classes[CATALOGUE_MAX_CLASSES];
    unsigned norms, residuals;             /* allowed, as bits (1 << value) */
    bool backbone, operators, featurizers; /* levels that evolve */
    const struct genome *fixed;            /* the backbone where it does not evolve */
};

/* The space of every valid genome over a catalogue. */
struct genome_space genome_space_of(const struct catalogue *catalogue);

/* Reads the text form; a failure is a STATUS_USAGE that names position and reason. Says nothing about validity. */
status genome_parse(const char *text, struct genome *genome) MUST_CHECK;
/* Writes the text form to buffer (GENOME_TEXT_BYTES) and returns it. parse(print(g)) is g. */
const char *genome_print(const struct genome *genome, char *buffer);

/* The class of a LIV, or of a class gene: the catalogue's with the genome's genes. */
void genome_class(const struct genome *genome, const struct catalogue *catalogue, int class_gene,
                  struct liv_class *result);

/* Fails with the LIV or class, the gene and the reason unless the genome is valid in the space. */
status genome_validate(const struct genome *genome, const struct genome_space *space) MUST_CHECK;

/* A class is one of those in use; backbones of this depth are in the space. */
bool genome_class_in_use(const struct genome_space *space, int class_gene);
bool genome_depth_fits(const struct genome_space *space, int depth);

/*
 * A valid genome in canonical form: every gene of the levels that evolve is drawn uniformly, and then LIVs of one class
 * whose group genes are near each other form groups. draft.h says how.
 */
void genome_random(struct genome *genome, const struct genome_space *space, struct random_stream *random);

/*
 * The canonical form of a valid genome means the same, and no gene of it could be left out: LIVs are in a group exactly
 * where they share with another LIV in effect (sharing.c), under the smallest strategy that shares the same; groups are
 * numbered per class in order of appearance, LIVs that share nothing have groups of their own; and class genes that
 * change nothing are dropped.
 */
void genome_canonicalise(struct genome *genome, const struct catalogue *catalogue);

/*
 * Identifies what a valid genome computes: equal for genomes whose models have the same operators on the same values
 * and share the same parameters, under whatever class, strategy or group numbers, and different for others. It does not
 * know sizes of models: genes that are alike only at one width count as different.
 */
uint64_t genome_identity(const struct genome *genome, const struct catalogue *catalogue);

bool genome_equal(const struct genome *a, const struct genome *b);
/* Of the genome's text; genome_identity() identifies architectures. */
uint64_t genome_hash(const struct genome *genome);

/*
 * How far two genomes are apart: the edit distance of their rows of LIVs, where changing a LIV costs the share of its
 * genes that differ and adding or leaving one out costs 1; plus 1 for another norm, 1 for another residual, and for
 * each class the number of genes that differ. 0 only for equal genomes; symmetric.
 */
double genome_distance(const struct genome *a, const struct genome *b);

/*
 * The LIV that owns what LIV `liv` shares: the first member of its featurizer group (kind LIV_FEATURIZER_GROUP) or
 * feature group (LIV_FEATURE_GROUP); `liv` itself where it shares nothing or is the first.
 */
int genome_group_owner(const struct genome *genome, int liv, enum liv_gene kind);

#endif
