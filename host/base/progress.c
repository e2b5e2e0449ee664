#include "base/progress.h"

#include "base/clock.h"
#include "base/terminal.h"

#include <stdarg.h>
#include <stdio.h>

static bool silent, line_open;
static double last_update;

bool progress_is_live(void) {
    return !silent && terminal_is_capable(stderr);
}

void progress_silence(void) {
    progress_clear();
    silent = true;
}

void progress_update(const char *format, ...) {
    double now = clock_seconds();
    if (!progress_is_live() || now - last_update < 0.1)
        return;
    last_update = now;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    /* A line that wraps cannot be rewritten: cut it to the terminal. */
    int columns = terminal_columns(stderr) > 1 ? terminal_columns(stderr) - 1 : 79;
    fprintf(stderr, "\r%.*s\033[K", columns, line);
    fflush(stderr);
    line_open = true;
}

void progress_line(const char *format, ...) {
    if (silent)
        return;
    progress_clear();
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

void progress_clear(void) {
    if (line_open)
        fputs("\r\033[K", stderr);
    line_open = false;
}
