/*
 * The validity rules of LIV classes, as data: a row for each pair of token and channel mixing says which features it
 * needs and which values the other genes may take with it. What a row allows builds, trains and decodes. `starcl space`
 * prints the rows.
 */
#ifndef STARCL_GENOME_RULES_H
#define STARCL_GENOME_RULES_H

#include "base/text.h"
#include "genome/catalogue.h"

#define VALUE_BIT(value) (1u << (value))

struct mixing_rule {
    enum token_mixing token_mixing;
    enum channel_mixing channel_mixing;
    unsigned needs, may_have;         /* features, as bits */
    unsigned masks, nonlinearities;   /* allowed values, as VALUE_BIT()s */
    unsigned equal_expansion;         /* features whose expansions must be equal */
    unsigned sized;                   /* features whose size the operator sets: expansion 1, dense or low-rank mixing */
    unsigned may_repeat, repeats_all; /* features with any repeat, and with repeat "all"; others have 1 */
    bool has_rotary, has_kernel, has_state;
    const char *meaning; /* one line */
};

/* Ends with token_mixing 0. */
extern const struct mixing_rule mixing_rules[];

enum { LARGEST_KERNEL = 16, LARGEST_STATE_SIZE = 64, DEFAULT_KERNEL = 3, DEFAULT_STATE = 16 };

/* The row of a pair, or NULL where the pair means nothing. */
const struct mixing_rule *mixing_rule_of(enum token_mixing token_mixing, enum channel_mixing channel_mixing);

/* The set with B2 and C2 added where it has B and C, if the class is differential. */
unsigned rule_features(unsigned set, bool differential);

/* Values that a gene of a feature may take where the row and the feature's other genes are as they are. */
unsigned feature_values(const struct mixing_rule *rule, const struct feature *feature, enum gene gene);

/* Every value of a gene, as VALUE_BIT()s. */
unsigned gene_all_values(enum gene gene);
/* Appends "causal, banded" of the values in the set or, with numbers, "1 causal, 2 banded". */
void gene_list_values(enum gene gene, unsigned set, bool numbers, struct text *text);

/* NULL if the class is valid, else the words of the rule it breaks, in buffer. */
const char *class_broken_rule(const struct liv_class *liv_class, char *buffer, int bytes);

/* Valid featurizer genomes with a row, counted; differential or not. */
double rule_featurizers(const struct mixing_rule *rule, bool differential);

#endif
