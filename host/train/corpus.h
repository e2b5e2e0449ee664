/*
 * Text as a stream of bytes: a file, a .gz file (by content, so dictzip's .dz too) or a folder of them in name order,
 * joined. Plain files are memory-mapped; compressed ones are inflated into memory. The last part is for validation.
 */
#ifndef STARCL_TRAIN_CORPUS_H
#define STARCL_TRAIN_CORPUS_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum { CORPUS_VOCABULARY = 256 };

struct corpus;

/*
 * Opens the text at `path`, whose last `validation` (0 < validation < 1) of the bytes are the validation part. Both
 * parts must hold at least context + 1 bytes, otherwise STATUS_USAGE. Hidden files of a folder are left out.
 */
status corpus_open(const char *path, double validation, int context, struct corpus **corpus) MUST_CHECK;
void corpus_close(struct corpus *corpus);

uint64_t corpus_bytes(const struct corpus *corpus);
uint64_t corpus_training_bytes(const struct corpus *corpus);
/* Of the length and of bytes throughout the text: tells whether a run goes on with the text that it started with. */
uint64_t corpus_fingerprint(const struct corpus *corpus);

/* Copies the bytes at offset; the range must lie inside. */
void corpus_read(const struct corpus *corpus, uint64_t offset, size_t count, unsigned char *bytes);

/*
 * Token ids and next-token targets, int32 [batch * context] each. A training batch depends only on seed and step. Batch
 * `index` of `count` validation batches takes windows spread evenly over the validation part.
 */
void corpus_training_batch(const struct corpus *corpus, uint64_t seed, int64_t step, int batch, int context,
                           int32_t *tokens, int32_t *targets);
void corpus_validation_batch(const struct corpus *corpus, int index, int count, int batch, int context, int32_t *tokens,
                             int32_t *targets);

#endif
