#include "genome/catalogue.h"

#include "base/settings.h"
#include "genome/builtin.h"
#include "genome/rules.h"

#include <stdio.h>
#include <string.h>

#define VALUES(gene, names)                                                                                            \
    { gene, names, (int)(sizeof(names) / sizeof *(names)) }

static const char *const token_mixings[] = {"diagonal", "low-rank", "toeplitz", "toeplitz-implicit", "semiseparable"};
static const char *const masks[] = {"causal", "banded", "blocked"};
static const char *const nonlinearities[] = {"none", "softmax", "sigmoid", "relu", "silu"};
static const char *const channel_mixings[] = {"diagonal", "grouped", "dense"};
static const char *const feature_token_mixings[] = {"none", "convolution"};
static const char *const feature_channel_mixings[] = {"diagonal", "grouped", "dense", "low-rank"};
static const char *const expansions[] = {"1/4", "1/2", "1", "2", "8/3", "4"};
static const char *const repeats[] = {"1", "2", "4", "8", "all"};

const struct gene_values gene_values[GENES] = {
    [GENE_TOKEN_MIXING] = VALUES("token_mixing", token_mixings),
    [GENE_MASK] = VALUES("mask", masks),
    [GENE_NONLINEARITY] = VALUES("nonlinearity", nonlinearities),
    [GENE_CHANNEL_MIXING] = VALUES("channel_mixing", channel_mixings),
    [GENE_FEATURE_TOKEN_MIXING] = VALUES("token_mixing", feature_token_mixings),
    [GENE_FEATURE_CHANNEL_MIXING] = VALUES("channel_mixing", feature_channel_mixings),
    [GENE_EXPANSION] = VALUES("expansion", expansions),
    [GENE_REPEAT] = VALUES("repeat", repeats),
};

const char *const feature_names[FEATURE_NAMES] = {"A", "B", "C", "V", "gate", "B2", "C2"};

const char *gene_value_name(enum gene gene, int value) {
    return value >= 1 && value <= gene_values[gene].count ? gene_values[gene].names[value - 1] : "?";
}

double expansion_ratio(enum expansion expansion) {
    static const double ratios[] = {0, 0.25, 0.5, 1, 2, 8.0 / 3, 4};
    return ratios[expansion];
}

int repeated_heads(enum repeat repeat, int heads) {
    static const int factors[] = {0, 1, 2, 4, 8};
    int factor = repeat == REPEAT_ALL ? heads : factors[repeat];
    /* A head count that the factor does not divide takes the largest divisor below it. */
    while (heads % factor != 0 || factor > heads)
        factor--;
    return heads / factor;
}

int catalogue_find(const struct catalogue *catalogue, const char *name) {
    for (int i = 0; i < catalogue->class_count; i++)
        if (strcmp(catalogue->classes[i].name, name) == 0)
            return i;
    return -1;
}

const struct feature *class_feature(const struct liv_class *liv_class, enum feature_name name) {
    for (int i = 0; i < liv_class->feature_count; i++)
        if (liv_class->features[i].name == name)
            return &liv_class->features[i];
    return NULL;
}

const char *feature_set_text(unsigned set, char *buffer, int bytes) {
    snprintf(buffer, (size_t)bytes, "nothing");
    int used = 0;
    for (int name = 0; name < FEATURE_NAMES; name++) {
        if (!(set & 1u << name))
            continue;
        const char *joint = used == 0 ? "" : set >> name == 1 ? " and " : ", ";
        used += snprintf(buffer + used, (size_t)(bytes - used), "%s%s", joint, feature_names[name]);
        if (used >= bytes)
            break;
    }
    return buffer;
}

/* A gene by name, with a default of 1 where the key may be left out. */
static status read_gene(const struct settings *settings, const config_setting_t *group, enum gene gene, bool needed,
                        int *value) {
    const struct gene_values *values = &gene_values[gene];
    const config_setting_t *member = config_setting_get_member(group, values->gene);
    *value = 1;
    if (!member && !needed)
        return STATUS_OK;
    TRY(settings_member(settings, group, values->gene, &member));
    TRY(settings_choice(settings, member, values->names, (size_t)values->count, value));
    *value += 1;
    return STATUS_OK;
}

