/*
 * MAD's tasks: every sequence is read again here, by the rules that are written in train/mad_examples.c and nothing of
 * its code, and must say exactly what its targets say. Counts are compared with what probability expects.
 */
#include "test.h"

#include "train/mad.h"

#include <math.h>
#include <string.h>

enum { BATCH = 64, MOST = 512 };

static int32_t tokens[BATCH * MOST], targets[BATCH * MOST];

static struct task *open_task(enum mad_kind kind, struct mad_settings asked) {
    struct task *task;
    assert_ok(mad_task_open(kind, &asked, &task));
    assert_true(task_context(task) <= MOST);
    return task;
}

/* `read` checks one sequence of each of 20 batches of a part; whether it is of the training part is told. */
typedef void reader(const struct task *task, const int32_t *in, const int32_t *out, bool is_training);

static void read_all(const struct task *task, reader *read) {
    int context = task_context(task);
    for (int part = 0; part < TASK_PARTS; part++) {
        for (int index = 0; index < 20; index++) {
            if (part == PART_TRAINING)
                assert_ok(task_training_batch(task, 7, index, BATCH, tokens, targets));
            else
                assert_ok(task_evaluation_batch(task, (enum task_part)part, index, 20, BATCH, tokens, targets));
            for (int i = 0; i < BATCH * context; i++) {
                assert_true(tokens[i] >= 0 && tokens[i] < task_vocabulary(task));
                assert_true(targets[i] >= -1 && targets[i] < task_vocabulary(task));
            }
            for (int i = 0; i < BATCH; i++)
                read(task, tokens + i * context, targets + i * context, part == PART_TRAINING);
        }
    }
}

/* The token behind place t, which is the last target at the end; -2 where the sequence does not say. */
static int next_token(const struct task *task, const int32_t *in, const int32_t *out, int t) {
    return t + 1 < task_context(task) ? in[t + 1] : out[t];
}

/* ---- recall ---- */

static long pairs_seen, noise_seen, counted_seen;

static void read_pairs(const struct task *task, const int32_t *in, const int32_t *out, bool is_training, int keys,
                       int used) {
    int values[64], counted = 0;
    memset(values, -1, sizeof values);
    assert_true(keys <= 64 && task_context(task) % 2 == 1);
    for (int t = 0; t < task_context(task); t += 2) {
        int key = in[t], value = next_token(task, in, out, t), then = t + 2 < task_context(task) ? in[t + 2] : -2;
        /* Behind a value comes the next key, which nobody can know. */
        if (t + 1 < task_context(task))
            assert_int_equal(out[t + 1], is_training ? then : -1);
        pairs_seen++;
        if (key >= used) {
            noise_seen++;
            assert_true(value >= used && value < task_vocabulary(task));
            assert_int_equal(out[t], is_training ? value : -1);
            continue;
        }
        assert_true(key < keys && value >= keys && value < used);
        bool known = values[key] >= 0;
        if (known)
            assert_int_equal(value, values[key]);
        values[key] = value;
        assert_int_equal(out[t], known || is_training ? value : -1);
        counted += known;
    }
    counted_seen += counted;
    /* The last pair asks for what is known. */
    assert_true(in[task_context(task) - 1] < keys && out[task_context(task) - 1] >= keys && counted > 0);
}

static void read_recall(const struct task *task, const int32_t *in, const int32_t *out, bool is_training) {
    read_pairs(task, in, out, is_training, 8, 16);
}

/* 63 pairs of 8 keys: all keys are there (but for one in thousands), so 64 - 8 = 56 targets are counted. */
static void test_recall(void **unused) {
    (void)unused;
    struct task *task = open_task(MAD_IN_CONTEXT_RECALL, (struct mad_settings){0});
    assert_int_equal(task_vocabulary(task), 16);
    assert_int_equal(task_context(task), 127);
    pairs_seen = noise_seen = counted_seen = 0;
    read_all(task, read_recall);
    double sequences = (double)pairs_seen / 64;
    printf("  %.2f of 64 pairs ask for what is known\n", (double)counted_seen / sequences);
    assert_true(fabs((double)counted_seen / sequences - 56) < 0.1 && noise_seen == 0);
    task_close(task);
}

