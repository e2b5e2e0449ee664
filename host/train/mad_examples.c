#include "train/mad_examples.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { NOT_COUNTED = -1, MOTIF_MOST = 3 };

/*
 * A sequence that is written token by token: each is an input, and the target of the place before it where it is
 * `counted`. So of context + 1 tokens the last is only a target.
 */
struct writer {
    int32_t *tokens, *targets;
    int context, count;
    bool all_targets;
};

static void put(struct writer *writer, int token, bool counted) {
    if (writer->count < writer->context)
        writer->tokens[writer->count] = token;
    if (writer->count > 0)
        writer->targets[writer->count - 1] = counted || writer->all_targets ? token : NOT_COUNTED;
    writer->count++;
}

static int draw(struct random_stream *random, int count) {
    return (int)random_below(random, (uint32_t)count);
}

/*
 * In-context recall, with keys a b c and values x y z, all drawn anew for each sequence:
 *
 *     tokens    a  x  c  z  a  x  b  z  c  z  a
 *     targets   -  -  -  -  x  -  -  -  z  -  x
 *
 * Pairs of a key and its value. What a key means is known from its second time on, so only then its value counts. The
 * last pair asks for a key that was there. The first half of the vocabulary are keys, the second values. In the noisy
 * task the last MAD_NOISE_TOKENS of the vocabulary are noise, and some pairs are two of them:
 *
 *     tokens    a  x  %  &  c  z  a  x  #  #  c
 *     targets   -  -  -  -  -  -  x  -  -  -  z
 */
static void write_recall(const struct mad_settings *settings, int noise_tokens, double noise,
                         struct random_stream *random, struct writer *writer) {
    int used = settings->vocabulary - noise_tokens, keys = used / 2, pairs = settings->length / 2, known_count = 0;
    int32_t *values = memory_allocate((size_t)keys, sizeof *values),
            *known = memory_allocate((size_t)keys, sizeof *known);
    int certain = noise > 0 ? draw(random, pairs - 1) : 0; /* one pair is none of noise */
    for (int pair = 0; pair < pairs - 1; pair++) {
        if (noise > 0 && pair != certain && random_uniform(random) < noise) {
            put(writer, used + draw(random, noise_tokens), false);
            put(writer, used + draw(random, noise_tokens), false);
            continue;
        }
        int key = draw(random, keys);
        bool is_known = values[key] != 0; /* values are behind the keys, so none is 0 */
        if (!is_known) {
            values[key] = keys + draw(random, used - keys);
            known[known_count++] = key;
        }
        put(writer, key, false);
        put(writer, values[key], is_known);
    }
    int asked = known[draw(random, known_count)];
    put(writer, asked, false);
    put(writer, values[asked], true);
    free(values);
    free(known);
}

/* Up to MOTIF_MOST different tokens in order, of a key or a value. */
struct motif {
    int size, tokens[MOTIF_MOST];
};

static struct motif draw_motif(struct random_stream *random, int size, int first, int count) {
    struct motif motif = {.size = size};
    for (int i = 0; i < size; i++) {
        bool repeated;
        do {
            motif.tokens[i] = first + draw(random, count);
            repeated = false;
            for (int j = 0; j < i; j++)
                repeated = repeated || motif.tokens[j] == motif.tokens[i];
        } while (repeated);
    }
    return motif;
}

static void put_motif(struct writer *writer, const struct motif *motif, bool counted) {
    for (int i = 0; i < motif->size; i++)
        put(writer, motif->tokens[i], counted);
}

struct motif_pair {
    struct motif key, value;
    bool is_known;
};

/* The pair of this key, added with a new value where there is none. */
static struct motif_pair *find_pair(struct motif_pair *pairs, int *count, const struct motif *key,
                                    struct random_stream *random, int first_value, int values) {
    for (int i = 0; i < *count; i++)
        if (memcmp(&pairs[i].key, key, sizeof *key) == 0)
            return &pairs[i];
    struct motif_pair *pair = &pairs[(*count)++];
    pair->key = *key;
    pair->value = draw_motif(random, 1 + draw(random, MOTIF_MOST), first_value, values);
    return pair;
}

/*
 * Fuzzy recall: keys and values are of one to three tokens, p fills up in front, and the last pair is always one that
 * was there before:
 *
 *     tokens    p  p  a  b  y  c  z  x  c  z  x  a  b
 *     targets   -  -  -  -  -  -  -  -  z  x  -  -  y
 *
 * In training keys have any size; evaluation asks for keys of three tokens. The published generator says that the
 * asked pair is in the sequence, and forgets it in some (when the place drawn for it lies behind the last pair); here
 * it always is.
 */
