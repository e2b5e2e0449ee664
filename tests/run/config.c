/* Experiment configs: defaults, overrides, what is refused, and that a printed config reads back as itself. */
#include "test.h"

#include "base/file.h"
#include "base/random.h"
#include "evolve/population.h"
#include "genome/builtin.h"
#include "model/architecture.h"
#include "run/config.h"
#include "run/evaluator.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES], file[TEST_PATH_BYTES + 8];
static struct run_config config;

static int make_file(void **unused) {
    (void)unused;
    int outcome = test_make_folder(folder);
    snprintf(file, sizeof file, "%s/config", folder);
    return outcome;
}

static int remove_file(void **unused) {
    (void)unused;
    return test_remove_folder(folder);
}

/* Reads a config of this text, with one assignment or none. */
static status load(const char *text, const char *assignment) {
    assert_ok(file_write(file, text, strlen(text)));
    return config_load(file, &assignment, assignment ? 1 : 0, true, &config);
}

#define DATA "data = { path = \"/etc/passwd\"; };\n"

static void refused(const char *text, const char *assignment, const char *words) {
    assert_fails(load(text, assignment), STATUS_USAGE, words);
}

static void test_defaults(void **unused) {
    (void)unused;
    assert_ok(load(DATA, NULL));
    assert_true(config.train.learning_rate == 2e-2);
    assert_int_equal(config.search.population, 16);
    assert_true(config.data.validation == 0.05 && config.data.test == 0.05);
    assert_string_equal(config.data.path, "/etc/passwd");
    assert_int_equal(config.search.objectives.count, 3);
    enum metric objectives[METRICS];
    assert_int_equal(config_objectives(&config, objectives), 3);
    assert_int_equal(objectives[2], METRIC_CACHE_BYTES);
    assert_ok(config_load(NULL, NULL, 0, false, &config));
}

static void test_overrides(void **unused) {
    (void)unused;
    assert_ok(load(DATA "model = { width = 64; };", "model.width=96"));
    assert_int_equal(config.model.width, 96);
    assert_ok(load(DATA, "search.objectives=[\"perplexity\"]"));
    assert_int_equal(config.search.objectives.count, 1);
    assert_ok(load(DATA, "run.seed=9007199254740991L"));
    assert_true(config.run.seed == 9007199254740991LL);
}

/* MAD's tasks need no path, and give models their vocabulary and context. */
static void test_tasks(void **unused) {
    (void)unused;
    assert_ok(load("data = { tasks = [\"noisy-in-context-recall\", \"compression\"]; };", NULL));
    struct model_settings settings = config_model_settings(&config);
    assert_int_equal(settings.vocabulary, 32);
    assert_int_equal(settings.context, 127);
    assert_false(settings.encodes);
    assert_ok(load("data = { tasks = [\"compression\"]; mad = { length = 20; vocabulary = 40; }; };", NULL));
    settings = config_model_settings(&config);
    assert_int_equal(settings.vocabulary, 40);
    assert_int_equal(settings.context, 20);
    assert_true(settings.encodes);
    assert_ok(load(DATA, NULL));
    settings = config_model_settings(&config);
    assert_int_equal(settings.vocabulary, 256);
    assert_int_equal(settings.context, 128);
    refused("data = { tasks = [\"compresion\"]; };", NULL,
            "\"compresion\" is not known, did you mean \"compression\"?");
    refused("data = { tasks = [\"compression\", \"compression\"]; };", NULL, "listed twice");
    refused("data = { tasks = [\"compression\"]; mad = { length = 1; }; };", NULL,
            "config:1: data.mad: length: a sequence of compression has 2 to 65536 tokens, not 1");
    refused("data = { tasks = [\"compression\"]; mad = { noise = 0.5; }; };", NULL, "none of data.tasks has noise");
    refused("data = { tasks = [\"compression\"]; mad = { nois = 0.5; }; };", NULL, "did you mean 'noise'?");
    refused("data = { tasks = []; };", NULL, "data.path is missing");
}

