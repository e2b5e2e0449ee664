/* Founders of a config: what words mean, and what is refused. Fronts of earlier runs are tested with the commands. */
#include "test.h"

#include "genome/builtin.h"
#include "run/founders.h"

#include <string.h>

static struct catalogue catalogue;
static struct run_config config;
static struct genome fixed;

static int set_up(void **unused) {
    (void)unused;
    return catalogue_read(NULL, &catalogue);
}

static status resolve(const char *assignment) {
    struct genome_space space;
    const char *assignments[] = {"model.depth=4", "search.population=3", assignment};
    assert_ok(config_load(NULL, assignments, 3, false, &config));
    assert_ok(config_space(&config, &catalogue, &fixed, &space));
    return founders_resolve(&config, builtin_files[0].text, &space);
}

static void check(const char *const *expected, int count) {
    const char *text = NULL;
    assert_int_equal(config.search.founders.count, count);
    for (int i = 0; i < count; i++) {
        text = text_list_next(&config.search.founders, text);
        assert_string_equal(text, expected[i]);
    }
    assert_null(text_list_next(&config.search.founders, text));
    struct genome *founders;
    int read;
    assert_ok(founders_read(&config, &founders, &read));
    assert_int_equal(read, count);
    free(founders);
}

/* Classes 1 SA-1, 3 SA-3, 4 Rec-1, 6 GConv-1, 8 GMemless; LIVs that share nothing have groups of their own. */
static void test_baselines(void **unused) {
    (void)unused;
    assert_ok(resolve("search.founders=[\"transformer++\", \"striped-mamba\", \"lfm2\"]"));
    check((const char *const[]){"11111-81111-12121-82121", "41111-81111-42121-82121", "61111-81111-62121-82121"}, 3);
    assert_ok(resolve("search.founders=[\"mamba\"]"));
    check((const char *const[]){"41111-42121-43131-44141"}, 1);
    assert_ok(resolve("run.seed=1"));
    check(NULL, 0);
}

/* A genome comes canonical, and what computes the same comes once. */
static void test_genomes(void **unused) {
    (void)unused;
    assert_ok(resolve("search.founders=[\"11111-81111-14141-82121\", \"transformer++\", \"11111-12121-13131-14141\"]"));
    check((const char *const[]){"11111-81111-12121-82121", "11111-12121-13131-14141"}, 2);
    /* Resolving what was resolved changes nothing. */
    struct genome_space space;
    assert_ok(config_space(&config, &catalogue, &fixed, &space));
    assert_ok(founders_resolve(&config, "", &space));
    check((const char *const[]){"11111-81111-12121-82121", "11111-12121-13131-14141"}, 2);
}

static void test_refusals(void **unused) {
    (void)unused;
    assert_fails(resolve("search.founders=[\"transformer\"]"), STATUS_USAGE,
                 "search.founders: \"transformer\": it is no genome such as 11111-81111, no baseline (transformer++, "
                 "striped-mamba, mamba, lfm2) and no folder of a run; did you mean \"transformer++\"?");
    assert_fails(resolve("search.founders=[\"11111-81111\"]"), STATUS_USAGE,

                 "search.founders: \"11111-81111\": the genome has 2 LIVs");
    assert_fails(resolve("search.founders=[\"11111-9999\"]"), STATUS_USAGE, "a LIV needs five genes");
    assert_fails(resolve("search.founders=[\"/\"]"), STATUS_USAGE, "is not a run: it has no run.db");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_baselines),
        cmocka_unit_test(test_genomes),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
