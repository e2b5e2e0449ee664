#include "train/corpus.h"

#include "base/memory.h"
#include "base/random.h"
#include "train/source.h"

#include <math.h>
#include <stdlib.h>

/* Of a part, in every period. */
struct block {
    uint64_t start, length; /* start from the period's */
};

struct corpus {
    struct source *source;
    uint64_t fingerprint;
    uint64_t periods, period_length;
    struct block blocks[TASK_PARTS];
    int context;
};

/* ---- the parts ---- */

static uint64_t count_periods(uint64_t length, const struct corpus_split *split, int context) {
    double training = 1 - split->validation - split->test;
    double smallest = fmin(fmin(split->validation, split->test), training) * (double)length;
    uint64_t windows = 4 * ((uint64_t)context + 1);
    uint64_t block = windows > CORPUS_BLOCK_BYTES ? windows : CORPUS_BLOCK_BYTES;
    uint64_t periods = (uint64_t)(smallest / (double)block);
    return periods < 1 ? 1 : periods > CORPUS_PERIODS ? CORPUS_PERIODS : periods;
}

/* Rounded, for a share such as 0.29 lies a little below it in binary. */
static uint64_t share_of(uint64_t length, double share) {
    return (uint64_t)(share * (double)length + 0.5);
}

static status lay_out(struct corpus *corpus, const char *path, const struct corpus_split *split, int context) {
    if (!(split->validation > 0 && split->test > 0 && split->validation + split->test < 1))
        return fail_usage("the shares of validation, %g, and test, %g, must be above 0 and their sum below 1",
                          split->validation, split->test);
    uint64_t length = corpus_bytes(corpus), needed = (uint64_t)context + 1;
    corpus->context = context;
    corpus->periods = count_periods(length, split, context);
    corpus->period_length = length / corpus->periods;
    uint64_t validation = share_of(corpus->period_length, split->validation);
    uint64_t test = share_of(corpus->period_length, split->test);
    /* Two shares may both be rounded up in a period of a few bytes. */
    uint64_t training = corpus->period_length > validation + test ? corpus->period_length - validation - test : 0;
    corpus->blocks[PART_TRAINING] = (struct block){.start = 0, .length = training};
    corpus->blocks[PART_VALIDATION] = (struct block){.start = training, .length = validation};
    corpus->blocks[PART_TEST] = (struct block){.start = training + validation, .length = test};
    if (training < needed || validation < needed || test < needed)
        return fail_usage("the text %s has %llu bytes: %llu for training, %llu for validation and %llu for test; each "
                          "part needs at least %llu (model.context + 1)",
                          path, (unsigned long long)length, (unsigned long long)training,
                          (unsigned long long)validation, (unsigned long long)test, (unsigned long long)needed);
    return STATUS_OK;
}

static status take_fingerprint(struct corpus *corpus) {
    enum { CHUNK_BYTES = 1 << 20 };
    uint64_t length = corpus_bytes(corpus), hash = hash_number(HASH_START, length);
    unsigned char *chunk = memory_allocate(CHUNK_BYTES, 1);
    status outcome = STATUS_OK;
    if (length <= CORPUS_SAMPLED_BYTES) {
        for (uint64_t offset = 0; outcome == STATUS_OK && offset < length; offset += CHUNK_BYTES) {
            size_t count = length - offset < CHUNK_BYTES ? (size_t)(length - offset) : CHUNK_BYTES;
            outcome = corpus_read(corpus, offset, count, chunk);
            hash = hash_bytes(hash, chunk, count);
        }
    } else {
        for (uint64_t i = 0; outcome == STATUS_OK && i < CORPUS_SAMPLES; i++) {
            uint64_t offset = (length - CORPUS_SAMPLE_BYTES) * i / (CORPUS_SAMPLES - 1);
            outcome = corpus_read(corpus, offset, CORPUS_SAMPLE_BYTES, chunk);
            hash = hash_bytes(hash, chunk, CORPUS_SAMPLE_BYTES);
        }
    }
    free(chunk);
    corpus->fingerprint = hash;
    return outcome;
}

static status open_and_lay_out(struct corpus *corpus, const char *path, const struct corpus_split *split, int context) {
    TRY(source_open(path, &corpus->source));
    TRY(lay_out(corpus, path, split, context));
    return take_fingerprint(corpus);
}

