#include "train/tensors.h"

#include "base/file.h"
#include "base/memory.h"

#include <cJSON.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "safetensors files are little endian, and so must this host be"
#endif

/* The header of what others wrote may be as large as the format's own readers allow. */
enum { MOST_HEADER_BYTES = 100000000 };

struct tensor {
    char *name;
    struct shape shape;
    uint64_t place; /* in a file that is read, from its start */
};

struct tensors {
    struct tensor *tensors;
    int count;
    cJSON *texts;
    int descriptor; /* of a file that is read, else -1 */
};

struct tensors *tensors_create(void) {
    struct tensors *tensors = memory_allocate(1, sizeof *tensors);
    tensors->texts = cJSON_CreateObject();
    tensors->descriptor = -1;
    return tensors;
}

void tensors_destroy(struct tensors *tensors) {
    if (!tensors)
        return;
    for (int i = 0; i < tensors->count; i++)
        free(tensors->tensors[i].name);
    if (tensors->descriptor >= 0)
        close(tensors->descriptor);
    free(tensors->tensors);
    cJSON_Delete(tensors->texts);
    free(tensors);
}

static void add(struct tensors *tensors, const char *name, struct shape shape, uint64_t place) {
    tensors->tensors = memory_resize(tensors->tensors, (size_t)tensors->count + 1, sizeof *tensors->tensors);
    tensors->tensors[tensors->count++] =
        (struct tensor){.name = memory_copy_text(name), .shape = shape, .place = place};
}

void tensors_add(struct tensors *tensors, const char *name, struct shape shape) {
    add(tensors, name, shape, 0);
}

void tensors_add_text(struct tensors *tensors, const char *key, const char *value) {
    cJSON_AddStringToObject(tensors->texts, key, value);
}

const char *tensors_find_text(const struct tensors *tensors, const char *key) {
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(tensors->texts, key));
}

/* ---- writing ---- */

static size_t tensor_size(const struct tensor *tensor) {
    return shape_elements(tensor->shape) * sizeof(float);
}

static cJSON *describe_tensor(const struct tensor *tensor, size_t offset) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "dtype", "F32");
    cJSON *shape = cJSON_AddArrayToObject(json, "shape");
    if (tensor->shape.rows > 1)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber(tensor->shape.rows));
    cJSON_AddItemToArray(shape, cJSON_CreateNumber(tensor->shape.columns));
    cJSON *offsets = cJSON_AddArrayToObject(json, "data_offsets");
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)offset));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(offset + tensor_size(tensor))));
    return json;
}

/* The JSON header, padded with spaces to 8 bytes as the format wants. */
static char *make_header(const struct tensors *tensors) {
    cJSON *header = cJSON_CreateObject();
    size_t offset = 0;
    if (tensors->texts->child)
        cJSON_AddItemToObject(header, "__metadata__", cJSON_Duplicate(tensors->texts, 1));
    for (int i = 0; i < tensors->count; i++) {
        cJSON_AddItemToObject(header, tensors->tensors[i].name, describe_tensor(&tensors->tensors[i], offset));
        offset += tensor_size(&tensors->tensors[i]);
    }
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    size_t length = strlen(text), padded = (length + 7) / 8 * 8;
    char *result = memory_allocate(padded + 1, 1);
    memset(result, ' ', padded);
    memcpy(result, text, length);
    cJSON_free(text);
    return result;
}

static status write_content(const struct tensors *tensors, struct file_writer *writer, tensors_source *source,
                            void *context) {
    char *header = make_header(tensors);
    uint64_t header_bytes = strlen(header);
    status outcome = file_writer_append(writer, &header_bytes, sizeof header_bytes);
    if (outcome == STATUS_OK)
        outcome = file_writer_append(writer, header, header_bytes);
    free(header);
    for (int i = 0; outcome == STATUS_OK && i < tensors->count; i++) {
        const float *elements;
        outcome = source(context, i, &elements);
        if (outcome == STATUS_OK)
            outcome = file_writer_append(writer, elements, tensor_size(&tensors->tensors[i]));
    }
    return outcome;
}

status tensors_write(const struct tensors *tensors, const char *path, tensors_source *source, void *context) {
    struct file_writer *writer;
    TRY(file_writer_open(path, &writer));
    status outcome = write_content(tensors, writer, source, context);
    if (outcome == STATUS_OK)
        return file_writer_commit(writer);
    file_writer_abandon(writer);
    return outcome;
}

/* ---- reading ---- */

/* A whole number of an array, or -1. */
static double whole_number(const cJSON *array, int index) {
    const cJSON *item = cJSON_GetArrayItem(array, index);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    return value >= 0 && value < 9e15 && value == (double)(uint64_t)value ? value : -1;
}

/* Where the tensors of a file lie. */
struct region {
    uint64_t begin, bytes;
};

