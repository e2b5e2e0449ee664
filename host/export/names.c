#include "export/names.h"

#include "export/fragments.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Python's own words, and what the text of a module refers to beside its fragments. */
static const char *const reserved[] = {
    "False",    "None",   "True",  "and",  "as",     "assert",   "async",   "await",  "break",   "class",
    "continue", "def",    "del",   "elif", "else",   "except",   "finally", "for",    "from",    "global",
    "if",       "import", "in",    "is",   "lambda", "nonlocal", "not",     "or",     "pass",    "raise",
    "return",   "try",    "while", "with", "yield",  "F",        "Model",   "Past",   "forward", "count",
    "memory",   "next",   "nn",    "past", "self",   "start",    "super",   "tokens", "torch",
};

static bool is_reserved(const char *name) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(name, reserved[i]) == 0)
            return true;
    return fragment_find(name) != NULL;
}

const char *python_name(const char *text, const char *otherwise, char *buffer) {
    size_t length = 0;
    for (; *text && length < PYTHON_NAME_BYTES - 12; text++) {
        bool fits = isascii(*text) && (length ? isalnum((unsigned char)*text) : isalpha((unsigned char)*text));
        if (fits)
            buffer[length++] = *text;
        else if (length > 0 && buffer[length - 1] != '_')
            buffer[length++] = '_';
    }
    while (length > 0 && buffer[length - 1] == '_')
        length--;
    buffer[length] = '\0';
    if (length == 0)
        snprintf(buffer, PYTHON_NAME_BYTES, "%s", otherwise);
    if (is_reserved(buffer))
        strcat(buffer, "_");
    return buffer;
}

const char *name_in_liv(const char *text) {
    if (strncmp(text, "liv.", 4) != 0)
        return text;
    size_t digits = strspn(text + 4, "0123456789");
    return digits > 0 && text[4 + digits] == '.' ? text + 4 + digits + 1 : text;
}
