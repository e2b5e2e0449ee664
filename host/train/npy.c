#include "train/npy.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A dictionary as NumPy writes it has some 80 bytes. */
enum { MOST_HEADER_BYTES = 1 << 16, CHUNK_BYTES = 1 << 16, MOST_DIMENSIONS = 8 };

struct header {
    char descr[16];
    bool has_descr, has_order, has_shape, fortran;
    int64_t shape[MOST_DIMENSIONS];
    int dimensions;
};

/* ---- the dictionary ---- */

static const char *skip_spaces(const char *at) {
    return at + strspn(at, " \t\r\n");
}

/* Behind `word`, or NULL where the text does not begin with it. */
static const char *skip_word(const char *at, const char *word) {
    size_t length = strlen(word);
    return strncmp(at, word, length) == 0 ? at + length : NULL;
}

/* 'text' or "text", shorter than `bytes`; NULL where there is none. */
static const char *read_quoted(const char *at, char *text, size_t bytes) {
    if (*at != '\'' && *at != '"')
        return NULL;
    const char *end = strchr(at + 1, *at);
    if (!end || (size_t)(end - at - 1) >= bytes)
        return NULL;
    snprintf(text, bytes, "%.*s", (int)(end - at - 1), at + 1);
    return end + 1;
}

static const char *read_bool(const char *at, bool *value) {
    const char *end = skip_word(at, "True");
    *value = end != NULL;
    return end ? end : skip_word(at, "False");
}

/* (2, 3) or (5,) or (); each number at most INT64_MAX / 16. */
static const char *read_shape(const char *at, struct header *header) {
    if (*at++ != '(')
        return NULL;
    at = skip_spaces(at);
    while (*at != ')') {
        int64_t number = 0;
        const char *start = at;
        for (; *at >= '0' && *at <= '9'; at++) {
            if (number > INT64_MAX / 160)
                return NULL;
            number = 10 * number + (*at - '0');
        }
        if (at == start || header->dimensions == MOST_DIMENSIONS)
            return NULL;
        header->shape[header->dimensions++] = number;
        at = skip_spaces(at);
        if (*at == ',')
            at = skip_spaces(at + 1);
        else if (*at != ')')
            return NULL;
    }
    return at + 1;
}

/* One "'key': value"; NULL where it is none of the three, or one of them again. */
static const char *read_entry(const char *at, struct header *header) {
    char key[16];
    at = read_quoted(at, key, sizeof key);
    if (!at || *(at = skip_spaces(at)) != ':')
        return NULL;
    at = skip_spaces(at + 1);
    bool *has = strcmp(key, "descr") == 0           ? &header->has_descr
                : strcmp(key, "fortran_order") == 0 ? &header->has_order
                : strcmp(key, "shape") == 0         ? &header->has_shape
                                                    : NULL;
    if (!has || *has)
        return NULL;
    *has = true;
    return has == &header->has_descr   ? read_quoted(at, header->descr, sizeof header->descr)
           : has == &header->has_order ? read_bool(at, &header->fortran)
                                       : read_shape(at, header);
}

static bool parse_header(const char *text, struct header *header) {
    const char *at = skip_spaces(text);
    if (*at != '{')
        return false;
    at = skip_spaces(at + 1);
    while (*at != '}') {
        at = read_entry(at, header);
        if (!at)
            return false;
        at = skip_spaces(at);
        if (*at == ',')
            at = skip_spaces(at + 1);
        else if (*at != '}')
            return false;
    }
    return *skip_spaces(at + 1) == '\0' && header->has_descr && header->has_order && header->has_shape;
}

/* ---- the file ---- */

struct reader {
    const char *path;
    int descriptor;
    int64_t length, place; /* of the file, and what is read of it */
    int bytes;             /* of an element */
    bool is_signed, is_big_endian;
};

