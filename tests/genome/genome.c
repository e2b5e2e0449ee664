/* Text form, validity, canonical form and crossover: examples, and properties over many random genomes. */
#include "test.h"

#include "evolve/variation.h"
#include "genome/genome.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { GENOMES = 10000 };

static struct catalogue catalogue;

/* Backbones of one depth over the whole catalogue, with the catalogue's classes. */
static struct genome_space space_of(int depth) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = depth;
    space.operators = space.featurizers = false;
    return space;
}

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

static void check_text(const char *text, const char *printed) {
    struct genome genome;
    char buffer[GENOME_TEXT_BYTES];
    assert_ok(genome_parse(text, &genome));
    assert_string_equal(genome_print(&genome, buffer), printed);
}

static void test_text(void **unused) {
    (void)unused;
    check_text("21211-31112-21221-32112", "21211-31112-21221-32112");
    check_text("2.1.2.1.1-31112", "21211-31112");
    check_text("1.10.1.12.1-2.1.1.1.1", "1.10.1.12.1-21111");
    check_text("11111~11", "11111");
    check_text("11111-21111~32", "11111-21111~32");
    check_text("11111|1:2122.C1331.B1331.V1335", "11111|1:2122.B1331.C1331.V1335");
    check_text("11111~21|2:2111.B21331,12:1111", "11111~21|2:2111.B21331,12:1111");
}

static void refused(const char *text, const char *words) {
    struct genome genome;
    assert_fails(genome_parse(text, &genome), STATUS_USAGE, words);
}

static void test_text_errors(void **unused) {
    (void)unused;
    refused("", "empty");
    refused("1111", "position 5: a LIV needs five genes");
    refused("111111", "position 6: a LIV has five genes");
    refused("11111-", "position 7: a LIV needs five genes");
    refused("11111--11111", "position 7: a LIV needs five genes");
    refused("11111-1x111", "position 8: a gene is a number");
    refused("10111", "position 2: genes count from 1");
    refused("1.1.1.1", "position 8: a LIV needs five genes");
    refused("1.1.1.1.1.1", "position 10: a LIV has five genes");
    refused("1.1.1.1.99999", "position 9: genes count from 1 and end at 999");
    refused("1.1.1.1.", "position 9: a LIV needs five genes");
    refused("11111 ", "position 6");
    refused("11111~4", "position 7: the norm is 1 (pre)");
    refused("11111~13", "position 8: the residual is 1 (plain)");
    refused("11111~111", "position 9: nothing more");
    refused("11111|", "position 7: a class with genes");
    refused("11111|1:212", "position 9: a class begins with four digits");
    refused("11111|1:2129", "position 9: a class begins with four digits");
    refused("11111|1:2122.X1111", "a feature is a name and four digits");
    refused("11111|1:2122.B1391", "a feature's genes are out of range");
    refused("11111|1:2122.B1331.B1331", "a feature is listed twice");
    refused("11111|1:2122,1:2122", "position 14: the class is listed twice");
    refused("11111|99:2122", "position 7: a class with genes");
    char long_text[(GENOME_MAX_DEPTH + 1) * 6 + 1] = "";
    for (int i = 0; i <= GENOME_MAX_DEPTH; i++)
        strcat(long_text, i ? "-11111" : "11111");
    refused(long_text, "at most 128 LIVs");
}

static void invalid(const char *text, const char *words) {
    struct genome_space space = space_of(2);
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    assert_fails(genome_validate(&genome, &space), STATUS_USAGE, words);
}

static void test_validity(void **unused) {
    (void)unused;
    struct genome_space space = space_of(2);
    struct genome genome;
    assert_ok(genome_parse("11211-11211", &genome));
    assert_ok(genome_validate(&genome, &space));
    invalid("11111", "has 1 LIVs; allowed: 2 to 2");
    invalid("11111-29.1.1.1.1", "LIV 2: class 29 is not in use; allowed: 1 (SA-1)");
    invalid("13111-11111", "LIV 1: featurizer group 3 is out of range; class SA-1 allows 1 to 2");
    invalid("11911-11111", "LIV 1: featurizer strategy 9 is out of range");
    invalid("11211-11111", "LIV 1: featurizer strategy 2 shares, but no other LIV");
    invalid("11112-21112", "LIV 1: feature strategy 2 shares, but no other LIV");
    invalid("11111-11111|1:1111.C1331.V1331.B1331", "has no use for the feature B");
    space.class_count = 1;
    assert_ok(genome_parse("11111-21111", &genome));
    assert_fails(genome_validate(&genome, &space), STATUS_USAGE, "class 2 is not in use; allowed: 1 (SA-1)");
}

