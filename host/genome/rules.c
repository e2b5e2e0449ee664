#include "genome/rules.h"

#include <stdio.h>
#include <string.h>

#define A VALUE_BIT(FEATURE_A)
#define B VALUE_BIT(FEATURE_B)
#define C VALUE_BIT(FEATURE_C)
#define V VALUE_BIT(FEATURE_V)
#define GATE VALUE_BIT(FEATURE_GATE)

#define CAUSAL VALUE_BIT(MASK_CAUSAL)
#define BANDED VALUE_BIT(MASK_BANDED)
#define BLOCKED VALUE_BIT(MASK_BLOCKED)

#define LINEAR VALUE_BIT(NONLINEARITY_NONE)
#define ELEMENTWISE (VALUE_BIT(NONLINEARITY_SIGMOID) | VALUE_BIT(NONLINEARITY_RELU) | VALUE_BIT(NONLINEARITY_SILU))
#define SOFTMAX VALUE_BIT(NONLINEARITY_SOFTMAX)

/*
 * Why some pairs and values are missing: softmax of one element is 1; fast Toeplitz and semi-separable forms need a
 * linear T; a recurrence has no window; an explicit kernel is a window already; a matrix from every token to every
 * channel has no place.
 */
/* clang-format off */
const struct mixing_rule mixing_rules[] = {
    {.token_mixing = TOKEN_DIAGONAL, .channel_mixing = CHANNEL_DIAGONAL, .needs = C | V, .masks = CAUSAL,
     .nonlinearities = LINEAR | ELEMENTWISE, .equal_expansion = C | V,
     .meaning = "y = s(C) V: gated MLP, SwiGLU with silu"},
    {.token_mixing = TOKEN_DIAGONAL, .channel_mixing = CHANNEL_GROUPED, .needs = C | V, .masks = CAUSAL,
     .nonlinearities = LINEAR | ELEMENTWISE, .sized = C,
     .meaning = "the same with one coefficient a head"},
    {.token_mixing = TOKEN_LOW_RANK, .channel_mixing = CHANNEL_GROUPED, .needs = C | B | V,
     .masks = CAUSAL | BANDED | BLOCKED, .nonlinearities = LINEAR | ELEMENTWISE | SOFTMAX, .equal_expansion = C | B,
     .may_repeat = B | V, .has_rotary = true,
     .meaning = "y_i = sum s(C_i . B_j) V_j a head: attention, linear attention with none"},
    {.token_mixing = TOKEN_LOW_RANK, .channel_mixing = CHANNEL_DENSE, .needs = C | B | V,
     .masks = CAUSAL | BANDED | BLOCKED, .nonlinearities = LINEAR | ELEMENTWISE | SOFTMAX, .equal_expansion = C | B,
     .has_rotary = true, .meaning = "the same with one head of all channels"},
    {.token_mixing = TOKEN_TOEPLITZ, .channel_mixing = CHANNEL_DIAGONAL, .needs = C | B | V, .masks = CAUSAL | BLOCKED,
     .nonlinearities = LINEAR, .equal_expansion = C | B | V, .has_kernel = true,
     .meaning = "y = C conv(B V): gated short convolution, taps a channel"},
    {.token_mixing = TOKEN_TOEPLITZ, .channel_mixing = CHANNEL_GROUPED, .needs = C | B | V, .masks = CAUSAL | BLOCKED,
     .nonlinearities = LINEAR, .equal_expansion = C | B | V, .has_kernel = true,
     .meaning = "the same with taps a head"},
    {.token_mixing = TOKEN_TOEPLITZ, .channel_mixing = CHANNEL_DENSE, .needs = C | B | V, .masks = CAUSAL | BLOCKED,
     .nonlinearities = LINEAR, .equal_expansion = C | B | V, .has_kernel = true,
     .meaning = "the same with taps from every channel to every channel"},
    {.token_mixing = TOKEN_TOEPLITZ_IMPLICIT, .channel_mixing = CHANNEL_DIAGONAL, .needs = C | B | V,
     .masks = CAUSAL | BANDED | BLOCKED, .nonlinearities = LINEAR, .equal_expansion = C | B | V,
     .meaning = "y = C conv(B V): the kernel as long as the sequence, from a net of the lag"},
    {.token_mixing = TOKEN_TOEPLITZ_IMPLICIT, .channel_mixing = CHANNEL_GROUPED, .needs = C | B | V,
     .masks = CAUSAL | BANDED | BLOCKED, .nonlinearities = LINEAR, .equal_expansion = C | B | V,
     .meaning = "the same with a kernel a head"},
    {.token_mixing = TOKEN_SEMISEPARABLE, .channel_mixing = CHANNEL_DIAGONAL, .needs = A | B | C | V, .may_have = GATE,
     .masks = CAUSAL | BLOCKED, .nonlinearities = LINEAR, .equal_expansion = A | V | GATE, .sized = B | C,
     .repeats_all = B | C, .has_state = true, .meaning = "recurrence with a decay a channel (Mamba)"},
    {.token_mixing = TOKEN_SEMISEPARABLE, .channel_mixing = CHANNEL_GROUPED, .needs = A | B | C | V, .may_have = GATE,
     .masks = CAUSAL | BLOCKED, .nonlinearities = LINEAR, .equal_expansion = V | GATE, .sized = A | B | C,
     .may_repeat = B | C, .has_state = true, .meaning = "recurrence with a decay and a matrix state a head (Mamba-2)"},
    {.token_mixing = TOKEN_SEMISEPARABLE, .channel_mixing = CHANNEL_DENSE, .needs = A | B | C | V, .may_have = GATE,
     .masks = CAUSAL | BLOCKED, .nonlinearities = LINEAR, .equal_expansion = V | GATE, .sized = A | B | C,
     .repeats_all = B | C, .has_state = true, .meaning = "the same with one head of all channels"},
    {.meaning = NULL},
};
/* clang-format on */