static status read_feature(const struct settings *settings, const config_setting_t *group, struct feature *feature) {
    static const char *const keys[] = {"name", "token_mixing", "channel_mixing", "expansion", "repeat"};
    if (!config_setting_is_group(group))
        return settings_refuse(settings, group,
                               "a feature is a group such as { name = \"V\"; channel_mixing = \"dense\"; }");
    TRY(settings_only(settings, group, keys, sizeof keys / sizeof *keys));
    const config_setting_t *name_setting;
    int name, token_mixing, channel_mixing, expansion, repeat;
    TRY(settings_member(settings, group, "name", &name_setting));
    TRY(settings_choice(settings, name_setting, feature_names, FEATURE_NAMES, &name));
    TRY(read_gene(settings, group, GENE_FEATURE_TOKEN_MIXING, false, &token_mixing));
    TRY(read_gene(settings, group, GENE_FEATURE_CHANNEL_MIXING, true, &channel_mixing));
    TRY(read_gene(settings, group, GENE_EXPANSION, false, &expansion));
    TRY(read_gene(settings, group, GENE_REPEAT, false, &repeat));
    if (!config_setting_get_member(group, "expansion"))
        expansion = EXPANSION_1;
    *feature = (struct feature){.name = (enum feature_name)name,
                                .token_mixing = (enum feature_mixing)token_mixing,
                                .channel_mixing = (enum channel_mixing)channel_mixing,
                                .expansion = (enum expansion)expansion,
                                .repeat = (enum repeat)repeat};
    return STATUS_OK;
}

static status read_features(const struct settings *settings, const config_setting_t *group,
                            struct liv_class *liv_class) {
    const config_setting_t *list;
    TRY(settings_member(settings, group, "features", &list));
    TRY(settings_list(settings, list, 0));
    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);
        struct feature feature;
        TRY(read_feature(settings, element, &feature));
        if (class_feature(liv_class, feature.name))
            return settings_refuse(settings, element, "the feature %s is listed twice", feature_names[feature.name]);
        liv_class->features[liv_class->feature_count++] = feature;
    }
    return STATUS_OK;
}

/* ("nothing", "B V", "V"): the first is always nothing; a strategy names features of the class. */
static status read_strategies(const struct settings *settings, const config_setting_t *group, const char *key,
                              const struct liv_class *liv_class, unsigned *strategies, int *count) {
    strategies[0] = 0;
    *count = 1;
    const config_setting_t *list = config_setting_get_member(group, key);
    if (!list)
        return STATUS_OK;
    TRY(settings_list(settings, list, 0));
    for (int i = 0; i < config_setting_length(list); i++) {
        const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);
        const char *text;
        TRY(settings_text(settings, element, &text));
        if (i == 0 && strcmp(text, "nothing") != 0)
            return settings_refuse(settings, element, "the first strategy must be \"nothing\"");
        if (i == 0)
            continue;
        if (*count == CLASS_MAX_STRATEGIES)
            return settings_refuse(settings, element, "more than %d strategies", CLASS_MAX_STRATEGIES);
        unsigned set = 0;
        char words[64];
        snprintf(words, sizeof words, "%s", text);
        for (char *rest = words, *word; (word = strtok_r(rest, " ", &rest));) {
            int name = 0;
            while (name < FEATURE_NAMES && strcmp(word, feature_names[name]) != 0)
                name++;
            if (name == FEATURE_NAMES || !class_feature(liv_class, (enum feature_name)name))
                return settings_refuse(settings, element, "the class has no feature '%s'", word);
            set |= 1u << name;
        }
        if (!set)
            return settings_refuse(settings, element, "a strategy names features, such as \"B V\"");
        strategies[(*count)++] = set;
    }
    return STATUS_OK;
}

static status read_number(const struct settings *settings, const config_setting_t *group, const char *key, int most,
                          int *value) {
    const config_setting_t *member = config_setting_get_member(group, key);
    long long read = 0;
    if (member)
        TRY(settings_integer(settings, member, 1, most, &read));
    *value = (int)read;
    return STATUS_OK;
}