static void test_canonical(void **unused) {
    (void)unused;
    static const char *const pairs[][2] = {
        /* LIVs that share nothing get groups of their own, a class each. */
        {"11111-11111-21111", "11111-12121-21111"},
        {"13141-14131-22111", "11111-12121-21111"},
        /* A group keeps together; one LIV is none. */
        {"13211-11111-13211", "11211-12121-11231"},
        {"14214-14214-14314", "11214-11214-12114"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct genome genome;
        char buffer[GENOME_TEXT_BYTES];
        assert_ok(genome_parse(pairs[i][0], &genome));
        genome_canonicalise(&genome, &catalogue);
        assert_string_equal(genome_print(&genome, buffer), pairs[i][1]);
    }
}

static void test_owner(void **unused) {
    (void)unused;
    struct genome genome;
    assert_ok(genome_parse("21211-31112-21221-32112-31112", &genome));
    assert_int_equal(genome_group_owner(&genome, 2, LIV_FEATURIZER_GROUP), 0);
    assert_int_equal(genome_group_owner(&genome, 2, LIV_FEATURE_GROUP), 2);
    assert_int_equal(genome_group_owner(&genome, 3, LIV_FEATURE_GROUP), 1);
    assert_int_equal(genome_group_owner(&genome, 4, LIV_FEATURE_GROUP), 1);
    assert_int_equal(genome_group_owner(&genome, 0, LIV_FEATURIZER_GROUP), 0);
}

/* parse(print(g)) = g; it is valid and its own canonical form; the draft made of it settles to it. */
static void check_properties(const struct genome *genome, const struct genome_space *space,
                             struct random_stream *random) {
    struct genome again, canonical = *genome;
    struct draft draft;
    char text[GENOME_TEXT_BYTES];
    assert_ok(genome_parse(genome_print(genome, text), &again));
    assert_true(genome_equal(&again, genome));
    assert_ok(genome_validate(genome, space));
    genome_canonicalise(&canonical, &catalogue);
    assert_true(genome_equal(&canonical, genome));
    draft_loosen(genome, space, random, &draft);
    assert_true((draft_faults(&draft, space) & ~(unsigned)FAULT_RULE) == 0);
    draft_settle(&draft, space, random, &again);
    assert_true(genome_equal(&again, genome));
    assert_true(genome_distance(genome, genome) == 0);
}

enum level { LEVEL_BACKBONE, LEVEL_OPERATOR, LEVEL_FEATURIZER, LEVEL_ALL, LEVELS };
static const char *const level_names[LEVELS] = {"backbone", "operator", "featurizer", "all"};

static struct genome_space space_of_level(enum level level, int depth, const struct genome *fixed) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = depth;
    space.depth_most = level == LEVEL_ALL ? depth + 4 : depth;
    space.backbone = level == LEVEL_BACKBONE || level == LEVEL_ALL;
    space.operators = level == LEVEL_OPERATOR || level == LEVEL_ALL;
    space.featurizers = level == LEVEL_FEATURIZER || level == LEVEL_ALL;
    space.fixed = fixed;
    return space;
}

/* Without mutation every LIV of a child is one of its parents' at the same place; else it has the class that its source
 * has, and few are new. */
static int check_sources(const struct genome *a, const struct genome *b, const struct genome *child,
                         const struct liv_source *sources, bool mutated) {
    int new = 0;
    for (int liv = 0; liv < child->depth; liv++) {
        const struct genome *parent = sources[liv].parent == 1 ? b : a;
        int place = sources[liv].liv;
        new += sources[liv].parent == SOURCE_NEW;
        if (sources[liv].parent == SOURCE_NEW)
            continue;
        assert_true(place < parent->depth && (mutated || place == liv));
        assert_int_equal(parent->livs[place].genes[LIV_CLASS], child->livs[liv].genes[LIV_CLASS]);
    }
    assert_true(mutated || new == 0);
    return new;
}

