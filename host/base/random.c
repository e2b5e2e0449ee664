#include "base/random.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

struct random_stream random_open(uint64_t seed, uint64_t stream) {
    return (struct random_stream){.seed = seed, .stream = stream};
}

uint32_t random_word(struct random_stream *stream) {
    if (stream->left == 0) {
        philox4x32_ctr_t counter = {{(uint32_t)stream->counter, (uint32_t)(stream->counter >> 32),
                                     (uint32_t)stream->stream, (uint32_t)(stream->stream >> 32)}};
        philox4x32_key_t key = {{(uint32_t)stream->seed, (uint32_t)(stream->seed >> 32)}};
        philox4x32_ctr_t block = philox4x32(counter, key);
        memcpy(stream->block, block.v, sizeof stream->block);
        stream->counter++;
        stream->left = 4;
    }
    return stream->block[4 - stream->left--];
}

/* Lemire's multiplication with rejection (ACM TOMACS 29, 2019). */
uint32_t random_below(struct random_stream *stream, uint32_t count) {
    uint64_t product = (uint64_t)random_word(stream) * count;
    if ((uint32_t)product < count) {
        uint32_t threshold = -count % count;
        while ((uint32_t)product < threshold)
            product = (uint64_t)random_word(stream) * count;
    }
    return (uint32_t)(product >> 32);
}

uint64_t random_below_long(struct random_stream *stream, uint64_t count) {
    uint64_t largest = UINT64_MAX - UINT64_MAX % count, value;
    do {
        value = (uint64_t)random_word(stream) << 32;
        value |= random_word(stream);
    } while (value >= largest);
    return value % count;
}

int random_bit(struct random_stream *stream, unsigned set) {
    uint32_t chosen = random_below(stream, (uint32_t)__builtin_popcount(set));
    for (; chosen > 0; chosen--)
        set &= set - 1;
    return __builtin_ctz(set);
}

double random_uniform(struct random_stream *stream) {
    uint64_t high = random_word(stream) >> 5, low = random_word(stream) >> 6;
    return (double)(high * 67108864 + low) * 0x1p-53;
}

void random_normal(struct random_stream *stream, float *values, size_t count, double deviation) {
    for (size_t i = 0; i < count; i += 2) {
        /* 1 - u lies in (0, 1], so the logarithm is finite. */
        double radius = deviation * sqrt(-2 * log(1 - random_uniform(stream)));
        double angle = 2 * 3.14159265358979323846 * random_uniform(stream);
        values[i] = (float)(radius * cos(angle));
        if (i + 1 < count)
            values[i + 1] = (float)(radius * sin(angle));
    }
}

uint64_t hash_bytes(uint64_t start, const void *bytes, size_t length) {
    const unsigned char *byte = bytes;
    uint64_t hash = start;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

uint64_t hash_text(uint64_t start, const char *text) {
    return hash_bytes(start, text, strlen(text) + 1);
}

uint64_t hash_number(uint64_t start, uint64_t number) {
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    return hash_bytes(start, bytes, sizeof bytes);
}
