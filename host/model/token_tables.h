/*
 * What a token alone decides: values that a decoding step computes from the token and from parameters by operators
 * whose rows know nothing of each other, which are the embedding, the first norm and the features behind it. A table
 * has them for every token of the vocabulary, and a step finds its row there instead of computing it (Graef,
 * "Transformer tricks: precomputing the first layer", 2024).
 *
 * That is for devices of many lanes, where a launch takes longer than such work, for one sequence, and for vocabularies
 * of bytes rather than of words; elsewhere no node is decided. The tables are rounded as products of many rows are, not
 * as those of one.
 */
#ifndef STARCL_MODEL_TOKEN_TABLES_H
#define STARCL_MODEL_TOKEN_TABLES_H

#include "model/model.h"

struct token_tables;

/* For an inference model of context 1, which must outlive it. Allocates the tables; what is in them is not there yet.
 */
status token_tables_create(struct model *model, struct token_tables **tables) MUST_CHECK;
void token_tables_destroy(struct token_tables *tables);

/* Whether a step need not run the node: a table has what it makes, or nobody else reads it. */
bool token_tables_decide(const struct token_tables *tables, int node);
/* Whether any node is decided; then nothing else reads the token. */
bool token_tables_decide_any(const struct token_tables *tables);

/* Computes the tables from parameters, and from values that are constant, which must be there. */
status token_tables_fill(struct token_tables *tables) MUST_CHECK;

/* From now on rows are those of this token. Fails where the vocabulary does not have it. */
status token_tables_choose(struct token_tables *tables, int32_t token) MUST_CHECK;
/* The row of a decided value that others read, owned by the tables; NULL for other values. */
cl_mem token_tables_row(const struct token_tables *tables, int value);

#endif
