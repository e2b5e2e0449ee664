/*
 * What a function that can fail returns, and the one message it leaves behind.
 *
 * A failing function calls fail() or fail_usage() once, at the place that knows what went wrong; callers pass the
 * status up with TRY() and may put words in front with fail_while(). The message is kept per thread until the next
 * failure. Nothing below host/cli prints it or exits.
 */
#ifndef STARCL_BASE_STATUS_H
#define STARCL_BASE_STATUS_H

/* The values are the exit codes of the program. */
typedef enum status {
    STATUS_OK = 0,
    STATUS_FAILED = 1,        /* it was tried and went wrong */
    STATUS_USAGE = 2,         /* what the caller or a file asked for is wrong */
    STATUS_INTERRUPTED = 130, /* the user stopped it; what was finished is kept */
} status;

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first_index) __attribute__((format(printf, format_index, first_index)))

/* Keep the message and return STATUS_FAILED, STATUS_USAGE or STATUS_INTERRUPTED. */
status fail(const char *format, ...) PRINTF_LIKE(1, 2) MUST_CHECK;
status fail_usage(const char *format, ...) PRINTF_LIKE(1, 2) MUST_CHECK;
status fail_interrupted(void) MUST_CHECK;

/*
 * Whose failure it is, for callers that do something else then: it is kept with the message, and fail_while() keeps it
 * too. No message is ever read for it.
 */
enum failure_kind {
    FAILURE_PLAIN,     /* of what was asked for, or of a file */
    FAILURE_DEVICE,    /* a device refused, and would again */
    FAILURE_TRANSIENT, /* a device had no memory or was lost: it may do the same when it is opened again */
    FAILURE_ELSEWHERE, /* which the user is told, or was, by somebody else: one of several processes */
};

/* As fail(), of another kind than FAILURE_PLAIN. */
status fail_as(enum failure_kind kind, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;
/* Makes this thread's last failure one of FAILURE_ELSEWHERE, and returns it. */
status fail_told_elsewhere(status failure) MUST_CHECK;
/* The kind of this thread's last failure. */
enum failure_kind failure_kind(void);

/* Put "words: " in front of the message of a failure and return that failure unchanged. */
status fail_while(status failure, const char *format, ...) PRINTF_LIKE(2, 3) MUST_CHECK;

/* The message of this thread's last failure; never NULL, valid until the next one. */
const char *status_message(void);

#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        status try_status_ = (expression);                                                                             \
        if (try_status_ != STATUS_OK)                                                                                  \
            return try_status_;                                                                                        \
    } while (0)

/* As TRY, for functions that own something: sets `result` and jumps to `label`. */
#define TRY_GOTO(result, expression, label)                                                                            \
    do {                                                                                                               \
        (result) = (expression);                                                                                       \
        if ((result) != STATUS_OK)                                                                                     \
            goto label;                                                                                                \
    } while (0)

#endif
