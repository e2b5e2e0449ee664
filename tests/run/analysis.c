/*
 * The analysis of generations and the lineage of candidates, on genomes small enough to count by hand; and that the
 * store keeps what both need, also for runs that were begun before it was kept.
 */
#include "test.h"

#include "run/analysis.h"
#include "run/lineage.h"
#include "run/schema.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct catalogue catalogue;
static char folder[TEST_PATH_BYTES];

static void assert_near(double value, double expected) {
    if (!(fabs(value - expected) <= 1e-12))
        fail_test("%.15g is not %.15g", value, expected);
}

static struct candidate candidate(int id, const char *genome) {
    struct candidate result = {.individual = {.id = id}};
    assert_ok(genome_parse(genome, &result.individual.genome));
    return result;
}

/* Adds an evaluation that measured `value` bits per byte, or failed where that is NaN. */
static void evaluate(struct candidate *candidate, unsigned long long seed, long long steps, double value) {
    struct evaluation evaluation = {.seed = seed, .steps = steps, .failed = isnan(value), .metrics = metrics_absent()};
    evaluation.metrics.values[METRIC_BITS_PER_BYTE] = value;
    candidate->evaluations =
        realloc(candidate->evaluations, ((size_t)candidate->evaluation_count + 1) * sizeof *candidate->evaluations);
    candidate->evaluations[candidate->evaluation_count++] = evaluation;
}

static double find_row(const struct named_value *rows, int count, const char *name) {
    for (int i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].value;
    return NAN;
}

/*
 * Classes 1 and 2 (SA-1, SA-2 of the default catalogue). In the first genome LIV 3 uses the weights of LIV 1, in the
 * second one LIV 4 uses the features of LIV 2.
 */
static void test_by_hand(void **unused) {
    (void)unused;
    struct candidate a = candidate(1, "11211-21111-11211-21111"), b = candidate(2, "11111-11112-11111-11112"),
                     c = candidate(3, "21111-21211-21311-21411"), d = candidate(4, "21111-21211-21311-21411");
    const struct candidate *all[] = {&a, &b, &c, &d};
    struct analysis *analysis = calloc(1, sizeof *analysis);
    evaluate(&a, 1, 10, 5.0); /* a rung */
    evaluate(&a, 1, 40, 1.0);
    evaluate(&a, 1, 160, 0.5); /* the final training, which selection did not see */
    evaluate(&b, 1, 40, 2.0);
    evaluate(&c, 1, 40, NAN);
    evaluate(&d, 1, 10, 4.0);
    analyse(all, 4, 40, analysis);
    assert_int_equal(analysis->candidates, 4);
    assert_int_equal(analysis->failed, 1);
    const struct spread *spread = &analysis->metrics[METRIC_BITS_PER_BYTE];
    assert_int_equal(spread->count, 3);
    assert_near(spread->least, 1);
    assert_near(spread->lower_quartile, 1.5);
    assert_near(spread->median, 2);
    assert_near(spread->upper_quartile, 3);
    assert_near(spread->greatest, 4);
    assert_int_equal(analysis->metrics[METRIC_PARAMETERS].count, 0);
    /* Of 16 LIVs 6 are SA-1; of 12 pairs 2 are 1 then 2, 1 is 2 then 1, 3 are 1 then 1. */
    assert_near(analysis->class_shares[0], 6 / 16.0);
    assert_near(analysis->class_shares[1], 10 / 16.0);
    assert_near(analysis->pair_shares[0][1], 2 / 12.0);
    assert_near(analysis->pair_shares[1][0], 1 / 12.0);
    assert_near(analysis->pair_shares[0][0], 3 / 12.0);
    assert_near(analysis->pair_shares[1][1], 6 / 12.0);
    /* sharing_kinds: features, then weights. One connection of length 2 each, in 4 genomes. */
    assert_near(analysis->connections[0].number, 0.25);
    assert_near(analysis->connections[0].distance, 2);
    assert_near(analysis->connections[1].number, 0.25);
    assert_near(analysis->connections[1].distance, 2);
    double sum = 0;
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            sum += genome_distance(&all[i]->individual.genome, &all[j]->individual.genome);
    assert_near(analysis->diversity, sum / 6);

    int count;
    struct named_value *rows = analysis_rows(analysis, &catalogue, &count);
    assert_near(find_row(rows, count, "class_share.SA-2"), 10 / 16.0);
    assert_near(find_row(rows, count, "pair_share.SA-1.SA-2"), 2 / 12.0);
    assert_near(find_row(rows, count, "shared_weights.distance"), 2);
    assert_near(find_row(rows, count, "shared_features.number"), 0.25);
    assert_near(find_row(rows, count, "bits_per_byte.upper_quartile"), 3);
    assert_near(find_row(rows, count, "failed"), 1);
    assert_true(isnan(find_row(rows, count, "class_share.SA-3")));
    assert_true(isnan(find_row(rows, count, "parameters.median")));
    assert_true(isnan(find_row(rows, count, "children")) && isnan(find_row(rows, count, "invalid_children")));
    analysis_rows_free(rows, count);
    analyse(all, 0, 40, analysis);
    assert_true(isnan(analysis->diversity) && analysis->connections[0].number == 0);
    free(analysis);
    for (int i = 0; i < 4; i++)
        free(all[i]->evaluations);
}

