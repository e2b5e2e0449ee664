/*
 * Runs on a server of PostgreSQL (tests/postgres.sh starts one): what words name them, who writes to them, how they are
 * seen from outside, and that a connection which breaks at any moment loses nothing and does nothing twice.
 */
#include "test.h"

#include "base/file.h"
#include "run/sight.h"
#include "run/store_server.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const facts[RUN_FACTS] = {"name",   "config text", "catalogue text", "corpus", "device",
                                             "driver", "1",           "panel",          "/text"};
static char folder[TEST_PATH_BYTES];

static int make_folder(void **unused) {
    (void)unused;
    return test_make_folder(folder) == 0 && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **unused) {
    (void)unused;
    return chdir("/") == 0 ? test_remove_folder(folder) : -1;
}

/* The URL of the database with something behind it. */
static const char *url(const char *more) {
    static char words[4][PATH_MAX];
    static int next;
    char *word = words[next++ % 4];
    snprintf(word, PATH_MAX, "%s%s", getenv("STARCL_TEST_STORE"), more);
    return word;
}

static struct database *connect_to(const char *name, enum database_access access) {
    struct server_run run;
    struct database *database;
    char more[64];
    snprintf(more, sizeof more, "#%s", name);
    assert_ok(server_run_read(url(more), &run));
    assert_ok(server_run_connect(&run, access, &database));
    return database;
}

static void run_sql(const char *name, const char *sql) {
    struct database *database = connect_to(name, DATABASE_WRITE);
    assert_ok(database_execute(database, sql));
    database_close(database);
}

static long long ask_sql(const char *name, const char *sql) {
    struct database *database = connect_to(name, DATABASE_READ);
    long long answer;
    assert_ok(database_number(database, sql, &answer));
    database_close(database);
    return answer;
}

/* Ends all connections of starcl but the one that does it, and waits until they have. */
static void end_sessions(void) {
    static const char others[] = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'starcl %'"
                                 " AND pid <> pg_backend_pid()";
    struct database *database = connect_to("any", DATABASE_WRITE);
    long long left = 1;
    assert_ok(database_execute(database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                         " WHERE application_name LIKE 'starcl %' AND pid <> pg_backend_pid()"));
    while (left > 0)
        assert_ok(database_number(database, others, &left));
    database_close(database);
}

/* ---- words ---- */

static void assert_secret(const char *word) {
    struct server_run run;
    assert_int_equal(server_run_read(word, &run), STATUS_USAGE);
    if (strstr(status_message(), "secret"))
        fail_test("the message tells it: %s", status_message());
}

