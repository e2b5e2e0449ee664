/*
 * Text as a stream of bytes (train/source.h says of which files) in three parts: training; validation, which selection
 * sees; test, which reports quote and selection never sees.
 *
 * The text is cut into equal periods, and each period into three blocks of the same sizes throughout:
 *
 *     |<------------- period ------------->|<------------- period ------------->|  ...  |
 *     | training           | valid. | test | training           | valid. | test |  ...  | rest
 *
 * so that all parts see the whole text, whose beginning often differs from its end. A window (context tokens and the
 * target behind the last one) lies inside one block: no two parts share a byte, and no context crosses a border.
 *
 * The smallest part's share of the text holds CORPUS_PERIODS blocks of CORPUS_BLOCK_BYTES where it can, and fewer
 * periods, down to one, where it cannot. A block is rounded to whole bytes; what is left behind the last period, fewer
 * bytes than there are periods, is in no part. So the parts depend on the length of the text and the shares alone, and
 * models of different context are judged on the same bytes, except that blocks hold at least four windows where that
 * takes fewer periods: with a context of 2048 or more, in a text whose smallest part has less than CORPUS_PERIODS * 4
 * windows.
 */
#ifndef STARCL_TRAIN_CORPUS_H
#define STARCL_TRAIN_CORPUS_H

#include "base/status.h"
#include "train/part.h"

#include <stddef.h>
#include <stdint.h>

enum { CORPUS_VOCABULARY = 256, CORPUS_PERIODS = 64, CORPUS_BLOCK_BYTES = 8192 };

/* Shares of the text, both above 0 and their sum below 1; the rest is for training. */
struct corpus_split {
    double validation, test;
};

struct corpus;

/* Every part must hold at least context + 1 bytes, otherwise STATUS_USAGE. */
status corpus_open(const char *path, const struct corpus_split *split, int context, struct corpus **corpus) MUST_CHECK;
void corpus_close(struct corpus *corpus);

uint64_t corpus_bytes(const struct corpus *corpus);
uint64_t corpus_part_bytes(const struct corpus *corpus, enum task_part part);
/* The blocks of each part. */
uint64_t corpus_periods(const struct corpus *corpus);

/*
 * Tells whether a run goes on with the text that it started with: taken when the text is opened, of its length and
 * either all of its bytes, up to CORPUS_SAMPLED_BYTES, or CORPUS_SAMPLES evenly spread blocks of a longer text, where
 * a change between them passes unnoticed.
 */
enum { CORPUS_SAMPLED_BYTES = 64 << 20, CORPUS_SAMPLES = 1024, CORPUS_SAMPLE_BYTES = 4096 };
uint64_t corpus_fingerprint(const struct corpus *corpus);

/*
 * What reads text fails, naming the file, where a file is no longer what corpus_open() saw or cannot be read any more;
 * corpus_check() looks at all of them.
 */
status corpus_check(const struct corpus *corpus) MUST_CHECK;

/* Copies the bytes at offset; the range must lie inside. */
status corpus_read(const struct corpus *corpus, uint64_t offset, size_t count, unsigned char *bytes) MUST_CHECK;

/*
 * Token ids and next-token targets, int32 [batch * context] each, context at most that of corpus_open().
 *
 * A training batch depends on seed and step alone; each of its windows is drawn from all that the training part has,
 * with equal probability. Batch `index` of `count` evaluation batches takes windows spread evenly over the part's
 * blocks, none twice unless the part has fewer than count * batch.
 */
status corpus_training_batch(const struct corpus *corpus, uint64_t seed, int64_t step, int batch, int context,
                             int32_t *tokens, int32_t *targets) MUST_CHECK;
status corpus_evaluation_batch(const struct corpus *corpus, enum task_part part, int index, int count, int batch,
                               int context, int32_t *tokens, int32_t *targets) MUST_CHECK;

#endif
