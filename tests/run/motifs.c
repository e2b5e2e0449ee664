/* Motifs counted by hand, their shares among random genomes against what can be computed, and which stand out. */
#include "test.h"

#include "run/motifs.h"

#include <math.h>
#include <string.h>

static struct catalogue catalogue;

static struct genome genome_of(const char *text) {
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    return genome;
}

static struct genome_space space_of(int depth, int classes) {
    struct genome_space space = genome_space_of(&catalogue);
    space.depth_least = space.depth_most = depth;
    space.class_count = classes;
    return space;
}

static const struct motif *find(const struct motif *motifs, int count, short first, short second, short third) {
    for (int m = 0; m < count; m++)
        if (motifs[m].classes[0] == first && motifs[m].classes[1] == second && motifs[m].classes[2] == third)
            return &motifs[m];
    return NULL;
}

/* A genome that has a motif twice counts once, and neighbours are in order. */
static void test_by_hand(void **unused) {
    (void)unused;
    struct genome a = genome_of("11111-21111-11211-21211"), b = genome_of("21111-11111-21211-31111");
    const struct genome *genomes[] = {&a, &b};
    struct genome_space space = space_of(4, 4);
    int count;
    struct motif *motifs = motifs_find(genomes, 2, &space, 2, &count);
    assert_int_equal(count, 3);
    assert_int_equal(find(motifs, count, 1, 2, 0)->holders, 2);
    assert_int_equal(find(motifs, count, 2, 1, 0)->holders, 2);
    assert_int_equal(find(motifs, count, 2, 3, 0)->holders, 1);
    assert_true(find(motifs, count, 2, 3, 0)->share.value == 0.5);
    free(motifs);
    motifs = motifs_find(genomes, 2, &space, 3, &count);
    assert_int_equal(count, 3);
    assert_int_equal(find(motifs, count, 1, 2, 1)->holders, 1);
    assert_int_equal(find(motifs, count, 2, 1, 2)->holders, 2);
    assert_int_equal(find(motifs, count, 1, 2, 3)->holders, 1);
    free(motifs);
    assert_null(motifs_find(genomes, 0, &space, 2, &count));
    assert_int_equal(count, 0);
}

/* Of three LIVs with classes that are drawn uniformly from k, a pair of two different classes stands at one of two
 * places, never at both: 2 / k^2. A class beside itself stands at 2 / k^2 - 1 / k^3. */
static void test_random(void **unused) {
    (void)unused;
    const int k = 4;
    struct genome a = genome_of("11111-21111-21211");
    const struct genome *genomes[] = {&a};
    struct genome_space space = space_of(3, k);
    int count;
    struct motif *motifs = motifs_find(genomes, 1, &space, 2, &count);
    double different = 2.0 / (k * k), equal = different - 1.0 / (k * k * k);
    double error = sqrt(different * (1 - different) / MOTIF_RANDOM_GENOMES);
    assert_true(fabs(find(motifs, count, 1, 2, 0)->random_share - different) < 4 * error);
    assert_true(fabs(find(motifs, count, 2, 2, 0)->random_share - equal) < 4 * error);
    free(motifs);
}

/* What every one of 12 has, and what none of 40 has, stands out; a rare one that one of 12 has does not. */
static void test_standing_out(void **unused) {
    (void)unused;
    struct genome same = genome_of("11111-11211-11311"), other = genome_of("21111-31111-41111");
    const struct genome *genomes[40];
    struct genome_space space = space_of(3, 4);
    int count;
    for (int i = 0; i < 40; i++)
        genomes[i] = &same;
    genomes[0] = &other;
    struct motif *motifs = motifs_find(genomes, 12, &space, 3, &count);
    assert_int_equal(motifs[0].holders, 11);
    assert_int_equal(motifs[0].stands_out, 1);
    assert_int_equal(find(motifs, count, 2, 3, 4)->holders, 1);
    assert_int_equal(find(motifs, count, 2, 3, 4)->stands_out, 0);
    free(motifs);
    /* With two classes, a pair of different ones is in half of all random genomes. */
    space = space_of(3, 2);
    genomes[0] = &same;
    motifs = motifs_find(genomes, 40, &space, 2, &count);
    const struct motif *missing = find(motifs, count, 1, 2, 0);
    assert_non_null(missing);
    assert_int_equal(missing->holders, 0);
    assert_int_equal(missing->stands_out, -1);
    assert_ptr_equal(&motifs[0], find(motifs, count, 1, 1, 0));
    free(motifs);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_hand), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_standing_out)};
    test_choose(argc, argv);
    if (catalogue_read(NULL, &catalogue) != STATUS_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