const struct mixing_rule *mixing_rule_of(enum token_mixing token_mixing, enum channel_mixing channel_mixing) {
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++)
        if (rule->token_mixing == token_mixing && rule->channel_mixing == channel_mixing)
            return rule;
    return NULL;
}

unsigned rule_features(unsigned set, bool differential) {
    if (differential && set & B)
        set |= VALUE_BIT(FEATURE_B2);
    if (differential && set & C)
        set |= VALUE_BIT(FEATURE_C2);
    return set;
}

/* B2 and C2 obey the rules of B and C. */
static unsigned rule_bit(enum feature_name name) {
    return name == FEATURE_B2 ? B : name == FEATURE_C2 ? C : VALUE_BIT(name);
}

unsigned gene_all_values(enum gene gene) {
    return VALUE_BIT(gene_values[gene].count + 1) - 2;
}

void gene_list_values(enum gene gene, unsigned set, bool numbers, struct text *text) {
    const char *separator = "";
    for (int value = 1; value <= gene_values[gene].count; value++) {
        if (!(set & VALUE_BIT(value)))
            continue;
        if (numbers)
            text_append(text, "%s%d %s", separator, value, gene_value_name(gene, value));
        else
            text_append(text, "%s%s", separator, gene_value_name(gene, value));
        separator = ", ";
    }
}

unsigned feature_values(const struct mixing_rule *rule, const struct feature *feature, enum gene gene) {
    unsigned bit = rule_bit(feature->name), values = gene_all_values(gene);
    bool whole = feature->expansion == EXPANSION_1 && feature->repeat == REPEAT_1;
    switch (gene) {
    case GENE_FEATURE_CHANNEL_MIXING:
        if (rule->sized & bit)
            return VALUE_BIT(CHANNEL_DENSE) | VALUE_BIT(CHANNEL_LOW_RANK);
        /* A factor a channel needs as many channels as the width; blocks a head need all heads. */
        return values & ~(whole ? 0 : VALUE_BIT(CHANNEL_DIAGONAL)) &
               ~(feature->repeat == REPEAT_1 ? 0 : VALUE_BIT(CHANNEL_GROUPED));
    case GENE_EXPANSION:
        return rule->sized & bit ? VALUE_BIT(EXPANSION_1) : values;
    case GENE_REPEAT:
        return rule->repeats_all & bit ? VALUE_BIT(REPEAT_ALL) : rule->may_repeat & bit ? values : VALUE_BIT(REPEAT_1);
    default:
        return values;
    }
}

/* ---- refusing a class ---- */

/* Says "<whose> allows <gene> <values>, not <value>" unless value is in the set. */
static bool allows(const char *whose, enum gene gene, unsigned set, int value, char *buffer, int bytes) {
    if (set & VALUE_BIT(value))
        return true;
    struct text values = {0};
    gene_list_values(gene, set, false, &values);
    snprintf(buffer, (size_t)bytes, "%s allows %s %s, not %s", whose, gene_values[gene].gene, values.text,
             gene_value_name(gene, value));
    text_free(&values);
    return false;
}

static bool features_hold(const struct liv_class *liv_class, const struct mixing_rule *rule, const char *whose,
                          char *buffer, int bytes) {
    unsigned has = 0, needs = rule_features(rule->needs, liv_class->differential);
    char set[64];
    for (int i = 0; i < liv_class->feature_count; i++)
        has |= VALUE_BIT(liv_class->features[i].name);
    if (needs & ~has) {
        snprintf(buffer, (size_t)bytes, "%s%s needs the features %s", whose,
                 liv_class->differential ? ", differential," : "", feature_set_text(needs, set, sizeof set));
        return false;
    }
    if (has & ~(needs | rule->may_have)) {
        snprintf(buffer, (size_t)bytes, "%s has no use for the feature %s", whose,
                 feature_set_text(has & ~(needs | rule->may_have), set, sizeof set));
        return false;
    }
    return true;
}

