/*
 * Runs: made whole or not at all, never overwritten, held by one writer; what is recorded comes back, a part of it
 * never, and runs of older programs with it. In folders, or, where STARCL_TEST_STORE is the URL of a database
 * (tests/postgres.sh), those tests that fit there once more on a server; tests/run/server.c has what is a server's
 * alone.
 */
#include "test.h"

#include "base/file.h"
#include "run/schema.h"
#include "run/store.h"
#include "run/store_server.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES];
static const char *const facts[RUN_FACTS] = {"name",   "config text", "catalogue text", "corpus", "device",
                                             "driver", "1",           "panel",          "/text"};

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

static bool on_server(void) {
    return getenv("STARCL_TEST_STORE") != NULL;
}

/* Where the run of a name is. */
static const char *place(const char *name) {
    static char url[2][PATH_MAX];
    static int next;
    if (!on_server())
        return name;
    snprintf(url[next ^= 1], PATH_MAX, "%s#%s", getenv("STARCL_TEST_STORE"), name);
    return url[next];
}

static void test_create(void **unused) {
    (void)unused;
    struct store *store, *second;
    char run_status[32], *bytes;
    size_t length;
    assert_ok(store_create("deep/er/run/", facts, &store));
    assert_string_equal(store_path(store), "deep/er/run");
    assert_string_equal(store_fact(store, FACT_CATALOGUE), "catalogue text");
    assert_ok(store_get_status(store, run_status, sizeof run_status));
    assert_string_equal(run_status, "running");
    assert_ok(file_read("deep/er/run/config.cfg", &bytes, &length));
    assert_string_equal(bytes, "config text");
    free(bytes);

    /* One writer; readers beside it. */
    assert_fails(store_open("deep/er/run", true, &second), STATUS_FAILED, "another starcl is working in deep/er/run");
    assert_ok(store_open("deep/er/run", false, &second));
    assert_ok(store_set_status(store, "done"));
    assert_ok(store_get_status(second, run_status, sizeof run_status));
    assert_string_equal(run_status, "done");
    store_close(second);
    store_close(store);
    assert_ok(store_open("deep/er/run", true, &store));
    store_close(store);
}

/* A reader that holds sees nothing of what is written behind, and the writer does not wait for it. */
static void test_hold(void **unused) {
    (void)unused;
    struct store *writer, *reader;
    char run_status[32];
    assert_ok(store_create(place("held"), facts, &writer));
    assert_ok(store_open(place("held"), false, &reader));
    assert_ok(store_hold(reader));
    assert_ok(store_set_status(writer, "done"));
    assert_ok(store_get_status(reader, run_status, sizeof run_status));
    assert_string_equal(run_status, "running");
    assert_ok(store_hold(reader));
    assert_ok(store_get_status(reader, run_status, sizeof run_status));
    assert_string_equal(run_status, "done");
    store_close(reader);
    store_close(writer);
}

static void test_never_overwrites(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(file_make_directory("mine"));
    assert_fails(store_create("mine", facts, &store), STATUS_USAGE, "mine exists and is not overwritten");
    assert_ok(file_write("file", "x", 1));
    assert_fails(store_create("file", facts, &store), STATUS_USAGE, "file exists and is not overwritten");
    assert_fails(store_open("mine", false, &store), STATUS_USAGE, "mine is not a run: it has no run.db");
    assert_fails(store_open("nothing", true, &store), STATUS_USAGE, "nothing is not a run");
    assert_ok(file_make_directory("broken"));
    assert_ok(file_write("broken/run.db", "this is not a database, however long it is", 42));
    assert_fails(store_open("broken", false, &store), STATUS_FAILED, "broken/run.db");
    /* Nothing half made is left behind. */
    assert_int_not_equal(system("ls -A . | grep -q new"), 0);
}

static void test_default_names(void **unused) {
    (void)unused;
    struct store *first, *second;
    assert_ok(store_create(NULL, facts, &first));
    assert_ok(store_create(NULL, facts, &second));
    assert_string_equal(store_path(first), "runs/name-001");
    assert_string_equal(store_path(second), "runs/name-002");
    store_close(first);
    store_close(second);
}

static struct individual individual(int id, const char *genome) {
    struct individual result = {.id = id, .generation = id / 2, .parents = {id - 1, 0}};
    assert_ok(genome_parse(genome, &result.genome));
    return result;
}

