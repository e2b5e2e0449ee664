/* What each operator is in Python: a row a form, in operators.c. */
#ifndef STARCL_EXPORT_OPERATORS_H
#define STARCL_EXPORT_OPERATORS_H

#include "base/text.h"
#include "model/graph.h"

/* How a node's inputs are called where its expression stands; the strings must live until it is written. */
struct operands {
    const char *names[OP_MAX_INPUTS]; /* where the operator looks back at an input, of all rows that are remembered */
    const char *slot;                 /* under which decoding keeps what the operator remembers of its own */
};

/* Appends the expression. Fails for forms that no genome has. */
status operator_write(const struct op *op, const struct operands *operands, struct text *text) MUST_CHECK;

/* Whether the input is a vector, one number a channel, and not a matrix that may have a single row. */
bool operator_takes_vector(const struct op *op, int input);

#endif