static status read_bytes(struct reader *reader, void *bytes, size_t count) {
    for (size_t done = 0; done < count;) {
        ssize_t got = read(reader->descriptor, (char *)bytes + done, count - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail("cannot read %s: %s", reader->path, strerror(errno));
        if (got == 0)
            return fail_usage("%s ends behind byte %lld, in the middle", reader->path,
                              (long long)reader->place + (long long)done);
        done += (size_t)got;
    }
    reader->place += (int64_t)count;
    return STATUS_OK;
}

static status read_header(struct reader *reader, struct header *header) {
    unsigned char start[8], size[4] = {0};
    if (reader->length < 10)
        return fail_usage("%s is no .npy file: it has %lld bytes", reader->path, (long long)reader->length);
    TRY(read_bytes(reader, start, sizeof start));
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return fail_usage("%s is no .npy file: it does not begin with \\x93NUMPY", reader->path);
    if (start[6] < 1 || start[6] > 3)
        return fail_usage("%s is of version %d.%d of the .npy format; 1.0, 2.0 and 3.0 can be read", reader->path,
                          start[6], start[7]);
    TRY(read_bytes(reader, size, start[6] == 1 ? 2 : 4));
    uint32_t length = size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    if (length > MOST_HEADER_BYTES || length > reader->length - reader->place)
        return fail_usage("%s is damaged: its header is said to have %u bytes; the file has %lld, and a header at most "
                          "%d",
                          reader->path, length, (long long)reader->length, MOST_HEADER_BYTES);
    char *text = memory_allocate((size_t)length + 1, 1);
    status outcome = read_bytes(reader, text, length);
    if (outcome == STATUS_OK && (strlen(text) != length || !parse_header(text, header)))
        outcome = fail_usage("%s is damaged or of another kind: its header must be a dictionary of 'descr' (a text), "
                             "'fortran_order' and 'shape', and is %.100s",
                             reader->path, text);
    free(text);
    return outcome;
}

/* "<i8": byte order, kind and bytes of an element. */
static status check_type(struct reader *reader, const struct header *header) {
    const char *descr = header->descr;
    bool known = strlen(descr) == 3 && strchr("<>|", descr[0]) && strchr("iu", descr[1]) && strchr("1248", descr[2]);
    if (!known || (descr[0] == '|' && descr[2] != '1'))
        return fail_usage("%s holds elements of type '%s'; integers are expected: int8 to int64, uint8 to uint64",
                          reader->path, descr);
    reader->is_big_endian = descr[0] == '>';
    reader->is_signed = descr[1] == 'i';
    reader->bytes = descr[2] - '0';
    return STATUS_OK;
}

static status check_shape(const struct reader *reader, const struct header *header) {
    if (header->dimensions != 2)
        return fail_usage("%s has %d dimensions; two are expected: sequences, and tokens of each", reader->path,
                          header->dimensions);
    int64_t rows = header->shape[0], columns = header->shape[1];
    if (header->fortran && rows > 1 && columns > 1)
        return fail_usage("%s is in Fortran order; C order is expected (numpy.ascontiguousarray)", reader->path);
    if (rows < 1 || columns < 1)
        return fail_usage("%s is empty: its shape is (%lld, %lld)", reader->path, (long long)rows, (long long)columns);
    if (rows > INT_MAX / columns)
        return fail_usage("%s has the shape (%lld, %lld); at most %d elements can be read", reader->path,
                          (long long)rows, (long long)columns, INT_MAX);
    int64_t needed = rows * columns * reader->bytes, there = reader->length - reader->place;
    if (there != needed)
        return fail_usage("%s has %lld bytes of elements; its shape (%lld, %lld) and type '%s' say %lld", reader->path,
                          (long long)there, (long long)rows, (long long)columns, header->descr, (long long)needed);
    return STATUS_OK;
}

enum { NUMBER_BYTES = 24 };

/* False where the value does not fit; then its digits are in `text`. */
static bool decode(const struct reader *reader, const unsigned char *bytes, int32_t *value, char *text) {
    uint64_t bits = 0;
    for (int i = 0; i < reader->bytes; i++)
        bits = bits << 8 | bytes[reader->is_big_endian ? i : reader->bytes - 1 - i];
    if (reader->is_signed && reader->bytes < 8 && bits >> (8 * reader->bytes - 1))
        bits |= ~UINT64_C(0) << (8 * reader->bytes);
    bool negative = reader->is_signed && bits >> 63;
    uint64_t size = negative ? ~bits : bits; /* of a negative number one less than its absolute value */
    *value = (int32_t)(uint32_t)bits;
    if (size <= INT32_MAX)
        return true;
    if (negative)
        snprintf(text, NUMBER_BYTES, "%" PRId64, (int64_t)bits);
    else
        snprintf(text, NUMBER_BYTES, "%" PRIu64, bits);
    return false;
}

static status read_elements(struct reader *reader, struct npy *array) {
    size_t count = (size_t)array->rows * (size_t)array->columns, bytes = (size_t)reader->bytes, done = 0;
    unsigned char chunk[CHUNK_BYTES];
    array->values = malloc(count * sizeof *array->values);
    if (!array->values)
        return fail("the host has no memory for the %zu elements of %s", count, reader->path);
    while (done < count) {
        size_t now = count - done < CHUNK_BYTES / bytes ? count - done : CHUNK_BYTES / bytes;
        TRY(read_bytes(reader, chunk, now * bytes));
        for (size_t i = 0; i < now; i++, done++) {
            char number[NUMBER_BYTES];
            if (!decode(reader, chunk + i * bytes, &array->values[done], number))
                return fail_usage("%s: row %zu, column %zu (counted from 0) is %s; values must fit 32 bits with a sign",
                                  reader->path, done / (size_t)array->columns, done % (size_t)array->columns, number);
        }
    }
    return STATUS_OK;
}

static status read_open(struct reader *reader, struct npy *array) {
    struct stat seen;
    struct header header = {0};
    if (fstat(reader->descriptor, &seen) != 0 || !S_ISREG(seen.st_mode))
        return fail_usage("%s is not a file", reader->path);
    reader->length = seen.st_size;
    TRY(read_header(reader, &header));
    TRY(check_type(reader, &header));
    TRY(check_shape(reader, &header));
    array->rows = (int)header.shape[0];
    array->columns = (int)header.shape[1];
    return read_elements(reader, array);
}

status npy_read(const char *path, struct npy *array) {
    /* Not waiting for the other end, should the path be a pipe. */
    struct reader reader = {.path = path, .descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    *array = (struct npy){0};
    if (reader.descriptor < 0)
        return fail_usage("cannot read %s: %s", path, strerror(errno));
    status outcome = read_open(&reader, array);
    close(reader.descriptor);
    if (outcome != STATUS_OK)
        npy_free(array);
    return outcome;
}

void npy_free(struct npy *array) {
    free(array->values);
    *array = (struct npy){0};
}