static struct evaluation_key key(const struct individual *individual, unsigned long long seed, long long steps,
                                 const char *device) {
    return (struct evaluation_key){.genome = &individual->genome, .seed = seed, .steps = steps, .device = device};
}

/* An evaluation whose metrics are all `value`. */
static struct evaluation measured(double value) {
    struct evaluation result = {.seconds = value};
    for (int m = 0; m < METRICS; m++)
        result.metrics.values[m] = value;
    return result;
}

static struct database *open_tables(const char *name) {
    struct database *database;
    struct server_run run;
    char path[TEST_PATH_BYTES];
    snprintf(path, sizeof path, "%s/run.db", name);
    if (!on_server())
        assert_ok(database_open(path, DATABASE_CREATE, &database));
    else {
        assert_ok(server_run_read(place(name), &run));
        assert_ok(server_run_connect(&run, DATABASE_WRITE, &database));
    }
    return database;
}

static void run_sql(const char *name, const char *sql) {
    struct database *database = open_tables(name);
    assert_ok(database_execute(database, sql));
    database_close(database);
}

static long long ask_sql(const char *name, const char *sql) {
    struct database *database = open_tables(name);
    long long answer;
    assert_ok(database_number(database, sql, &answer));
    database_close(database);
    return answer;
}

/* Of the one metric that has an interval, and of one that has none. */
static void check_intervals(const struct evaluation *read) {
    assert_true(read->low.values[METRIC_TRAIN_TOKENS_PER_S] == 0.0625);
    assert_true(read->high.values[METRIC_TRAIN_TOKENS_PER_S] == 0.75);
    assert_true(isnan(read->low.values[METRIC_PARAMETERS]) && isnan(read->high.values[METRIC_PARAMETERS]));
}

static void test_records(void **unused) {
    (void)unused;
    struct store *store;
    struct individual a = individual(1, "11111"), b = individual(2, "21111"), copy = individual(3, "11111");
    struct evaluation_key key_a = key(&a, 5, 100, "device"), key_b = key(&b, 6, 100, "device");
    struct evaluation good = {.seconds = 1.5}, bad = {.failed = true, .reason = "it's \"broken\""}, read;
    struct candidate *candidates;
    bool found;
    int count;
    good.low = good.high = metrics_absent();
    for (int m = 0; m < METRICS; m++)
        good.metrics.values[m] = 1.0 / (m + 3);
    good.low.values[METRIC_TRAIN_TOKENS_PER_S] = 0.0625;
    good.high.values[METRIC_TRAIN_TOKENS_PER_S] = 0.75;
    assert_ok(store_create(place("records"), facts, &store));
    assert_ok(store_add_candidate(store, &a));
    assert_ok(store_add_candidate(store, &a));
    assert_ok(store_find_evaluation(store, &key_a, &found, &read));
    assert_false(found);
    assert_ok(store_add_evaluation(store, &key_a, &good));
    assert_ok(store_add_candidate(store, &b));
    assert_ok(store_add_evaluation(store, &key_b, &bad));
    assert_ok(store_add_candidate(store, &copy));
    assert_ok(store_add_generation(store, 0, &a, 1));
    assert_ok(store_add_generation(store, 0, &a, 1));
    cJSON *details = cJSON_CreateObject();
    cJSON_AddStringToObject(details, "reason", bad.reason);
    assert_ok(store_log(store, "failed", details));
    assert_ok(store_log(store, "plain", NULL));
    store_close(store);

    assert_ok(store_open(place("records"), true, &store));
    assert_string_equal(store_fact(store, FACT_TEXT), "/text");
    assert_ok(store_find_evaluation(store, &key_a, &found, &read));
    assert_true(found && !read.failed && read.seed == 5 && read.steps == 100 && read.seconds == 1.5);
    assert_string_equal(read.device, "device");
    assert_memory_equal(&read.metrics, &good.metrics, sizeof good.metrics);
    check_intervals(&read);
    assert_ok(store_find_evaluation(store, &key_b, &found, &read));
    assert_true(found && read.failed && isnan(read.metrics.values[0]));
    assert_string_equal(read.reason, bad.reason);
    assert_ok(store_candidates(store, &candidates, &count));
    assert_int_equal(count, 2);
    assert_int_equal(candidates[0].individual.id, 1);
    assert_int_equal(candidates[0].evaluation_count, 1);
    assert_false(candidates[0].individual.failed);
    assert_memory_equal(&candidates[0].evaluations[0].metrics, &good.metrics, sizeof good.metrics);
    check_intervals(&candidates[0].evaluations[0]);
    assert_int_equal(candidates[1].individual.id, 2);
    assert_int_equal(candidates[1].individual.parents[0], 1);
    assert_true(candidates[1].individual.failed);
    candidates_free(candidates, count);
    store_close(store);

    if (on_server())
        return;
    char *log;
    size_t length;
    assert_ok(file_read("records/log.jsonl", &log, &length));
    cJSON *line = cJSON_ParseWithLength(log, (size_t)(strchr(log, '\n') - log));
    assert_string_equal(cJSON_GetObjectItem(line, "reason")->valuestring, bad.reason);
    assert_string_equal(cJSON_GetObjectItem(line, "event")->valuestring, "failed");
    cJSON_Delete(line);
    free(log);
}