/* Ranks of what was trained short and long; candidates that had one of both are left out. */
static void test_agreements(void **unused) {
    (void)unused;
    static const double shorter[] = {5, 4, 3, 2, NAN, 9}, longer[] = {4, 3, 1, 2, 1, NAN};
    struct candidate candidates[7];
    int found;
    for (int i = 0; i < 6; i++) {
        candidates[i] = candidate(i + 1, "11111");
        evaluate(&candidates[i], 1, 10, shorter[i]);
        evaluate(&candidates[i], 1, 100, longer[i]);
    }
    candidates[6] = candidate(7, "11111");
    evaluate(&candidates[6], 1, 1000, 1);
    struct agreement *agreements = analyse_agreements(candidates, 7, METRIC_BITS_PER_BYTE, &found);
    assert_int_equal(found, 1);
    assert_int_equal(agreements[0].shorter, 10);
    assert_int_equal(agreements[0].longer, 100);
    assert_int_equal(agreements[0].candidates, 4);
    /* Ranks 4 3 2 1 and 4 3 1 2: 1 - 6 (1 + 1) / (4 (16 - 1)). */
    assert_near(agreements[0].correlation, 1 - 12 / 60.0);
    free(agreements);
    for (int i = 0; i < 7; i++)
        free(candidates[i].evaluations);
}

/* ---- lineage ---- */

/* 1 and 2 are founders, 3 their child, 4 a child of 3 and 2, 5 of nobody, 6 of 4 and of one that is not known. */
static void test_lineage(void **unused) {
    (void)unused;
    static const int parents[][2] = {{0, 0}, {0, 0}, {1, 2}, {3, 2}, {0, 0}, {4, 77}};
    static const int of_six[] = {6, 4, 3, 2, 1}, of_three[] = {3, 2, 1};
    struct candidate candidates[6];
    int found, *places;
    for (int i = 0; i < 6; i++) {
        candidates[i] = candidate(10 * (i + 1), "11111");
        for (int p = 0; p < 2; p++)
            candidates[i].individual.parents[p] = parents[i][p] ? 10 * parents[i][p] : 0;
    }
    places = lineage_of(candidates, 6, 60, &found);
    assert_int_equal(found, 5);
    for (int i = 0; i < found; i++)
        assert_int_equal(candidates[places[i]].individual.id, 10 * of_six[i]);
    free(places);
    places = lineage_of(candidates, 6, 30, &found);
    assert_int_equal(found, 3);
    for (int i = 0; i < found; i++)
        assert_int_equal(candidates[places[i]].individual.id, 10 * of_three[i]);
    free(places);
    for (int id = 0; id < 100; id += 7) {
        places = lineage_of(candidates, 6, id, &found);
        assert_int_equal(found > 0, id == 0 ? 0 : id % 10 == 0 && id <= 60);
        free(places);
    }
}

