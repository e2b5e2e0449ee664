#include "train/tensors.h"

#include "base/file.h"
#include "base/memory.h"

#include <cJSON.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER != __LITTLE_ENDIAN
#error "safetensors files are little endian, and so must this host be"
#endif

struct tensor {
    char *name;
    struct shape shape;
    float *elements;
};

struct tensors {
    struct tensor *tensors;
    int count;
    cJSON *texts;
};

struct tensors *tensors_create(void) {
    struct tensors *tensors = memory_allocate(1, sizeof *tensors);
    tensors->texts = cJSON_CreateObject();
    return tensors;
}

void tensors_destroy(struct tensors *tensors) {
    if (!tensors)
        return;
    for (int i = 0; i < tensors->count; i++) {
        free(tensors->tensors[i].name);
        free(tensors->tensors[i].elements);
    }
    free(tensors->tensors);
    cJSON_Delete(tensors->texts);
    free(tensors);
}

float *tensors_add(struct tensors *tensors, const char *name, struct shape shape) {
    tensors->tensors = memory_resize(tensors->tensors, (size_t)tensors->count + 1, sizeof *tensors->tensors);
    struct tensor *tensor = &tensors->tensors[tensors->count++];
    *tensor = (struct tensor){.name = memory_copy_text(name),
                              .shape = shape,
                              .elements = memory_allocate(shape_elements(shape), sizeof(float))};
    return tensor->elements;
}

void tensors_add_text(struct tensors *tensors, const char *key, const char *value) {
    cJSON_AddStringToObject(tensors->texts, key, value);
}

status tensors_find(const struct tensors *tensors, const char *name, struct shape shape, const float **elements) {
    for (int i = 0; i < tensors->count; i++) {
        const struct tensor *tensor = &tensors->tensors[i];
        if (strcmp(tensor->name, name) != 0)
            continue;
        if (tensor->shape.rows != shape.rows || tensor->shape.columns != shape.columns)
            return fail("the tensor %s is %d x %d, not %d x %d", name, tensor->shape.rows, tensor->shape.columns,
                        shape.rows, shape.columns);
        *elements = tensor->elements;
        return STATUS_OK;
    }
    return fail("there is no tensor %s", name);
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

/* The JSON header, padded with spaces to 8 bytes as the format wants; sets the bytes of all tensors. */
static char *make_header(const struct tensors *tensors, size_t *data_bytes) {
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
    *data_bytes = offset;
    return result;
}

status tensors_write(const struct tensors *tensors, const char *path) {
    size_t data_bytes;
    char *header = make_header(tensors, &data_bytes);
    uint64_t header_bytes = strlen(header);
    size_t bytes = sizeof header_bytes + header_bytes + data_bytes;
    char *file = memory_allocate(bytes, 1), *place = file + sizeof header_bytes + header_bytes;
    memcpy(file, &header_bytes, sizeof header_bytes);
    memcpy(file + sizeof header_bytes, header, header_bytes);
    for (int i = 0; i < tensors->count; i++) {
        memcpy(place, tensors->tensors[i].elements, tensor_size(&tensors->tensors[i]));
        place += tensor_size(&tensors->tensors[i]);
    }
    status outcome = file_write(path, file, bytes);
    free(file);
    free(header);
    return outcome;
}

/* ---- reading ---- */

/* A whole number of an array, or -1. */
static double whole_number(const cJSON *array, int index) {
    const cJSON *item = cJSON_GetArrayItem(array, index);
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    return value >= 0 && value < 9e15 && value == (double)(uint64_t)value ? value : -1;
}

static status read_tensor(const char *path, const cJSON *json, const char *data, size_t data_bytes,
                          struct tensors *tensors) {
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(json, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(json, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(json, "data_offsets");
    int dimensions = cJSON_GetArraySize(shape);
    double rows = dimensions == 2 ? whole_number(shape, 0) : 1, columns = whole_number(shape, dimensions - 1);
    double begin = whole_number(offsets, 0), end = whole_number(offsets, 1);
    if (!cJSON_IsString(dtype) || strcmp(dtype->valuestring, "F32") != 0 || dimensions < 1 || dimensions > 2)
        return fail("%s: the tensor %s is not float32 with one or two dimensions", path, json->string);
    if (rows < 1 || columns < 1 || rows > INT32_MAX || columns > INT32_MAX || begin < 0 || end < begin ||
        end > (double)data_bytes || end - begin != rows * columns * (double)sizeof(float))
        return fail("%s: the tensor %s does not lie in the file as its shape says", path, json->string);
    float *elements = tensors_add(tensors, json->string, (struct shape){(int)rows, (int)columns});
    memcpy(elements, data + (size_t)begin, (size_t)(end - begin));
    return STATUS_OK;
}

static status read_header(const char *path, const cJSON *header, const char *data, size_t data_bytes,
                          struct tensors *tensors) {
    for (const cJSON *item = header->child; item; item = item->next) {
        if (strcmp(item->string, "__metadata__") != 0) {
            TRY(read_tensor(path, item, data, data_bytes, tensors));
            continue;
        }
        for (const cJSON *text = item->child; text; text = text->next)
            if (cJSON_IsString(text))
                tensors_add_text(tensors, text->string, text->valuestring);
    }
    return STATUS_OK;
}

static status parse_file(const char *path, const char *file, size_t length, struct tensors *tensors) {
    uint64_t header_bytes = 0;
    if (length >= sizeof header_bytes)
        memcpy(&header_bytes, file, sizeof header_bytes);
    if (header_bytes == 0 || header_bytes > length - sizeof header_bytes)
        return fail("%s is not a safetensors file, or it was cut off", path);
    const char *data = file + sizeof header_bytes + header_bytes;
    cJSON *header = cJSON_ParseWithLength(file + sizeof header_bytes, header_bytes);
    status outcome = cJSON_IsObject(header)
                         ? read_header(path, header, data, length - sizeof header_bytes - header_bytes, tensors)
                         : fail("%s is not a safetensors file: its header is not JSON", path);
    cJSON_Delete(header);
    return outcome;
}

status tensors_read(const char *path, struct tensors **tensors) {
    char *file;
    size_t length;
    *tensors = NULL;
    TRY(file_read(path, &file, &length));
    struct tensors *read = tensors_create();
    status outcome = parse_file(path, file, length, read);
    free(file);
    if (outcome == STATUS_OK)
        *tensors = read;
    else
        tensors_destroy(read);
    return outcome;
}
