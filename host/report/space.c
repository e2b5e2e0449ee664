#include "report/space.h"

#include "base/json.h"
#include "base/text.h"
#include "genome/count.h"
#include "genome/rules.h"

#include <cJSON.h>
#include <math.h>
#include <string.h>

static void print_gene(const char *title, enum gene gene, FILE *out) {
    struct text values = {0};
    gene_list_values(gene, ~0u, true, &values);
    fprintf(out, "  %-16s %s\n", title, values.text);
    text_free(&values);
}

static void print_rule(const struct mixing_rule *rule, FILE *out) {
    char needs[64], may_have[64], sized[64], equal[64];
    struct text masks = {0}, nonlinearities = {0};
    gene_list_values(GENE_MASK, rule->masks, false, &masks);
    gene_list_values(GENE_NONLINEARITY, rule->nonlinearities, false, &nonlinearities);
    fprintf(out, "  %s, %s: %s\n", gene_value_name(GENE_TOKEN_MIXING, (int)rule->token_mixing),
            gene_value_name(GENE_CHANNEL_MIXING, (int)rule->channel_mixing), rule->meaning);
    fprintf(out, "      features %s", feature_set_text(rule->needs, needs, sizeof needs));
    if (rule->may_have)
        fprintf(out, ", maybe %s", feature_set_text(rule->may_have, may_have, sizeof may_have));
    fprintf(out, "; mask %s; nonlinearity %s\n", masks.text, nonlinearities.text);
    const char *separator = "      ";
    if (rule->equal_expansion) {
        fprintf(out, "%sequal expansion of %s", separator,
                feature_set_text(rule->equal_expansion, equal, sizeof equal));
        separator = "; ";
    }
    if (rule->sized) {
        fprintf(out, "%sthe operator sets the size of %s", separator,
                feature_set_text(rule->sized, sized, sizeof sized));
        separator = "; ";
    }
    if (rule->may_repeat) {
        fprintf(out, "%srepeat of %s", separator, feature_set_text(rule->may_repeat, sized, sizeof sized));
        separator = "; ";
    }
    if (rule->repeats_all)
        fprintf(out, "%srepeat \"all\" of %s", separator, feature_set_text(rule->repeats_all, sized, sizeof sized));
    fprintf(out, "%s", *separator == ';' || rule->repeats_all ? "\n" : "");
    text_free(&masks);
    text_free(&nonlinearities);
}

static void print_class(int index, const struct liv_class *liv_class, FILE *out) {
    struct text sharing = {0};
    struct class_genes genes = class_genes_of(liv_class);
    char set[64], text[CLASS_TEXT_BYTES];
    for (int i = 1; i < liv_class->featurizer_strategy_count; i++)
        text_append(&sharing, "%s%d %s", i > 1 ? ", " : "", i + 1,
                    feature_set_text(liv_class->featurizer_strategies[i], set, sizeof set));
    text_append(&sharing, "; features: ");
    for (int i = 1; i < liv_class->feature_strategy_count; i++)
        text_append(&sharing, "%s%d %s", i > 1 ? ", " : "", i + 1,
                    feature_set_text(liv_class->feature_strategies[i], set, sizeof set));
    fprintf(out, "  %2d  %-10s %s%s\n                        weights: %s\n", index, liv_class->name,
            class_genes_print(&genes, text), liv_class->differential ? "  differential" : "", sharing.text);
    text_free(&sharing);
}

void report_space(const struct genome_space *space, FILE *out) {
    fprintf(out, "Genes of an operator, four digits\n");
    print_gene("token mixing", GENE_TOKEN_MIXING, out);
    print_gene("mask", GENE_MASK, out);
    print_gene("nonlinearity", GENE_NONLINEARITY, out);
    print_gene("channel mixing", GENE_CHANNEL_MIXING, out);
    fprintf(out, "\nGenes of a feature (A, B, C, V, gate, B2, C2), four digits\n");
    print_gene("token mixing", GENE_FEATURE_TOKEN_MIXING, out);
    print_gene("channel mixing", GENE_FEATURE_CHANNEL_MIXING, out);
    print_gene("expansion", GENE_EXPANSION, out);
    print_gene("repeat", GENE_REPEAT, out);
    fprintf(out, "\nRules: token mixing, channel mixing, and what goes with them\n");
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++)
        print_rule(rule, out);
    fprintf(out,
            "  A differential class needs B2 and C2 where B and C are needed, under the same rules. A feature with\n"
            "  another expansion or repeat than 1 has no diagonal, one with another repeat no grouped mixing, and one\n"
            "  whose size the operator sets is dense or low-rank.\n");
    fprintf(out, "\nClasses in use: class gene, operator genome, featurizer genome, sharing strategies\n");
    for (int i = 0; i < space->class_count; i++)
        print_class(space->classes[i], &space->catalogue->classes[space->classes[i] - 1], out);
    fprintf(out,
            "\nGenes of a LIV: class, featurizer group and strategy, feature group and strategy; a group has two or\n"
            "more LIVs of one class, strategy 1 shares nothing. Of a genome: norm (1 pre, 2 post, 3 both) and\n"
            "residual (1 plain, 2 scaled). Backbones are counted with those whose sharing changes nothing.\n");
    for (int depth = space->depth_least; depth <= space->depth_most; depth++)
        fprintf(out, "\nDifferent backbones of %d LIVs: %.4Lg", depth, count_backbones(space, depth));
    fprintf(out, "\nValid pairs of operator and featurizer genome: %.4g\n", count_classes());
}

