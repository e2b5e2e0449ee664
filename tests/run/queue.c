/*
 * The queue of a run on a server (tests/postgres.sh starts one), and what travels through it: jobs and results as text,
 * which come back bit for bit and are refused where they are not as a search writes them.
 */
#include "test.h"

#include "base/file.h"
#include "genome/catalogue.h"
#include "run/job_text.h"
#include "run/queue.h"
#include "run/store_server.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const facts[RUN_FACTS] = {"name",   "config text", "catalogue text", "corpus", "device",
                                             "driver", "1",           "panel",          "/text"};
static char folder[TEST_PATH_BYTES];
static struct catalogue catalogue;
static struct genome_space space;

static int begin(void **unused) {
    (void)unused;
    assert_ok(catalogue_read(NULL, &catalogue));
    space = genome_space_of(&catalogue);
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int end(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

/* ---- jobs as text ---- */

static const double awkward[] = {0.1 + 0.2, 1e-308, 4.3430042736639374};

static struct genome genome_of(const char *text) {
    struct genome genome;
    assert_ok(genome_parse(text, &genome));
    assert_ok(genome_validate(&genome, &space));
    return genome;
}

static void test_whole_job(void **unused) {
    (void)unused;
    static struct received_job received;
    struct genome genome = genome_of("11211-11211"), parent = genome_of("11111-21111");
    struct liv_source sources[GENOME_MAX_DEPTH] = {{1, 1}, {SOURCE_NEW, 0}};
    struct inheritance inheritance = {
        .parents = {NULL, &parent}, .weights = {NULL, "/there/7.safetensors"}, .sources = sources};
    const struct job job = {.measures_alone = true,
                            .genome = &genome,
                            .seed = 9007199254740991,
                            .steps = 120,
                            .schedule_steps = 480,
                            .side_steps = 12,
                            .resume_path = "/there/8.state",
                            .state_path = "/there/8.state-2",
                            .inheritance = &inheritance,
                            .stop = {awkward[0], awkward[1], awkward[2]},
                            .weights_path = "/there/8.safetensors",
                            .architecture_path = "/there/8.json"};
    char *text = job_print(&job);
    assert_ok(job_parse(text, &space, "/here", &received));
    assert_memory_equal(received.job.genome, &genome, sizeof genome);
    assert_true(received.job.measures_alone && received.job.seed == job.seed && received.job.observer == NULL);
    assert_true(received.job.steps == 120 && received.job.schedule_steps == 480 && received.job.side_steps == 12);
    assert_string_equal(received.job.resume_path, "/here/8.state");
    assert_string_equal(received.job.state_path, "/here/8.state-2");
    assert_string_equal(received.job.weights_path, "/here/8.safetensors");
    assert_string_equal(received.job.architecture_path, "/here/8.json");
    assert_memory_equal(&received.job.stop, &job.stop, sizeof job.stop);
    const struct inheritance *read = received.job.inheritance;
    assert_null(read->parents[0]);
    assert_memory_equal(read->parents[1], &parent, sizeof parent);
    assert_string_equal(read->weights[1], "/here/7.safetensors");
    assert_true(read->sources[0].parent == 1 && read->sources[0].liv == 1 && read->sources[1].parent == SOURCE_NEW);
    /* Printed once more it is the same text. */
    char *again = job_print(&received.job);
    assert_string_equal(again, text);
    free(again);
    free(text);
}

static void test_small_job(void **unused) {
    (void)unused;
    static struct received_job received;
    struct genome genome = genome_of("11211-11211");
    const struct job job = {.genome = &genome, .seed = 1, .steps = 5, .stop = {.above = NAN}};
    char *text = job_print(&job);
    assert_ok(job_parse(text, &space, "/here", &received));
    free(text);
    assert_true(!received.job.resume_path && !received.job.state_path && !received.job.weights_path);
    assert_true(!received.job.architecture_path && !received.job.inheritance && !received.job.measures_alone);
    assert_true(received.job.stop.above == 0);
}

/* A job of these members, which may replace the good ones. */
static status parse_with(const char *genome, const char *counts, const char *more) {
    static struct received_job received;
    char text[2048];
    snprintf(text, sizeof text, "{\"genome\": %s, %s%s}", genome, counts, more);
    return job_parse(text, &space, "/here", &received);
}

static const char good_genome[] = "\"11211-11211\"",
                  good_counts[] = "\"seed\": 1, \"steps\": 5, \"schedule_steps\": 5, \"side_steps\": 0";

static void test_hostile_jobs(void **unused) {
    (void)unused;
    static struct received_job received;
    assert_ok(parse_with(good_genome, good_counts, ""));
    static const char *const no_objects[] = {"", "[]", "1", "null", "\"job\"", "{\"genome\":", "[{\"seed\": 1}]"};
    for (size_t i = 0; i < sizeof no_objects / sizeof *no_objects; i++)
        assert_fails(job_parse(no_objects[i], &space, "/here", &received), STATUS_FAILED, "a job that was received");
    /* Names lead out of the folder, hide, or are none. */
    static const char *const names[] = {"\"../passwd\"", "\"/etc/passwd\"", "\"..\"",  "\".hidden\"", "\"\"",   "7",
                                        "\"a/b\"",       "\"a\\\\b\"",      "\"a b\"", "null",        "[\"a\"]"};
    static const char *const keys[] = {"resume", "state", "weights", "architecture"};
    char more[512], long_name[300] = "";
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            snprintf(more, sizeof more, ", \"%s\": %s", keys[k], names[n]);
            assert_fails(parse_with(good_genome, good_counts, more), STATUS_FAILED, "is no name of a file");
        }
    memset(long_name, 'a', 250);
    snprintf(more, sizeof more, ", \"weights\": \"%s\"", long_name);
    assert_fails(parse_with(good_genome, good_counts, more), STATUS_FAILED, "is no name of a file");
    /* Genomes that are none, or not of the space. */
    static const char *const genomes[] = {"\"\"", "\"x\"", "7", "[]", "\"11111-00000\"", "null"};
    for (size_t g = 0; g < sizeof genomes / sizeof *genomes; g++)
        if (parse_with(genomes[g], good_counts, "") == STATUS_OK)
            fail_test("the genome %s was taken", genomes[g]);
    space.depth_least = space.depth_most = 3;
    if (parse_with(good_genome, good_counts, "") == STATUS_OK)
        fail_test("a genome of another depth was taken");
    space.depth_least = space.depth_most = 0;
    /* Counts. */
    static const char *const counts[] = {"-1", "1e13", "1.5", "1e999", "\"5\"", "[5]", "null", "true"};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        snprintf(more, sizeof more, "\"seed\": 1, \"steps\": %s, \"schedule_steps\": 5, \"side_steps\": 0", counts[c]);
        assert_fails(parse_with(good_genome, more, ""), STATUS_FAILED, "its steps is no whole number");
    }
    assert_fails(parse_with(good_genome, "\"steps\": 5, \"schedule_steps\": 5, \"side_steps\": 0", ""), STATUS_FAILED,
                 "its seed is no whole number");
    /* A stop rule that is none never stops. */
    assert_ok(parse_with(good_genome, good_counts, ", \"stop\": [1e999, 0, 0]"));
}