static status read_tensor(const cJSON *json, struct region data, struct tensors *tensors) {
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(json, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(json, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(json, "data_offsets");
    int dimensions = cJSON_GetArraySize(shape);
    double rows = dimensions == 2 ? whole_number(shape, 0) : 1, columns = whole_number(shape, dimensions - 1);
    double begin = whole_number(offsets, 0), end = whole_number(offsets, 1);
    if (!cJSON_IsString(dtype) || strcmp(dtype->valuestring, "F32") != 0 || dimensions < 1 || dimensions > 2)
        return fail("the tensor %s is not float32 with one or two dimensions", json->string);
    if (rows < 1 || columns < 1 || rows > INT32_MAX || columns > INT32_MAX || begin < 0 || end < begin ||
        end > (double)data.bytes || end - begin != rows * columns * (double)sizeof(float))
        return fail("the tensor %s does not lie in the file as its shape says", json->string);
    add(tensors, json->string, (struct shape){(int)rows, (int)columns}, data.begin + (uint64_t)begin);
    return STATUS_OK;
}

static status read_header(const cJSON *header, struct region data, struct tensors *tensors) {
    for (const cJSON *item = header->child; item; item = item->next) {
        if (strcmp(item->string, "__metadata__") != 0) {
            TRY(read_tensor(item, data, tensors));
            continue;
        }
        for (const cJSON *text = item->child; text; text = text->next)
            if (text->string && cJSON_IsString(text))
                tensors_add_text(tensors, text->string, text->valuestring);
    }
    return STATUS_OK;
}

static status read_at(int descriptor, uint64_t place, void *bytes, size_t length) {
    char *to = bytes;
    while (length > 0) {
        ssize_t got = pread(descriptor, to, length, (off_t)place);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail("it cannot be read: %s", strerror(errno));
        if (got == 0)
            return fail("it was cut off");
        to += got;
        place += (uint64_t)got;
        length -= (size_t)got;
    }
    return STATUS_OK;
}

static status parse(struct tensors *tensors) {
    uint64_t header_bytes = 0;
    struct stat information;
    if (fstat(tensors->descriptor, &information) != 0 || !S_ISREG(information.st_mode))
        return fail("it is not a file");
    uint64_t length = (uint64_t)information.st_size;
    if (length >= sizeof header_bytes)
        TRY(read_at(tensors->descriptor, 0, &header_bytes, sizeof header_bytes));
    if (header_bytes == 0 || header_bytes > length - sizeof header_bytes || header_bytes > MOST_HEADER_BYTES)
        return fail("it is not a safetensors file, or it was cut off");
    struct region data = {.begin = sizeof header_bytes + header_bytes};
    data.bytes = length - data.begin;
    char *text = memory_allocate(header_bytes, 1);
    status outcome = read_at(tensors->descriptor, sizeof header_bytes, text, header_bytes);
    cJSON *header = outcome == STATUS_OK ? cJSON_ParseWithLength(text, header_bytes) : NULL;
    if (outcome == STATUS_OK)
        outcome = cJSON_IsObject(header) ? read_header(header, data, tensors)
                                         : fail("it is not a safetensors file: its header is not JSON");
    cJSON_Delete(header);
    free(text);
    return outcome;
}

status tensors_open(const char *path, struct tensors **result) {
    struct tensors *tensors = tensors_create();
    tensors->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    status outcome = tensors->descriptor >= 0 ? parse(tensors) : fail("it cannot be read: %s", strerror(errno));
    if (outcome != STATUS_OK) {
        tensors_destroy(tensors);
        tensors = NULL;
    }
    *result = tensors;
    return outcome == STATUS_OK ? outcome : fail_while(outcome, "%s", path);
}

static status find(const struct tensors *tensors, const char *name, struct shape shape, const struct tensor **found) {
    for (int i = 0; i < tensors->count; i++) {
        const struct tensor *tensor = &tensors->tensors[i];
        if (strcmp(tensor->name, name) != 0)
            continue;
        if (tensor->shape.rows != shape.rows || tensor->shape.columns != shape.columns)
            return fail("the tensor %s is %d x %d, not %d x %d", name, tensor->shape.rows, tensor->shape.columns,
                        shape.rows, shape.columns);
        *found = tensor;
        return STATUS_OK;
    }
    return fail("there is no tensor %s", name);
}

bool tensors_has(const struct tensors *tensors, const char *name, struct shape shape) {
    for (int i = 0; i < tensors->count; i++) {
        const struct tensor *tensor = &tensors->tensors[i];
        if (strcmp(tensor->name, name) == 0)
            return tensor->shape.rows == shape.rows && tensor->shape.columns == shape.columns;
    }
    return false;
}

status tensors_require(const struct tensors *tensors, const char *name, struct shape shape) {
    const struct tensor *tensor = NULL;
    return find(tensors, name, shape, &tensor);
}

status tensors_read(const struct tensors *tensors, const char *name, struct shape shape, float *elements) {
    const struct tensor *tensor = NULL;
    TRY(find(tensors, name, shape, &tensor));
    return read_at(tensors->descriptor, tensor->place, elements, tensor_size(tensor));
}