/* Genome, seed, steps and device make an evaluation; another device's is taken only where there is none of this one. */
static void test_keys(void **unused) {
    (void)unused;
    struct store *store;
    struct individual a = individual(1, "11111"), b = individual(2, "21111");
    struct evaluation_key first = key(&a, 1, 100, "cpu"), second = key(&a, 2, 100, "cpu"),
                          longer = key(&a, 1, 400, "cpu"), elsewhere = key(&a, 1, 100, "gpu"),
                          other = key(&b, 1, 100, "gpu"), unknown = key(&a, 3, 100, "cpu");
    struct evaluation values[] = {measured(1), measured(2), measured(3), measured(4), measured(5)}, read;
    struct candidate *candidates;
    bool found;
    int count;
    assert_ok(store_create(place("keys"), facts, &store));
    assert_ok(store_add_candidate(store, &a));
    assert_ok(store_add_candidate(store, &b));
    values[2].metrics.values[METRIC_PEAK_BYTES] = NAN; /* as if it were a metric that came later */
    assert_ok(store_add_evaluation(store, &longer, &values[2]));
    assert_ok(store_add_evaluation(store, &second, &values[1]));
    assert_ok(store_add_evaluation(store, &first, &values[0]));
    assert_ok(store_add_evaluation(store, &elsewhere, &values[3]));
    assert_ok(store_add_evaluation(store, &other, &values[4]));
    const struct {
        const struct evaluation_key *key;
        double value;
    } expected[] = {{&first, 1}, {&second, 2}, {&longer, 3}, {&elsewhere, 4}, {&other, 5}};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_ok(store_find_evaluation(store, expected[i].key, &found, &read));
        assert_true(found && read.metrics.values[0] == expected[i].value);
        assert_string_equal(read.device, expected[i].key->device);
    }
    assert_ok(store_find_evaluation(store, &unknown, &found, &read));
    assert_false(found);
    struct evaluation_key not_here = key(&b, 1, 100, "cpu");
    assert_ok(store_find_evaluation(store, &not_here, &found, &read));
    assert_true(found && read.metrics.values[0] == 5);

    /* What was not measured is absent, not 0. */
    assert_ok(store_find_evaluation(store, &longer, &found, &read));
    assert_true(isnan(read.metrics.values[METRIC_PEAK_BYTES]));
    assert_true(read.metrics.values[METRIC_CACHE_BYTES] == 3);

    /* In order of steps, then seed. */
    assert_ok(store_candidates(store, &candidates, &count));
    assert_int_equal(count, 2);
    assert_int_equal(candidates[0].evaluation_count, 4);
    const struct evaluation *of_a = candidates[0].evaluations;
    assert_true(of_a[0].seed == 1 && of_a[1].seed == 1 && of_a[2].seed == 2 && of_a[3].seed == 1);
    assert_true(of_a[2].steps == 100 && of_a[3].steps == 400);
    assert_true(isnan(of_a[3].metrics.values[METRIC_PEAK_BYTES]) && of_a[3].metrics.values[0] == 3);
    candidates_free(candidates, count);

    /* Of one key, the last one counts, with nothing left of the one before. */
    struct evaluation failure = {.failed = true, .reason = "lost"};
    assert_ok(store_add_evaluation(store, &second, &failure));
    assert_ok(store_find_evaluation(store, &second, &found, &read));
    assert_true(found && read.failed && isnan(read.metrics.values[0]));
    assert_ok(store_add_evaluation(store, &second, &values[1]));
    assert_ok(store_find_evaluation(store, &second, &found, &read));
    assert_true(found && !read.failed && read.metrics.values[0] == 2 && read.reason[0] == '\0');
    /* One that was stopped has measurements, and why. */
    struct evaluation stopped = values[1];
    stopped.stopped = true;
    snprintf(stopped.reason, sizeof stopped.reason, "stopped early");
    assert_ok(store_add_evaluation(store, &second, &stopped));
    assert_ok(store_find_evaluation(store, &second, &found, &read));
    assert_true(found && read.stopped && !read.failed && read.metrics.values[0] == 2);
    assert_string_equal(read.reason, "stopped early");
    assert_ok(store_add_evaluation(store, &second, &values[1]));
    assert_ok(store_find_evaluation(store, &second, &found, &read));
    assert_true(!read.stopped && read.reason[0] == '\0');
    store_close(store);
    assert_int_equal(ask_sql("keys", "SELECT count(*) FROM evaluations"), 5);

    /* A metric of a newer program is passed over. */
    run_sql("keys", "INSERT INTO measurements VALUES (1, 'later_metric', 0.5, 0.4, 0.6)");
    assert_ok(store_open(place("keys"), false, &store));
    assert_ok(store_find_evaluation(store, &longer, &found, &read));
    assert_true(found && read.metrics.values[0] == 3);
    store_close(store);
}

