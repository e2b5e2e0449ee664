/*
 * Counter-based random numbers: Philox 4x32-10 of Random123 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011).
 *
 * A stream is named by what it is for, never by when it is used: random_open(seed, hash of the purpose). The same name
 * gives the same numbers in any order of evaluation and in any process, which is what makes a resumed run equal to an
 * uninterrupted one.
 */
#ifndef STARCL_BASE_RANDOM_H
#define STARCL_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random_stream {
    uint64_t seed, stream, counter;
    uint32_t block[4];
    int left; /* unused words of the block */
};

struct random_stream random_open(uint64_t seed, uint64_t stream);

uint32_t random_word(struct random_stream *stream);
/* Uniform in 0..count-1, without bias; count >= 1. */
uint32_t random_below(struct random_stream *stream, uint32_t count);
uint64_t random_below_long(struct random_stream *stream, uint64_t count);
/* The number of one of the set's bits, each as likely; the set has one. */
int random_bit(struct random_stream *stream, unsigned set);
/* Uniform in [0, 1). */
double random_uniform(struct random_stream *stream);
/* Fills with normal numbers of mean 0 (Box-Muller). */
void random_normal(struct random_stream *stream, float *values, size_t count, double deviation);

/* FNV-1a, for names of streams and keys of caches; `start` chains calls, HASH_START begins. */
#define HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t hash_bytes(uint64_t start, const void *bytes, size_t length);
uint64_t hash_text(uint64_t start, const char *text);
uint64_t hash_number(uint64_t start, uint64_t number);

#endif
