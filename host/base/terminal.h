/*
 * What a person's terminal changes about output: tables fit its width, and a few words stand out. Pipes and files get
 * every character, and nothing else.
 */
#ifndef STARCL_BASE_TERMINAL_H
#define STARCL_BASE_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* The width and the height of the terminal that the stream writes to; 0 where it is none, or does not tell. */
int terminal_columns(FILE *stream);
int terminal_rows(FILE *stream);

/* "dumb" terminals can neither rewrite a line nor show colours. */
bool terminal_is_capable(FILE *stream);

enum terminal_style { TERMINAL_HEAD, TERMINAL_ALARM };

/*
 * The codes that begin and end a style on the stream's terminal, for printf's %s. Both are "" where the stream is no
 * terminal or a dumb one, and where NO_COLOR is set (no-color.org).
 */
const char *terminal_begin(enum terminal_style style, FILE *stream);
const char *terminal_end(FILE *stream);

/*
 * A table, or a part of one, for the stream: rows are written to what terminal_table_begin() returns, a line each, the
 * first of them the head where there is one. On a terminal a head stands out, and rows that are wider are cut, with
 * "..." at the end, because a table with wrapped rows cannot be read. Elsewhere that is the stream itself.
 */
struct terminal_table {
    FILE *out, *rows;
    char *text; /* of the rows, until the end */
    size_t length;
    bool has_head;
};
FILE *terminal_table_begin(struct terminal_table *table, bool has_head, FILE *out);
void terminal_table_end(struct terminal_table *table);

#endif