static void test_changes(void **unused) {
    (void)unused;
    struct candidate a = candidate(1, "11111-21111-11111"), b = candidate(2, "21111-11111-11111-11111"),
                     child = candidate(9, "21111-11111-11111-31111");
    const struct candidate *const parents[2] = {&a, &b};
    struct liv_change changes[GENOME_MAX_DEPTH];
    child.individual.parents[0] = 1;
    child.individual.parents[1] = 2;
    child.has_sources = true;
    const struct liv_source sources[] = {{0, 1}, {1, 2}, {1, 3}, {SOURCE_NEW, 0}};
    memcpy(child.individual.sources, sources, sizeof sources);
    lineage_changes(&child, parents, changes);
    assert_true(!changes[0].is_new && changes[0].parent == 1 && changes[0].place == 1);
    assert_true(!changes[1].is_new && changes[1].parent == 2 && changes[1].place == 2);
    assert_true(!changes[2].is_new && changes[2].parent == 2 && changes[2].place == 3);
    assert_true(changes[3].is_new);
    /* Genes 2 and 3 are of weights, the second kind: LIV 2 shared them in b. */
    b.individual.genome.livs[2].genes[LIV_FEATURIZER_STRATEGY] = 2;
    child.individual.genome.livs[2].genes[LIV_FEATURE_STRATEGY] = 3;
    lineage_changes(&child, parents, changes);
    assert_int_equal(changes[1].sharing[1], SHARING_ENDED);
    assert_int_equal(changes[2].sharing[0], SHARING_BEGUN);
    assert_int_equal(changes[2].sharing[1], SHARING_AS_BEFORE);
    b.individual.genome.livs[3].genes[LIV_FEATURE_STRATEGY] = 2;
    lineage_changes(&child, parents, changes);
    assert_int_equal(changes[2].sharing[0], SHARING_OTHERWISE);

    /* Not kept: by place and class, the first parent before the second. */
    child.has_sources = false;
    lineage_changes(&child, parents, changes);
    assert_true(!changes[0].is_new && changes[0].parent == 2 && changes[0].place == 0);
    assert_true(!changes[1].is_new && changes[1].parent == 2 && changes[1].place == 1);
    assert_true(!changes[2].is_new && changes[2].parent == 1 && changes[2].place == 2);
    assert_true(changes[3].is_new);
}

/* ---- the store ---- */

