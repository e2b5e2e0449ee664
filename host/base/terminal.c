#include "base/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static bool is_terminal(FILE *stream) {
    return isatty(fileno(stream));
}

static struct winsize size_of(FILE *stream) {
    struct winsize window;
    return is_terminal(stream) && ioctl(fileno(stream), TIOCGWINSZ, &window) == 0 ? window : (struct winsize){0};
}

int terminal_columns(FILE *stream) {
    return size_of(stream).ws_col;
}

int terminal_rows(FILE *stream) {
    return size_of(stream).ws_row;
}

bool terminal_is_capable(FILE *stream) {
    const char *kind = getenv("TERM");
    return is_terminal(stream) && kind && strcmp(kind, "dumb") != 0;
}

static bool has_colours(FILE *stream) {
    const char *refused = getenv("NO_COLOR");
    return terminal_is_capable(stream) && !(refused && *refused);
}

const char *terminal_begin(enum terminal_style style, FILE *stream) {
    static const char *const codes[] = {[TERMINAL_HEAD] = "\033[1m", [TERMINAL_ALARM] = "\033[1;31m"};
    return has_colours(stream) ? codes[style] : "";
}

const char *terminal_end(FILE *stream) {
    return has_colours(stream) ? "\033[0m" : "";
}

/* ---- tables ---- */

FILE *terminal_table_begin(struct terminal_table *table, bool has_head, FILE *out) {
    *table = (struct terminal_table){.out = out, .has_head = has_head};
    if (is_terminal(out))
        table->rows = open_memstream(&table->text, &table->length);
    return table->rows ? table->rows : out;
}

/* How many bytes of a line take so many columns: UTF-8's continuation bytes take none. */
static size_t bytes_of_columns(const char *line, size_t length, int columns) {
    size_t bytes = 0;
    for (; bytes < length; bytes++)
        if (((unsigned char)line[bytes] & 0xc0) != 0x80 && columns-- == 0)
            break;
    return bytes;
}

static void print_row(const char *line, size_t length, int columns, bool is_head, FILE *out) {
    static const char cut[] = "...";
    const int cut_columns = sizeof cut - 1;
    size_t fitting = columns > cut_columns ? bytes_of_columns(line, length, columns) : length;
    bool is_cut = fitting < length;
    if (is_cut)
        fitting = bytes_of_columns(line, length, columns - cut_columns);
    fprintf(out, "%s%.*s%s%s\n", is_head ? terminal_begin(TERMINAL_HEAD, out) : "", (int)fitting, line,
            is_cut ? cut : "", is_head ? terminal_end(out) : "");
}

void terminal_table_end(struct terminal_table *table) {
    if (!table->rows)
        return;
    fclose(table->rows);
    int columns = terminal_columns(table->out);
    bool is_head = table->has_head;
    for (const char *line = table->text; line && *line; is_head = false) {
        size_t length = strcspn(line, "\n");
        print_row(line, length, columns, is_head, table->out);
        line += length + (line[length] == '\n');
    }
    free(table->text);
}