static void test_refusals(void **unused) {
    (void)unused;
    char words[128];
    snprintf(words, sizeof words, "%s:2: modle: unknown key, did you mean 'model'?", file);
    refused(DATA "modle = { };", NULL, words);
    snprintf(words, sizeof words, "%s:2: model.widht: unknown key, did you mean 'width'?", file);
    refused(DATA "model = { widht = 64; };", NULL, words);
    refused(DATA "model = { width = \"big\"; };", NULL,
            "model.width: must be an integer from 16 to 16384, not a string");
    refused(DATA "model = { width = 8; };", NULL, "8 is out of range; allowed: 16 to 16384");
    refused(DATA "model = { width = 72; };", NULL, "72 is not a multiple of 16");
    refused(DATA "model = { width = 64; head_channels = 24; };", NULL, "must be even and divide model.width, 64");
    refused(DATA "model = 3;", NULL, "must be a group");
    refused(DATA "train = { steps = 10; warmup = 11; };", NULL, "11 is more than train.steps, 10");
    refused(DATA "train = { learning_rate = 2.0; };", NULL, "2 is out of range; allowed: 0 to 1");
    refused(DATA "search = { algorithm = \"nsga3\"; };", NULL,
            "did you mean \"nsga2\"?; allowed: nsga2, nsga2-steady, ga");
    refused(DATA "search = { objectives = [\"parametres\"]; };", NULL, "did you mean \"parameters\"?");
    refused(DATA "search = { objectives = []; };", NULL, "objectives needs 1 to 8 names");
    refused(DATA "search = { objectives = [\"perplexity\", \"perplexity\"]; };", NULL, "listed twice");
    refused(DATA "search = { objectives = [\"test_bits_per_byte\"]; };", NULL,
            "\"test_bits_per_byte\" cannot be an objective: selection must not see the test part of the text");
    refused("data = { path = \"/etc/passwd\"; validation = 0.6;\ntest = 0.4; };", NULL,
            ":2: data.test: data.validation, 0.6, and data.test, 0.4, leave no text to train on; their sum must be "
            "below 1");
    refused(DATA, "data.validation=0.0", "--set data.validation: 0 is out of range");
    refused(DATA, "data.test=0.95", "--set data.test: 0.95 is out of range; allowed: 0.0001 to 0.9");
    assert_ok(load(DATA "train = { batch = 32767; };", "model.context=65536"));
    refused(DATA "train = { batch = 32768; };", "model.context=65536",
            ":2: train.batch: 32768 sequences of model.context, 65536, are 2147483648 tokens a step; at most "
            "2147483647 are possible");
    refused(DATA "devices = { gemm = \"cublas\"; };", NULL, "allowed: auto, panel, clblast, tiles");
    refused(DATA "train = { precision = \"float8\"; };", NULL,
            "nothing is trained in \"float8\"; allowed: float32, tf32, bfloat16, float16");
    refused(DATA "devices = { products = \"tf32\"; };", NULL, "devices.products: is train.precision now");
    refused(DATA "devices = { products = 3; };", NULL, "devices.products: is train.precision now");
    assert_ok(load(DATA "devices = { products = \"float32\"; };", NULL));
    refused(DATA "run = { name = \"a/b\"; };", NULL, "cannot name a folder");
    refused("", NULL, "data.path is missing");
    refused("data = { path = \"/nowhere/at/all\"; };", NULL, "there is no file or folder /nowhere/at/all");
    refused(DATA, "data.path=/nowhere", "--set data.path: there is no file or folder /nowhere");
    refused(DATA, "train.steps=0", "--set train.steps: 0 is out of range");
    refused(DATA "model = {", NULL, "syntax error");
    assert_fails(config_load("/nowhere.cfg", NULL, 0, true, &config), STATUS_USAGE, "cannot read /nowhere.cfg");
}