/* From now on, until accept_rows(), a table takes no row of which a condition holds. */
static void refuse_row(const char *name, const char *table, const char *condition, const char *words) {
    char sql[1024];
    if (on_server())
        snprintf(sql, sizeof sql,
                 "CREATE FUNCTION refuse_%s() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%s''; END';"
                 "CREATE TRIGGER refuse_%s BEFORE INSERT ON %s FOR EACH ROW WHEN (%s) EXECUTE FUNCTION refuse_%s();",
                 table, words, table, table, condition, table);
    else
        snprintf(sql, sizeof sql,
                 "CREATE TRIGGER refuse_%s BEFORE INSERT ON %s WHEN %s BEGIN SELECT RAISE (ABORT, '%s'); END;", table,
                 table, condition, words);
    run_sql(name, sql);
}

static void accept_rows(const char *name, const char *table) {
    char sql[256];
    snprintf(sql, sizeof sql, "DROP TRIGGER refuse_%s %s%s", table, on_server() ? "ON " : "", on_server() ? table : "");
    run_sql(name, sql);
}

/* Half of a generation, or of an evaluation, is never recorded; why it was not becomes an event. */
static void test_transactions(void **unused) {
    (void)unused;
    struct store *store;
    struct individual survivors[] = {individual(1, "11111"), individual(2, "21111"), individual(3, "31111")};
    struct evaluation_key of_first = key(&survivors[0], 1, 100, "cpu");
    struct evaluation good = measured(1);
    assert_ok(store_create(place("halves"), facts, &store));
    refuse_row("halves", "generations", "NEW.place = 1", "no second place");
    refuse_row("halves", "measurements", "NEW.metric = 'cache_bytes'", "no cache");
    assert_fails(store_add_generation(store, 0, survivors, 3), STATUS_FAILED,
                 on_server() ? "#halves: no second place" : "halves/run.db: no second place");
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM generations"), 0);
    accept_rows("halves", "generations");
    assert_ok(store_add_generation(store, 0, survivors, 3));
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM generations"), 3);
    assert_ok(store_log(store, "after", NULL));
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM events WHERE kind = 'rolled back' AND"
                                       " details LIKE '%no second place%'"),
                     1);
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM events"), 2);

    assert_fails(store_add_evaluation(store, &of_first, &good), STATUS_FAILED, "no cache");
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM evaluations"), 0);
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM measurements"), 0);
    store_close(store); /* tells it too */
    assert_int_equal(ask_sql("halves", "SELECT count(*) FROM events WHERE details LIKE '%no cache%'"), 1);
    if (!on_server())
        assert_int_equal(system("test $(grep -c 'rolled back' halves/log.jsonl) = 2"), 0);
}

