#include "train/corpus.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct segment {
    const unsigned char *bytes;
    size_t length;
    uint64_t offset; /* in the joined text */
};

struct corpus {
    struct segment *segments;
    size_t segment_count;
    uint64_t length, training_length;
};

static void add_segment(struct corpus *corpus, const unsigned char *bytes, size_t length) {
    corpus->segments = memory_resize(corpus->segments, corpus->segment_count + 1, sizeof *corpus->segments);
    corpus->segments[corpus->segment_count++] =
        (struct segment){.bytes = bytes, .length = length, .offset = corpus->length};
    corpus->length += length;
}

/* A mapping that ends where the text ends: text of unknown length grows by remapping. */
static status inflate_into_memory(const char *path, const unsigned char **bytes, size_t *length) {
    gzFile file = gzopen(path, "rb");
    if (!file)
        return fail_usage("cannot read %s: %s", path, strerror(errno));
    gzbuffer(file, 1 << 18);
    size_t capacity = (size_t)1 << 24, used = 0;
    unsigned char *memory = mmap(NULL, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    status outcome = STATUS_OK;
    while (memory != MAP_FAILED) {
        if (used == capacity) {
            unsigned char *larger = mremap(memory, capacity, 2 * capacity, MREMAP_MAYMOVE);
            if (larger == MAP_FAILED)
                break;
            memory = larger;
            capacity *= 2;
        }
        unsigned wanted = capacity - used > (1u << 24) ? 1u << 24 : (unsigned)(capacity - used);
        int got = gzread(file, memory + used, wanted);
        int code;
        const char *message = gzerror(file, &code);
        if (got < 0 || (got == 0 && code != Z_OK && code != Z_STREAM_END)) {
            outcome = fail_usage("cannot unpack %s: %s", path, message);
            break;
        }
        used += (size_t)got;
        if (got == 0)
            break;
    }
    if (memory == MAP_FAILED || (outcome == STATUS_OK && used == capacity))
        outcome = fail("the host has no memory for the unpacked text of %s (%zu bytes so far)", path, used);
    gzclose(file);
    if (outcome != STATUS_OK || used == 0) {
        if (memory != MAP_FAILED)
            munmap(memory, capacity);
        *length = 0;
        return outcome;
    }
    *bytes = mremap(memory, capacity, used, MREMAP_MAYMOVE);
    *length = used;
    return STATUS_OK;
}

static status map_file(const char *path, int descriptor, size_t length, const unsigned char **bytes) {
    void *memory = mmap(NULL, length, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (memory == MAP_FAILED)
        return fail("cannot map %s: %s", path, strerror(errno));
    *bytes = memory;
    return STATUS_OK;
}

static status open_file(struct corpus *corpus, const char *path) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_usage("cannot read %s: %s", path, strerror(errno));
    struct stat information;
    unsigned char magic[2] = {0};
    status outcome = STATUS_OK;
    const unsigned char *bytes = NULL;
    size_t length = 0;
    if (fstat(descriptor, &information) != 0 || !S_ISREG(information.st_mode)) {
        outcome = fail_usage("%s is not a file or a folder", path);
    } else if (pread(descriptor, magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b) {
        outcome = inflate_into_memory(path, &bytes, &length);
    } else if (information.st_size > 0) {
        length = (size_t)information.st_size;
        outcome = map_file(path, descriptor, length, &bytes);
    }
    close(descriptor);
    if (outcome == STATUS_OK && length > 0)
        add_segment(corpus, bytes, length);
    return outcome;
}

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name); /* not the locale's order, which differs between machines */
}

static status open_path(struct corpus *corpus, const char *path, int depth) {
    if (!file_is_directory(path))
        return open_file(corpus, path);
    if (depth > 32)
        return fail_usage("%s: folders are nested too deeply", path);
    struct dirent **entries;
    int count = scandir(path, &entries, visible, by_bytes);
    if (count < 0)
        return fail_usage("cannot read the folder %s: %s", path, strerror(errno));
    status outcome = STATUS_OK;
    for (int i = 0; i < count; i++) {
        char entry_path[PATH_MAX];
        int length = snprintf(entry_path, sizeof entry_path, "%s/%s", path, entries[i]->d_name);
        if (outcome == STATUS_OK)
            outcome = length < (int)sizeof entry_path ? open_path(corpus, entry_path, depth + 1)
                                                      : fail_usage("the path %s/... is too long", path);
        free(entries[i]);
    }
    free(entries);
    return outcome;
}

