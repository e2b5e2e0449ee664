/*
 * A graph laid out as the classes of a module: a section a LIV, and one of the model that calls them.
 *
 *     model:   embedded = embedding(tokens)            section 0:   normed = rms_norm(h)
 *              h, B, V = section 0 (embedded)                       C, B, V = ...
 *              h = section 1 (h)                                    B seen = remember(B)
 *              h = section 2 (h, B, V)                              ...
 *              logits = ...                                         results h, B seen, V seen
 *
 * A section is a list of statements; each reads values and makes values. Beside those of the graph there are the rows
 * that decoding remembers of a value, which have numbers of their own (outline_seen()). Nodes that compute from lags
 * and parameters alone are no statements: they are methods, of which a statement keeps the result (STATEMENT_KEEP).
 */
#ifndef STARCL_EXPORT_OUTLINE_H
#define STARCL_EXPORT_OUTLINE_H

#include "model/graph.h"

struct numbers {
    int *items, count;
};

/* Adds a number that is not there yet. */
void numbers_add(struct numbers *numbers, int number);

enum statement_kind {
    STATEMENT_NODE,     /* subject: a node */
    STATEMENT_REMEMBER, /* subject: a value, whose past rows it makes */
    STATEMENT_KEEP,     /* subject: a value that a method makes */
    STATEMENT_CALL,     /* subject: a section */
};

struct statement {
    enum statement_kind kind;
    int subject;
    struct numbers reads, makes; /* values; parameters are not listed */
};

struct attribute {
    int value; /* a parameter, or what a method makes */
    char *name;
};

struct section {
    int liv;        /* -1: the model */
    int first, end; /* its nodes, first <= n < end; of the model all whose `liv` is -1 */
    struct statement *statements;
    int statement_count;
    struct numbers arguments, results; /* values */
    struct attribute *attributes;      /* in the order of their first use, each name once */
    int attribute_count;
};

enum { KEEPS_NOTHING = -1, KEEPS_ALL = 0 };

struct outline {
    const struct graph *graph;
    struct section *sections; /* of LIVs in order, then the model */
    int liv_sections;
    int *section_of; /* by node: of LIVs and the model; -1: the loss, which no section computes */
    bool *moving;    /* by value: tokens change it, and it has a row a token */
    bool *lagged;    /* by value: it has a row a lag */
    int *rows_kept;  /* by value: rows that decoding remembers at most, KEEPS_ALL, KEEPS_NOTHING */
    int *maker;      /* by value and its rows seen: the section that makes it, -1: none */
    bool *crossing;  /* the same: another section reads it */
    int *owner;      /* by value, parameters: the section that it is an attribute of first */
};

/* Fails for graphs that no genome has, with what is wrong. The graph must outlive the outline. */
status outline_create(const struct graph *graph, struct outline **outline) MUST_CHECK;
void outline_destroy(struct outline *outline);

/* The number of the rows that are remembered of a value, and the value of either. */
int outline_seen(const struct outline *outline, int value);
int outline_value(const struct outline *outline, int number);

/* The name of a parameter, or of a method, in a section that uses it. */
const char *outline_attribute(const struct outline *outline, int section, int value);

/*
 * Marks the nodes that take part in making a lagged value (makers[node_count]). Returns the lags that they are asked
 * for; 0: as many as there are tokens.
 */
int outline_makers(const struct outline *outline, int value, bool *makers);

#endif
