/* What every test file includes. */
#ifndef STARCL_TESTS_TEST_H
#define STARCL_TESTS_TEST_H

/* cmocka needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* ours is a function; tests use fail_test */

#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Fails the test with a message. */
#define fail_test(...)                                                                                                 \
    do {                                                                                                               \
        print_error(__VA_ARGS__);                                                                                      \
        print_error("\n");                                                                                             \
        _fail(__FILE__, __LINE__);                                                                                     \
    } while (0)

/* Fails with the status message, which says more than the number. */
#define assert_ok(expression)                                                                                          \
    do {                                                                                                               \
        status outcome_ = (expression);                                                                                \
        if (outcome_ != STATUS_OK)                                                                                     \
            fail_test("%s: %s", #expression, status_message());                                                        \
    } while (0)

/* Fails unless the expression fails with this status and a message that holds `words`. */
#define assert_fails(expression, expected, words)                                                                      \
    do {                                                                                                               \
        status outcome_ = (expression);                                                                                \
        if (outcome_ != (expected))                                                                                    \
            fail_test("%s gave status %d, not %d: %s", #expression, outcome_, expected, status_message());             \
        if (!strstr(status_message(), words))                                                                          \
            fail_test("the message lacks '%s': %s", words, status_message());                                          \
    } while (0)

/* The first argument of a program may choose among its tests, by name with * and ?. */
static inline void test_choose(int count, char **words) {
    if (count > 1)
        cmocka_set_test_filter(words[1]);
}

/* A folder of the test's own under TMPDIR or /tmp, and its end with all that is in it. Both return 0, as cmocka's
 * setups do. */
enum { TEST_PATH_BYTES = 256 };

static inline int test_make_folder(char path[TEST_PATH_BYTES]) {
    const char *base = getenv("TMPDIR");
    snprintf(path, TEST_PATH_BYTES, "%.200s/starcl-test-XXXXXX", base && *base ? base : "/tmp");
    return mkdtemp(path) ? 0 : -1;
}

static inline int test_remove_folder(const char *path) {
    char command[TEST_PATH_BYTES + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", path);
    return system(command);
}

#endif
