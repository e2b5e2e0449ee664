/* Genomes as bits, for problems whose front is known: LIVs of two classes that share nothing. */
#ifndef STARCL_TESTS_EVOLVE_BITS_H
#define STARCL_TESTS_EVOLVE_BITS_H

#include "genome/draft.h"

enum { BITS = 20 };

static const char two_classes[] =
    "classes = ("
    "{ name = \"zero\"; token_mixing = \"low-rank\"; nonlinearity = \"softmax\"; channel_mixing = \"grouped\";"
    "  positions = \"rotary\"; features = ( { name = \"C\"; channel_mixing = \"dense\"; },"
    "  { name = \"B\"; channel_mixing = \"dense\"; }, { name = \"V\"; channel_mixing = \"dense\"; } );"
    "  featurizer_sharing = ( \"nothing\" ); feature_sharing = ( \"nothing\" ); },"
    "{ name = \"one\"; token_mixing = \"low-rank\"; nonlinearity = \"softmax\"; channel_mixing = \"grouped\";"
    "  positions = \"rotary\"; features = ( { name = \"C\"; channel_mixing = \"dense\"; },"
    "  { name = \"B\"; channel_mixing = \"dense\"; repeat = \"4\"; },"
    "  { name = \"V\"; channel_mixing = \"dense\"; repeat = \"4\"; } );"
    "  featurizer_sharing = ( \"nothing\" ); feature_sharing = ( \"nothing\" ); });";

/* `catalogue` is filled, and must outlive the space. */
static inline status bit_space(struct catalogue *catalogue, struct genome_space *space) {
    TRY(catalogue_read_text("two classes", two_classes, catalogue));
    *space = genome_space_of(catalogue);
    space->depth_least = space->depth_most = BITS;
    space->norms = 1u << NORM_PRE;
    space->residuals = 1u << RESIDUAL_PLAIN;
    space->operators = space->featurizers = false;
    return STATUS_OK;
}

static inline int bit(const struct genome *genome, int place) {
    return genome->livs[place].genes[LIV_CLASS] - 1;
}

/* Leading ones, trailing zeros: minus their numbers. */
static inline void lotz(const struct genome *genome, double *objectives) {
    int leading = 0, trailing = 0;
    while (leading < BITS && bit(genome, leading))
        leading++;
    while (trailing < BITS && !bit(genome, BITS - 1 - trailing))
        trailing++;
    objectives[0] = -leading;
    objectives[1] = -trailing;
}

#endif