static bool feature_holds(const struct feature *feature, const struct mixing_rule *rule, int equal_expansion,
                          char *buffer, int bytes) {
    static const enum gene order[] = {GENE_FEATURE_TOKEN_MIXING, GENE_EXPANSION, GENE_REPEAT,
                                      GENE_FEATURE_CHANNEL_MIXING};
    int values[] = {(int)feature->token_mixing, (int)feature->expansion, (int)feature->repeat,
                    (int)feature->channel_mixing};
    char whose[96], set[64];
    snprintf(whose, sizeof whose, "the feature %s%s", feature_names[feature->name],
             rule->sized & rule_bit(feature->name) ? ", whose size the operator sets," : "");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (order[i] == GENE_FEATURE_CHANNEL_MIXING)
            snprintf(whose, sizeof whose, "the feature %s with expansion %s and repeat %s",
                     feature_names[feature->name], gene_value_name(GENE_EXPANSION, (int)feature->expansion),
                     gene_value_name(GENE_REPEAT, (int)feature->repeat));
        if (!allows(whose, order[i], feature_values(rule, feature, order[i]), values[i], buffer, bytes))
            return false;
    }
    if (rule->equal_expansion & rule_bit(feature->name) && (int)feature->expansion != equal_expansion) {
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

/* "token_mixing low-rank goes with channel_mixing grouped, dense, not diagonal" */
static const char *no_such_pair(const struct liv_class *liv_class, char *buffer, int bytes) {
    unsigned mixings = 0;
    char whose[64];
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++)
        if (rule->token_mixing == liv_class->token_mixing)
            mixings |= VALUE_BIT(rule->channel_mixing);
    snprintf(whose, sizeof whose, "token_mixing %s", gene_value_name(GENE_TOKEN_MIXING, (int)liv_class->token_mixing));
    (void)allows(whose, GENE_CHANNEL_MIXING, mixings, (int)liv_class->channel_mixing, buffer, bytes);
    return buffer;
}

const char *class_broken_rule(const struct liv_class *liv_class, char *buffer, int bytes) {
    const struct mixing_rule *rule = mixing_rule_of(liv_class->token_mixing, liv_class->channel_mixing);
    if (!rule)
        return no_such_pair(liv_class, buffer, bytes);
    char whose[96];
    snprintf(whose, sizeof whose, "token_mixing %s with channel_mixing %s",
             gene_value_name(GENE_TOKEN_MIXING, (int)liv_class->token_mixing),
             gene_value_name(GENE_CHANNEL_MIXING, (int)liv_class->channel_mixing));
    if (!allows(whose, GENE_MASK, rule->masks, (int)liv_class->mask, buffer, bytes) ||
        !allows(whose, GENE_NONLINEARITY, rule->nonlinearities, (int)liv_class->nonlinearity, buffer, bytes) ||
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
        if (!equal_expansion && rule->equal_expansion & rule_bit(feature->name))
            equal_expansion = (int)feature->expansion;
        if (!feature_holds(feature, rule, equal_expansion, buffer, bytes))
            return buffer;
    }
    return NULL;
}

/* ---- counting ---- */

/* Valid genes of one feature with this expansion. */
static double feature_choices(const struct mixing_rule *rule, enum feature_name name, int expansion) {
    struct feature feature = {.name = name, .expansion = (enum expansion)expansion};
    if (!(feature_values(rule, &feature, GENE_EXPANSION) & VALUE_BIT(expansion)))
        return 0;
    double choices = 0;
    for (int repeat = 1; repeat <= gene_values[GENE_REPEAT].count; repeat++) {
        if (!(feature_values(rule, &feature, GENE_REPEAT) & VALUE_BIT(repeat)))
            continue;
        feature.repeat = (enum repeat)repeat;
        unsigned mixings = feature_values(rule, &feature, GENE_FEATURE_CHANNEL_MIXING);
        for (; mixings; mixings &= mixings - 1)
            choices += gene_values[GENE_FEATURE_TOKEN_MIXING].count;
    }
    return choices;
}

/* Valid genomes of the features in the set: equal expansions are chosen once, others each. */
static double set_choices(const struct mixing_rule *rule, unsigned set) {
    double equal = 0, others = 1;
    for (int expansion = 1; expansion <= gene_values[GENE_EXPANSION].count; expansion++) {
        double product = 1;
        for (int name = 0; name < FEATURE_NAMES; name++)
            if (set & VALUE_BIT(name) && rule->equal_expansion & rule_bit((enum feature_name)name))
                product *= feature_choices(rule, (enum feature_name)name, expansion);
        equal += product;
    }
    for (int name = 0; name < FEATURE_NAMES; name++) {
        if (!(set & VALUE_BIT(name)) || rule->equal_expansion & rule_bit((enum feature_name)name))
            continue;
        double choices = 0;
        for (int expansion = 1; expansion <= gene_values[GENE_EXPANSION].count; expansion++)
            choices += feature_choices(rule, (enum feature_name)name, expansion);
        others *= choices;
    }
    return (rule->equal_expansion ? equal : 1) * others;
}

double rule_featurizers(const struct mixing_rule *rule, bool differential) {
    unsigned needs = rule_features(rule->needs, differential);
    double choices = set_choices(rule, needs);
    return rule->may_have ? choices + set_choices(rule, needs | rule->may_have) : choices;
}
