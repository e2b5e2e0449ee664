/* The formula for the number of backbones against counting them. */
#include "test.h"

#include "genome/count.h"
#include "genome/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct catalogue catalogue;

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

/* Next values of all genes, as an odometer; false after the last. */
static bool next_genome(struct genome *genome, const struct genome_space *space, int strategies) {
    for (int liv = 0; liv < genome->depth; liv++) {
        for (int gene = 0; gene < LIV_GENES; gene++) {
            bool is_strategy = gene == LIV_FEATURIZER_STRATEGY || gene == LIV_FEATURE_STRATEGY;
            int most = gene == LIV_CLASS ? space->class_count : is_strategy ? strategies : genome->depth;
            if (genome->livs[liv].genes[gene] < most) {
                genome->livs[liv].genes[gene]++;
                return true;
            }
            genome->livs[liv].genes[gene] = 1;
        }
    }
    return false;
}

/*
 * Groups are numbered per class in order of appearance, a LIV without a group having a number of its own. The rest of
 * the canonical form (sharing that changes nothing) is not counted with.
 */
static bool is_numbered(const struct genome *genome, enum liv_gene kind) {
    for (int liv = 0; liv < genome->depth; liv++) {
        const short *genes = genome->livs[liv].genes;
        if (genome_group_owner(genome, liv, kind) < liv)
            continue;
        short largest = 0;
        for (int before = 0; before < liv; before++)
            if (genome->livs[before].genes[LIV_CLASS] == genes[LIV_CLASS] && genome->livs[before].genes[kind] > largest)
                largest = genome->livs[before].genes[kind];
        if (genes[kind] != largest + 1)
            return false;
    }
    return true;
}

/* Valid genomes, each numbering of the groups once. */
static int count_by_hand(const struct genome_space *space, int depth) {
    struct genome genome;
    int count = 0, strategies = 0;
    memset(&genome, 0, sizeof genome);
    genome.depth = (short)depth;
    genome.norm = NORM_PRE;
    genome.residual = RESIDUAL_PLAIN;
    for (int liv = 0; liv < depth; liv++)
        for (int gene = 0; gene < LIV_GENES; gene++)
            genome.livs[liv].genes[gene] = 1;
    for (int i = 0; i < space->class_count; i++) {
        const struct liv_class *liv_class = &space->catalogue->classes[i];
        strategies =
            liv_class->featurizer_strategy_count > strategies ? liv_class->featurizer_strategy_count : strategies;
        strategies = liv_class->feature_strategy_count > strategies ? liv_class->feature_strategy_count : strategies;
    }
    do {
        if (genome_validate(&genome, space) == STATUS_OK)
            count += is_numbered(&genome, LIV_FEATURIZER_GROUP) && is_numbered(&genome, LIV_FEATURE_GROUP);
    } while (next_genome(&genome, space, strategies));
    return count;
}

static void check(struct catalogue *small, int classes, int depth) {
    small->class_count = classes;
    struct genome_space space = genome_space_of(small);
    int expected = count_by_hand(&space, depth);
    printf("  %d classes, %d LIVs: %d backbones\n", classes, depth, expected);
    assert_true(count_backbones(&space, depth) == expected);
}

static void test_backbones(void **unused) {
    (void)unused;
    static struct catalogue small;
    small = catalogue;
    /* Few strategies keep counting by hand short. */
    for (int i = 0; i < 3; i++) {
        small.classes[i].featurizer_strategy_count = 3 - i;
        small.classes[i].feature_strategy_count = 1 + i % 2;
    }
    check(&small, 1, 1);
    check(&small, 3, 1);
    check(&small, 1, 2);
    check(&small, 3, 2);
    check(&small, 1, 3);
    check(&small, 2, 3);
}

/* As many featurizers as there are valid classes among all gene values, for rows that are small enough. */
static void test_featurizers(void **unused) {
    (void)unused;
    const struct mixing_rule *rule = mixing_rule_of(TOKEN_DIAGONAL, CHANNEL_GROUPED);
    struct liv_class liv_class = {.name = "X",
                                  .token_mixing = TOKEN_DIAGONAL,
                                  .channel_mixing = CHANNEL_GROUPED,
                                  .mask = MASK_CAUSAL,
                                  .nonlinearity = NONLINEARITY_SILU,
                                  .feature_count = 2};
    int count = 0, all = 2 * 4 * 6 * 5;
    for (int c = 0; c < all; c++) {
        for (int v = 0; v < all; v++) {
            char words[256];
            for (int i = 0; i < 2; i++) {
                int genes = i ? v : c;
                liv_class.features[i] =
                    (struct feature){i ? FEATURE_V : FEATURE_C, (enum feature_mixing)(genes % 2 + 1),
                                     (enum channel_mixing)(genes / 2 % 4 + 1), (enum expansion)(genes / 8 % 6 + 1),
                                     (enum repeat)(genes / 48 + 1)};
            }
            count += class_broken_rule(&liv_class, words, sizeof words) == NULL;
        }
    }
    printf("  %d featurizers\n", count);
    assert_true(rule_featurizers(rule, false) == count);
    assert_true(count_classes() > 1e6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backbones),
        cmocka_unit_test(test_featurizers),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
