/* Drafts: how likely LIVs come to share, against probabilities worked out by hand; and every fault by itself. */
#include "test.h"

#include "genome/draft.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DRAWS = 20000 };

static struct catalogue catalogue;

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

static struct genome_space space_of(int depth, int class_count, const short *classes) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = depth;
    space.operators = space.featurizers = false;
    space.norms = space.residuals = 1u << 1;
    space.class_count = class_count;
    memcpy(space.classes, classes, (size_t)class_count * sizeof *classes);
    return space;
}

/* A count of DRAWS is within four standard deviations of what is expected. */
static void check_share(const char *what, int count, double expected) {
    double deviation = sqrt(expected * (1 - expected) / DRAWS);
    printf("  %s: %.4f, by hand %.4f\n", what, (double)count / DRAWS, expected);
    if (fabs((double)count / DRAWS - expected) > 4 * deviation)
        fail_test("%s: %.4f of the draws, by hand %.4f", what, (double)count / DRAWS, expected);
}

/*
 * SA-1 lists four strategies, so a LIV wants to share with probability 3/4. Two or three LIVs have one band: a LIV
 * shares if it and another one want to, 3/4 (1 - (1/4)^(n - 1)). Four have two bands, and another one is in the same
 * with 1/2: 3/4 (1 - (1 - 3/8)^3).
 */
static void test_random(void **unused) {
    (void)unused;
    const double expected[] = {0, 0, 9.0 / 16, 3.0 / 4 * 15 / 16, 3.0 / 4 * (1 - 125.0 / 512)};
    for (int depth = 1; depth <= 4; depth++) {
        struct genome_space space = space_of(depth, 1, (const short[]){1});
        struct random_stream random = random_open(31, (uint64_t)depth);
        int features = 0, weights = 0, strategies[5] = {0};
        for (int i = 0; i < DRAWS; i++) {
            struct genome genome;
            genome_random(&genome, &space, &random);
            features += genome.livs[depth - 1].genes[LIV_FEATURE_STRATEGY] > 1;
            weights += genome.livs[depth - 1].genes[LIV_FEATURIZER_STRATEGY] > 1;
            strategies[genome.livs[depth - 1].genes[LIV_FEATURE_STRATEGY]]++;
        }
        check_share("the last LIV shares features", features, expected[depth]);
        check_share("the last LIV shares weights", weights, expected[depth]);
        for (int s = 2; s <= 4; s++)
            check_share("by one strategy", strategies[s], expected[depth] / 3);
    }
}

/* Every valid genome in canonical form is drawn: GMemless, three LIVs, among all that there are. */
static void test_all_are_drawn(void **unused) {
    (void)unused;
    struct genome_space space = space_of(3, 1, (const short[]){8});
    struct random_stream random = random_open(32, 0);
    static uint64_t drawn[DRAWS];
    int count = 0, canonical_count = 0;
    for (int i = 0; i < DRAWS; i++) {
        struct genome genome;
        genome_random(&genome, &space, &random);
        uint64_t hash = genome_hash(&genome);
        int j = 0;
        while (j < count && drawn[j] != hash)
            j++;
        if (j == count)
            drawn[count++] = hash;
    }
    /* Group numbers 1 and 2 are enough for three LIVs in canonical form, and 3 for the third. */
    for (int code = 0; code < 4 * 4 * 4 * 3 * 3 * 3 * 6 * 6; code++) {
        static const short numbers[6][3] = {{1, 1, 1}, {1, 1, 2}, {1, 2, 1}, {1, 2, 2}, {1, 2, 3}, {1, 1, 3}};
        struct genome genome = {.depth = 3, .norm = 1, .residual = 1}, canonical;
        int rest = code;
        for (int liv = 0; liv < 3; liv++) {
            genome.livs[liv].genes[LIV_CLASS] = 8;
            genome.livs[liv].genes[LIV_FEATURIZER_STRATEGY] = (short)(1 + rest % 4);
            rest /= 4;
        }
        for (int liv = 0; liv < 3; liv++) {
            genome.livs[liv].genes[LIV_FEATURE_STRATEGY] = (short)(1 + rest % 3);
            rest /= 3;
        }
        for (int liv = 0; liv < 3; liv++) {
            genome.livs[liv].genes[LIV_FEATURIZER_GROUP] = numbers[rest % 6][liv];
            genome.livs[liv].genes[LIV_FEATURE_GROUP] = numbers[rest / 6][liv];
        }
        if (genome_validate(&genome, &space) != STATUS_OK)
            continue;
        canonical = genome;
        genome_canonicalise(&canonical, &catalogue);
        canonical_count += genome_equal(&canonical, &genome);
    }
    printf("  %d different genomes drawn, %d canonical ones\n", count, canonical_count);
    assert_int_equal(count, canonical_count);
}