/* Random genomes, children of two of them, and children of one with itself, which are it where nothing mutates. */
static void check_level(enum level level) {
    struct random_stream random = random_open(11, (uint64_t)level);
    struct variation variation = {.crossover_points = 2};
    struct liv_source sources[GENOME_MAX_DEPTH];
    int invalid_children = 0, new = 0, livs = 0;
    for (int i = 0; i < GENOMES / 2; i++) {
        int depth = 1 + (int)random_below(&random, 24);
        struct genome_space backbones = space_of(depth);
        struct genome fixed, a, b, child;
        genome_random(&fixed, &backbones, &random);
        struct genome_space space = space_of_level(level, depth, &fixed);
        genome_random(&a, &space, &random);
        genome_random(&b, &space, &random);
        check_properties(&a, &space, &random);
        variation.mutation = 0.1;
        invalid_children += breed(&a, &b, &variation, &space, &random, &child, sources) != 0;
        new += check_sources(&a, &b, &child, sources, true);
        livs += child.depth;
        check_properties(&child, &space, &random);
        variation.mutation = 0;
        breed(&a, &b, &variation, &space, &random, &child, sources);
        check_sources(&a, &b, &child, sources, false);
        breed(&a, &a, &variation, &space, &random, &child, NULL);
        assert_true(genome_equal(&a, &child));
    }
    /* A class is drawn anew with probability 0.1, and is then often another; depths may grow. */
    if (space_of_level(level, 1, NULL).backbone)
        assert_true(new > livs / 20 && new < livs / 5);
    else
        assert_int_equal(new, 0);
    printf("  %-10s %.1f %% of children were invalid before repair\n", level_names[level],
           100.0 * invalid_children / (GENOMES / 2));
    assert_true(invalid_children > 0);
}

static void test_properties(void **unused) {
    (void)unused;
    for (int level = 0; level < LEVELS; level++)
        check_level((enum level)level);
}

static double distance(const char *a_text, const char *b_text) {
    struct genome a, b;
    assert_ok(genome_parse(a_text, &a));
    assert_ok(genome_parse(b_text, &b));
    assert_true(genome_distance(&a, &b) == genome_distance(&b, &a));
    return genome_distance(&a, &b);
}

static void test_distance(void **unused) {
    (void)unused;
    assert_true(distance("11111-21111", "11111-21111") == 0);
    assert_true(fabs(distance("11111-21111", "11111-22111") - 0.2) < 1e-12);
    assert_true(distance("11111-21111", "11111-31111-21111") == 1);
    assert_true(distance("11111", "11111~22") == 2);
    assert_true(distance("11111|1:2122.B1331", "11111|1:2122.B1332") == 1);
}

static void test_repair_ranges(void **unused) {
    (void)unused;
    struct genome_space space = space_of(3);
    struct random_stream random = random_open(12, 0);
    for (int i = 0; i < 1000; i++) {
        struct draft draft = {.genome = {.depth = (short)random_below(&random, 6), .norm = 9, .residual = 0}};
        struct genome genome;
        for (int liv = 0; liv < draft.genome.depth; liv++) {
            draft.genome.livs[liv].genes[LIV_CLASS] = (short)(random_below(&random, 40) - 10);
            for (int k = 0; k < SHARING_KINDS; k++)
                draft.wishes[liv][k] = (struct wish){.strategy = (short)(random_below(&random, 40) - 10),
                                                     .place = random_uniform(&random)};
        }
        assert_true(draft_faults(&draft, &space) & FAULT_PLACE);
        draft_settle(&draft, &space, &random, &genome);
        assert_ok(genome_validate(&genome, &space));
    }
}

static void test_crossover(void **unused) {
    (void)unused;
    struct random_stream random = random_open(13, 0);
    struct draft a = {.genome = {.depth = 6}}, b = {.genome = {.depth = 6}}, child;
    for (int liv = 0; liv < 6; liv++) {
        a.genome.livs[liv].genes[LIV_CLASS] = a.wishes[liv][0].strategy = a.wishes[liv][1].strategy = 1;
        b.genome.livs[liv].genes[LIV_CLASS] = b.wishes[liv][0].strategy = b.wishes[liv][1].strategy = 2;
    }
    for (int points = 1; points <= 5; points++) {
        crossover(&a, &b, points, &random, &child);
        int changes = 0;
        for (int liv = 0; liv < 6; liv++) {
            short class_gene = child.genome.livs[liv].genes[LIV_CLASS];
            changes += liv && class_gene != child.genome.livs[liv - 1].genes[LIV_CLASS];
            for (int k = 0; k < SHARING_KINDS; k++)
                assert_int_equal(child.wishes[liv][k].strategy, class_gene);
        }
        assert_int_equal(changes, points);
        assert_int_equal(child.genome.livs[0].genes[LIV_CLASS], 1);
    }
    crossover(&a, &b, 99, &random, &child);
    a.genome.depth = b.genome.depth = 1;
    crossover(&a, &b, 2, &random, &child);
    assert_int_equal(child.genome.livs[0].genes[LIV_CLASS], 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),      cmocka_unit_test(test_text_errors),   cmocka_unit_test(test_validity),
        cmocka_unit_test(test_canonical), cmocka_unit_test(test_owner),         cmocka_unit_test(test_properties),
        cmocka_unit_test(test_distance),  cmocka_unit_test(test_repair_ranges), cmocka_unit_test(test_crossover),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
