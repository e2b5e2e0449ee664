#include "genome/rules.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A VALUE_BIT(FEATURE_A)
#define B VALUE_BIT(FEATURE_B)
#define C VALUE_BIT(FEATURE_C)
#define V VALUE_BIT(FEATURE_V)
#define GATE VALUE_BIT(FEATURE_GATE)

const struct mixing_rule mixing_rules[] = {
    {
        .token_mixing = TOKEN_DIAGONAL,
        .needs = C | V,
        .masks = VALUE_BIT(MASK_CAUSAL),
        .nonlinearities = VALUE_BIT(NONLINEARITY_SILU),
        .channel_mixings = VALUE_BIT(CHANNEL_DIAGONAL),
        .equal_expansion = C | V,
    },
    {
        .token_mixing = TOKEN_LOW_RANK,
        .needs = C | B | V,
        .masks = VALUE_BIT(MASK_CAUSAL),
        .nonlinearities = VALUE_BIT(NONLINEARITY_SOFTMAX),
        .channel_mixings = VALUE_BIT(CHANNEL_GROUPED),
        .equal_expansion = C | B,
        .may_repeat = B | V,
        .has_rotary = true,
    },
    {
        .token_mixing = TOKEN_TOEPLITZ,
        .needs = C | B | V,
        .masks = VALUE_BIT(MASK_CAUSAL),
        .nonlinearities = VALUE_BIT(NONLINEARITY_NONE),
        .channel_mixings = VALUE_BIT(CHANNEL_DIAGONAL),
        .equal_expansion = C | B | V,
        .has_kernel = true,
    },
    {
        .token_mixing = TOKEN_SEMISEPARABLE,
        .needs = A | B | C | V,
        .may_have = GATE,
        .masks = VALUE_BIT(MASK_CAUSAL),
        .nonlinearities = VALUE_BIT(NONLINEARITY_NONE),
        .channel_mixings = VALUE_BIT(CHANNEL_DIAGONAL),
        .equal_expansion = A | V | GATE,
        .fixed_expansion = B | C,
        .repeats_all = B | C,
        .has_state = true,
    },
    {0},
};

const unsigned rule_feature_mixings = VALUE_BIT(FEATURE_MIXING_NONE) | VALUE_BIT(FEATURE_MIXING_CONVOLUTION);
const unsigned rule_feature_channel_mixings = VALUE_BIT(CHANNEL_DENSE);

const struct mixing_rule *mixing_rule_of(enum token_mixing token_mixing) {
    for (const struct mixing_rule *rule = mixing_rules; rule->token_mixing; rule++)
        if (rule->token_mixing == token_mixing)
            return rule;
    return NULL;
}

/* "causal, banded" of the values in the set. */
static void list_values(enum gene gene, unsigned set, struct text *text) {
    const char *separator = "";
    for (int value = 1; value <= gene_values[gene].count; value++) {
        if (!(set & VALUE_BIT(value)))
            continue;
        text_append(text, "%s%s", separator, gene_value_name(gene, value));
        separator = ", ";
    }
}

/* Says "<whose> allows <gene> <values>, not <value>" unless value is in the set. */
static bool allows(const char *whose, enum gene gene, unsigned set, int value, char *buffer, int bytes) {
    if (set & VALUE_BIT(value))
        return true;
    struct text values = {0};
    list_values(gene, set, &values);
    snprintf(buffer, (size_t)bytes, "%s allows %s %s, not %s", whose, gene_values[gene].gene, values.text,
             gene_value_name(gene, value));
    text_free(&values);
    return false;
}

static bool features_hold(const struct liv_class *liv_class, const struct mixing_rule *rule, const char *whose,
                          char *buffer, int bytes) {
    unsigned has = 0;
    char set[64];
    for (int i = 0; i < liv_class->feature_count; i++)
        has |= VALUE_BIT(liv_class->features[i].name);
    if (rule->needs & ~has) {
        snprintf(buffer, (size_t)bytes, "%s needs the features %s", whose,
                 feature_set_text(rule->needs, set, sizeof set));
        return false;
    }
    if (has & ~(rule->needs | rule->may_have)) {
        snprintf(buffer, (size_t)bytes, "%s has no use for the feature %s", whose,
                 feature_set_text(has & ~(rule->needs | rule->may_have), set, sizeof set));
        return false;
    }
    return true;
}

