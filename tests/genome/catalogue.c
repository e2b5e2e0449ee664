/* Catalogue files: the default one, a user's own, and classes that break a rule. */
#include "test.h"

#include "genome/catalogue.h"
#include "genome/rules.h"

#include <stdio.h>
#include <string.h>

static struct catalogue catalogue;

static void test_default(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_int_equal(catalogue_find(&catalogue, "SA-1"), 0);
    assert_int_equal(catalogue_find(&catalogue, "none"), -1);
    const struct liv_class *attention = &catalogue.classes[0];
    char set[64];
    assert_int_equal(attention->featurizer_strategy_count, 4);
    assert_string_equal(feature_set_text(attention->feature_strategies[1], set, sizeof set), "B and V");
    assert_string_equal(feature_set_text(0, set, sizeof set), "nothing");
    char words[256];
    for (int i = 0; i < catalogue.class_count; i++)
        assert_null(class_broken_rule(&catalogue.classes[i], words, sizeof words));
}

#define CLASS(operator, features) "classes = ( { name = \"X\"; " operator" features = (" features "); } );"
#define DENSE(name) "{ name = \"" name "\"; channel_mixing = \"dense\"; }"
#define ATTENTION "token_mixing = \"low-rank\"; nonlinearity = \"softmax\"; channel_mixing = \"grouped\"; "

static void refused(const char *text, const char *words) {
    assert_fails(catalogue_read_text("my.cfg", text, &catalogue), STATUS_USAGE, words);
}

static void test_own_class(void **unused) {
    (void)unused;
    assert_ok(catalogue_read_text(
        "my.cfg",
        CLASS(ATTENTION, DENSE("C") "," DENSE("B") ", { name = \"V\"; channel_mixing = "
                                                   "\"dense\"; repeat = \"all\"; expansion = \"1/2\"; }"),
        &catalogue));
    assert_int_equal(catalogue.class_count, 1);
    const struct feature *v = class_feature(&catalogue.classes[0], FEATURE_V);
    assert_int_equal(v->repeat, REPEAT_ALL);
    assert_int_equal(v->expansion, EXPANSION_1_2);
}

static void test_rules(void **unused) {
    (void)unused;
    refused(CLASS(ATTENTION, DENSE("C") "," DENSE("V")),
            "token_mixing low-rank with channel_mixing grouped needs the features B, C and V");
    refused(CLASS(ATTENTION, DENSE("A") "," DENSE("B") "," DENSE("C") "," DENSE("V")), "has no use for the feature A");
    refused(CLASS("token_mixing = \"toeplitz\"; nonlinearity = \"silu\"; channel_mixing = \"grouped\"; kernel = 3; ",
                  DENSE("C") "," DENSE("B") "," DENSE("V")),
            "allows nonlinearity none, not silu");
    refused(
        CLASS("token_mixing = \"low-rank\"; channel_mixing = \"diagonal\"; ", DENSE("C") "," DENSE("B") "," DENSE("V")),
        "token_mixing low-rank allows channel_mixing grouped, dense, not diagonal");
    refused(CLASS(ATTENTION "differential = true; ", DENSE("C") "," DENSE("B") "," DENSE("V")),
            "differential, needs the features B, C, V, B2 and C2");
    refused(CLASS(ATTENTION, DENSE("C") "," DENSE("B") ", { name = \"V\"; channel_mixing = \"diagonal\"; expansion = "
                                                       "\"2\"; }"),
            "the feature V with expansion 2 and repeat 1 allows channel_mixing grouped, dense, low-rank, not diagonal");
    refused(CLASS(ATTENTION "kernel = 3; ", DENSE("C") "," DENSE("B") "," DENSE("V")), "has no kernel");
    refused(
        CLASS("token_mixing = \"toeplitz\"; channel_mixing = \"diagonal\"; ", DENSE("C") "," DENSE("B") "," DENSE("V")),
        "needs kernel from 1 to 16");
    refused(
        CLASS(ATTENTION, "{ name = \"C\"; channel_mixing = \"dense\"; repeat = \"2\"; }," DENSE("B") "," DENSE("V")),
        "the feature C allows repeat 1, not 2");
    refused(
        CLASS(ATTENTION, "{ name = \"C\"; channel_mixing = \"dense\"; expansion = \"2\"; }," DENSE("B") "," DENSE("V")),
        "need equal expansions");
}

static void test_words(void **unused) {
    (void)unused;
    refused("classes = ();", "1 to 32 classes");
    refused("klasses = ();", "unknown key, did you mean 'classes'?");
    refused("classes = ( { } );", "the key 'name' is missing");
    refused(CLASS("token_mixing = \"low-rnk\"; channel_mixing = \"grouped\"; ", DENSE("C")),
            "my.cfg:1: classes[0].token_mixing: \"low-rnk\" is not known, did you mean \"low-rank\"?");
    refused(CLASS(ATTENTION, DENSE("C") "," DENSE("C")), "the feature C is listed twice");
    refused(CLASS(ATTENTION "feature_sharing = (\"nothing\", \"B W\"); ", DENSE("C") "," DENSE("B") "," DENSE("V")),
            "the class has no feature 'W'");
    refused(CLASS(ATTENTION "feature_sharing = (\"B\"); ", DENSE("C") "," DENSE("B") "," DENSE("V")),
            "the first strategy must be \"nothing\"");
    refused(CLASS(ATTENTION "positions = \"learned\"; ", DENSE("C") "," DENSE("B") "," DENSE("V")),
            "allowed: \"none\", \"rotary\"");
    assert_fails(catalogue_read("/nowhere.cfg", &catalogue), STATUS_USAGE, "/nowhere.cfg");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default),
        cmocka_unit_test(test_own_class),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