/* Where LIVs come from is looked up in the parents. */
static void test_hostile_parents(void **unused) {
    (void)unused;
    static const char parents[] = "\"parents\": [{\"genome\": \"11111-21111\", \"weights\": \"7.safetensors\"}, null]";
    static const char *const sources[] = {"", "x", "0:-1 - ", "0:0 0:2", "0:200 -", "2:0 -", "0:0"};
    char more[512];
    snprintf(more, sizeof more, ", \"sources\": \"0:1 -\", %s", parents);
    assert_ok(parse_with(good_genome, good_counts, more));
    for (size_t s = 0; s < sizeof sources / sizeof *sources; s++) {
        snprintf(more, sizeof more, ", \"sources\": \"%s\", %s", sources[s], parents);
        if (parse_with(good_genome, good_counts, more) == STATUS_OK)
            fail_test("the sources '%s' were taken", sources[s]);
    }
    assert_fails(parse_with(good_genome, good_counts,
                            ", \"sources\": \"0:1 -\", \"parents\": [{\"genome\": \"11111-21111\","
                            " \"weights\": \"../7\"}, null]"),
                 STATUS_FAILED, "is no name of a file");
}

static void test_results(void **unused) {
    (void)unused;
    static struct job_result result, read;
    struct evaluation *evaluation = &result.evaluation;
    *evaluation = (struct evaluation){.stopped = true,
                                      .reason = "\"hopeless\"\n",
                                      .metrics = metrics_absent(),
                                      .low = metrics_absent(),
                                      .high = metrics_absent(),
                                      .steps = 120,
                                      .trained_steps = 60.5,
                                      .device = "a device",
                                      .seconds = awkward[0]};
    evaluation->metrics.values[0] = awkward[1];
    evaluation->metrics.values[1] = awkward[2];
    evaluation->low.values[1] = awkward[0];
    evaluation->high.values[1] = 1.0 / 3;
    now_curve_add(&result.curve, 10, 0.5);
    result.files.count = 1;
    snprintf(result.files.paths[0], PATH_MAX, "/there/8.json");
    char *text = result_print(&result);
    assert_ok(result_parse(text, 7, &read));
    free(text);
    assert_true(read.evaluation.stopped && !read.evaluation.failed && read.evaluation.seed == 7);
    assert_string_equal(read.evaluation.reason, evaluation->reason);
    assert_string_equal(read.evaluation.device, "a device");
    assert_true(read.evaluation.steps == 120 && read.evaluation.trained_steps == 60.5);
    assert_memory_equal(&read.evaluation.seconds, &awkward[0], sizeof(double));
    for (int m = 0; m < 2; m++)
        assert_memory_equal(&read.evaluation.metrics.values[m], &evaluation->metrics.values[m], sizeof(double));
    assert_memory_equal(&read.evaluation.low.values[1], &awkward[0], sizeof(double));
    assert_memory_equal(&read.evaluation.high.values[1], &evaluation->high.values[1], sizeof(double));
    assert_true(isnan(read.evaluation.low.values[0]) && isnan(read.evaluation.metrics.values[2]));
    assert_true(read.curve.count == 1 && read.curve.steps[0] == 10 && read.curve.losses[0] == 0.5);
    assert_string_equal(read.files.paths[0], "8.json");
}

