/*
 * Texts in a page: whatever a run holds (names, paths, reasons, classes) stays text there, and is never markup or
 * script.
 */
#ifndef STARCL_REPORT_MARKUP_H
#define STARCL_REPORT_MARKUP_H

#include <cJSON.h>
#include <stdarg.h>
#include <stdio.h>

/* What stands for a letter in HTML and SVG; NULL: itself. */
const char *markup_entity(char letter);
/* Writes the text for HTML and SVG: between tags, or in an attribute between double quotes. */
void markup_text(const char *text, FILE *out);
/* Formats first, a text of any length. */
void markup_print(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void markup_list(FILE *out, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
/* A heading of this level, on a line of its own. */
void markup_heading(int level, const char *text, FILE *out);

/* Writes JSON for between <script type="application/json"> and its end, which no string in it can be. */
void markup_json(const cJSON *json, FILE *out);

#endif
