#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 8192 };

static _Thread_local char message[MESSAGE_BYTES];
static _Thread_local enum failure_kind message_kind;

static void keep(enum failure_kind kind, const char *format, va_list arguments) {
    /* The arguments may point into the old message, so it is written only when the new one is complete. */
    char text[MESSAGE_BYTES];
    vsnprintf(text, sizeof text, format, arguments);
    memcpy(message, text, sizeof text);
    message_kind = kind;
}

status fail_as(enum failure_kind kind, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep(kind, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

status fail_told_elsewhere(status failure) {
    message_kind = FAILURE_ELSEWHERE;
    return failure;
}

enum failure_kind failure_kind(void) {
    return message_kind;
}

status fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep(FAILURE_PLAIN, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

status fail_usage(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep(FAILURE_PLAIN, format, arguments);
    va_end(arguments);
    return STATUS_USAGE;
}

status fail_interrupted(void) {
    snprintf(message, sizeof message, "interrupted");
    message_kind = FAILURE_PLAIN;
    return STATUS_INTERRUPTED;
}

status fail_while(status failure, const char *format, ...) {
    char words[MESSAGE_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    char text[MESSAGE_BYTES];
    snprintf(text, sizeof text, "%s: %.*s", words, MESSAGE_BYTES / 2 - 8, message);
    memcpy(message, text, sizeof text);
    return failure;
}

const char *status_message(void) {
    return message;
}