static status read_class(const struct settings *settings, const config_setting_t *group, struct catalogue *catalogue) {
    static const char *const keys[] = {
        "name",   "token_mixing", "mask",      "nonlinearity", "channel_mixing",     "features",
        "kernel", "state",        "positions", "differential", "featurizer_sharing", "feature_sharing"};
    static const char *const positions[] = {"none", "rotary"};
    if (!config_setting_is_group(group))
        return settings_refuse(settings, group, "a class is a group in { }");
    TRY(settings_only(settings, group, keys, sizeof keys / sizeof *keys));
    struct liv_class *liv_class = &catalogue->classes[catalogue->class_count];
    memset(liv_class, 0, sizeof *liv_class);
    const config_setting_t *member;
    const char *name;
    TRY(settings_member(settings, group, "name", &member));
    TRY(settings_text(settings, member, &name));
    if (!*name || strlen(name) >= CLASS_NAME_BYTES)
        return settings_refuse(settings, member, "a class name has 1 to %d characters", CLASS_NAME_BYTES - 1);
    if (catalogue_find(catalogue, name) >= 0)
        return settings_refuse(settings, member, "the class \"%s\" is listed twice", name);
    snprintf(liv_class->name, sizeof liv_class->name, "%s", name);
    int value, rotary = 0;
    TRY(read_gene(settings, group, GENE_TOKEN_MIXING, true, &value));
    liv_class->token_mixing = (enum token_mixing)value;
    TRY(read_gene(settings, group, GENE_MASK, false, &value));
    liv_class->mask = (enum mask)value;
    TRY(read_gene(settings, group, GENE_NONLINEARITY, false, &value));
    liv_class->nonlinearity = (enum nonlinearity)value;
    TRY(read_gene(settings, group, GENE_CHANNEL_MIXING, true, &value));
    liv_class->channel_mixing = (enum channel_mixing)value;
    TRY(read_number(settings, group, "kernel", LARGEST_KERNEL, &liv_class->kernel));
    TRY(read_number(settings, group, "state", LARGEST_STATE_SIZE, &liv_class->state));
    if ((member = config_setting_get_member(group, "positions")))
        TRY(settings_choice(settings, member, positions, 2, &rotary));
    liv_class->rotary = rotary == 1;
    if ((member = config_setting_get_member(group, "differential"))) {
        if (config_setting_type(member) != CONFIG_TYPE_BOOL)
            return settings_refuse(settings, member, "must be true or false");
        liv_class->differential = config_setting_get_bool(member);
    }
    TRY(read_features(settings, group, liv_class));
    TRY(read_strategies(settings, group, "featurizer_sharing", liv_class, liv_class->featurizer_strategies,
                        &liv_class->featurizer_strategy_count));
    TRY(read_strategies(settings, group, "feature_sharing", liv_class, liv_class->feature_strategies,
                        &liv_class->feature_strategy_count));
    char words[256];
    if (class_broken_rule(liv_class, words, sizeof words))
        return settings_refuse(settings, group, "the class \"%s\" is not valid: %s", name, words);
    catalogue->class_count++;
    return STATUS_OK;
}

static status read_all(const struct settings *settings, struct catalogue *catalogue) {
    static const char *const keys[] = {"classes"};
    const config_setting_t *root = config_root_setting(&settings->config), *classes;
    TRY(settings_only(settings, root, keys, 1));
    TRY(settings_member(settings, root, "classes", &classes));
    TRY(settings_list(settings, classes, 0));
    int count = config_setting_length(classes);
    if (count == 0 || count > CATALOGUE_MAX_CLASSES)
        return settings_refuse(settings, classes, "a catalogue has 1 to %d classes", CATALOGUE_MAX_CLASSES);
    for (int i = 0; i < count; i++)
        TRY(read_class(settings, config_setting_get_elem(classes, (unsigned)i), catalogue));
    return STATUS_OK;
}

static status read_and_release(struct settings *settings, struct catalogue *catalogue) {
    catalogue->class_count = 0;
    status outcome = read_all(settings, catalogue);
    settings_destroy(settings);
    return outcome;
}

status catalogue_read_text(const char *name, const char *text, struct catalogue *catalogue) {
    struct settings settings;
    TRY(settings_read_text(name, text, &settings));
    return read_and_release(&settings, catalogue);
}

status catalogue_read(const char *path, struct catalogue *catalogue) {
    if (!path || strcmp(path, "builtin") == 0)
        return catalogue_read_text("the built-in catalogue", builtin_files[0].text, catalogue);
    struct settings settings;
    TRY(settings_read_file(path, &settings));
    return read_and_release(&settings, catalogue);
}
