/*
 * The catalogue of LIV classes: an operator genome, a featurizer genome and sharing strategies each. It is read from a
 * libconfig file; configs/catalogue.cfg is the default and is embedded. rules.h says which combinations are valid.
 */
#ifndef STARCL_GENOME_CATALOGUE_H
#define STARCL_GENOME_CATALOGUE_H

#include "base/status.h"
#include "starcl/constants.h"

#include <stdbool.h>

/* Gene values, numbered from 1 as genomes write them. */
enum token_mixing { TOKEN_DIAGONAL = 1, TOKEN_LOW_RANK, TOKEN_TOEPLITZ, TOKEN_TOEPLITZ_IMPLICIT, TOKEN_SEMISEPARABLE };
enum mask { MASK_CAUSAL = STAR_MASK_CAUSAL, MASK_BANDED = STAR_MASK_BANDED, MASK_BLOCKED = STAR_MASK_BLOCKED };
enum nonlinearity {
    NONLINEARITY_NONE = STAR_NONLINEARITY_NONE,
    NONLINEARITY_SOFTMAX = STAR_NONLINEARITY_SOFTMAX,
    NONLINEARITY_SIGMOID = STAR_NONLINEARITY_SIGMOID,
    NONLINEARITY_RELU = STAR_NONLINEARITY_RELU,
    NONLINEARITY_SILU = STAR_NONLINEARITY_SILU,
};
enum channel_mixing { CHANNEL_DIAGONAL = 1, CHANNEL_GROUPED, CHANNEL_DENSE, CHANNEL_LOW_RANK };
enum feature_mixing { FEATURE_MIXING_NONE = 1, FEATURE_MIXING_CONVOLUTION };
enum expansion { EXPANSION_1_4 = 1, EXPANSION_1_2, EXPANSION_1, EXPANSION_2, EXPANSION_8_3, EXPANSION_4 };
enum repeat { REPEAT_1 = 1, REPEAT_2, REPEAT_4, REPEAT_8, REPEAT_ALL };

/* Feature groups; B2 and C2 are those of the operator that a differential class subtracts. */
enum feature_name { FEATURE_A, FEATURE_B, FEATURE_C, FEATURE_V, FEATURE_GATE, FEATURE_B2, FEATURE_C2, FEATURE_NAMES };

/* Each gene's values as the catalogue file writes them; gene_value_name(gene, value) is for printing. */
enum gene {
    GENE_TOKEN_MIXING,
    GENE_MASK,
    GENE_NONLINEARITY,
    GENE_CHANNEL_MIXING,
    GENE_FEATURE_TOKEN_MIXING,
    GENE_FEATURE_CHANNEL_MIXING,
    GENE_EXPANSION,
    GENE_REPEAT,
    GENES
};
struct gene_values {
    const char *gene; /* "token_mixing" */
    const char *const *names;
    int count;
};
extern const struct gene_values gene_values[GENES];
extern const char *const feature_names[FEATURE_NAMES];
const char *gene_value_name(enum gene gene, int value);

/* Channels of a feature for each channel of width. */
double expansion_ratio(enum expansion expansion);
/* Distinct heads of a feature that is repeated to fill `heads`: heads / 1, 2, 4 or 8 where that divides, at least 1. */
int repeated_heads(enum repeat repeat, int heads);

struct feature {
    enum feature_name name;
    enum feature_mixing token_mixing;
    enum channel_mixing channel_mixing;
    enum expansion expansion;
    enum repeat repeat;
};

enum { CLASS_NAME_BYTES = 32, CLASS_MAX_STRATEGIES = 16, CATALOGUE_MAX_CLASSES = 32 };

struct liv_class {
    char name[CLASS_NAME_BYTES];
    enum token_mixing token_mixing;
    enum mask mask;
    enum nonlinearity nonlinearity;
    enum channel_mixing channel_mixing;
    int feature_count;
    struct feature features[FEATURE_NAMES];
    /* Sharing strategies: sets of features as bits (1 << name). Strategy 1 of a genome is index 0 and shares nothing.
     */
    int featurizer_strategy_count, feature_strategy_count;
    unsigned featurizer_strategies[CLASS_MAX_STRATEGIES], feature_strategies[CLASS_MAX_STRATEGIES];
    bool differential; /* the difference of two such operators, the second with B2 and C2, scaled by a learned factor */
    bool rotary;       /* low-rank: rotary positions on C and B */
    int kernel;        /* explicit Toeplitz: taps */
    int state;         /* semi-separable: length of B and C a head, or a channel */
};

struct catalogue {
    int class_count;
    struct liv_class classes[CATALOGUE_MAX_CLASSES]; /* class gene 1 is classes[0] */
};

/* Reads a catalogue file; a path of NULL or "builtin" is the embedded default. Checks every class against the rules. */
status catalogue_read(const char *path, struct catalogue *catalogue) MUST_CHECK;
/* The same from a text; `name` is for messages. */
status catalogue_read_text(const char *name, const char *text, struct catalogue *catalogue) MUST_CHECK;

/* The index of the class with this name, or -1. */
int catalogue_find(const struct catalogue *catalogue, const char *name);

/* The feature of a class, or NULL. */
const struct feature *class_feature(const struct liv_class *liv_class, enum feature_name name);

/* "B and V", "nothing". Writes to buffer and returns it. */
const char *feature_set_text(unsigned set, char *buffer, int bytes);

#endif