static status parse_result(const char *changed, const char *more, struct job_result *result) {
    char text[2048];
    snprintf(text, sizeof text, "{\"steps\": 5, \"trained_steps\": 5%s, \"seconds\": 1%s%s}",
             strcmp(changed, "trained") == 0 ? "e999" : "", strcmp(changed, "seconds") == 0 ? "e999" : "", more);
    return result_parse(text, 1, result);
}

static void test_hostile_results(void **unused) {
    (void)unused;
    static struct job_result result;
    char more[512];
    assert_ok(parse_result("", "", &result));
    assert_fails(result_parse("[]", 1, &result), STATUS_FAILED, "no JSON object");
    assert_fails(result_parse("{\"seconds\": 1, \"trained_steps\": 1, \"steps\": -1}", 1, &result), STATUS_FAILED,
                 "its steps");
    assert_fails(result_parse("{\"seconds\": -1, \"trained_steps\": 1, \"steps\": 1}", 1, &result), STATUS_FAILED,
                 "its seconds");
    assert_fails(parse_result("seconds", "", &result), STATUS_FAILED, "its seconds are no time");
    assert_fails(parse_result("trained", "", &result), STATUS_FAILED, "its trained_steps");
    static const char *const files[] = {"[\"../x\"]", "[7]", "[\"/x\"]", "[\".x\"]", "[[]]"};
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        snprintf(more, sizeof more, ", \"files\": %s", files[f]);
        assert_fails(parse_result("", more, &result), STATUS_FAILED, "its files are no names");
    }
    /* More files than a job may write. */
    size_t length = (size_t)snprintf(more, sizeof more, ", \"files\": [\"a\"");
    for (int f = 0; f < JOB_MOST_FILES; f++)
        length += (size_t)snprintf(more + length, sizeof more - length, ", \"a\"");
    snprintf(more + length, sizeof more - length, "]");
    assert_fails(parse_result("", more, &result), STATUS_FAILED, "its files are no names");
    /* What is not finite was not measured. */
    snprintf(more, sizeof more, ", \"metrics\": {\"%s\": [1e999], \"%s\": [2, 1, 1e999]}, \"curve\": [[1, 1e999]]",
             metric_table[0].name, metric_table[1].name);
    assert_ok(parse_result("", more, &result));
    assert_true(isnan(result.evaluation.metrics.values[0]) && result.evaluation.metrics.values[1] == 2);
    assert_true(isnan(result.evaluation.low.values[1]) && isnan(result.evaluation.high.values[1]));
    assert_int_equal(result.curve.count, 0);
    snprintf(more, sizeof more, ", \"metrics\": [1, 2], \"curve\": {\"a\": 1}, \"reason\": [1]");
    assert_ok(parse_result("", more, &result));
    assert_string_equal(result.evaluation.reason, "");
}