/* An event is in the database and in the log, or in neither. */
static void test_events(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(store_create("events", facts, &store));
    assert_ok(store_log(store, "first", NULL));
    run_sql("events", "CREATE TRIGGER no_events BEFORE INSERT ON events"
                      " BEGIN SELECT RAISE (ABORT, 'no events'); END;");
    assert_fails(store_log(store, "second", NULL), STATUS_FAILED, "no events");
    assert_int_equal(system("test $(wc -l <events/log.jsonl) = 1"), 0);
    store_close(store);
    run_sql("events", "DROP TRIGGER no_events");
    /* A crash in the middle of a line. */
    assert_int_equal(system("printf '{\"half' >>events/log.jsonl"), 0);
    assert_ok(store_open("events", true, &store));
    assert_ok(store_log(store, "third", NULL));
    store_close(store);
    assert_int_equal(system("test $(wc -l <events/log.jsonl) = 2 && ! grep -q half events/log.jsonl"), 0);
}

/* The tables of version 0, as starcl 0.1.0 made them, with two evaluations. */
static const char version_0[] =
    "CREATE TABLE run (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE candidates (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL,"
    " genome TEXT NOT NULL, parent_1 INTEGER, parent_2 INTEGER);"
    "CREATE INDEX candidates_by_genome ON candidates (genome);"
    "CREATE TABLE generations (generation INTEGER, place INTEGER, candidate INTEGER NOT NULL,"
    " rank INTEGER NOT NULL, PRIMARY KEY (generation, place)) WITHOUT ROWID;"
    "CREATE TABLE events (time TEXT NOT NULL, kind TEXT NOT NULL, details TEXT NOT NULL);"
    "CREATE TABLE evaluations (genome TEXT PRIMARY KEY, status TEXT NOT NULL, reason TEXT,"
    " seed INTEGER NOT NULL, device TEXT NOT NULL, seconds REAL NOT NULL, bits_per_byte REAL, perplexity REAL,"
    " parameters REAL, flops_per_token REAL, cache_bytes REAL, train_tokens_per_s REAL);"
    "INSERT INTO run VALUES ('name', 'old'), ('config', 'train = { steps = 240; gone = 1; };'), ('catalogue', ''),"
    " ('corpus', 'c'), ('device', 'cpu'), ('driver', 'd'), ('version', '0.1.0'), ('status', 'interrupted');"
    "INSERT INTO candidates VALUES (1, 0, '11111', NULL, NULL), (2, 0, '21111', NULL, NULL), (3, 1, '11111', 1, 2);"
    "INSERT INTO evaluations VALUES ('11111', 'done', NULL, 9007199254740991, 'cpu', 2.5, 2.75, 6.7, 1000, 2e6, 512, "
    "0),"
    " ('21111', 'failed', 'no memory', 7, 'cpu', 0.5, NULL, NULL, NULL, NULL, NULL, NULL);"
    "INSERT INTO generations VALUES (0, 0, 1, 0);";

static void check_migrated(struct store *store) {
    struct individual a = individual(1, "11111"), b = individual(2, "21111");
    struct evaluation_key key_a = key(&a, 9007199254740991, 240, "cpu"), key_b = key(&b, 7, 240, "cpu");
    struct evaluation read;
    struct candidate *candidates;
    bool found;
    int count;
    assert_ok(store_find_evaluation(store, &key_a, &found, &read));
    assert_true(found && !read.failed && read.seconds == 2.5 && read.steps == 240);
    assert_true(read.metrics.values[METRIC_BITS_PER_BYTE] == 2.75);
    assert_true(read.metrics.values[METRIC_CACHE_BYTES] == 512);
    assert_true(read.metrics.values[METRIC_TRAIN_TOKENS_PER_S] == 0); /* measured, and 0 */
    assert_true(isnan(read.metrics.values[METRIC_PEAK_BYTES]));       /* not measured then */
    assert_true(isnan(read.low.values[METRIC_CACHE_BYTES]) && isnan(read.high.values[METRIC_CACHE_BYTES]));
    assert_ok(store_find_evaluation(store, &key_b, &found, &read));
    assert_true(found && read.failed && isnan(read.metrics.values[METRIC_BITS_PER_BYTE]));
    assert_string_equal(read.reason, "no memory");
    assert_ok(store_candidates(store, &candidates, &count));
    assert_int_equal(count, 2);
    assert_int_equal(candidates[0].individual.id, 1);
    candidates_free(candidates, count);
    assert_string_equal(store_fact(store, FACT_NAME), "old");
    assert_string_equal(store_fact(store, FACT_TEXT), "");
}

