/* The statements of one Python function, with a name for each value in it. */
#ifndef STARCL_EXPORT_SCOPE_H
#define STARCL_EXPORT_SCOPE_H

#include "base/text.h"
#include "export/outline.h"

struct scope {
    const struct outline *outline;
    int section;
    char **names;  /* by number: what the value is called, or was last; NULL: nothing yet */
    int *last_use; /* by number: the statement that reads it last, -1: none */
    int *bound, bound_count;
    char **slots; /* names under which the section keeps something while decoding */
    int slot_count;
    bool *uses_past; /* by section, filled for those that are written: whether it keeps something or asks where it is */
};

/* Of a section whose callees, in uses_past, are written. */
void scope_open(struct scope *scope, const struct outline *outline, int section, bool *uses_past);
void scope_close(struct scope *scope);

/* Names an argument, or what statement i makes: a name is used again when nobody reads what it stood for. */
const char *scope_bind(struct scope *scope, int number, int i);

/*
 * Appends statements, each in a line of its own that ends with the shape. The last one is a return where it alone makes
 * the result; else a return follows.
 */
status scope_write(struct scope *scope, struct text *text) MUST_CHECK;

/* Appends a method that makes a lagged value. */
status scope_write_method(const struct outline *outline, int section, const struct attribute *attribute,
                          struct text *text) MUST_CHECK;

#endif