/*
 * A child's class 1 LIVs: the first of a, torn from its group there, and the third of b, beside LIVs of class 8. How
 * often the two share features, whatever the strategy.
 */
static int count_joined(const char *a_text, const char *b_text) {
    struct genome_space space = space_of(4, 2, (const short[]){1, 8});
    struct random_stream random = random_open(33, hash_text(HASH_START, b_text));
    struct genome a, b, child;
    int joined = 0;
    assert_ok(genome_parse(a_text, &a));
    assert_ok(genome_parse(b_text, &b));
    assert_ok(genome_validate(&a, &space));
    assert_ok(genome_validate(&b, &space));
    for (int i = 0; i < DRAWS; i++) {
        struct draft a_draft, b_draft;
        draft_loosen_parents(&a, &b, &space, &random, &a_draft, &b_draft);
        assert_int_equal(draft_faults(&a_draft, &space), 0);
        for (int liv = 1; liv < 3; liv++) {
            a_draft.genome.livs[liv] = b_draft.genome.livs[liv];
            memcpy(a_draft.wishes[liv], b_draft.wishes[liv], sizeof a_draft.wishes[liv]);
        }
        unsigned faults = draft_faults(&a_draft, &space);
        draft_settle(&a_draft, &space, &random, &child);
        assert_ok(genome_validate(&child, &space));
        bool together = child.livs[0].genes[LIV_FEATURE_STRATEGY] > 1;
        assert_int_equal(together, child.livs[2].genes[LIV_FEATURE_STRATEGY] > 1);
        assert_int_equal(!together, (faults & FAULT_ALONE) != 0);
        /* Who is joined takes the strategy of the first of the group. */
        if (together)
            assert_int_equal(child.livs[0].genes[LIV_FEATURE_STRATEGY], 3);
        joined += together;
    }
    return joined;
}

/*
 * What a LIV that was torn from its group does: it joins where the other one wants to share. That is certain if that
 * one was torn from a group, too; 3/4 if it had nobody to share with (nothing is known of it); and 3/7 if it shared
 * nothing beside another one of its class: of the two, both wanted nothing with 1/16, one of them with 6/16.
 */
static void test_torn_groups(void **unused) {
    (void)unused;
    check_share("torn, and torn", count_joined("11113-11113-81111-82121", "81111-82121-11113-11113"), 1);
    check_share("torn, and alone", count_joined("11113-11113-81111-82121", "81111-82121-11111-83131"), 3.0 / 4);
    check_share("torn, and not sharing", count_joined("11113-11113-81111-82121", "81111-82121-11111-12121"), 3.0 / 7);
}