static void test_older_schema(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(file_make_directory("old"));
    run_sql("old", version_0);
    /* Read without a change, then migrated. */
    assert_ok(store_open("old", false, &store));
    check_migrated(store);
    store_close(store);
    assert_int_equal(ask_sql("old", "PRAGMA user_version"), 0);
    assert_int_equal(ask_sql("old", "SELECT count(bits_per_byte) FROM evaluations"), 1);
    assert_ok(store_open("old", true, &store));
    check_migrated(store);
    store_close(store);
    assert_int_equal(ask_sql("old", "PRAGMA user_version"), SCHEMA_VERSION);
    assert_int_equal(ask_sql("old", "SELECT count(*) FROM measurements"), 6);
    assert_ok(store_open("old", true, &store));
    check_migrated(store);
    store_close(store);
    /* A migration that fails leaves the old tables. */
    assert_ok(file_make_directory("stuck"));
    run_sql("stuck", version_0);
    run_sql("stuck", "CREATE TABLE measurements (mine TEXT)");
    assert_fails(store_open("stuck", true, &store), STATUS_FAILED, "stuck/run.db");
    assert_int_equal(ask_sql("stuck", "SELECT count(bits_per_byte) FROM evaluations"), 1);
}

/* Version 1 had no intervals; its evaluations are kept as they are. */
static void test_schema_of_version_1(void **unused) {
    (void)unused;
    struct store *store;
    struct individual a = individual(1, "11111");
    struct evaluation_key key_a = key(&a, 5, 240, "cpu");
    struct evaluation read;
    bool found;
    assert_ok(file_make_directory("first"));
    run_sql("first", version_0);
    run_sql("first",
            "DROP TABLE evaluations;"
            "CREATE TABLE evaluations (id INTEGER PRIMARY KEY, genome TEXT NOT NULL, seed INTEGER NOT NULL,"
            " steps INTEGER NOT NULL, device TEXT NOT NULL, status TEXT NOT NULL, reason TEXT, seconds REAL NOT NULL,"
            " UNIQUE (genome, seed, steps, device));"
            "CREATE TABLE measurements (evaluation INTEGER NOT NULL REFERENCES evaluations (id), metric TEXT NOT NULL,"
            " value REAL NOT NULL, PRIMARY KEY (evaluation, metric)) WITHOUT ROWID;"
            "INSERT INTO evaluations VALUES (1, '11111', 5, 240, 'cpu', 'done', NULL, 1.5);"
            "INSERT INTO measurements VALUES (1, 'cache_bytes', 512); PRAGMA user_version = 1;");
    for (int writing = 0; writing < 2; writing++) {
        assert_ok(store_open("first", writing, &store));
        assert_ok(store_find_evaluation(store, &key_a, &found, &read));
        assert_true(found && read.metrics.values[METRIC_CACHE_BYTES] == 512);
        assert_true(isnan(read.low.values[METRIC_CACHE_BYTES]));
        store_close(store);
        assert_int_equal(ask_sql("first", "PRAGMA user_version"), writing ? SCHEMA_VERSION : 1);
    }
}

static void test_newer_schema(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(store_create(place("new"), facts, &store));
    store_close(store);
    run_sql("new", on_server() ? "UPDATE schema_version SET version = 99" : "PRAGMA user_version = 99");
    run_sql("new", "UPDATE run SET value = '9.9' WHERE key = 'version'");
    for (int writing = 0; writing < 2; writing++) {
        assert_fails(store_open(place("new"), writing, &store), STATUS_USAGE,
                     "tables of version 99, made by starcl 9.9");
        assert_fails(store_open(place("new"), writing, &store), STATUS_USAGE, "use that program, or a newer one");
    }
}