static status open_and_split(struct corpus *corpus, const char *path, double validation, int context) {
    if (!file_exists(path))
        return fail_usage("the text %s does not exist", path);
    TRY(open_path(corpus, path, 0));
    uint64_t validation_length = (uint64_t)((double)corpus->length * validation);
    corpus->training_length = corpus->length - validation_length;
    uint64_t needed = (uint64_t)context + 1;
    if (corpus->training_length < needed || validation_length < needed)
        return fail_usage("the text %s has %llu bytes, %llu of them for validation; both parts need at least %llu "
                          "(model.context + 1)",
                          path, (unsigned long long)corpus->length, (unsigned long long)validation_length,
                          (unsigned long long)needed);
    return STATUS_OK;
}

status corpus_open(const char *path, double validation, int context, struct corpus **result) {
    struct corpus *corpus = memory_allocate(1, sizeof *corpus);
    status outcome = open_and_split(corpus, path, validation, context);
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
    for (size_t i = 0; i < corpus->segment_count; i++)
        munmap((void *)corpus->segments[i].bytes, corpus->segments[i].length);
    free(corpus->segments);
    free(corpus);
}

uint64_t corpus_bytes(const struct corpus *corpus) {
    return corpus->length;
}

uint64_t corpus_training_bytes(const struct corpus *corpus) {
    return corpus->training_length;
}

uint64_t corpus_fingerprint(const struct corpus *corpus) {
    enum { BLOCKS = 1024, BLOCK_BYTES = 4096 };
    unsigned char block[BLOCK_BYTES];
    uint64_t hash = hash_number(HASH_START, corpus->length);
    for (uint64_t i = 0; i < BLOCKS; i++) {
        uint64_t offset = corpus->length / BLOCKS * i, left = corpus->length - offset;
        size_t count = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        corpus_read(corpus, offset, count, block);
        hash = hash_bytes(hash, block, count);
    }
    return hash;
}

void corpus_read(const struct corpus *corpus, uint64_t offset, size_t count, unsigned char *bytes) {
    /* The last segment that starts at or before the offset. */
    size_t low = 0, high = corpus->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (corpus->segments[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    for (const struct segment *segment = &corpus->segments[low]; count > 0; segment++) {
        size_t start = (size_t)(offset - segment->offset);
        size_t part = segment->length - start < count ? segment->length - start : count;
        memcpy(bytes, segment->bytes + start, part);
        bytes += part;
        offset += part;
        count -= part;
    }
}

/* One sequence: context tokens from offset, and the tokens that follow each. */
static void take_window(const struct corpus *corpus, uint64_t offset, int context, int32_t *tokens, int32_t *targets) {
    unsigned char bytes[4096];
    for (int done = 0; done < context;) {
        int part = context - done < (int)sizeof bytes - 1 ? context - done : (int)sizeof bytes - 1;
        corpus_read(corpus, offset + (uint64_t)done, (size_t)part + 1, bytes);
        for (int i = 0; i < part; i++) {
            tokens[done + i] = bytes[i];
            targets[done + i] = bytes[i + 1];
        }
        done += part;
    }
}

void corpus_training_batch(const struct corpus *corpus, uint64_t seed, int64_t step, int batch, int context,
                           int32_t *tokens, int32_t *targets) {
    struct random_stream random = random_open(seed, hash_number(hash_text(HASH_START, "training"), (uint64_t)step));
    uint64_t windows = corpus->training_length - (uint64_t)context;
    for (int i = 0; i < batch; i++)
        take_window(corpus, random_below_long(&random, windows), context, tokens + (size_t)i * (size_t)context,
                    targets + (size_t)i * (size_t)context);
}

void corpus_validation_batch(const struct corpus *corpus, int index, int count, int batch, int context, int32_t *tokens,
                             int32_t *targets) {
    uint64_t windows = corpus->length - corpus->training_length - (uint64_t)context;
    uint64_t total = (uint64_t)count * (uint64_t)batch;
    for (int i = 0; i < batch; i++) {
        uint64_t window = (uint64_t)index * (uint64_t)batch + (uint64_t)i;
        uint64_t offset = corpus->training_length + (uint64_t)((double)windows * (double)window / (double)total);
        take_window(corpus, offset, context, tokens + (size_t)i * (size_t)context,
                    targets + (size_t)i * (size_t)context);
    }
}
