#include "genome/class_genes.h"

#include "genome/rules.h"

#include <stdio.h>
#include <string.h>

/* ---- compact genes and classes ---- */

struct class_genes class_genes_of(const struct liv_class *liv_class) {
    struct class_genes genes = {.used = 1,
                                .token_mixing = (unsigned char)liv_class->token_mixing,
                                .mask = (unsigned char)liv_class->mask,
                                .nonlinearity = (unsigned char)liv_class->nonlinearity,
                                .channel_mixing = (unsigned char)liv_class->channel_mixing};
    for (int i = 0; i < liv_class->feature_count; i++) {
        const struct feature *feature = &liv_class->features[i];
        genes.features |= (unsigned char)VALUE_BIT(feature->name);
        genes.feature[feature->name][0] = (unsigned char)feature->token_mixing;
        genes.feature[feature->name][1] = (unsigned char)feature->channel_mixing;
        genes.feature[feature->name][2] = (unsigned char)feature->expansion;
        genes.feature[feature->name][3] = (unsigned char)feature->repeat;
    }
    return genes;
}

static unsigned feature_set(const struct liv_class *liv_class) {
    unsigned set = 0;
    for (int i = 0; i < liv_class->feature_count; i++)
        set |= VALUE_BIT(liv_class->features[i].name);
    return set;
}

/* Adds a strategy if it shares something and is new. */
static void add_strategy(unsigned *strategies, int *count, unsigned set) {
    for (int i = 0; i < *count; i++)
        if (strategies[i] == set)
            return;
    strategies[(*count)++] = set;
}

/* Everything; keys and values; queries. Keys and values; keys; values. As the default catalogue has them. */
static void make_strategies(struct liv_class *liv_class) {
    unsigned has = feature_set(liv_class), b = VALUE_BIT(FEATURE_B) | VALUE_BIT(FEATURE_B2),
             c = VALUE_BIT(FEATURE_C) | VALUE_BIT(FEATURE_C2), v = VALUE_BIT(FEATURE_V);
    const unsigned weights[] = {0, has, has & (b | v), has & c}, features[] = {0, has & (b | v), has & b, has & v};
    liv_class->featurizer_strategy_count = liv_class->feature_strategy_count = 0;
    for (int i = 0; i < 4; i++) {
        add_strategy(liv_class->featurizer_strategies, &liv_class->featurizer_strategy_count, weights[i]);
        add_strategy(liv_class->feature_strategies, &liv_class->feature_strategy_count, features[i]);
    }
}

/* What the operator needs beside its genes. */
static void fit_attributes(struct liv_class *liv_class) {
    const struct mixing_rule *rule = mixing_rule_of(liv_class->token_mixing, liv_class->channel_mixing);
    if (!rule)
        return;
    liv_class->kernel = !rule->has_kernel ? 0 : liv_class->kernel ? liv_class->kernel : DEFAULT_KERNEL;
    liv_class->state = !rule->has_state ? 0 : liv_class->state ? liv_class->state : DEFAULT_STATE;
}

void class_apply(const struct liv_class *base, const struct class_genes *genes, struct liv_class *result) {
    *result = *base;
    if (!genes->used)
        return;
    bool was_low_rank = base->token_mixing == TOKEN_LOW_RANK;
    result->token_mixing = (enum token_mixing)genes->token_mixing;
    result->mask = (enum mask)genes->mask;
    result->nonlinearity = (enum nonlinearity)genes->nonlinearity;
    result->channel_mixing = (enum channel_mixing)genes->channel_mixing;
    result->rotary = result->token_mixing == TOKEN_LOW_RANK && (base->rotary || !was_low_rank);
    result->feature_count = 0;
    for (int name = 0; name < FEATURE_NAMES; name++) {
        const unsigned char *gene = genes->feature[name];
        if (genes->features & VALUE_BIT(name))
            result->features[result->feature_count++] =
                (struct feature){(enum feature_name)name, (enum feature_mixing)gene[0], (enum channel_mixing)gene[1],
                                 (enum expansion)gene[2], (enum repeat)gene[3]};
    }
    fit_attributes(result);
    if (feature_set(result) != feature_set(base))
        make_strategies(result);
}

/* ---- drawing and repair ---- */

static bool is_value(unsigned values, int value) {
    return values >> value & 1;
}

/* Draws the operator's genes that its row does not allow. */
static const struct mixing_rule *repair_operator(struct liv_class *liv_class, struct random_stream *random) {
    unsigned pairs = 0;
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++)
        if (rule->token_mixing == liv_class->token_mixing)
            pairs |= VALUE_BIT(rule->channel_mixing);
    if (!is_value(pairs, (int)liv_class->channel_mixing))
        liv_class->channel_mixing = (enum channel_mixing)random_bit(random, pairs);
    const struct mixing_rule *rule = mixing_rule_of(liv_class->token_mixing, liv_class->channel_mixing);
    if (!is_value(rule->masks, (int)liv_class->mask))
        liv_class->mask = (enum mask)random_bit(random, rule->masks);
    if (!is_value(rule->nonlinearities, (int)liv_class->nonlinearity))
        liv_class->nonlinearity = (enum nonlinearity)random_bit(random, rule->nonlinearities);
    return rule;
}

