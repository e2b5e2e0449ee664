#include "device/program_cache.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/text.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/*
 * A file is magic, the CRC-32 and the length of the rest, then the key as text with its zero byte, then the binary,
 * which may be empty. Its name is a hash of the key; the key inside makes a collision harmless.
 */
static const char MAGIC[8] = "starcl3";

struct header {
    char magic[8];
    uint32_t checksum;
    uint32_t key_bytes;
    uint64_t binary_bytes;
};

/* What PoCL and Intel's runtime are told to compile for; Intel's tells nobody. */
static const char *const targets[] = {"POCL_KERNELLIB_NAME", "CL_CONFIG_CPU_TARGET_ARCH"};
enum { TARGETS = sizeof targets / sizeof *targets };

/* With what a key begins. */
static void append_device(struct text *key, const struct device_information *device) {
    text_append(key, "%s\n%s\n%s\n%s\n%s\n", device->platform_name, device->model, device->vendor, device->version,
                device->driver);
}

char *program_cache_key(const struct device_information *device, const char *common_options, const char *options,
                        const char *source) {
    struct text key = {0};
    append_device(&key, device);
    for (int i = 0; i < TARGETS; i++)
        text_append(&key, "%s\n", getenv(targets[i]) ? getenv(targets[i]) : "");
    text_append(&key, "%s %s\n%s", common_options, options, source);
    return key.text;
}

void program_cache_path(const char *directory, const char *name, const char *key, char *path) {
    snprintf(path, PATH_MAX, "%s/%s-%016llx.bin", directory, name, (unsigned long long)hash_text(HASH_START, key));
}

static uint32_t checksum_of(const char *content, size_t bytes) {
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), (const unsigned char *)content, bytes);
}

/* The key inside a whole file, with the binary behind its zero byte; NULL where it is none of this version's. */
static const char *key_inside(const char *file, size_t length, size_t *binary_bytes) {
    struct header header;
    if (length < sizeof header)
        return NULL;
    memcpy(&header, file, sizeof header);
    const char *content = file + sizeof header;
    size_t content_bytes = length - sizeof header;
    if (memcmp(header.magic, MAGIC, sizeof MAGIC) != 0 || header.key_bytes == 0 || header.key_bytes > content_bytes ||
        header.binary_bytes != content_bytes - header.key_bytes ||
        header.checksum != checksum_of(content, content_bytes) || content[header.key_bytes - 1] != '\0' ||
        strlen(content) + 1 != header.key_bytes)
        return NULL;
    *binary_bytes = (size_t)header.binary_bytes;
    return content;
}

const unsigned char *program_cache_read(const char *path, const char *key, char **file, size_t *binary_bytes) {
    size_t length;
    *file = NULL;
    if (file_read(path, file, &length) != STATUS_OK)
        return NULL;
    const char *inside = key_inside(*file, length, binary_bytes);
    if (!inside || strcmp(inside, key) != 0)
        return NULL;
    return (const unsigned char *)inside + strlen(inside) + 1;
}

void program_cache_write(const char *path, const char *key, const unsigned char *binary, size_t binary_bytes) {
    struct header header = {.key_bytes = (uint32_t)strlen(key) + 1, .binary_bytes = binary_bytes};
    memcpy(header.magic, MAGIC, sizeof MAGIC);
    size_t content_bytes = header.key_bytes + binary_bytes;
    char *file = memory_allocate(1, sizeof header + content_bytes), *content = file + sizeof header;
    memcpy(content, key, header.key_bytes);
    if (binary_bytes > 0)
        memcpy(content + header.key_bytes, binary, binary_bytes);
    header.checksum = checksum_of(content, content_bytes);
    memcpy(file, &header, sizeof header);
    (void)!file_write(path, file, sizeof header + content_bytes);
    free(file);
}

/* ---- survey ---- */

static bool is_of(const char *key, const struct device_information *device) {
    struct text beginning = {0};
    append_device(&beginning, device);
    bool is = strncmp(key, beginning.text, strlen(beginning.text)) == 0;
    text_free(&beginning);
    return is;
}

static void survey_file(const char *path, const struct device_list *devices, struct program_cache_survey *survey) {
    char *file;
    size_t length, binary_bytes;
    if (file_read(path, &file, &length) != STATUS_OK)
        return;
    const char *key = key_inside(file, length, &binary_bytes);
    bool is_stale = true;
    for (size_t d = 0; key && d < devices->count; d++)
        is_stale = is_stale && !is_of(key, &devices->devices[d]);
    survey->entries++;
    survey->bytes += length;
    survey->stale += is_stale;
    survey->stale_bytes += is_stale ? length : 0;
    free(file);
}

void program_cache_survey(const char *directory, const struct device_list *devices,
                          struct program_cache_survey *survey) {
    *survey = (struct program_cache_survey){0};
    DIR *folder = opendir(directory);
    if (!folder)
        return;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[PATH_MAX];
        size_t length = strlen(entry->d_name);
        if (length <= 4 || strcmp(entry->d_name + length - 4, ".bin") != 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", directory, entry->d_name) < (int)sizeof path)
            survey_file(path, devices, survey);
    }
    closedir(folder);
}
