/* Running programs: what they print on either stream, how they end, what they are told, and stopping them. */
#include "test.h"

#include "base/clock.h"
#include "base/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct process_result shell(const char *script, const char *const *environment, bool errors) {
    const char *const arguments[] = {"sh", "-c", script, NULL};
    struct process_result result;
    assert_ok(process_run(arguments, environment, errors, &result));
    return result;
}

static void test_streams(void **unused) {
    (void)unused;
    struct process_result result = shell("echo words; echo complaint >&2; exit 3", NULL, true);
    assert_int_equal(result.code, 3);
    assert_string_equal(result.output, "words\n");
    assert_string_equal(result.errors, "complaint\n");
    process_result_free(&result);
    result = shell("cat; exit 0", NULL, true); /* stdin is empty */
    assert_true(result.code == 0 && !*result.output && !*result.errors);
    process_result_free(&result);
    /* More than two pipes hold, so that whoever reads one to its end first waits for ever. */
    result = shell("i=0; while [ $i -lt 4000 ]; do echo 0123456789012345678901234567890123456789 >&2; "
                   "echo 0123456789012345678901234567890123456789; i=$((i + 1)); done",
                   NULL, true);
    assert_true(strlen(result.output) == 4000 * 41 && strlen(result.errors) == 4000 * 41);
    process_result_free(&result);
    result = shell("exit 0", NULL, false);
    assert_null(result.errors);
    process_result_free(&result);
}

static void test_environment(void **unused) {
    (void)unused;
    static const char *const added[] = {"STARCL_TEST_A=new", "STARCL_TEST_C=", NULL};
    setenv("STARCL_TEST_A", "old", 1);
    setenv("STARCL_TEST_AB", "kept", 1);
    struct process_result result = shell("echo $STARCL_TEST_A $STARCL_TEST_AB ${STARCL_TEST_C-none}.", added, true);
    assert_string_equal(result.output, "new kept .\n");
    process_result_free(&result);
    /* The old one is gone: which of two a program takes is its own affair. */
    static const char *const lists[] = {"env", NULL};
    assert_ok(process_run(lists, added, true, &result));
    assert_non_null(strstr(result.output, "STARCL_TEST_A=new\n"));
    assert_null(strstr(result.output, "STARCL_TEST_A=old\n"));
    process_result_free(&result);
    assert_string_equal(getenv("STARCL_TEST_A"), "old");
}

static void test_ends(void **unused) {
    (void)unused;
    static const char *const nothing[] = {"/nothing/there", NULL};
    struct process_result result = shell("kill -KILL $$", NULL, true);
    assert_int_equal(result.code, 128 + SIGKILL);
    process_result_free(&result);
    assert_fails(process_run(nothing, NULL, true, &result), STATUS_FAILED, "cannot start /nothing/there: No such file");
    static const char *const interrupted[] = {"sh", "-c", "exit 130", NULL};
    assert_int_equal(process_run(interrupted, NULL, true, &result), STATUS_INTERRUPTED);
}

static void on_alarm(int number) {
    (void)number;
    interrupt_request();
}

/* The child is told, and has ended when the call returns. */
static void test_interrupt(void **unused) {
    (void)unused;
    static const char *const sleeps[] = {"sleep", "60", NULL};
    struct process_result result;
    double start = clock_seconds();
    signal(SIGALRM, on_alarm);
    ualarm(200000, 0);
    assert_int_equal(process_run(sleeps, NULL, true, &result), STATUS_INTERRUPTED);
    interrupt_forget();
    assert_true(clock_seconds() - start < 20);
}

static void test_reason(void **unused) {
    (void)unused;
    struct process_result result =
        shell("printf 'starcl: first\\nstarcl: the reason\\nbuilt 3 programs\\n' >&2", NULL, true);
    assert_string_equal(process_reason(&result), "the reason");
    process_result_free(&result);
    result = shell("echo 'not starcl: this' >&2", NULL, true);
    assert_null(process_reason(&result));
    process_result_free(&result);
}

/* Only who says that it is a program is started again; what runs is this test. */
static void test_own(void **unused) {
    (void)unused;
    assert_null(process_own());
    process_set_own("starcl");
    assert_true(strcmp(process_own(), "/proc/self/exe") == 0 || strcmp(process_own(), "starcl") == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),   cmocka_unit_test(test_environment), cmocka_unit_test(test_ends),
        cmocka_unit_test(test_interrupt), cmocka_unit_test(test_reason),      cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