static bool feature_holds(const struct feature *feature, const struct mixing_rule *rule, int equal_expansion,
                          char *buffer, int bytes) {
    unsigned bit = VALUE_BIT(feature->name);
    char whose[32], set[64];
    snprintf(whose, sizeof whose, "the feature %s", feature_names[feature->name]);
    if (!allows(whose, GENE_FEATURE_TOKEN_MIXING, rule_feature_mixings, (int)feature->token_mixing, buffer, bytes) ||
        !allows(whose, GENE_FEATURE_CHANNEL_MIXING, rule_feature_channel_mixings, (int)feature->channel_mixing, buffer,
                bytes))
        return false;
    unsigned repeats = rule->repeats_all & bit  ? VALUE_BIT(REPEAT_ALL)
                       : rule->may_repeat & bit ? ~0u
                                                : VALUE_BIT(REPEAT_1);
    if (!allows(whose, GENE_REPEAT, repeats, (int)feature->repeat, buffer, bytes))
        return false;
    if (rule->fixed_expansion & bit && feature->expansion != EXPANSION_1) {
        snprintf(buffer, (size_t)bytes, "the size of %s is set by the state, so its expansion must be 1", whose);
        return false;
    }
    if (rule->equal_expansion & bit && (int)feature->expansion != equal_expansion) {
        snprintf(buffer, (size_t)bytes, "the features %s need equal expansions",
                 feature_set_text(rule->equal_expansion, set, sizeof set));
        return false;
    }
    return true;
}

static bool number_holds(const char *whose, const char *key, bool used, int value, int most, char *buffer, int bytes) {
    if (used ? value >= 1 && value <= most : value == 0)
        return true;
    if (used)
        snprintf(buffer, (size_t)bytes, "%s needs %s from 1 to %d", whose, key, most);
    else
        snprintf(buffer, (size_t)bytes, "%s has no %s", whose, key);
    return false;
}

const char *class_broken_rule(const struct liv_class *liv_class, char *buffer, int bytes) {
    const struct mixing_rule *rule = mixing_rule_of(liv_class->token_mixing);
    const char *mixing = gene_value_name(GENE_TOKEN_MIXING, (int)liv_class->token_mixing);
    if (!rule) {
        snprintf(buffer, (size_t)bytes, "token_mixing %s is not available in this version", mixing);
        return buffer;
    }
    char whose[64];
    snprintf(whose, sizeof whose, "token_mixing %s", mixing);
    if (!allows(whose, GENE_MASK, rule->masks, (int)liv_class->mask, buffer, bytes) ||
        !allows(whose, GENE_NONLINEARITY, rule->nonlinearities, (int)liv_class->nonlinearity, buffer, bytes) ||
        !allows(whose, GENE_CHANNEL_MIXING, rule->channel_mixings, (int)liv_class->channel_mixing, buffer, bytes) ||
        !features_hold(liv_class, rule, whose, buffer, bytes) ||
        !number_holds(whose, "kernel", rule->has_kernel, liv_class->kernel, LARGEST_KERNEL, buffer, bytes) ||
        !number_holds(whose, "state", rule->has_state, liv_class->state, LARGEST_STATE_SIZE, buffer, bytes))
        return buffer;
    if (liv_class->rotary && !rule->has_rotary) {
        snprintf(buffer, (size_t)bytes, "%s has no rotary positions", whose);
        return buffer;
    }
    int equal_expansion = 0;
    for (int i = 0; i < liv_class->feature_count; i++) {
        const struct feature *feature = &liv_class->features[i];
        if (!equal_expansion && rule->equal_expansion & VALUE_BIT(feature->name))
            equal_expansion = (int)feature->expansion;
        if (!feature_holds(feature, rule, equal_expansion, buffer, bytes))
            return buffer;
    }
    return NULL;
}
