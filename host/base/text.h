/* Text: a growing string, numbers as a person reads them, and the nearest word to a mistyped one. */
#ifndef STARCL_BASE_TEXT_H
#define STARCL_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* A string that grows. Start from {0}; text is NULL until something was appended. Free with text_free(). */
struct text {
    char *text;
    size_t length, capacity;
};

void text_append(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_free(struct text *text);

/*
 * The word of words[0..count) that a person most likely meant by `word`: smallest edit distance, at most a third of
 * the length plus one. NULL if none is near.
 */
const char *text_nearest(const char *word, const char *const *words, size_t count);

enum { TEXT_NUMBER_BYTES = 32 };

/* "1.8 MiB", "512 B". Writes to buffer (TEXT_NUMBER_BYTES) and returns it. */
const char *text_bytes(char *buffer, double bytes);
/* "123", "45.2k", "1.31M", "2.00G". */
const char *text_count(char *buffer, double count);
/* "45 s", "3 min 20 s", "2 h 05 min". */
const char *text_duration(char *buffer, double seconds);

/*
 * The shortest decimal that reads back as the same double, with a point or an exponent so that it cannot be taken for
 * an integer: "0.1", "20.0", "1e-06".
 */
const char *text_exact(char *buffer, double value);

/*
 * Reads a whole decimal integer or number; the text must hold nothing else. Returns 0, or -1 when it does not parse or
 * does not fit.
 */
int text_parse_integer(const char *text, int64_t *value);
int text_parse_number(const char *text, double *value);

#endif
