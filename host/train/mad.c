#include "train/mad.h"

#include "base/memory.h"
#include "train/example_task.h"
#include "train/mad_examples.h"

#include <stdio.h>
#include <stdlib.h>

const char *const mad_names[MAD_KINDS] = {
    [MAD_IN_CONTEXT_RECALL] = "in-context-recall",
    [MAD_FUZZY_IN_CONTEXT_RECALL] = "fuzzy-in-context-recall",
    [MAD_NOISY_IN_CONTEXT_RECALL] = "noisy-in-context-recall",
    [MAD_SELECTIVE_COPYING] = "selective-copying",
    [MAD_MEMORIZATION] = "memorization",
    [MAD_COMPRESSION] = "compression",
};

/* What was published, and the least that the form of a sequence needs. */
static const struct mad_settings published[MAD_KINDS] = {
    [MAD_IN_CONTEXT_RECALL] = {.vocabulary = 16, .length = 128, .examples = 12800},
    [MAD_FUZZY_IN_CONTEXT_RECALL] = {.vocabulary = 16, .length = 128, .examples = 12800},
    [MAD_NOISY_IN_CONTEXT_RECALL] = {.vocabulary = 32, .length = 128, .examples = 12800, .noise = 0.2},
    [MAD_SELECTIVE_COPYING] = {.vocabulary = 16, .length = 256, .examples = 12800, .copy_tokens = 16},
    [MAD_MEMORIZATION] = {.vocabulary = 256, .length = 32, .examples = 256},
    [MAD_COMPRESSION] = {.vocabulary = 16, .length = 32, .examples = 12800},
};

static const struct {
    int vocabulary, length;
    bool even; /* pairs of tokens */
} least[MAD_KINDS] = {
    [MAD_IN_CONTEXT_RECALL] = {2, 4, true},
    [MAD_FUZZY_IN_CONTEXT_RECALL] = {8, 24, false}, /* three keys, and the longest pair four times */
    [MAD_NOISY_IN_CONTEXT_RECALL] = {MAD_NOISE_TOKENS + 2, 4, true},
    [MAD_SELECTIVE_COPYING] = {3, 4, false},
    [MAD_MEMORIZATION] = {3, 2, true},
    [MAD_COMPRESSION] = {2, 2, false},
};

status mad_resolve(enum mad_kind kind, const struct mad_settings *asked, struct mad_settings *settings) {
    const struct mad_settings *own = &published[kind];
    const char *name = mad_names[kind];
    *settings = (struct mad_settings){
        .vocabulary = asked->vocabulary ? asked->vocabulary : own->vocabulary,
        .length = asked->length ? asked->length : own->length,
        .examples = asked->examples ? asked->examples : own->examples,
        .noise = own->noise > 0 && asked->noise > 0 ? asked->noise : own->noise,
        .copy_tokens = own->copy_tokens && asked->copy_tokens ? asked->copy_tokens : own->copy_tokens,
    };
    if (settings->vocabulary < least[kind].vocabulary)
        return fail_usage("vocabulary: %s needs at least %d tokens, not %d", name, least[kind].vocabulary,
                          settings->vocabulary);
    if (settings->length < least[kind].length || settings->length > MAD_MOST_LENGTH)
        return fail_usage("length: a sequence of %s has %d to %d tokens, not %d", name, least[kind].length,
                          MAD_MOST_LENGTH, settings->length);
    if (least[kind].even && settings->length % 2 != 0)
        return fail_usage("length: a sequence of %s is pairs of tokens, so its length, %d, must be even", name,
                          settings->length);
    if (settings->copy_tokens && settings->length < 2 * settings->copy_tokens + 2)
        return fail_usage("copy_tokens: %s of %d tokens needs a length of at least %d, not %d", name,
                          settings->copy_tokens, 2 * settings->copy_tokens + 2, settings->length);
    return STATUS_OK;
}

int mad_context(enum mad_kind kind, const struct mad_settings *settings) {
    bool pairs = kind == MAD_IN_CONTEXT_RECALL || kind == MAD_NOISY_IN_CONTEXT_RECALL;
    return settings->length - pairs;
}

/* ---- the task ---- */

/* The numbers that examples are made of; the same in every run, as text is. */
enum { SEED = 12345 };

struct mad {
    enum mad_kind kind;
    struct mad_settings settings;
    int32_t *map; /* of memorization */
};

static status example(const void *data, enum task_part part, int index, int32_t *tokens, int32_t *targets) {
    const struct mad *mad = data;
    uint64_t name = hash_number(hash_text(HASH_START, mad_names[mad->kind]), (uint64_t)part);
    struct random_stream random = random_open(SEED, hash_number(name, (uint64_t)index));
    mad_example(mad->kind, &mad->settings, mad->map, part == PART_TRAINING, &random, tokens, targets);
    return STATUS_OK;
}

static uint64_t fingerprint(const void *data) {
    const struct mad *mad = data;
    const struct mad_settings *settings = &mad->settings;
    uint64_t hash = hash_text(HASH_START, mad_names[mad->kind]);
    hash = hash_number(hash_number(hash, (uint64_t)settings->vocabulary), (uint64_t)settings->length);
    hash = hash_number(hash_number(hash, (uint64_t)settings->examples), (uint64_t)settings->copy_tokens);
    return hash_bytes(hash, &settings->noise, sizeof settings->noise);
}

static void describe(const void *data, struct text *text) {
    const struct mad *mad = data;
    text_append(text, "%s, vocabulary %d", mad_names[mad->kind], mad->settings.vocabulary);
    if (mad->settings.noise > 0)
        text_append(text, ", %g %% noise", 100 * mad->settings.noise);
    if (mad->settings.copy_tokens)
        text_append(text, ", %d tokens to copy", mad->settings.copy_tokens);
}

static void close_mad(void *data) {
    struct mad *mad = data;
    free(mad->map);
    free(mad);
}

static const struct example_source mad_source = {
    .example = example, .fingerprint = fingerprint, .describe = describe, .close = close_mad};

status mad_task_open(enum mad_kind kind, const struct mad_settings *asked, struct task **task) {
    struct mad_settings settings;
    *task = NULL;
    TRY(mad_resolve(kind, asked, &settings));
    struct mad *mad = memory_allocate(1, sizeof *mad);
    *mad = (struct mad){.kind = kind, .settings = settings};
    if (kind == MAD_MEMORIZATION) {
        struct random_stream random = random_open(SEED, hash_text(HASH_START, "the map of memorization"));
        mad->map = memory_allocate((size_t)mad_map_keys(&settings), sizeof *mad->map);
        mad_fill_map(&settings, &random, mad->map);
    }
    struct task_traits traits = {
        .vocabulary = settings.vocabulary, .context = mad_context(kind, &settings), .encodes = kind == MAD_COMPRESSION};
    snprintf(traits.name, sizeof traits.name, "%s", mad_names[kind]);
    int counts[TASK_PARTS] = {[PART_TRAINING] = settings.examples,
                              [PART_VALIDATION] = MAD_EVALUATION_EXAMPLES,
                              [PART_TEST] = MAD_EVALUATION_EXAMPLES};
    *task = example_task_create(&mad_source, &traits, counts, mad);
    return STATUS_OK;
}
