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

#endif
