#include "report/markup.h"

#include <stdlib.h>

const char *markup_entity(char letter) {
    switch (letter) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

void markup_text(const char *text, FILE *out) {
    for (; *text; text++) {
        const char *entity = markup_entity(*text);
        if (entity)
            fputs(entity, out);
        else
            putc(*text, out);
    }
}

void markup_list(FILE *out, const char *format, va_list arguments) {
    char *text;
    if (vasprintf(&text, format, arguments) < 0)
        abort(); /* as memory.h says of small structures */
    markup_text(text, out);
    free(text);
}

void markup_print(FILE *out, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    markup_list(out, format, arguments);
    va_end(arguments);
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