static void test_kept(void **unused) {
    (void)unused;
    static const char *const facts[RUN_FACTS] = {"name",   "config", "catalogue", "corpus", "device",
                                                 "driver", "1",      "panel",     "/text"};
    struct store *store;
    struct candidate founder = candidate(1, "11111-21111"), child = candidate(2, "21111-11111-31111"), *read;
    int count, *ids;
    child.individual.generation = 1;
    child.individual.parents[0] = child.individual.parents[1] = 1;
    child.individual.origin = ORIGIN_MUTANT;
    founder.individual.origin = ORIGIN_FOUNDER;
    const struct liv_source sources[] = {{1, 1}, {SOURCE_NEW, 0}, {0, 120}};
    memcpy(child.individual.sources, sources, sizeof sources);
    struct evaluation evaluation = {.metrics = metrics_absent()};
    assert_ok(store_create("kept", facts, &store));
    const struct individual *individuals[] = {&founder.individual, &child.individual};
    for (int i = 0; i < 2; i++) {
        struct evaluation_key key = {.genome = &individuals[i]->genome, .seed = 1, .steps = 4, .device = "cpu"};
        assert_ok(store_add_candidate(store, individuals[i]));
        assert_ok(store_add_evaluation(store, &key, &evaluation));
    }
    assert_ok(store_add_generation(store, 1, &child.individual, 1));
    assert_ok(store_candidates(store, &read, &count));
    assert_int_equal(count, 2);
    assert_int_equal(read[0].individual.origin, ORIGIN_FOUNDER);
    assert_false(read[0].has_sources);
    assert_int_equal(read[1].individual.origin, ORIGIN_MUTANT);
    assert_true(read[1].has_sources);
    assert_memory_equal(read[1].individual.sources, sources, sizeof sources);
    candidates_free(read, count);
    struct candidate untrained = candidate(3, "11111"), clone = candidate(4, "11111-21111");
    assert_ok(store_add_candidate(store, &untrained.individual));
    assert_ok(store_add_candidate(store, &clone.individual));
    assert_ok(store_every_candidate(store, &read, &count));
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(read[i].individual.id, i + 1);
        assert_int_equal(read[i].evaluation_count, i != 2);
    }
    candidates_free(read, count);
    assert_ok(store_candidates(store, &read, &count));
    assert_int_equal(count, 2);
    candidates_free(read, count);
    assert_ok(store_candidates_of(store, 1, &read, &count));
    assert_int_equal(count, 1);
    assert_int_equal(read[0].individual.id, 2);
    candidates_free(read, count);
    assert_ok(store_survivors(store, 1, &ids, &count));
    assert_true(count == 1 && ids[0] == 2);
    free(ids);

    const struct prediction_record records[] = {{2, 4, METRIC_BITS_PER_BYTE, 2.5, NAN},
                                                {1, 4, METRIC_BITS_PER_BYTE, 3.5, 0.25},
                                                {2, 4, METRIC_BITS_PER_BYTE, 2.75, 0.5}};
    struct prediction_record *predictions;
    assert_ok(store_add_predictions(store, records, 3));
    assert_ok(store_predictions(store, &predictions, &count));
    assert_int_equal(count, 2);
    assert_true(predictions[0].candidate == 1 && predictions[0].value == 3.5 && predictions[0].correlation == 0.25);
    assert_true(predictions[1].candidate == 2 && predictions[1].value == 2.75 && predictions[1].correlation == 0.5);
    assert_true(predictions[1].metric == METRIC_BITS_PER_BYTE && predictions[1].steps == 4);
    free(predictions);
    assert_ok(store_add_predictions(store, records, 1));
    assert_ok(store_predictions(store, &predictions, &count));
    assert_true(count == 2 && predictions[1].value == 2.5 && isnan(predictions[1].correlation));
    free(predictions);

    /* Recorded twice, the last values count; what there is none of is left out. */
    const struct named_value first[] = {{"diversity", 1}, {"gone", NAN}}, second[] = {{"diversity", 2}};
    assert_ok(store_add_analysis(store, 0, first, 2));
    assert_ok(store_add_analysis(store, 0, second, 1));
    store_close(store);
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open("kept/run.db", &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, "SELECT count(*), max(value) FROM analysis", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_true(sqlite3_column_int(statement, 0) == 1 && sqlite3_column_double(statement, 1) == 2);
    sqlite3_finalize(statement);

    /* A run of version 2: it has neither, and is read and migrated. */
    static const char older[] = "ALTER TABLE candidates DROP COLUMN origin; ALTER TABLE candidates DROP COLUMN sources;"
                                "DROP TABLE analysis; DROP TABLE predictions; DROP TABLE earlier; DROP TABLE progress;"
                                "ALTER TABLE evaluations DROP COLUMN trained_steps;"
                                "ALTER TABLE evaluations DROP COLUMN measured_on; DROP TABLE told;"
                                "PRAGMA user_version = 2;"
                                "UPDATE run SET value = 'train = { steps = 4; };' WHERE key = 'config'";
    assert_int_equal(sqlite3_exec(database, older, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    for (int writing = 0; writing < 2; writing++) {
        assert_ok(store_open("kept", writing, &store));
        assert_ok(store_candidates(store, &read, &count));
        assert_int_equal(count, 2);
        assert_int_equal(read[0].individual.origin, ORIGIN_RANDOM);
        assert_int_equal(read[1].individual.origin, ORIGIN_CHILD);
        assert_false(read[1].has_sources);
        candidates_free(read, count);
        if (writing)
            assert_ok(store_add_analysis(store, 0, first, 2));
        store_close(store);
    }
}

/* Repairs come back as they were recorded, and what cannot be a number of children is none. */
static void test_repairs_are_kept(void **unused) {
    (void)unused;
    enum { GENERATIONS = 6 };
    struct analysis *analyses = calloc(GENERATIONS, sizeof *analyses);
    struct store *store;
    int count;
    static const char *const facts[RUN_FACTS] = {"repairs", "", "", "", "", "", "", "", ""};
    assert_ok(store_create("repairs", facts, &store));
    repairs_note(&analyses[1].repairs, FAULT_ALONE | FAULT_CLASS);
    repairs_note(&analyses[1].repairs, 0);
    repairs_note(&analyses[1].repairs, FAULT_ALONE);
    struct named_value *rows = analysis_rows(&analyses[1], &catalogue, &count);
    assert_near(find_row(rows, count, "children"), 3);
    assert_near(find_row(rows, count, "invalid_children"), 2);
    assert_near(find_row(rows, count, "invalid_children.group_of_one"), 2);
    assert_near(find_row(rows, count, "invalid_children.class"), 1);
    assert_near(find_row(rows, count, "invalid_children.rule"), 0);
    /* Generation 2 has two of the numbers, 3 more that are invalid than there are, 4 and 5 what is no number of any. */
    for (int g = 1; g < GENERATIONS; g++)
        assert_ok(store_add_analysis(store, g, rows, g == 2 ? count - 1 : count));
    analysis_rows_free(rows, count);
    const struct named_value impossible[] = {{"invalid_children.rule", 4}, {"children", -3}, {"children", 1e300}};
    for (int g = 3; g < GENERATIONS; g++)
        assert_ok(store_add_analysis(store, g, &impossible[g - 3], 1));
    const struct named_value beyond = {"children", 9};
    assert_ok(store_add_analysis(store, GENERATIONS, &beyond, 1));
    struct repairs recorded = analyses[1].repairs;
    analyses[0].repairs.children = 7;
    analyses[1].repairs = (struct repairs){0};
    assert_ok(analysis_recall(store, analyses, GENERATIONS));
    assert_memory_equal(&analyses[1].repairs, &recorded, sizeof recorded);
    for (int g = 0; g < GENERATIONS; g++)
        if (g != 1)
            assert_true(analyses[g].repairs.children == 0 && analyses[g].repairs.invalid == 0);
    assert_ok(analysis_recall(store, NULL, 0));
    store_close(store);
    free(analyses);
}

/* What a damaged or hostile database may hold is not known; it is never read past. */
static void test_damaged_sources(void **unused) {
    (void)unused;
    static const char *const texts[] = {"", "0:0", "0:0 1:1 2:1", "0:0 x 1:1", "0:0 0:999 -", ":::::", "9:9 9:9 9:9"};
    struct candidate candidates = candidate(1, "11111-21111-31111");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(sources_parse(texts[i], &candidates.individual));
    assert_true(sources_parse("- - -", &candidates.individual));
    assert_true(sources_parse("0:127 - 1:0", &candidates.individual));
    assert_int_equal(candidates.individual.sources[0].liv, 127);
    assert_int_equal(candidates.individual.sources[2].parent, 1);
    char text[SOURCES_TEXT_BYTES];
    assert_string_equal(sources_print(&candidates.individual, text), "0:127 - 1:0");
}

static int set_up(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int tear_down(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),
        cmocka_unit_test(test_agreements),
        cmocka_unit_test(test_lineage),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_repairs_are_kept),
        cmocka_unit_test(test_damaged_sources),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
