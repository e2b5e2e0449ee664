#include "report/markup.h"

#include <stdarg.h>
#include <stdlib.h>

void markup_text(const char *text, FILE *out) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            putc(*text, out);
        }
    }
}

void markup_print(FILE *out, const char *format, ...) {
    char *text;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort(); /* as memory.h says of small structures */
    markup_text(text, out);
    free(text);
}

void markup_heading(int level, const char *text, FILE *out) {
    fprintf(out, "<h%d>", level);
    markup_text(text, out);
    fprintf(out, "</h%d>\n", level);
}

/* In JSON these stand in strings alone, where they may be written by their number. */
void markup_json(const cJSON *json, FILE *out) {
    char *text = cJSON_PrintUnformatted(json);
    for (const char *next = text; *next; next++) {
        if (*next == '<' || *next == '>' || *next == '&')
            fprintf(out, "\\u%04x", (unsigned)*next);
        else
            putc(*next, out);
    }
    cJSON_free(text);
}
