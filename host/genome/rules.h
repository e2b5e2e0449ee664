/*
 * The validity rules of LIV classes, as data: a row for each token mixing says which features it needs and which values
 * the other genes may take with it. What a row allows builds and trains.
 */
#ifndef STARCL_GENOME_RULES_H
#define STARCL_GENOME_RULES_H

#include "genome/catalogue.h"

#define VALUE_BIT(value) (1u << (value))

struct mixing_rule {
    enum token_mixing token_mixing;
    unsigned needs, may_have;                        /* features, as bits (1 << name) */
    unsigned masks, nonlinearities, channel_mixings; /* allowed values, as VALUE_BIT()s */
    unsigned equal_expansion;                        /* features whose expansions must be equal */
    unsigned fixed_expansion;                        /* features whose size the operator sets: expansion 1 */
    unsigned may_repeat;                             /* features that may have a repeat */
    unsigned repeats_all;                            /* features that serve every channel: repeat "all" */
    bool has_rotary, has_kernel, has_state;
};

/* One row a token mixing that this program can build; ends with token_mixing 0. */
extern const struct mixing_rule mixing_rules[];

/* Values that every feature may take, as VALUE_BIT()s. */
extern const unsigned rule_feature_mixings, rule_feature_channel_mixings;

enum { LARGEST_KERNEL = 16, LARGEST_STATE_SIZE = 64 };

const struct mixing_rule *mixing_rule_of(enum token_mixing token_mixing);

/* NULL if the class is valid, else the words of the rule it breaks, in buffer. */
const char *class_broken_rule(const struct liv_class *liv_class, char *buffer, int bytes);

#endif