static void test_noisy_recall(void **unused) {
    (void)unused;
    struct task *task = open_task(MAD_NOISY_IN_CONTEXT_RECALL, (struct mad_settings){0});
    assert_int_equal(task_vocabulary(task), 32);
    pairs_seen = noise_seen = counted_seen = 0;
    read_all(task, read_recall);
    /* One pair in five of those but the last and one more: 62 / 64 * 0.2, of 245,760 pairs. */
    double share = (double)noise_seen / (double)pairs_seen;
    printf("  %.4f of the pairs are noise\n", share);
    assert_true(fabs(share - 0.2 * 62 / 64) < 0.005);
    task_close(task);
    task = open_task(MAD_NOISY_IN_CONTEXT_RECALL, (struct mad_settings){.noise = 0.6, .length = 256});
    pairs_seen = noise_seen = counted_seen = 0;
    read_all(task, read_recall);
    assert_true(fabs((double)noise_seen / (double)pairs_seen - 0.6 * 126 / 128) < 0.005);
    task_close(task);
}

/* ---- fuzzy recall ---- */

/*
 * Sequences cannot be cut into pairs without knowing where values end, but keys and values are of different tokens:
 * runs of keys, below 7, and of values, from 7 to 14, come in turn behind padding, 15. A run is a motif.
 */
static long motifs_of[2][4];

static void read_fuzzy(const struct task *task, const int32_t *in, const int32_t *out, bool is_training) {
    int context = task_context(task), all[MOST + 4], length = 0, pair_count = 0, t = 0;
    struct {
        int key[4], value[4];
    } pairs[MOST];
    for (; t < context && in[t] == 15; t++)
        assert_int_equal(out[t], is_training ? next_token(task, in, out, t) : -1);
    int first = t;
    for (; t < context; t++)
        all[length++] = in[t];
    /* Of the last value the target of the last place is the end. */
    all[length++] = out[context - 1];
    assert_true(first >= 2 && all[length - 1] >= 7);
    for (int i = 0, counted; i < length;) {
        int motif[2][4] = {{0}}, starts[2];
        for (int side = 0; side < 2; side++) {
            starts[side] = i;
            while (i < length && (all[i] >= 7) == side) {
                assert_true(motif[side][0] < 3 && all[i] < 15);
                for (int j = 1; j <= motif[side][0]; j++)
                    assert_int_not_equal(motif[side][j], all[i]);
                motif[side][++motif[side][0]] = all[i++];
            }
            assert_true(motif[side][0] >= 1);
            motifs_of[side][motif[side][0]]++;
        }
        if (!is_training)
            assert_int_equal(motif[0][0], 3);
        counted = 0;
        for (int p = 0; p < pair_count; p++) {
            if (memcmp(pairs[p].key, motif[0], sizeof motif[0]) != 0)
                continue;
            assert_memory_equal(pairs[p].value, motif[1], sizeof motif[1]);
            counted = 1;
        }
        memcpy(pairs[pair_count].key, motif[0], sizeof motif[0]);
        memcpy(pairs[pair_count++].value, motif[1], sizeof motif[1]);
        /* The target of the place before each token. */
        for (int side = 0; side < 2; side++)
            for (int j = 0; j < motif[side][0]; j++) {
                int place = first + starts[side] + j - 1;
                assert_int_equal(out[place], is_training || (side == 1 && counted) ? motif[side][j + 1] : -1);
            }
        assert_true(i < length || counted); /* the last pair was there before */
    }
}

static void test_fuzzy_recall(void **unused) {
    (void)unused;
    struct task *task = open_task(MAD_FUZZY_IN_CONTEXT_RECALL, (struct mad_settings){0});
    assert_int_equal(task_vocabulary(task), 16);
    assert_int_equal(task_context(task), 128);
    read_all(task, read_fuzzy);
    task_close(task);
    printf("  motifs of 1, 2, 3 tokens: keys %ld %ld %ld, values %ld %ld %ld\n", motifs_of[0][1], motifs_of[0][2],
           motifs_of[0][3], motifs_of[1][1], motifs_of[1][2], motifs_of[1][3]);
    assert_true(motifs_of[0][1] > 1000 && motifs_of[0][2] > 1000 && motifs_of[1][1] > 1000 && motifs_of[1][3] > 1000);
    task = open_task(MAD_FUZZY_IN_CONTEXT_RECALL, (struct mad_settings){.length = 24}); /* the least */
    read_all(task, read_fuzzy);
    task_close(task);
}