/* Two groups in two bands: a LIV of the other parent falls into the band of either with the same probability. */
static void test_bands(void **unused) {
    (void)unused;
    struct genome_space space = space_of(5, 1, (const short[]){1});
    struct random_stream random = random_open(34, 0);
    struct genome genome, child;
    int first = 0, second = 0;
    assert_ok(genome_parse("11113-11113-12123-13123-14131", &genome));
    for (int i = 0; i < DRAWS; i++) {
        struct draft draft;
        draft_loosen(&genome, &space, &random, &draft);
        draft.wishes[4][0].strategy = 2;
        draft.wishes[4][0].place = 0.25;
        draft_settle(&draft, &space, &random, &child);
        first += child.livs[4].genes[LIV_FEATURE_GROUP] == 1;
        second += child.livs[4].genes[LIV_FEATURE_GROUP] == 2;
        assert_int_equal(child.livs[4].genes[LIV_FEATURE_STRATEGY], 3);
    }
    assert_int_equal(first + second, DRAWS);
    check_share("the first group", first, 0.5);
}

static void test_faults(void **unused) {
    (void)unused;
    struct genome_space space = space_of(2, 2, (const short[]){1, 8});
    struct random_stream random = random_open(35, 0);
    struct genome genome;
    struct draft draft, changed;
    assert_ok(genome_parse("11111-81111", &genome));
    draft_loosen(&genome, &space, &random, &draft);
    assert_int_equal(draft_faults(&draft, &space), 0);
    changed = draft;
    changed.genome.livs[1].genes[LIV_CLASS] = 2;
    assert_int_equal(draft_faults(&changed, &space), FAULT_CLASS);
    changed = draft;
    changed.wishes[1][0].strategy = 4; /* GMemless hands on V or C: strategies 1 to 3 */
    assert_int_equal(draft_faults(&changed, &space), FAULT_STRATEGY);
    changed = draft;
    changed.wishes[0][1] = (struct wish){.strategy = 2, .place = 0.5, .earnest = true};
    assert_int_equal(draft_faults(&changed, &space), FAULT_ALONE);
    changed.genome.livs[1].genes[LIV_CLASS] = 1;
    changed.wishes[1][1] = (struct wish){.strategy = 3, .place = 0.1};
    assert_int_equal(draft_faults(&changed, &space), 0);
    changed = draft;
    changed.genome.norm = 2;
    assert_int_equal(draft_faults(&changed, &space), FAULT_PLACE);
    changed = draft;
    struct genome with_genes; /* attention lets no feature out */
    assert_ok(genome_parse("11111-81111|1:2111.C1331.V1331", &with_genes));
    memcpy(changed.genome.classes, with_genes.classes, sizeof with_genes.classes);
    assert_int_equal(draft_faults(&changed, &space), FAULT_RULE);
}

/* Constrained draws leave no fault; free ones reach all classes of the catalogue and the most strategies of any. */
static void test_drawing(void **unused) {
    (void)unused;
    struct genome_space space = space_of(1, 2, (const short[]){6, 8});
    struct random_stream random = random_open(36, 0);
    int reached[CATALOGUE_MAX_CLASSES + 1] = {0}, strategies[CLASS_MAX_STRATEGIES + 1] = {0};
    for (int i = 0; i < DRAWS; i++) {
        struct draft draft;
        draft_random(&space, &random, &draft);
        for (int gene = 0; gene < LIV_GENES; gene++)
            draft_draw_gene(&draft, 0, (enum liv_gene)gene, false, &space, &random);
        assert_int_equal(draft_faults(&draft, &space) & ~(unsigned)FAULT_ALONE, 0);
        draft_draw_gene(&draft, 0, LIV_FEATURE_STRATEGY, true, &space, &random);
        strategies[draft.wishes[0][0].strategy] += draft.genome.livs[0].genes[LIV_CLASS] == 8;
        draft_draw_gene(&draft, 0, LIV_CLASS, true, &space, &random);
        reached[draft.genome.livs[0].genes[LIV_CLASS]]++;
    }
    for (int i = 1; i <= catalogue.class_count; i++)
        check_share("a class", reached[i], 1.0 / catalogue.class_count);
    check_share("GMemless, a strategy that it does not list", strategies[4], 1.0 / 2 / 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random), cmocka_unit_test(test_all_are_drawn), cmocka_unit_test(test_torn_groups),
        cmocka_unit_test(test_bands),  cmocka_unit_test(test_faults),        cmocka_unit_test(test_drawing),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