static void test_words(void **unused) {
    (void)unused;
    struct server_run run;
    assert_true(store_is_url("postgresql://h/d") && store_is_url("postgres://h/d"));
    assert_false(store_is_url("runs/postgresql"));
    assert_ok(server_run_read("postgresql://me@h:5433/d?sslmode=verify-full#a-1.b_C", &run));
    assert_string_equal(run.url, "postgresql://me@h:5433/d?sslmode=verify-full");
    assert_string_equal(run.name, "a-1.b_C");
    assert_string_equal(run.path, "postgresql://me@h:5433/d?sslmode=verify-full#a-1.b_C");
    assert_ok(server_run_read("postgresql://h/d", &run));
    assert_string_equal(run.name, "");
    assert_fails(server_run_read("postgresql://h/d#", &run), STATUS_USAGE, "cannot name a run");
    assert_fails(server_run_read("postgresql://h/d#a\"b", &run), STATUS_USAGE, "cannot name a run");
    assert_fails(server_run_read("postgresql://h/d#a:7", &run), STATUS_USAGE, "cannot name a run");
    assert_fails(server_run_read("postgresql://h/d#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &run),
                 STATUS_USAGE, "too long");
    assert_fails(server_run_read("postgresql://h/d?nothing=1", &run), STATUS_USAGE, "nothing");
    /* No message repeats a password, wherever it stands and whatever else is wrong. */
    assert_secret("postgresql://me:secret@h/d#run");
    assert_fails(server_run_read("postgresql://me:x@h/d", &run), STATUS_USAGE, "~/.pgpass");
    assert_secret("postgresql://h/d?password=secret");
    assert_secret("postgresql://h/d?sslpassword=secret&sslmode=require");
    assert_secret("postgresql://me:secret%zz@h/d");
    assert_secret("postgresql://me:secret@h/d?nothing=1");
    assert_secret("postgresql://h/d?passwordd=secret");
    assert_secret("postgresql://h/d?pass%77ord=secret");
    assert_secret("postgresql://me:a#secret@h/d");
    assert_secret("postgresql://me:secret#a@h/d");
    assert_secret("postgresql://me:a/secret@h/d");
    assert_secret("postgresql://me:secret/a@h/d#run");
    assert_secret("postgresql://me:a/b?secret@h/d");
    assert_secret("postgresql:/me:secret@h/d");
    assert_secret("PostgreSQL://me:secret@h/d");
    assert_true(store_is_url("PostgreSQL://h/d") && store_is_url("postgres:/h/d"));
    /* At signs that are behind no password. */
    assert_ok(server_run_read("postgresql://me@[fd77::2]:5433/d#run", &run));
    assert_ok(server_run_read("postgresql://me@h:1,g:2/d?sslmode=require#run", &run));
    assert_ok(server_run_read("postgresql://h:5433/d?user=me@realm&passfile=/home/me/passwords#run", &run));
}

/* ---- which runs there are ---- */

static void test_names(void **unused) {
    (void)unused;
    struct store *first, *second;
    assert_fails(store_open(url(""), false, &first), STATUS_USAGE, "holds none of starcl's");
    assert_fails(store_open(url("#gone"), true, &first), STATUS_USAGE, "#gone is not a run: that database holds none");
    /* As folders: the next number, and what exists is refused. */
    assert_ok(store_create(url(""), facts, &first));
    assert_true(store_is_on_server(first));
    assert_string_equal(store_path(first), url("#name-001"));
    store_close(first);
    assert_ok(store_open(url(""), false, &first)); /* there is only one */
    assert_string_equal(store_path(first), url("#name-001"));
    assert_string_equal(store_fact(first, FACT_CATALOGUE), "catalogue text");
    store_close(first);
    assert_ok(store_create(url(""), facts, &second));
    assert_string_equal(store_path(second), url("#name-002"));
    store_close(second);
    assert_fails(store_open(url(""), false, &first), STATUS_USAGE, "several runs: name-001, name-002; add #NAME");
    assert_fails(store_open(url("#gone"), false, &first), STATUS_USAGE, "that database holds: name-001, name-002");
    assert_fails(store_create(url("#name-002"), facts, &first), STATUS_USAGE, "exists and is not overwritten");
    assert_fails(store_check_free(url("#name-001")), STATUS_USAGE, "exists and is not overwritten");
    assert_ok(store_check_free(url("#other")));
    run_sql("name-001", "DROP SCHEMA \"starcl_name-001\" CASCADE");
    run_sql("name-002", "DROP SCHEMA \"starcl_name-002\" CASCADE");
    /* A schema of that name which is none of ours; a server that only reads; letters that no server keeps. */
    run_sql("odd", "CREATE SCHEMA starcl_odd");
    assert_fails(store_open(url("#odd"), false, &first), STATUS_FAILED, "not made by starcl");
    run_sql("odd", "DROP SCHEMA starcl_odd");
    assert_fails(store_create(url("&options=-cdefault_transaction_read_only%3Don#read"), facts, &first), STATUS_FAILED,
                 "only reads");
    const char *strange[RUN_FACTS];
    memcpy(strange, facts, sizeof strange);
    strange[FACT_TEXT] = "/text\xff";
    assert_fails(store_create(url("#strange"), strange, &first), STATUS_USAGE, "the run's text is none");
    assert_ok(store_check_free(url("#strange")));
}

static void test_one_writer(void **unused) {
    (void)unused;
    struct store *store, *second;
    struct database *database;
    struct server_run run;
    bool is_open;
    assert_ok(store_create(url("#one"), facts, &store));
    assert_fails(store_open(url("#one"), true, &second), STATUS_FAILED, "another starcl is working in");
    assert_true(strstr(status_message(), "#one (starcl ") != NULL);
    assert_ok(store_open(url("#one"), false, &second));
    store_close(second);
    assert_ok(server_run_read(url("#one"), &run));
    assert_ok(server_run_open(&run, DATABASE_READ, &database));
    assert_ok(server_run_is_open(database, &run, &is_open));
    assert_true(is_open);
    /* It is also held on the next connection. */
    store_set_patience(store, 10);
    end_sessions();
    assert_ok(store_set_status(store, "running"));
    assert_fails(store_open(url("#one"), true, &second), STATUS_FAILED, "another starcl is working in");
    store_close(store);
    assert_ok(server_run_is_open(database, &run, &is_open));
    assert_false(is_open);
    assert_ok(store_open(url("#one"), true, &store));
    store_close(store);
    database_close(database);
}

/* ---- seen from outside ---- */

static void assert_sight(struct sight *sight, enum sight_state state, bool changed, const char *words) {
    char text[SIGHT_TEXT_BYTES];
    sight_look(sight);
    if (sight->state != state || sight->changed != changed || !strstr(sight_text(sight, text), words))
        fail_test("state %d, changed %d: %s", sight->state, sight->changed, sight_text(sight, text));
}

static void test_sight(void **unused) {
    (void)unused;
    struct store *store;
    struct sight *sight;
    struct now_teller teller = {.last_clock = 0};
    assert_ok(store_create(url("#seen"), facts, &store));
    assert_ok(sight_open(url("#seen"), &sight));
    assert_string_equal(sight->device, "device");
    assert_sight(sight, SIGHT_RUNNING, false, "running");
    assert_ok(store_log(store, "started", NULL));
    assert_sight(sight, SIGHT_RUNNING, true, "running");
    assert_sight(sight, SIGHT_RUNNING, false, "running");
    /* What it does now is no change. */
    assert_false(sight->has_now);
    now_tell(&teller, store, &(struct now){.training = {.what = "candidate 1", .step = 5, .steps = 9, .loss = 2}});
    assert_sight(sight, SIGHT_RUNNING, false, "running");
    assert_true(sight->has_now);
    assert_string_equal(sight->now.training.what, "candidate 1");
    now_end(store);
    assert_sight(sight, SIGHT_RUNNING, false, "running");
    assert_false(sight->has_now);
    assert_ok(store_set_status(store, "done"));
    assert_sight(sight, SIGHT_DONE, true, "done");
    assert_ok(store_set_status(store, "running"));
    store_close(store);
    assert_sight(sight, SIGHT_KILLED, true, "go on with: starcl resume postgresql://");
    /* A look that finds no server is one, and the next one finds it again. */
    end_sessions();
    sight_look(sight);
    sight_look(sight);
    assert_int_equal(sight->state, SIGHT_KILLED);
    run_sql("seen", "DROP SCHEMA starcl_seen CASCADE");
    assert_sight(sight, SIGHT_GONE, false, "moved or deleted");
    assert_ok(store_create(url("#seen"), facts, &store));
    assert_sight(sight, SIGHT_RUNNING, true, "running");
    store_close(store);
    sight_close(sight);
}

/* ---- checkpoints ---- */

static void write_checkpoint(struct store *store, int id, const char *text) {
    char path[PATH_MAX];
    store_checkpoint_path(store, id, ".json", path, sizeof path);
    assert_ok(file_write(path, text, strlen(text)));
}

static void assert_file(struct store *store, const char *name, const char *text) {
    char *bytes;
    size_t length;
    assert_ok(store_get_file(store, name, "read"));
    assert_ok(file_read("read", &bytes, &length));
    assert_string_equal(bytes, text);
    free(bytes);
}

/* What its writer has in its folder is on the server with the next thing that is recorded, and comes back to the next
 * writer. */
static void test_checkpoints(void **unused) {
    (void)unused;
    struct store *store, *reader;
    char path[PATH_MAX], scratch[PATH_MAX];
    assert_ok(store_create(url("#kept"), facts, &store));
    write_checkpoint(store, 1, "first");
    write_checkpoint(store, 2, "second");
    store_checkpoint_path(store, 3, ".json.77.new", path, sizeof path);
    assert_ok(file_write(path, "half", 4));
    assert_ok(store_log(store, "evaluated", NULL));
    assert_ok(store_open(url("#kept"), false, &reader));
    assert_file(reader, "1.json", "first");
    assert_int_equal(ask_sql("kept", "SELECT count(*) FROM files"), 2);
    write_checkpoint(store, 1, "again");
    store_checkpoint_path(store, 2, ".json", path, sizeof path);
    assert_int_equal(unlink(path), 0);
    assert_ok(store_set_status(store, "interrupted"));
    assert_file(reader, "1.json", "again");
    assert_fails(store_get_file(reader, "2.json", "read"), STATUS_USAGE, "has no file 2.json");
    long long changes = ask_sql("kept", "SELECT sum(number) FROM changes");
    assert_ok(store_set_status(store, "interrupted"));
    assert_int_equal(ask_sql("kept", "SELECT sum(number) FROM changes"), changes + 1); /* no file was brought again */
    snprintf(scratch, sizeof scratch, "%.*s", (int)(strstr(path, "/checkpoints") - path), path);
    assert_true(file_is_directory(scratch));
    store_close(store);
    assert_false(file_exists(scratch));
    run_sql("kept", "INSERT INTO files VALUES ('../evil', 0, ''), ('7.json.new', 0, '')");
    assert_ok(store_open(url("#kept"), true, &store));
    store_checkpoint_path(store, 1, ".json", path, sizeof path);
    assert_true(file_exists(path));
    store_checkpoint_path(store, 7, ".json.new", path, sizeof path);
    assert_false(file_exists(path));
    snprintf(strstr(path, "/checkpoints"), 8, "/evil");
    assert_false(file_exists(path));
    store_close(store);
    store_close(reader);
}

/* ---- a connection that breaks ---- */

static status put(struct database *database, const char *key) {
    struct statement *statement;
    TRY(database_prepare(database, "INSERT INTO run VALUES ($1, 'x')", &statement));
    statement_bind_text(statement, 1, key);
    return statement_finish(statement);
}

static void test_lost(void **unused) {
    (void)unused;
    struct store *store;
    struct database *database;
    long long number;
    assert_ok(store_create(url("#lost"), facts, &store));
    store_close(store);
    database = connect_to("lost", DATABASE_WRITE);
    database_set_patience(database, 10);
    /* Between two transactions, in one at any place, and in a reading. */
    end_sessions();
    assert_ok(put(database, "alone"));
    assert_ok(database_begin(database));
    end_sessions();
    assert_ok(put(database, "first"));
    assert_ok(put(database, "second"));
    end_sessions();
    assert_ok(put(database, "third"));
    end_sessions();
    assert_ok(database_conclude(database, STATUS_OK));
    assert_int_equal(ask_sql("lost", "SELECT count(*) FROM run WHERE value = 'x'"), 4);
    end_sessions();
    assert_ok(database_number(database, "SELECT count(*) FROM run WHERE value = 'x'", &number));
    assert_int_equal(number, 4);
    /* What was to be rolled back is. */
    assert_ok(database_begin(database));
    assert_ok(put(database, "never"));
    end_sessions();
    assert_int_equal(database_conclude(database, STATUS_FAILED), STATUS_FAILED);
    assert_int_equal(ask_sql("lost", "SELECT count(*) FROM run WHERE key = 'never'"), 0);
    /* One that has read is not done again; the next one is possible. */
    assert_ok(database_begin(database));
    assert_ok(database_number(database, "SELECT count(*) FROM run", &number));
    end_sessions();
    status outcome = put(database, "read");
    assert_int_equal(database_conclude(database, outcome), STATUS_FAILED);
    assert_true(strstr(status_message(), "lost while it was read") != NULL);
    assert_ok(put(database, "after"));
    assert_ok(database_hold(database));
    end_sessions();
    assert_fails(database_number(database, "SELECT 1", &number), STATUS_FAILED, "lost while it was read");
    assert_ok(database_hold(database));
    assert_ok(database_number(database, "SELECT 1", &number));
    database_close(database);
}

/* The server ends the session at the commit itself, the first two times. */
static void test_lost_commit(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(store_create(url("#commit"), facts, &store));
    store_set_patience(store, 10);
    run_sql("commit", "CREATE SEQUENCE tries;"
                      "CREATE FUNCTION break() RETURNS trigger LANGUAGE plpgsql AS"
                      " 'BEGIN IF nextval(''tries'') <= 2 THEN PERFORM pg_terminate_backend(pg_backend_pid());"
                      " PERFORM pg_sleep(5); END IF; RETURN NULL; END';"
                      "CREATE CONSTRAINT TRIGGER break AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED"
                      " FOR EACH ROW EXECUTE FUNCTION break();");
    assert_ok(store_log(store, "once", NULL));
    assert_int_equal(ask_sql("commit", "SELECT count(*) FROM events WHERE kind = 'once'"), 1);
    assert_int_equal(ask_sql("commit", "SELECT count(*) FROM events"), 1);
    assert_int_equal(ask_sql("commit", "SELECT last_value FROM tries"), 3);
    store_close(store);
}

/* In another process: ends the session that waits for a standby, when it has committed, and then lets nobody wait. */
static void end_committed(void) {
    static const char waiting[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
    struct database *database;
    struct server_run run;
    long long count = 0;
    status outcome = server_run_read(url("#any"), &run);
    if (outcome == STATUS_OK)
        outcome = server_run_connect(&run, DATABASE_WRITE, &database);
    while (outcome == STATUS_OK && count == 0)
        outcome = database_number(database, waiting, &count);
    if (outcome == STATUS_OK)
        outcome = database_execute(
            database, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    if (outcome == STATUS_OK)
        outcome = database_execute(database, "ALTER SYSTEM RESET synchronous_standby_names");
    if (outcome == STATUS_OK)
        outcome = database_execute(database, "SELECT pg_reload_conf()");
    _exit(outcome);
}

/* A commit that comes through, of which the answer does not: a standby that is not there is waited for meanwhile. */
static void test_commit_came_through(void **unused) {
    (void)unused;
    struct store *store;
    int result;
    assert_ok(store_create(url("#through"), facts, &store));
    assert_ok(store_log(store, "before", NULL));
    store_set_patience(store, 10);
    run_sql("through", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    run_sql("through", "SELECT pg_reload_conf()");
    while (ask_sql("through", "SELECT count(*) FROM pg_settings WHERE name = 'synchronous_standby_names'"
                              " AND setting = 'nobody'") == 0)
        continue;
    usleep(300000); /* and until every session has read it */
    pid_t other = fork();
    if (other == 0)
        end_committed();
    assert_ok(store_log(store, "once", NULL));
    assert_int_equal(waitpid(other, &result, 0), other);
    assert_int_equal(result, 0);
    assert_int_equal(ask_sql("through", "SELECT count(*) FROM events WHERE kind = 'once'"), 1);
    assert_ok(store_log(store, "after", NULL));
    assert_int_equal(ask_sql("through", "SELECT count(*) FROM events"), 3);
    store_close(store);
}

static void test_reader_does_not_write(void **unused) {
    (void)unused;
    struct store *store;
    assert_ok(store_create(url("#read"), facts, &store));
    store_close(store);
    struct database *database = connect_to("read", DATABASE_READ);
    assert_fails(put(database, "mine"), STATUS_FAILED, "only reads");
    database_close(database);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_one_writer),
        cmocka_unit_test(test_sight),
        cmocka_unit_test(test_checkpoints),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_lost_commit),
        cmocka_unit_test(test_commit_came_through),
        cmocka_unit_test(test_reader_does_not_write),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