/* ---- selective copying ---- */

static long first_places[MOST];

static void read_copying(const struct task *task, const int32_t *in, const int32_t *out, bool is_training) {
    int context = task_context(task), said[MOST], count = 0, t = 0;
    (void)is_training; /* the answers are not in the sequence, so the targets are the same */
    first_places[0]++;
    for (; in[t] != 15; t++) {
        assert_int_equal(out[t], -1);
        if (in[t] != 14)
            said[count++] = in[t];
        if (in[t] != 14 && count == 1)
            first_places[1] += t;
    }
    assert_int_not_equal(in[t - 1], 14); /* the marker stands behind the last token */
    assert_int_equal(out[t++], -1);
    assert_int_equal(context - t, count);
    for (int i = 0; i < count; i++, t++) {
        assert_int_equal(in[t], 14);
        assert_int_equal(out[t], said[i]);
    }
}

static void test_selective_copying(void **unused) {
    (void)unused;
    struct task *task = open_task(MAD_SELECTIVE_COPYING, (struct mad_settings){0});
    assert_int_equal(task_vocabulary(task), 16);
    assert_int_equal(task_context(task), 256);
    memset(first_places, 0, sizeof first_places);
    read_all(task, read_copying);
    /* 223 blanks over 16 gaps: the first token has 13.9 before it in the mean. */
    double mean = (double)first_places[1] / (double)first_places[0];
    printf("  %.2f blanks before the first token\n", mean);
    assert_true(fabs(mean - 223 / 16.0) < 0.5);
    task_close(task);
}

/* ---- memorization and compression ---- */

static int map[256];

static void read_memorization(const struct task *task, const int32_t *in, const int32_t *out, bool is_training) {
    (void)is_training;
    for (int t = 0; t < task_context(task); t += 2) {
        assert_true(in[t] < 127 && in[t + 1] == 255 && out[t] == -1 && out[t + 1] >= 127 && out[t + 1] < 255);
        assert_true(map[in[t]] == 0 || map[in[t]] == out[t + 1]);
        map[in[t]] = out[t + 1];
    }
}

static void test_memorization(void **unused) {
    (void)unused;
    struct task *task = open_task(MAD_MEMORIZATION, (struct mad_settings){0});
    assert_int_equal(task_context(task), 32);
    read_all(task, read_memorization);
    task_close(task);
    for (int key = 0; key < 127; key++) { /* all keys are there, with values of their own */
        assert_int_not_equal(map[key], 0);
        for (int other = 0; other < key; other++)
            assert_int_not_equal(map[key], map[other]);
    }
}

static void read_compression(const struct task *task, const int32_t *in, const int32_t *out, bool is_training) {
    int context = task_context(task);
    (void)is_training;
    for (int t = 0; t < context; t++) {
        assert_int_equal(in[t], out[t]);
        assert_int_equal(in[t] == 15, t == context - 1);
    }
}

static void test_compression(void **unused) {
    (void)unused;
    struct task *task = open_task(MAD_COMPRESSION, (struct mad_settings){0});
    assert_int_equal(task_context(task), 32);
    assert_true(task_traits(task)->encodes);
    read_all(task, read_compression);
    task_close(task);
}

/* ---- sets of examples ---- */

enum { RECALLED = 127 };

static int find_sequence(const int32_t (*known)[RECALLED], int count, const int32_t *sequence) {
    for (int i = 0; i < count; i++)
        if (memcmp(known[i], sequence, RECALLED * sizeof *sequence) == 0)
            return i;
    return -1;
}

/*
 * With five training examples every batch holds these five and no other; the parts share none; batches are the same
 * whenever they are asked for, and differ with step and seed.
 */