/* Keeps features that the operator may have, and adds those that it needs as the simplest ones. */
static void repair_feature_set(struct liv_class *liv_class, const struct mixing_rule *rule) {
    unsigned needs = rule_features(rule->needs, liv_class->differential), has = 0;
    int kept = 0;
    for (int i = 0; i < liv_class->feature_count; i++) {
        if (!((needs | rule->may_have) & VALUE_BIT(liv_class->features[i].name)))
            continue;
        has |= VALUE_BIT(liv_class->features[i].name);
        liv_class->features[kept++] = liv_class->features[i];
    }
    for (int name = 0; name < FEATURE_NAMES; name++)
        if (needs & ~has & VALUE_BIT(name))
            liv_class->features[kept++] =
                (struct feature){(enum feature_name)name, FEATURE_MIXING_NONE, CHANNEL_DENSE, EXPANSION_1, REPEAT_1};
    liv_class->feature_count = kept;
}

/* B2 obeys the rule of B, C2 that of C. */
static bool shares_expansion(const struct mixing_rule *rule, enum feature_name name) {
    enum feature_name of = name == FEATURE_B2 ? FEATURE_B : name == FEATURE_C2 ? FEATURE_C : name;
    return rule->equal_expansion & VALUE_BIT(of);
}

static void repair_features(struct liv_class *liv_class, const struct mixing_rule *rule, struct random_stream *random) {
    enum expansion equal = 0;
    for (int i = 0; i < liv_class->feature_count; i++) {
        struct feature *feature = &liv_class->features[i];
        unsigned expansions = feature_values(rule, feature, GENE_EXPANSION);
        if (!is_value(expansions, (int)feature->expansion))
            feature->expansion = (enum expansion)random_bit(random, expansions);
        if (shares_expansion(rule, feature->name)) {
            equal = equal ? equal : feature->expansion;
            feature->expansion = equal;
        }
        unsigned repeats = feature_values(rule, feature, GENE_REPEAT);
        if (!is_value(repeats, (int)feature->repeat))
            feature->repeat = (enum repeat)random_bit(random, repeats);
        unsigned mixings = feature_values(rule, feature, GENE_FEATURE_CHANNEL_MIXING);
        if (!is_value(mixings, (int)feature->channel_mixing))
            feature->channel_mixing = (enum channel_mixing)random_bit(random, mixings);
    }
}

void class_repair(struct liv_class *liv_class, struct random_stream *random) {
    unsigned before = feature_set(liv_class);
    bool was_rotary = liv_class->rotary;
    const struct mixing_rule *rule = repair_operator(liv_class, random);
    repair_feature_set(liv_class, rule);
    repair_features(liv_class, rule, random);
    liv_class->rotary = was_rotary && rule->has_rotary;
    fit_attributes(liv_class);
    if (feature_set(liv_class) != before)
        make_strategies(liv_class);
}

/* Values of one gene of the pair (token mixing, channel mixing) that have a row with the other as it is. */
static unsigned pair_values(const struct liv_class *liv_class, enum gene gene) {
    unsigned values = 0;
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++) {
        if (gene == GENE_TOKEN_MIXING && rule->channel_mixing == liv_class->channel_mixing)
            values |= VALUE_BIT(rule->token_mixing);
        if (gene == GENE_CHANNEL_MIXING && rule->token_mixing == liv_class->token_mixing)
            values |= VALUE_BIT(rule->channel_mixing);
    }
    return values;
}

/* The values that a gene of the operator is drawn from. */
static unsigned operator_values(const struct liv_class *liv_class, enum gene gene, bool free) {
    const struct mixing_rule *rule = mixing_rule_of(liv_class->token_mixing, liv_class->channel_mixing);
    if (free || !rule)
        return gene_all_values(gene);
    return gene == GENE_MASK           ? rule->masks
           : gene == GENE_NONLINEARITY ? rule->nonlinearities
                                       : pair_values(liv_class, gene);
}

void class_mutate_operator(struct liv_class *liv_class, double probability, bool free, struct random_stream *random) {
    if (random_uniform(random) < probability)
        liv_class->token_mixing =
            (enum token_mixing)random_bit(random, operator_values(liv_class, GENE_TOKEN_MIXING, free));
    if (random_uniform(random) < probability)
        liv_class->channel_mixing =
            (enum channel_mixing)random_bit(random, operator_values(liv_class, GENE_CHANNEL_MIXING, free));
    if (random_uniform(random) < probability)
        liv_class->mask = (enum mask)random_bit(random, operator_values(liv_class, GENE_MASK, free));
    if (random_uniform(random) < probability)
        liv_class->nonlinearity =
            (enum nonlinearity)random_bit(random, operator_values(liv_class, GENE_NONLINEARITY, free));
}