/* ---- the queue ---- */

static const char *url(const char *name) {
    static char words[2][PATH_MAX];
    static int next;
    char *word = words[next ^= 1];
    snprintf(word, PATH_MAX, "%s#%s", getenv("STARCL_TEST_STORE"), name);
    return word;
}

/* A run with a driver and two workers. */
struct crew {
    struct store *driver, *first, *second;
};

static struct crew crew_of(const char *name) {
    struct crew crew;
    assert_ok(store_create(url(name), facts, &crew.driver));
    assert_ok(store_join(url(name), &crew.first));
    assert_ok(store_join(url(name), &crew.second));
    return crew;
}

static void dismiss(struct crew *crew) {
    store_close(crew->second);
    store_close(crew->first);
    store_close(crew->driver);
}

static long long put(struct crew *crew, const char *key) {
    struct new_job job = {.key = key, .job = key};
    assert_ok(queue_put(crew->driver, &job, 1));
    return job.id;
}

/* The job that the worker gets; "" where it gets none. */
static const char *lease(struct store *store, const char *worker, double seconds, struct leased_job *leased) {
    static char text[32];
    bool found;
    assert_ok(queue_lease(store, worker, NULL, seconds, &found, leased));
    snprintf(text, sizeof text, "%s", found ? leased->job : "");
    if (found)
        free(leased->job);
    return text;
}

static bool finish(struct store *store, const struct leased_job *leased, const char *result) {
    bool counts;
    assert_ok(queue_finish(store, leased, result, NULL, 0, &counts));
    return counts;
}

static bool has_lease(struct store *store, const struct leased_job *leased) {
    bool has;
    assert_ok(queue_has_lease(store, leased, &has));
    return has;
}

/* The only job that is done has this result (NULL: none), and is forgotten. */
static void assert_done(struct crew *crew, const char *result) {
    struct done_job *jobs;
    int count;
    assert_ok(queue_done(crew->driver, &jobs, &count));
    assert_int_equal(count, 1);
    if (result)
        assert_string_equal(jobs[0].result, result);
    else
        assert_null(jobs[0].result);
    assert_ok(queue_forget(crew->driver, &jobs[0].id, 1));
    done_jobs_free(jobs, count);
    assert_ok(queue_done(crew->driver, &jobs, &count));
    assert_int_equal(count, 0);
}

