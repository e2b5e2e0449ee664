#include "base/text.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_append(struct text *text, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t added = (size_t)vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (text->length + added + 1 > text->capacity) {
        text->capacity = 2 * (text->length + added + 1);
        text->text = memory_resize(text->text, text->capacity, 1);
    }
    vsnprintf(text->text + text->length, added + 1, format, again);
    va_end(again);
    text->length += added;
}

void text_free(struct text *text) {
    free(text->text);
    *text = (struct text){0};
}

/* Levenshtein distance, case ignored; words longer than 63 characters count as far. */
static size_t edit_distance(const char *a, const char *b) {
    size_t a_length = strlen(a), b_length = strlen(b), row[64];
    if (a_length >= 64 || b_length >= 64)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            size_t change = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
            size_t step = (row[j - 1] < above ? row[j - 1] : above) + 1;
            row[j] = change < step ? change : step;
            diagonal = above;
        }
    }
    return row[b_length];
}

const char *text_nearest(const char *word, const char *const *words, size_t count) {
    const char *nearest = NULL;
    size_t best = strlen(word) / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        size_t distance = edit_distance(word, words[i]);
        if (distance < best) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

const char *text_bytes(char *buffer, double bytes) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    while (bytes >= 1024 && unit < 4) {
        bytes /= 1024;
        unit++;
    }
    snprintf(buffer, TEXT_NUMBER_BYTES, unit == 0 || bytes >= 100 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
    return buffer;
}

const char *text_count(char *buffer, double count) {
    static const char *const units[] = {"", "k", "M", "G", "T"};
    int unit = 0;
    while (fabs(count) >= 1000 && unit < 4) {
        count /= 1000;
        unit++;
    }
    const char *format = unit == 0 ? "%.0f%s" : fabs(count) >= 100 ? "%.0f%s" : fabs(count) >= 10 ? "%.1f%s" : "%.2f%s";
    snprintf(buffer, TEXT_NUMBER_BYTES, format, count, units[unit]);
    return buffer;
}

const char *text_duration(char *buffer, double seconds) {
    long whole = seconds < 0 ? 0 : (long)(seconds + 0.5);
    if (whole < 60)
        snprintf(buffer, TEXT_NUMBER_BYTES, "%ld s", whole);
    else if (whole < 3600)
        snprintf(buffer, TEXT_NUMBER_BYTES, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(buffer, TEXT_NUMBER_BYTES, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
    return buffer;
}

const char *text_exact(char *buffer, double value) {
    enum { ALWAYS_ENOUGH = 17, WRITTEN_OUT = 7 }; /* digits of any double, and of whole numbers without an exponent */
    int digits = 0;
    do
        snprintf(buffer, TEXT_NUMBER_BYTES, "%.*e", digits++, value);
    while (digits < ALWAYS_ENOUGH && strtod(buffer, NULL) != value);
    const char *exponent = strchr(buffer, 'e');
    int whole_digits = exponent ? atoi(exponent + 1) + 1 : 0;
    if (whole_digits > digits && whole_digits <= WRITTEN_OUT)
        digits = whole_digits;
    int length = snprintf(buffer, TEXT_NUMBER_BYTES, "%.*g", digits, value);
    if (isfinite(value) && !strpbrk(buffer, ".e"))
        snprintf(buffer + length, (size_t)(TEXT_NUMBER_BYTES - length), ".0");
    return buffer;
}

int text_parse_integer(const char *text, int64_t *value) {
    char *end;
    errno = 0;
    long long parsed = strtoll(text, &end, 10);
    if (errno || end == text || *end || isspace((unsigned char)*text))
        return -1;
    *value = parsed;
    return 0;
}

int text_parse_number(const char *text, double *value) {
    char *end;
    errno = 0;
    double parsed = strtod(text, &end);
    if (errno || end == text || *end || isspace((unsigned char)*text) || !isfinite(parsed))
        return -1;
    *value = parsed;
    return 0;
}
