/*
 * safetensors files (github.com/huggingface/safetensors): eight bytes of header length, little endian, a JSON header
 * that gives each tensor's type, shape and place, then the tensors. float32 only; texts beside them as metadata.
 *
 * No more than the header is ever in memory here: elements go one tensor at a time from the caller to the file, and
 * from the file to where the caller wants them.
 */
#ifndef STARCL_TRAIN_TENSORS_H
#define STARCL_TRAIN_TENSORS_H

#include "ops/op.h"

/* What a file has, or is to have: names, shapes and texts. */
struct tensors;

/* ---- writing ---- */

struct tensors *tensors_create(void);
void tensors_destroy(struct tensors *tensors);

/* Tensors lie in the file in the order in which they are added. One row is written as one dimension. */
void tensors_add(struct tensors *tensors, const char *name, struct shape shape);
void tensors_add_text(struct tensors *tensors, const char *key, const char *value);

/* Gives the elements of the tensor that was added as number `index`, which may be overwritten by the next call. */
typedef status tensors_source(void *context, int index, const float **elements);

/*
 * The file appears complete or not at all. Asks `source` for each tensor, in order; its failure ends the writing and is
 * the failure returned.
 */
status tensors_write(const struct tensors *tensors, const char *path, tensors_source *source, void *context) MUST_CHECK;

/* ---- reading ---- */

/*
 * Reads the header and keeps the file open until tensors_destroy(). Refuses, with STATUS_FAILED, files that are cut
 * off, damaged or of another kind.
 */
status tensors_open(const char *path, struct tensors **tensors) MUST_CHECK;

/* Whether there is a tensor of this name and shape. */
bool tensors_has(const struct tensors *tensors, const char *name, struct shape shape);
/* Fails if there is no tensor of this name, or it has another shape. */
status tensors_require(const struct tensors *tensors, const char *name, struct shape shape) MUST_CHECK;
/* The same, and reads its elements. */
status tensors_read(const struct tensors *tensors, const char *name, struct shape shape, float *elements) MUST_CHECK;
/* A text, or NULL. */
const char *tensors_find_text(const struct tensors *tensors, const char *key);

#endif