static void test_order(void **unused) {
    (void)unused;
    struct crew crew = crew_of("order");
    struct leased_job first, second;
    struct new_job jobs[] = {{.key = "a 'quoted\"", .job = "A"}, {.key = "b", .job = "B"}, {.key = "c", .job = "C"}};
    assert_ok(queue_put(crew.driver, jobs, 3));
    assert_true(jobs[0].id < jobs[1].id && jobs[1].id < jobs[2].id);
    /* A key is one job, also among others. */
    struct new_job again[] = {{.key = "b", .job = "other"}, {.key = "d", .job = "D"}};
    assert_ok(queue_put(crew.driver, again, 2));
    assert_true(again[0].id == jobs[1].id && again[1].id > jobs[2].id);
    assert_string_equal(lease(crew.first, "first", 10, &first), "A");
    assert_string_equal(lease(crew.second, "second", 10, &second), "B");
    assert_true(first.id == jobs[0].id && first.attempt == 1 && second.id == jobs[1].id);
    assert_true(finish(crew.second, &second, "b is done"));
    assert_true(finish(crew.second, &second, "b is done")); /* as where the answer was lost */
    assert_false(finish(crew.second, &second, "otherwise"));
    assert_done(&crew, "b is done");
    /* What nobody has is forgotten by another driver. */
    assert_ok(queue_begin(crew.driver));
    assert_string_equal(lease(crew.second, "second", 10, &second), "");
    assert_true(has_lease(crew.first, &first));
    assert_true(finish(crew.first, &first, "a is done"));
    assert_ok(queue_begin(crew.driver));
    assert_done(&crew, "a is done");
    dismiss(&crew);
}

static void put_file(struct store *store, const struct leased_job *leased, const char *file, const char *text) {
    char name[QUEUE_FILE_BYTES];
    assert_ok(file_write("written", text, strlen(text)));
    assert_ok(store_put_file(store, queue_file_name(leased, file, name), "written"));
}

static void assert_file(struct store *store, const char *name, const char *text) {
    char *bytes;
    size_t length;
    assert_ok(store_get_file(store, name, "read"));
    assert_ok(file_read("read", &bytes, &length));
    assert_string_equal(bytes, text);
    free(bytes);
}

static long long count_files(struct crew *crew) {
    struct server_run run;
    struct database *database;
    long long count;
    assert_ok(server_run_read(store_path(crew->driver), &run));
    assert_ok(server_run_open(&run, DATABASE_READ, &database));
    assert_ok(database_number(database, "SELECT count(*) FROM files", &count));
    database_close(database);
    return count;
}

/* Who has a job that ran out, and who has it then: the second one's result and file count. */
static void test_late(void **unused) {
    (void)unused;
    struct crew crew = crew_of("late");
    struct leased_job first, second;
    const char *const names[] = {"8.json"};
    bool counts;
    put(&crew, "a");
    assert_string_equal(lease(crew.first, "first", 0.2, &first), "a");
    assert_string_equal(lease(crew.second, "second", 10, &second), "");
    put_file(crew.first, &first, "8.json", "of the first");
    usleep(300000);
    assert_string_equal(lease(crew.second, "second", 10, &second), "a");
    assert_true(second.id == first.id && second.attempt == 2);
    put_file(crew.second, &second, "8.json", "of the second");
    assert_int_equal(count_files(&crew), 2);
    assert_false(has_lease(crew.first, &first));
    assert_ok(queue_finish(crew.first, &first, "late", names, 1, &counts));
    assert_false(counts);
    assert_false(finish(crew.first, &first, "late"));
    assert_int_equal(count_files(&crew), 1);
    assert_true(has_lease(crew.second, &second));
    assert_ok(queue_finish(crew.second, &second, "in time", names, 1, &counts));
    assert_true(counts);
    assert_file(crew.driver, "8.json", "of the second");
    assert_int_equal(count_files(&crew), 1);
    assert_done(&crew, "in time");
    dismiss(&crew);
}

/* A lease that a server lost when it fell is not that of the next worker, though it has its number. */
static void test_lost_lease(void **unused) {
    (void)unused;
    struct crew crew = crew_of("lost");
    struct leased_job first, second;
    char name[QUEUE_FILE_BYTES], other[QUEUE_FILE_BYTES];
    put(&crew, "a");
    assert_string_equal(lease(crew.first, "first", 10, &first), "a");
    assert_ok(queue_leave(crew.driver, "first")); /* as before the lease */
    assert_string_equal(lease(crew.second, "second", 10, &second), "a");
    assert_true(second.id == first.id && second.attempt == first.attempt);
    assert_string_not_equal(queue_file_name(&first, "x", name), queue_file_name(&second, "x", other));
    assert_false(has_lease(crew.first, &first));
    assert_false(finish(crew.first, &first, "late"));
    assert_ok(queue_hand_back(crew.first, &first));
    assert_true(finish(crew.second, &second, "in time"));
    assert_done(&crew, "in time");
    dismiss(&crew);
}

