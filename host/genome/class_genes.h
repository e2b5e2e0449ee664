/*
 * The operator and featurizer genome of one class, when it evolves: changing, repairing and writing it.
 *
 * Text form: token mixing, mask, nonlinearity and channel mixing as four digits, then for each feature its name and
 * four digits, joined with dots: token mixing, channel mixing, expansion, repeat. "2122.B1331.C1331.V1335".
 */
#ifndef STARCL_GENOME_CLASS_GENES_H
#define STARCL_GENOME_CLASS_GENES_H

#include "base/random.h"
#include "genome/catalogue.h"

struct class_genes {
    unsigned char used; /* 0: the catalogue's class as it is */
    unsigned char token_mixing, mask, nonlinearity, channel_mixing;
    unsigned char features;                  /* as bits */
    unsigned char feature[FEATURE_NAMES][4]; /* token mixing, channel mixing, expansion, repeat */
};

enum { CLASS_TEXT_BYTES = 80 };

/* The genes of a class, in one order of features, and the class that genes make of a base. */
struct class_genes class_genes_of(const struct liv_class *liv_class);
/*
 * `base` with these genes: attributes that the operator now needs get defaults, sharing strategies stay where the
 * features do and are made anew otherwise.
 */
void class_apply(const struct liv_class *base, const struct class_genes *genes, struct liv_class *result);

/* Draws what breaks a rule again, adds features that are missing and drops those without use. Valid ones stay. */
void class_repair(struct liv_class *liv_class, struct random_stream *random);

/*
 * Draws the operator's or the features' genes anew, each with this probability: free, from all values of the gene, or
 * from those that the rules allow beside the other genes as they are. May need repair, for genes hang together: another
 * channel mixing can forbid the mask that was there.
 */
void class_mutate_operator(struct liv_class *liv_class, double probability, bool free, struct random_stream *random);
void class_mutate_features(struct liv_class *liv_class, double probability, bool free, struct random_stream *random);

/* Writes to buffer (CLASS_TEXT_BYTES) and returns it; reads up to `end`, returns what is wrong or NULL. */
const char *class_genes_print(const struct class_genes *genes, char *buffer);
const char *class_genes_parse(const char *text, const char *end, struct class_genes *genes);

/* Genes in which they differ. */
int class_genes_distance(const struct class_genes *a, const struct class_genes *b);

#endif