static void test_sets(void **unused) {
    (void)unused;
    static int32_t known[16][RECALLED], again[BATCH * MOST], outs[BATCH * MOST];
    struct task *task = open_task(MAD_IN_CONTEXT_RECALL, (struct mad_settings){.examples = 5});
    int count = 0;
    for (int step = 0; step < 8; step++) {
        assert_ok(task_training_batch(task, 3, step, BATCH, tokens, targets));
        for (int i = 0; i < BATCH; i++)
            if (find_sequence(known, count, tokens + i * RECALLED) < 0) {
                assert_true(count < 5);
                memcpy(known[count++], tokens + i * RECALLED, sizeof known[0]);
            }
    }
    assert_int_equal(count, 5);
    assert_ok(task_training_batch(task, 3, 7, BATCH, again, outs));
    assert_memory_equal(tokens, again, BATCH * RECALLED * sizeof *again);
    assert_memory_equal(targets, outs, BATCH * RECALLED * sizeof *outs);
    assert_ok(task_training_batch(task, 3, 8, BATCH, again, outs));
    assert_memory_not_equal(tokens, again, BATCH * RECALLED * sizeof *again);
    assert_ok(task_training_batch(task, 4, 7, BATCH, again, outs));
    assert_memory_not_equal(tokens, again, BATCH * RECALLED * sizeof *again);
    /* 20 batches of 64 are the 1,280 examples, each once; so the batches of two parts, or two of one, share none. */
    assert_ok(task_evaluation_batch(task, PART_VALIDATION, 0, 20, BATCH, tokens, targets));
    assert_ok(task_evaluation_batch(task, PART_TEST, 0, 20, BATCH, again, outs));
    for (int i = 0; i < BATCH; i++) {
        assert_int_equal(find_sequence(known, count, tokens + i * RECALLED), -1);
        for (int j = 0; j < BATCH; j++) {
            assert_memory_not_equal(tokens + i * RECALLED, again + j * RECALLED, RECALLED * sizeof *again);
            if (j != i)
                assert_memory_not_equal(tokens + i * RECALLED, tokens + j * RECALLED, RECALLED * sizeof *again);
        }
    }
    task_close(task);
}

/* What says that a run goes on with other data. */
static void test_fingerprints(void **unused) {
    (void)unused;
    static const struct mad_settings others[] = {
        {0}, {.vocabulary = 64}, {.length = 130}, {.examples = 100}, {.noise = 0.3}};
    uint64_t prints[5];
    for (int i = 0; i < 5; i++) {
        struct task *task = open_task(MAD_NOISY_IN_CONTEXT_RECALL, others[i]);
        prints[i] = task_fingerprint(task);
        for (int j = 0; j < i; j++)
            assert_true(prints[i] != prints[j]);
        task_close(task);
    }
}

static void test_refusals(void **unused) {
    (void)unused;
    static const struct {
        enum mad_kind kind;
        struct mad_settings asked;
        const char *words;
    } wrong[] = {
        {MAD_NOISY_IN_CONTEXT_RECALL, {.vocabulary = 17}, "noisy-in-context-recall needs at least 18 tokens, not 17"},
        {MAD_IN_CONTEXT_RECALL, {.length = 127}, "its length, 127, must be even"},
        {MAD_FUZZY_IN_CONTEXT_RECALL, {.length = 23}, "has 24 to 65536 tokens, not 23"},
        {MAD_FUZZY_IN_CONTEXT_RECALL, {.vocabulary = 7}, "needs at least 8 tokens, not 7"},
        {MAD_SELECTIVE_COPYING, {.copy_tokens = 128}, "of 128 tokens needs a length of at least 258, not 256"},
        {MAD_COMPRESSION, {.length = 65537}, "has 2 to 65536 tokens, not 65537"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct task *task;
        assert_fails(mad_task_open(wrong[i].kind, &wrong[i].asked, &task), STATUS_USAGE, wrong[i].words);
        assert_null(task);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recall),       cmocka_unit_test(test_noisy_recall),
        cmocka_unit_test(test_fuzzy_recall), cmocka_unit_test(test_selective_copying),
        cmocka_unit_test(test_memorization), cmocka_unit_test(test_compression),
        cmocka_unit_test(test_sets),         cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