/* What algorithms and budgets take. */
static void test_search_options(void **unused) {
    (void)unused;
    refused(DATA "search = { algorithm = \"ga\"; };", NULL,
            "search: 3 are more than \"ga\" can optimise; allowed: at most 1; choose another "
            "search.algorithm, or put limits on the rest (search.limits)");
    refused(DATA "search = { algorithm = \"ga\"; population = 4; elite = 4; objectives = [\"perplexity\"]; };", NULL,
            "search.elite: 4 of a population of 4 leave no place for children; allowed: at most 3");
    refused(DATA "search = { free_mutation = 1; };", NULL, "search.free_mutation: must be true or false");
    refused(DATA, "search.rates.operator=-0.5",
            "search.rates.operator: -0.5 is no probability; allowed: 0 to 1, or -1, which is as search.mutation");
    refused(DATA "search = { reference = [ 1.0, 2.0 ]; };", NULL, "search.reference: 2 numbers for 3 objectives");
    refused(DATA "search = { population = 2; founders = [ \"a\", \"b\", \"c\" ]; };", NULL,
            "search.founders: 3 are more than a population of 2");
    refused(DATA "search = { founders = [ \"\" ]; };", NULL, "search.founders[0]: is empty");
    refused(DATA "search = { budget = { evaluations = 100000000; }; };", NULL,
            "search.budget: 100000000 candidates take");
    /* 10 x 4 x 32 x 2 tokens each */
    assert_ok(load(DATA "train = { steps = 10; batch = 4; warmup = 0; }; model = { context = 32; };"
                        "search = { seeds = 2; budget = { tokens = 7679; evaluations = 9; }; };",
                   NULL));
    assert_true(config_candidates_most(&config) == 2);
    assert_ok(load(DATA "search = { budget = { hours = 0.5; }; };", NULL));
    assert_true(config_has_budget(&config) && isinf(config_candidates_most(&config)));
    assert_ok(load(DATA "search = { mutation = 0.3; rates = { operator = 0.0; }; free_mutation = true; };", NULL));
    assert_false(config_has_budget(&config));
    struct variation variation = config_variation(&config);
    assert_true(variation.by_level && variation.free);
    assert_true(variation.rates[RATE_BACKBONE] == 0.3 && variation.rates[RATE_OPERATOR] == 0 &&
                variation.rates[RATE_FEATURIZER] == 0.3);
}

static void test_round_trip(void **unused) {
    (void)unused;
    assert_ok(load(DATA "run = { name = \"trip\"; seed = 9000000000L; };"
                        "model = { classes = [\"SA-1\", \"Rec-1\"]; };"
                        "train = { learning_rate = 0.123456789012345678; clip = 2; };"
                        "search = { founders = [ \"11111-81111\", \"with \\\"quotes\\\" and \\\\\" ];"
                        " reference = [ 1.5, -2.0, 3e9 ]; free_mutation = true; immigrants = 0.25; elite = 3;"
                        " rates = { backbone = 0.25; }; firefly = { absorption = 2.5; }; budget = { tokens ="
                        " 4000000000L; hours = 0.1; }; };",
                   NULL));
    struct run_config before = config;
    char *text = config_print(&config);
    assert_ok(config_load_text("printed", text, NULL, 0, true, &config));
    assert_memory_equal(&before, &config, sizeof config);
    char *again = config_print(&config);
    assert_string_equal(text, again);
    free(text);
    free(again);
}

/* Numbers in a printed config are the shortest decimals that mean them. */
static void test_short_numbers(void **unused) {
    (void)unused;
    assert_ok(load(DATA, "train.clip=20"));
    char *text = config_print(&config);
    assert_non_null(strstr(text, " validation = 0.05;"));
    assert_non_null(strstr(text, " learning_rate = 0.02;"));
    assert_non_null(strstr(text, " clip = 20.0;"));
    assert_null(strstr(text, "00000000000"));
    free(text);
}