/* Doubles and seeds come back bit for bit, from both engines. */
static void test_exact_numbers(void **unused) {
    (void)unused;
    static const double numbers[] = {
        0.1,     1.0 / 3,      DBL_MAX, DBL_MIN, 4.9406564584124654e-324, 1.7976931348623155e308,
        -2.5e-7, 1e15 + 0.125, INFINITY};
    static const unsigned long long seeds[] = {
        0, 1, 9007199254740993, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff};
    struct store *store;
    struct individual a = individual(1, "11111");
    struct evaluation read;
    bool found;
    assert_ok(store_create(place("exact"), facts, &store));
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct evaluation_key of_seed = key(&a, seeds[i], 100, "cpu");
        struct evaluation value = measured(numbers[i]);
        assert_ok(store_add_evaluation(store, &of_seed, &value));
    }
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        struct evaluation_key of_seed = key(&a, seeds[i], 100, "cpu");
        assert_ok(store_find_evaluation(store, &of_seed, &found, &read));
        assert_true(found && read.seed == seeds[i]);
        assert_memory_equal(&read.seconds, &numbers[i], sizeof read.seconds);
        assert_memory_equal(&read.metrics.values[0], &numbers[i], sizeof *numbers);
    }
    for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++) {
        struct progress_point point = {.place = i + 1, .candidate = 1, .hypervolume = numbers[i]}, *points;
        int count;
        assert_ok(store_add_progress(store, &(struct progress_point){.place = i + 1, .hypervolume = 7}));
        assert_ok(store_add_progress(store, &point));
        assert_ok(store_progress(store, &points, &count));
        assert_int_equal(count, i + 1);
        assert_memory_equal(&points[i].hypervolume, &numbers[i], sizeof *numbers);
        free(points);
    }
    store_close(store);
}

/* Texts of any kind, of which a server takes UTF-8 alone. */
static void test_texts(void **unused) {
    (void)unused;
    struct store *store;
    struct individual a = individual(1, "11111");
    struct evaluation_key of_a = key(&a, 1, 100, "cpu");
    struct evaluation failure = {.failed = true}, read;
    bool found;
    snprintf(failure.reason, sizeof failure.reason,
             "it's $1; \"%%s\" \\ \xc3\xa9 \xe2\x82\xac \xff \xc0\xaf \xed\xa0\x80.");
    assert_ok(store_create(place("texts"), facts, &store));
    assert_ok(store_add_evaluation(store, &of_a, &failure));
    assert_ok(store_find_evaluation(store, &of_a, &found, &read));
    assert_string_equal(read.reason,
                        on_server() ? "it's $1; \"%s\" \\ \xc3\xa9 \xe2\x82\xac ? ?? ???." : failure.reason);
    store_close(store);
}

/* Files of checkpoints/, wherever they are: whole, replaced, removed. */
static void test_files(void **unused) {
    (void)unused;
    static char large[(9 << 20) + 5], *bytes;
    struct store *store;
    size_t length;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 2654435761u >> 13);
    assert_ok(store_create(place("files"), facts, &store));
    assert_ok(file_write("large", large, sizeof large));
    assert_ok(store_put_file(store, "1.safetensors", "large"));
    assert_ok(file_write("small", "x", 1));
    assert_ok(store_put_file(store, "2.json", "small"));
    assert_ok(file_write("empty", "", 0));
    assert_ok(store_put_file(store, "3.json", "empty"));
    store_close(store);
    assert_ok(store_open(place("files"), true, &store));
    assert_ok(store_get_file(store, "1.safetensors", "back"));
    assert_ok(file_read("back", &bytes, &length));
    assert_int_equal(length, sizeof large);
    assert_memory_equal(bytes, large, sizeof large);
    free(bytes);
    assert_ok(store_put_file(store, "1.safetensors", "small"));
    assert_ok(store_get_file(store, "1.safetensors", "back"));
    assert_ok(file_read("back", &bytes, &length));
    assert_string_equal(bytes, "x");
    free(bytes);
    assert_ok(store_get_file(store, "3.json", "back"));
    assert_ok(file_read("back", &bytes, &length));
    assert_int_equal(length, 0);
    free(bytes);
    assert_ok(store_remove_file(store, "2.json"));
    assert_ok(store_remove_file(store, "2.json"));
    assert_fails(store_get_file(store, "2.json", "none"), STATUS_USAGE, "has no file 2.json");
    assert_false(file_exists("none"));
    store_close(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_never_overwrites),
        cmocka_unit_test(test_default_names),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_transactions),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_older_schema),
        cmocka_unit_test(test_schema_of_version_1),
        cmocka_unit_test(test_newer_schema),
        cmocka_unit_test(test_exact_numbers),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_files),
    };
    const struct CMUnitTest server_tests[] = {
        cmocka_unit_test(test_hold),         cmocka_unit_test(test_records), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_transactions), cmocka_unit_test(test_texts),   cmocka_unit_test(test_exact_numbers),
        cmocka_unit_test(test_newer_schema), cmocka_unit_test(test_files),
    };
    return on_server() ? cmocka_run_group_tests(server_tests, make_folder, remove_folder)
                       : cmocka_run_group_tests(tests, make_folder, remove_folder);
}
