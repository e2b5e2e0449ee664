#include "train/source.h"

#include "base/file.h"
#include "base/memory.h"

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

/* One file's place in the text. */
struct piece {
    char *path;
    unsigned char *inflated; /* a compressed file's text; NULL where the file itself is read */
    struct stat seen;        /* of the file when it was opened */
    uint64_t offset, length; /* in the joined text */
};

struct source {
    struct piece *pieces;
    size_t piece_count;
    uint64_t length;
};

/* ---- opening ---- */

/* A mapping that ends where the text ends: text of unknown length grows by remapping. */
static status inflate_into_memory(const char *path, unsigned char **bytes, size_t *length) {
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

static status inspect_file(const char *path, int descriptor, struct piece *piece) {
    unsigned char magic[2] = {0};
    size_t inflated_length;
    if (fstat(descriptor, &piece->seen) != 0 || !S_ISREG(piece->seen.st_mode))
        return fail_usage("%s is not a file or a folder", path);
    piece->length = (uint64_t)piece->seen.st_size;
    if (pread(descriptor, magic, 2, 0) != 2 || magic[0] != 0x1f || magic[1] != 0x8b)
        return STATUS_OK;
    TRY(inflate_into_memory(path, &piece->inflated, &inflated_length));
    piece->length = inflated_length;
    return STATUS_OK;
}

/* Not waiting for the other end, should the path be a pipe. */
static int open_to_read(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static status open_file(struct source *source, const char *path) {
    int descriptor = open_to_read(path);
    if (descriptor < 0)
        return fail_usage("cannot read %s: %s", path, strerror(errno));
    struct piece piece = {.offset = source->length};
    status outcome = inspect_file(path, descriptor, &piece);
    close(descriptor);
    if (outcome != STATUS_OK || piece.length == 0)
        return outcome;
    piece.path = memory_copy_text(path);
    source->pieces = memory_resize(source->pieces, source->piece_count + 1, sizeof *source->pieces);
    source->pieces[source->piece_count++] = piece;
    source->length += piece.length;
    return STATUS_OK;
}

static int visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name); /* not the locale's order, which differs between machines */
}

static status open_path(struct source *source, const char *path, int depth) {
    if (!file_is_directory(path))
        return open_file(source, path);
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
            outcome = length < (int)sizeof entry_path ? open_path(source, entry_path, depth + 1)
                                                      : fail_usage("the path %s/... is too long", path);
        free(entries[i]);
    }
    free(entries);
    return outcome;
}

status source_open(const char *path, struct source **result) {
    struct source *source = memory_allocate(1, sizeof *source);
    status outcome = file_exists(path) ? open_path(source, path, 0) : fail_usage("the text %s does not exist", path);
    if (outcome != STATUS_OK) {
        source_close(source);
        source = NULL;
    }
    *result = source;
    return outcome;
}

void source_close(struct source *source) {
    if (!source)
        return;
    for (size_t i = 0; i < source->piece_count; i++) {
        if (source->pieces[i].inflated)
            munmap(source->pieces[i].inflated, (size_t)source->pieces[i].length);
        free(source->pieces[i].path);
    }
    free(source->pieces);
    free(source);
}

uint64_t source_bytes(const struct source *source) {
    return source->length;
}

/* ---- reading ---- */

static status changed(const struct piece *piece, const char *how) {
    return fail("the text %s %s while it was in use; going on needs it as it was", piece->path, how);
}

static status check_unchanged(const struct piece *piece, const struct stat *now) {
    const struct stat *seen = &piece->seen;
    char sizes[96];
    if (now->st_dev != seen->st_dev || now->st_ino != seen->st_ino)
        return changed(piece, "was replaced by another file");
    snprintf(sizes, sizeof sizes, "went from %lld to %lld bytes", (long long)seen->st_size, (long long)now->st_size);
    if (now->st_size != seen->st_size)
        return changed(piece, sizes);
    if (now->st_mtim.tv_sec != seen->st_mtim.tv_sec || now->st_mtim.tv_nsec != seen->st_mtim.tv_nsec)
        return changed(piece, "was written to");
    return STATUS_OK;
}

static status read_descriptor(const struct piece *piece, int descriptor, uint64_t start, size_t count,
                              unsigned char *bytes) {
    struct stat now;
    if (fstat(descriptor, &now) != 0)
        return fail("cannot read %s: %s", piece->path, strerror(errno));
    TRY(check_unchanged(piece, &now));
    while (count > 0) {
        ssize_t got = pread(descriptor, bytes, count, (off_t)start);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail("cannot read %s: %s", piece->path, strerror(errno));
        if (got == 0)
            return changed(piece, "became shorter");
        bytes += got;
        start += (uint64_t)got;
        count -= (size_t)got;
    }
    return STATUS_OK;
}

static status read_piece(const struct piece *piece, uint64_t start, size_t count, unsigned char *bytes) {
    if (piece->inflated) {
        memcpy(bytes, piece->inflated + start, count);
        return STATUS_OK;
    }
    int descriptor = open_to_read(piece->path);
    if (descriptor < 0)
        return fail("cannot read the text %s any more: %s", piece->path, strerror(errno));
    status outcome = read_descriptor(piece, descriptor, start, count, bytes);
    close(descriptor);
    return outcome;
}

status source_read(const struct source *source, uint64_t offset, size_t count, unsigned char *bytes) {
    /* The last piece that starts at or before the offset. */
    size_t low = 0, high = source->piece_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (source->pieces[middle].offset <= offset)
            low = middle;
        else
            high = middle;
    }
    for (const struct piece *piece = &source->pieces[low]; count > 0; piece++) {
        uint64_t start = offset - piece->offset, left = piece->length - start;
        size_t part = left < count ? (size_t)left : count;
        TRY(read_piece(piece, start, part, bytes));
        bytes += part;
        offset += part;
        count -= part;
    }
    return STATUS_OK;
}

status source_check(const struct source *source) {
    unsigned char first;
    for (size_t i = 0; i < source->piece_count; i++)
        TRY(read_piece(&source->pieces[i], 0, 1, &first));
    return STATUS_OK;
}