/* ---- JSON ---- */

static cJSON *describe_gene(enum gene gene, unsigned set) {
    cJSON *values = cJSON_CreateArray();
    for (int value = 1; value <= gene_values[gene].count; value++)
        if (set & VALUE_BIT(value))
            cJSON_AddItemToArray(values, cJSON_CreateString(gene_value_name(gene, value)));
    return values;
}

static cJSON *describe_features(unsigned set) {
    cJSON *names = cJSON_CreateArray();
    for (int name = 0; name < FEATURE_NAMES; name++)
        if (set & VALUE_BIT(name))
            cJSON_AddItemToArray(names, cJSON_CreateString(feature_names[name]));
    return names;
}

static cJSON *describe_rule(const struct mixing_rule *rule) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "token_mixing", gene_value_name(GENE_TOKEN_MIXING, (int)rule->token_mixing));
    cJSON_AddStringToObject(json, "channel_mixing", gene_value_name(GENE_CHANNEL_MIXING, (int)rule->channel_mixing));
    cJSON_AddStringToObject(json, "meaning", rule->meaning);
    cJSON_AddItemToObject(json, "masks", describe_gene(GENE_MASK, rule->masks));
    cJSON_AddItemToObject(json, "nonlinearities", describe_gene(GENE_NONLINEARITY, rule->nonlinearities));
    cJSON_AddItemToObject(json, "needs", describe_features(rule->needs));
    cJSON_AddItemToObject(json, "may_have", describe_features(rule->may_have));
    cJSON_AddItemToObject(json, "equal_expansion", describe_features(rule->equal_expansion));
    cJSON_AddItemToObject(json, "sized_by_operator", describe_features(rule->sized));
    cJSON_AddItemToObject(json, "may_repeat", describe_features(rule->may_repeat));
    cJSON_AddItemToObject(json, "repeats_all", describe_features(rule->repeats_all));
    return json;
}

void report_space_json(const struct genome_space *space, FILE *out) {
    cJSON *json = cJSON_CreateObject(), *genes = cJSON_AddObjectToObject(json, "genes");
    static const struct {
        const char *name;
        enum gene gene;
    } names[] = {{"token_mixing", GENE_TOKEN_MIXING},
                 {"mask", GENE_MASK},
                 {"nonlinearity", GENE_NONLINEARITY},
                 {"channel_mixing", GENE_CHANNEL_MIXING},
                 {"feature_token_mixing", GENE_FEATURE_TOKEN_MIXING},
                 {"feature_channel_mixing", GENE_FEATURE_CHANNEL_MIXING},
                 {"expansion", GENE_EXPANSION},
                 {"repeat", GENE_REPEAT}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        cJSON_AddItemToObject(genes, names[i].name, describe_gene(names[i].gene, ~0u));
    cJSON *rules = cJSON_AddArrayToObject(json, "rules");
    for (const struct mixing_rule *rule = mixing_rules; rule->meaning; rule++)
        cJSON_AddItemToArray(rules, describe_rule(rule));
    cJSON *classes = cJSON_AddArrayToObject(json, "classes");
    for (int i = 0; i < space->class_count; i++) {
        cJSON *item = cJSON_CreateObject();
        const struct liv_class *liv_class = &space->catalogue->classes[space->classes[i] - 1];
        char text[CLASS_TEXT_BYTES];
        struct class_genes class_genes = class_genes_of(liv_class);
        cJSON_AddNumberToObject(item, "gene", space->classes[i]);
        cJSON_AddStringToObject(item, "name", liv_class->name);
        cJSON_AddStringToObject(item, "genes", class_genes_print(&class_genes, text));
        cJSON_AddBoolToObject(item, "differential", liv_class->differential);
        cJSON_AddItemToArray(classes, item);
    }
    cJSON *backbones = cJSON_AddObjectToObject(json, "backbones");
    for (int depth = space->depth_least; depth <= space->depth_most; depth++) {
        char key[16];
        snprintf(key, sizeof key, "%d", depth);
        cJSON_AddNumberToObject(backbones, key, (double)count_backbones(space, depth));
    }
    cJSON_AddNumberToObject(json, "operator_featurizer_pairs", count_classes());
    json_print(json, out);
}