static void test_renewed(void **unused) {
    (void)unused;
    struct crew crew = crew_of("renewed");
    struct leased_job first, second;
    struct seen_worker *workers, seen = {.name = "first", .device = "one", .step = 3, .steps = 9, .loss = 0.1 + 0.2};
    int count;
    seen.job = put(&crew, "a");
    assert_string_equal(lease(crew.first, "first", 0.2, &first), "a");
    for (int i = 0; i < 3; i++) {
        assert_ok(queue_see(crew.first, &seen, 0.4));
        usleep(150000);
        assert_string_equal(lease(crew.second, "second", 10, &second), "");
    }
    assert_ok(queue_workers(crew.driver, 10, &workers, &count));
    assert_int_equal(count, 1);
    assert_string_equal(workers[0].name, "first");
    assert_string_equal(workers[0].device, "one");
    assert_true(workers[0].job == seen.job && workers[0].step == 3 && workers[0].steps == 9);
    assert_memory_equal(&workers[0].loss, &seen.loss, sizeof(double));
    free(workers);
    seen.loss = NAN;
    assert_ok(queue_see(crew.first, &seen, 0.2));
    assert_ok(queue_workers(crew.driver, 10, &workers, &count));
    assert_true(count == 1 && isnan(workers[0].loss));
    free(workers);
    usleep(300000);
    assert_ok(queue_workers(crew.driver, 0.1, &workers, &count));
    assert_int_equal(count, 0);
    free(workers);
    assert_string_equal(lease(crew.second, "second", 10, &second), "a");
    /* What was given to somebody else is not renewed. */
    assert_ok(queue_see(crew.first, &seen, 10));
    assert_false(has_lease(crew.first, &first));
    dismiss(&crew);
}

static void test_lost_workers(void **unused) {
    (void)unused;
    struct crew crew = crew_of("workers");
    struct leased_job leased;
    put(&crew, "a");
    for (int attempt = 1; attempt <= LEASES_MOST; attempt++) {
        assert_string_equal(lease(crew.first, "first", 0.05, &leased), "a");
        assert_int_equal(leased.attempt, attempt);
        usleep(100000);
    }
    assert_string_equal(lease(crew.second, "second", 10, &leased), "");
    assert_done(&crew, NULL);
    dismiss(&crew);
}

/* What a worker leaves counts for nothing; what it hands back counts as lost with it. */
static void test_leaving(void **unused) {
    (void)unused;
    struct crew crew = crew_of("leaving");
    struct leased_job leased, other;
    put(&crew, "a");
    put(&crew, "b");
    assert_string_equal(lease(crew.second, "second", 10, &other), "a");
    for (int i = 0; i < 2 * LEASES_MOST; i++) {
        assert_string_equal(lease(crew.first, "first", 10, &leased), "b");
        assert_int_equal(leased.attempt, 1);
        assert_ok(queue_leave(crew.first, "first"));
    }
    assert_true(has_lease(crew.second, &other));
    for (int attempt = 1; attempt <= LEASES_MOST; attempt++) {
        assert_string_equal(lease(crew.first, "first", 10, &leased), "b");
        assert_int_equal(leased.attempt, attempt);
        assert_ok(queue_hand_back(crew.first, &leased));
    }
    assert_string_equal(lease(crew.first, "first", 10, &leased), "");
    assert_done(&crew, NULL);
    assert_true(has_lease(crew.second, &other));
    dismiss(&crew);
}

int main(int count, char **words) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_job),    cmocka_unit_test(test_small_job),
        cmocka_unit_test(test_hostile_jobs), cmocka_unit_test(test_hostile_parents),
        cmocka_unit_test(test_results),      cmocka_unit_test(test_hostile_results),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_late),
        cmocka_unit_test(test_lost_lease),   cmocka_unit_test(test_renewed),
        cmocka_unit_test(test_lost_workers), cmocka_unit_test(test_leaving),
    };
    test_choose(count, words);
    return cmocka_run_group_tests(tests, begin, end);
}
