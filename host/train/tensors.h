/*
 * safetensors files (github.com/huggingface/safetensors): eight bytes of header length, little endian, a JSON header
 * that gives each tensor's type, shape and place, then the tensors. float32 only; texts beside them as metadata.
 */
#ifndef STARCL_TRAIN_TENSORS_H
#define STARCL_TRAIN_TENSORS_H

#include "ops/op.h"

struct tensors;

struct tensors *tensors_create(void);
void tensors_destroy(struct tensors *tensors);

/* Adds a tensor and returns its elements, zeroed, to be filled; owned by the set. One row is written as one dimension.
 */
float *tensors_add(struct tensors *tensors, const char *name, struct shape shape);
void tensors_add_text(struct tensors *tensors, const char *key, const char *value);

/* The elements of the tensor of this name and shape; fails if there is none, or it has another shape. */
status tensors_find(const struct tensors *tensors, const char *name, struct shape shape,
                    const float **elements) MUST_CHECK;
/* A text, or NULL. */
const char *tensors_find_text(const struct tensors *tensors, const char *key);

/* The file appears complete or not at all. */
status tensors_write(const struct tensors *tensors, const char *path) MUST_CHECK;
/* Refuses, with STATUS_FAILED, files that are cut off, damaged or of another kind. */
status tensors_read(const char *path, struct tensors **tensors) MUST_CHECK;

#endif