/* Whatever a double holds comes back bit for bit, in at most the 17 digits that always suffice. */
static void test_number_round_trip(void **unused) {
    (void)unused;
    struct random_stream random = random_open(7, 7);
    assert_ok(load(DATA, NULL));
    for (int i = 0; i < 100; i++) {
        double share = random_word(&random) * ldexp(1, -32);
        share = (share + random_word(&random)) * ldexp(1, -32); /* all 53 bits are random */
        config.data.validation = 0.0001 + 0.4 * share;
        config.train.learning_rate = i % 2 ? share : pow(10, -(i % 300)) * (i % 7 + 1) / 10;
        config.train.final_rate = i % 3 ? share * share : DBL_MIN / (i + 1);
        config.train.clip = i % 2 ? 1e6 * share + 1e-6 : i * 997 % 1000000 + 1;
        struct run_config before = config;
        char *text = config_print(&config);
        assert_ok(config_load_text("printed", text, NULL, 0, true, &config));
        assert_memory_equal(&before, &config, sizeof config);
        free(text);
    }
}

static void test_catalogue_path(void **unused) {
    (void)unused;
    char here[PATH_MAX], expected[PATH_MAX];
    struct catalogue catalogue;
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(folder), 0);
    char *own_folder = realpath(".", NULL);
    snprintf(expected, sizeof expected, "%.4000s/mine.cfg", own_folder);
    free(own_folder);
    assert_ok(file_write("mine.cfg", builtin_files[0].text, strlen(builtin_files[0].text)));
    status outcome = load(DATA "model = { catalogue = \"mine.cfg\"; };", NULL);
    assert_int_equal(chdir(here), 0);
    assert_ok(outcome);
    assert_string_equal(config.model.catalogue, expected);
    char *text = config_print(&config);
    assert_ok(config_load_text("printed", text, NULL, 0, true, &config));
    free(text);
    assert_ok(catalogue_read(config.model.catalogue, &catalogue));
    /* Where the file is gone since, what needs it says so; a run has a copy of its own. */
    assert_ok(load(DATA, "model.catalogue=gone.cfg"));
    assert_fails(catalogue_read(config.model.catalogue, &catalogue), STATUS_USAGE, "cannot read gone.cfg");
    assert_ok(load(DATA, NULL));
    assert_string_equal(config.model.catalogue, "builtin");
}

/* What a search holds of its individuals has a limit, 4 GiB; the arithmetic is done again here. */
static void test_population_limit(void **unused) {
    (void)unused;
    char words[128];
    refused(DATA "search = { population = 4096; generations = 100000; };", NULL,
            "search.generations: 4096 x 100000 are 409600000 individuals");
    double each = (double)sizeof(struct individual) + 8,
           space = 4294967296.0 - 2 * 1000 * (double)sizeof(struct individual);
    long long most = (long long)(space / (1000 * each));
    snprintf(words, sizeof words, "search = { population = 1000; generations = %lld; };", most + 1);
    refused(words, "data.path=/etc/passwd", "at most 4.0 GiB");
    snprintf(words, sizeof words, "at most %lld generations", most);
    refused("search = { population = 1000; generations = 90000; };", "data.path=/etc/passwd", words);
    snprintf(words, sizeof words, "search = { population = 1000; generations = %lld; };", most);
    assert_ok(load(words, "data.path=/etc/passwd"));
}

/* The choice of STARCL_DEVICE is part of what a run was started with. */
static void test_device_choice(void **unused) {
    (void)unused;
    char *before = getenv("STARCL_DEVICE") ? strdup(getenv("STARCL_DEVICE")) : NULL, words[80];
    setenv("STARCL_DEVICE", "cpu", 1);
    assert_ok(load(DATA, NULL));
    assert_string_equal(config.devices.device, "cpu");
    assert_ok(load(DATA, "devices.device=\"0.0\""));
    assert_string_equal(config.devices.device, "0.0");
    memset(words, 'x', sizeof words);
    words[sizeof words - 1] = '\0';
    setenv("STARCL_DEVICE", words, 1);
    assert_fails(load(DATA, NULL), STATUS_USAGE, "STARCL_DEVICE is longer than 63 characters");
    unsetenv("STARCL_DEVICE");
    assert_ok(load(DATA, NULL));
    assert_string_equal(config.devices.device, "");
    if (before)
        setenv("STARCL_DEVICE", before, 1);
    free(before);
}