void class_mutate_features(struct liv_class *liv_class, double probability, bool free, struct random_stream *random) {
    const struct mixing_rule *rule = mixing_rule_of(liv_class->token_mixing, liv_class->channel_mixing);
    enum expansion equal = 0;
    for (int i = 0; i < liv_class->feature_count; i++) {
        struct feature *feature = &liv_class->features[i];
        int values[4] = {(int)feature->token_mixing, (int)feature->expansion, (int)feature->repeat,
                         (int)feature->channel_mixing};
        static const enum gene genes[4] = {GENE_FEATURE_TOKEN_MIXING, GENE_EXPANSION, GENE_REPEAT,
                                           GENE_FEATURE_CHANNEL_MIXING};
        for (int g = 0; g < 4; g++) {
            unsigned allowed = free || !rule ? gene_all_values(genes[g]) : feature_values(rule, feature, genes[g]);
            if (random_uniform(random) < probability)
                values[g] = random_bit(random, allowed);
        }
        *feature = (struct feature){feature->name, (enum feature_mixing)values[0], (enum channel_mixing)values[3],
                                    (enum expansion)values[1], (enum repeat)values[2]};
        /* Expansions that must be equal are one gene, of the first of these features. */
        if (!free && rule && shares_expansion(rule, feature->name)) {
            equal = equal ? equal : feature->expansion;
            feature->expansion = equal;
        }
    }
}

/* ---- text ---- */

const char *class_genes_print(const struct class_genes *genes, char *buffer) {
    char *end = buffer + sprintf(buffer, "%d%d%d%d", genes->token_mixing, genes->mask, genes->nonlinearity,
                                 genes->channel_mixing);
    for (int name = 0; name < FEATURE_NAMES; name++) {
        const unsigned char *gene = genes->feature[name];
        if (genes->features & VALUE_BIT(name))
            end += sprintf(end, ".%s%d%d%d%d", feature_names[name], gene[0], gene[1], gene[2], gene[3]);
    }
    return buffer;
}

/* Four digits within the genes' values; 0 where they are not. */
static int parse_digits(const char *text, const enum gene genes[4], unsigned char values[4]) {
    for (int i = 0; i < 4; i++) {
        if (text[i] < '1' || text[i] > '0' + gene_values[genes[i]].count)
            return 0;
        values[i] = (unsigned char)(text[i] - '0');
    }
    return 1;
}

static const char *parse_feature(const char *text, const char *end, struct class_genes *genes) {
    static const enum gene order[4] = {GENE_FEATURE_TOKEN_MIXING, GENE_FEATURE_CHANNEL_MIXING, GENE_EXPANSION,
                                       GENE_REPEAT};
    for (int name = 0; name < FEATURE_NAMES; name++) {
        size_t length = strlen(feature_names[name]);
        if ((size_t)(end - text) != length + 4 || strncmp(text, feature_names[name], length) != 0)
            continue;
        if (genes->features & VALUE_BIT(name))
            return "a feature is listed twice";
        if (!parse_digits(text + length, order, genes->feature[name]))
            return "a feature's genes are out of range";
        genes->features |= (unsigned char)VALUE_BIT(name);
        return NULL;
    }
    return "a feature is a name and four digits, such as B1331";
}

const char *class_genes_parse(const char *text, const char *end, struct class_genes *genes) {
    static const enum gene order[4] = {GENE_TOKEN_MIXING, GENE_MASK, GENE_NONLINEARITY, GENE_CHANNEL_MIXING};
    unsigned char values[4];
    memset(genes, 0, sizeof *genes);
    if (end - text < 4 || !parse_digits(text, order, values))
        return "a class begins with four digits: token mixing, mask, nonlinearity, channel mixing";
    *genes = (struct class_genes){.used = 1,
                                  .token_mixing = values[0],
                                  .mask = values[1],
                                  .nonlinearity = values[2],
                                  .channel_mixing = values[3]};
    for (text += 4; text < end;) {
        if (*text != '.')
            return "features follow behind dots";
        const char *next = memchr(text + 1, '.', (size_t)(end - text - 1));
        const char *wrong = parse_feature(text + 1, next ? next : end, genes);
        if (wrong)
            return wrong;
        text = next ? next : end;
    }
    return NULL;
}

int class_genes_distance(const struct class_genes *a, const struct class_genes *b) {
    int distance = (a->token_mixing != b->token_mixing) + (a->mask != b->mask) + (a->nonlinearity != b->nonlinearity) +
                   (a->channel_mixing != b->channel_mixing);
    for (int name = 0; name < FEATURE_NAMES; name++)
        for (int gene = 0; gene < 4; gene++)
            distance += a->feature[name][gene] != b->feature[name][gene];
    return distance;
}