static void write_fuzzy_recall(const struct mad_settings *settings, bool is_training, struct random_stream *random,
                               struct writer *writer) {
    int used = settings->vocabulary - 1, padding = used, keys = used / 2, count = 1;
    struct motif_pair *pairs = memory_allocate((size_t)settings->length + 1, sizeof *pairs), *asked = pairs;
    asked->key = draw_motif(random, is_training ? 1 + draw(random, MOTIF_MOST) : MOTIF_MOST, 0, keys);
    asked->value = draw_motif(random, 1 + draw(random, MOTIF_MOST), keys, used - keys);
    int longest = 2 * MOTIF_MOST, end = settings->length - asked->key.size - asked->value.size - longest;
    /* A pair begins at or behind this place, and at most longest - 1 behind it: before the end. */
    int place = draw(random, end - longest + 1);
    while (writer->count < end) {
        struct motif_pair *pair = asked;
        if (writer->count < place || asked->is_known) {
            int size = is_training ? 1 + draw(random, MOTIF_MOST) : MOTIF_MOST;
            struct motif key = draw_motif(random, size, 0, keys);
            pair = find_pair(pairs, &count, &key, random, keys, used - keys);
        }
        put_motif(writer, &pair->key, false);
        put_motif(writer, &pair->value, pair->is_known);
        pair->is_known = true;
    }
    put_motif(writer, &asked->key, false);
    put_motif(writer, &asked->value, true);
    free(pairs);
    /* All to the end: the last token is the target of the last place. */
    int written = writer->count - 1, missing = writer->context - written;
    memmove(writer->tokens + missing, writer->tokens, (size_t)written * sizeof *writer->tokens);
    memmove(writer->targets + missing, writer->targets, (size_t)written * sizeof *writer->targets);
    for (int i = 0; i < missing; i++) {
        writer->tokens[i] = padding;
        writer->targets[i] = writer->all_targets ? padding : NOT_COUNTED;
    }
    if (missing > 0 && writer->all_targets)
        writer->targets[missing - 1] = writer->tokens[missing];
}

/*
 * Selective copying, of three tokens, with _ for blanks and > for the marker behind which they are to be said:
 *
 *     tokens    _  a  _  _  c  b  >  _  _  _
 *     targets   -  -  -  -  -  -  -  a  c  b
 *
 * Each blank goes before one of the tokens, drawn with equal probability.
 */
static void write_selective_copying(const struct mad_settings *settings, struct random_stream *random, int32_t *tokens,
                                    int32_t *targets) {
    int copied = settings->copy_tokens, marker = settings->vocabulary - 1, blank = settings->vocabulary - 2;
    int blanks = settings->length - 2 * copied - 1, place = 0;
    int32_t *before = memory_allocate((size_t)copied, sizeof *before);
    for (int i = 0; i < blanks; i++)
        before[draw(random, copied)]++;
    for (int i = 0; i < settings->length; i++) {
        tokens[i] = blank;
        targets[i] = NOT_COUNTED;
    }
    for (int i = 0; i < copied; i++) {
        place += before[i];
        tokens[place++] = targets[settings->length - copied + i] = draw(random, blank);
    }
    tokens[place] = marker;
    free(before);
}

/*
 * Memorization, with ? for a token that stands where the value would:
 *
 *     tokens    a  ?  c  ?  a  ?
 *     targets   -  x  -  z  -  x
 *
 * The map from keys to values is the same in all sequences and never shown, so it can only be learned.
 */
int mad_map_keys(const struct mad_settings *settings) {
    return (settings->vocabulary - 1) / 2;
}

void mad_fill_map(const struct mad_settings *settings, struct random_stream *random, int32_t *map) {
    int keys = mad_map_keys(settings), values = settings->vocabulary - 1 - keys;
    int32_t *left = memory_allocate((size_t)values, sizeof *left);
    for (int i = 0; i < values; i++)
        left[i] = keys + i;
    for (int key = 0; key < keys; key++) {
        int drawn = key + draw(random, values - key);
        map[key] = left[drawn];
        left[drawn] = left[key];
    }
    free(left);
}

static void write_memorization(const struct mad_settings *settings, const int32_t *map, struct random_stream *random,
                               int32_t *tokens, int32_t *targets) {
    for (int i = 0; i < settings->length; i += 2) {
        int key = draw(random, mad_map_keys(settings));
        tokens[i] = key;
        tokens[i + 1] = settings->vocabulary - 1;
        targets[i] = NOT_COUNTED;
        targets[i + 1] = map[key];
    }
}

/*
 * Compression, with > for the last token, whose row alone the decoder sees:
 *
 *     tokens    a  d  b  a  c  >
 *     targets   a  d  b  a  c  >
 */
static void write_compression(const struct mad_settings *settings, struct random_stream *random, int32_t *tokens,
                              int32_t *targets) {
    for (int i = 0; i < settings->length; i++) {
        bool last = i == settings->length - 1;
        tokens[i] = targets[i] = last ? settings->vocabulary - 1 : draw(random, settings->vocabulary - 1);
    }
}

void mad_example(enum mad_kind kind, const struct mad_settings *settings, const int32_t *map, bool all_targets,
                 struct random_stream *random, int32_t *tokens, int32_t *targets) {
    struct writer writer = {
        .tokens = tokens, .targets = targets, .context = mad_context(kind, settings), .all_targets = all_targets};
    switch (kind) {
    case MAD_NOISY_IN_CONTEXT_RECALL:
        write_recall(settings, MAD_NOISE_TOKENS, settings->noise, random, &writer);
        break;
    case MAD_FUZZY_IN_CONTEXT_RECALL:
        write_fuzzy_recall(settings, all_targets, random, &writer);
        break;
    case MAD_SELECTIVE_COPYING:
        write_selective_copying(settings, random, tokens, targets);
        break;
    case MAD_MEMORIZATION:
        write_memorization(settings, map, random, tokens, targets);
        break;
    case MAD_COMPRESSION:
        write_compression(settings, random, tokens, targets);
        break;
    default:
        write_recall(settings, 0, 0, random, &writer);
    }
}