/* Those of a search, which no default names. */
static void test_devices_in_use(void **unused) {
    (void)unused;
    assert_ok(load(DATA, NULL));
    assert_int_equal(config.devices.use.count, 0);
    assert_ok(load(DATA, "devices.use=[\"0.0/2\", \"gpu\"]"));
    assert_int_equal(config.devices.use.count, 2);
    const char *first = text_list_next(&config.devices.use, NULL);
    assert_string_equal(first, "0.0/2");
    assert_string_equal(text_list_next(&config.devices.use, first), "gpu");
    assert_fails(load(DATA, "devices.use=[\"gpu\", \"\"]"), STATUS_USAGE, "devices.use[1]: is empty");
    assert_fails(load(DATA, "devices.use=\"gpu\""), STATUS_USAGE, "devices.use");
}

static void test_space(void **unused) {
    (void)unused;
    struct catalogue catalogue;
    struct genome_space space;
    struct genome fixed;
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(load(DATA "model = { classes = [\"Rec-1\", \"SA-1\"]; depth = 4; };", NULL));
    assert_ok(config_space(&config, &catalogue, &fixed, &space));
    assert_int_equal(space.class_count, 2);
    assert_int_equal(space.classes[0], 1 + catalogue_find(&catalogue, "Rec-1"));
    assert_int_equal(space.depth_least, 4);
    assert_int_equal(space.depth_most, 4);
    assert_true(space.backbone && !space.operators && !space.featurizers);
    assert_ok(load(DATA "model = { classes = [\"SA-9\"]; };", NULL));
    assert_fails(config_space(&config, &catalogue, &fixed, &space), STATUS_USAGE, "no class \"SA-9\"; allowed: SA-1, ");
}

static void test_levels(void **unused) {
    (void)unused;
    struct catalogue catalogue;
    struct genome_space space;
    struct genome fixed;
    char text[GENOME_TEXT_BYTES];
    assert_ok(catalogue_read(NULL, &catalogue));
    assert_ok(load(DATA "model = { depth = 5; pattern = [\"SA-1\", \"GMemless\"]; };"
                        "search = { levels = [\"operator\"]; norms = [\"pre\", \"both\"]; };",
                   NULL));
    assert_ok(config_space(&config, &catalogue, &fixed, &space));
    assert_true(!space.backbone && space.operators && !space.featurizers);
    assert_int_equal(space.norms, 1u << NORM_PRE | 1u << NORM_BOTH);
    assert_string_equal(genome_print(&fixed, text), "11111-81111-12121-82121-13131");
    assert_ok(load(DATA "search = { levels = [\"all\"]; depth_least = 2; depth_most = 9; };", NULL));
    assert_ok(config_space(&config, &catalogue, &fixed, &space));
    assert_true(space.backbone && space.operators && space.featurizers);
    assert_int_equal(space.depth_most, 9);
    refused(DATA "search = { levels = [\"operator\"]; };", NULL, "model.pattern must say what it is");
    refused(DATA "search = { levels = [\"operators\"]; };", NULL, "did you mean \"operator\"?");
    refused(DATA "search = { norms = [\"middle\"]; };", NULL, "allowed: pre, post, both");
    refused(DATA "search = { depth_least = 9; };", NULL, "the fewest LIVs are 9 and the most 6");
    assert_ok(load(DATA "model = { pattern = [\"SA-9\"]; };", NULL));
    assert_fails(config_pattern(&config, &catalogue, &fixed), STATUS_USAGE,
                 "model.pattern: the catalogue has no class");
}