status corpus_open(const char *path, const struct corpus_split *split, int context, struct corpus **result) {
    struct corpus *corpus = memory_allocate(1, sizeof *corpus);
    status outcome = open_and_lay_out(corpus, path, split, context);
    if (outcome != STATUS_OK) {
        corpus_close(corpus);
        corpus = NULL;
    }
    *result = corpus;
    return outcome;
}

void corpus_close(struct corpus *corpus) {
    if (!corpus)
        return;
    source_close(corpus->source);
    free(corpus);
}

uint64_t corpus_bytes(const struct corpus *corpus) {
    return source_bytes(corpus->source);
}

uint64_t corpus_part_bytes(const struct corpus *corpus, enum task_part part) {
    return corpus->periods * corpus->blocks[part].length;
}

uint64_t corpus_periods(const struct corpus *corpus) {
    return corpus->periods;
}

uint64_t corpus_fingerprint(const struct corpus *corpus) {
    return corpus->fingerprint;
}

status corpus_check(const struct corpus *corpus) {
    return source_check(corpus->source);
}

status corpus_read(const struct corpus *corpus, uint64_t offset, size_t count, unsigned char *bytes) {
    return source_read(corpus->source, offset, count, bytes);
}

/* ---- batches ---- */

/* The places in a part where a window can start, numbered through its blocks. */
static uint64_t count_windows(const struct corpus *corpus, enum task_part part, int context) {
    return corpus->periods * (corpus->blocks[part].length - (uint64_t)context);
}

static status check_context(const struct corpus *corpus, int context) {
    if (context >= 1 && context <= corpus->context)
        return STATUS_OK;
    return fail("windows of %d tokens were asked of a text that was opened for a context of %d", context,
                corpus->context);
}

/* One sequence: the context tokens of a window, and the tokens that follow each. */
static status take_window(const struct corpus *corpus, enum task_part part, uint64_t window, int context,
                          int32_t *tokens, int32_t *targets) {
    const struct block *block = &corpus->blocks[part];
    uint64_t in_block = block->length - (uint64_t)context;
    uint64_t offset = window / in_block * corpus->period_length + block->start + window % in_block;
    unsigned char bytes[4096];
    for (int done = 0; done < context;) {
        int count = context - done < (int)sizeof bytes - 1 ? context - done : (int)sizeof bytes - 1;
        TRY(corpus_read(corpus, offset + (uint64_t)done, (size_t)count + 1, bytes));
        for (int i = 0; i < count; i++) {
            tokens[done + i] = bytes[i];
            targets[done + i] = bytes[i + 1];
        }
        done += count;
    }
    return STATUS_OK;
}

status corpus_training_batch(const struct corpus *corpus, uint64_t seed, int64_t step, int batch, int context,
                             int32_t *tokens, int32_t *targets) {
    TRY(check_context(corpus, context));
    struct random_stream random = random_open(seed, hash_number(hash_text(HASH_START, "training"), (uint64_t)step));
    uint64_t windows = count_windows(corpus, PART_TRAINING, context);
    for (int i = 0; i < batch; i++) {
        size_t row = (size_t)i * (size_t)context;
        TRY(take_window(corpus, PART_TRAINING, random_below_long(&random, windows), context, tokens + row,
                        targets + row));
    }
    return STATUS_OK;
}

/* Not in 64 bits: of 2^36 evaluation windows in 2^40 bytes the product has 76. */
__extension__ typedef unsigned __int128 wide;

status corpus_evaluation_batch(const struct corpus *corpus, enum task_part part, int index, int count, int batch,
                               int context, int32_t *tokens, int32_t *targets) {
    TRY(check_context(corpus, context));
    wide windows = count_windows(corpus, part, context), wanted = (wide)(uint64_t)count * (uint64_t)batch;
    for (int i = 0; i < batch; i++) {
        uint64_t k = (uint64_t)index * (uint64_t)batch + (uint64_t)i;
        size_t row = (size_t)i * (size_t)context;
        TRY(take_window(corpus, part, (uint64_t)(windows * k / wanted), context, tokens + row, targets + row));
    }
    return STATUS_OK;
}