/* Which keys differ, in the table's order, without those that may. */
/* Rungs are shares of the steps that rise to the whole; the schedule that they need comes with them. */
static void test_rungs(void **unused) {
    (void)unused;
    assert_ok(load(DATA, NULL));
    assert_int_equal(config_rungs(&config), 1);
    assert_int_equal(config_rung_steps(&config, 0), 400);
    assert_int_equal(config_schedule(&config), SCHEDULE_COSINE);
    assert_false(config.search.early_stopping || config.search.inheritance);
    assert_true(config.search.promoted == 1.0 / 3);
    static const char rungs[] = DATA "train = { steps = 50; warmup = 5; };"
                                     "search = { rungs = [0.1, 0.3, 1.0]; rung_decay = 0.2; early_stopping = true; };";
    assert_ok(load(rungs, NULL));
    assert_int_equal(config_rungs(&config), 3);
    assert_int_equal(config_rung_steps(&config, 0), 5);
    assert_int_equal(config_rung_steps(&config, 1), 15);
    assert_int_equal(config_rung_steps(&config, 2), 50);
    assert_int_equal(config_rung_decay(&config, 0), 1);
    assert_int_equal(config_rung_decay(&config, 1), 3);
    assert_int_equal(config_rung_decay(&config, 2), 0);
    assert_int_equal(config_schedule(&config), SCHEDULE_STABLE);
    assert_true(config.search.early_stopping);
    char *printed = config_print(&config);
    assert_non_null(strstr(printed, "rungs = [0.1, 0.3, 1.0];"));
    assert_non_null(strstr(printed, "early_stopping = true;"));
    free(printed);
    assert_ok(load(DATA, "search.rungs=[1.0]"));
    assert_int_equal(config_schedule(&config), SCHEDULE_COSINE);
    assert_ok(load(rungs, "search.inheritance=true"));
    assert_true(config.search.inheritance);
    refused(DATA "search = {\n rungs = [0.3, 0.1, 1.0]; };", NULL, "config:3: search.rungs: 0.1 is not above 0.3");
    refused(DATA, "search.rungs=[0.0, 1.0]", "0 is not above 0; rungs are shares that rise to 1.0");
    refused(DATA, "search.rungs=[0.1, 0.3]", "the last rung is 0.3; it must be 1.0, the whole training");
    refused(DATA, "search.rungs=[0.5, 1.5]", "1.5 is out of range; allowed: 0 to 1");
    refused(DATA, "search.rungs=0.5", "search.rungs: ");
    refused(DATA, "search.rungs=[\"a\"]", "search.rungs");
    refused(DATA "train = { steps = 4; warmup = 0; };", "search.rungs=[0.1, 0.3, 1.0]",
            "0.1 and 0.3 are both 1 of 4 steps (train.steps)");
    refused(rungs, "train.schedule=cosine", "allowed: \"stable\" or \"auto\"");
    refused(rungs, "train.schedule=stabel", "did you mean \"stable\"?; allowed: auto, cosine, stable");
    refused(rungs, "search.promoted=0.0", "search.promoted: nobody would reach the last rung");
    refused(DATA "search = { early_stopping = 1; };", NULL, "search.early_stopping: must be true or false");
}

static void test_differences(void **unused) {
    (void)unused;
    static const char *const none[] = {NULL}, *const some[] = {"train.steps", "devices.", NULL};
    static struct run_config other;
    assert_ok(load(DATA, NULL));
    other = config;
    assert_null(config_differences(&config, &other, none));
    assert_ok(load(DATA "model = { width = 64; classes = [\"SA-1\"]; };\n"
                        "train = { steps = 500; clip = 0.5; }; devices = { gemm = \"panel\"; };",
                   NULL));
    char *names = config_differences(&config, &other, none);
    assert_string_equal(names, "model.width, model.classes, train.steps, train.clip, devices.gemm");
    free(names);
    names = config_differences(&other, &config, some);
    assert_string_equal(names, "model.width, model.classes, train.clip");
    free(names);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rungs),          cmocka_unit_test(test_differences),
        cmocka_unit_test(test_defaults),       cmocka_unit_test(test_tasks),
        cmocka_unit_test(test_overrides),      cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_search_options),
        cmocka_unit_test(test_short_numbers),  cmocka_unit_test(test_number_round_trip),
        cmocka_unit_test(test_catalogue_path), cmocka_unit_test(test_population_limit),
        cmocka_unit_test(test_device_choice),  cmocka_unit_test(test_devices_in_use),
        cmocka_unit_test(test_space),          cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
