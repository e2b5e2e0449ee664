/*
 * Binaries of programs in a folder of the user's cache, a file each, for the next process. Whatever is wrong with an
 * entry, it is as if it were not there.
 */
#ifndef STARCL_DEVICE_PROGRAM_CACHE_H
#define STARCL_DEVICE_PROGRAM_CACHE_H

#include "device/discover.h"

#include <stdint.h>

/* What an entry is of: device, driver, what every build and this one are told, and the source. The caller frees it. */
char *program_cache_key(const struct device_information *device, const char *common_options, const char *options,
                        const char *source);

/* The file of an entry, into path (PATH_MAX). */
void program_cache_path(const char *directory, const char *name, const char *key, char *path);

/* The binary of an entry, inside *file, which the caller frees in any case; NULL where there is none for this key. */
const unsigned char *program_cache_read(const char *path, const char *key, char **file, size_t *binary_bytes);

/* A cache that cannot be written costs time, nothing else, so failures end here. */
void program_cache_write(const char *path, const char *key, const unsigned char *binary, size_t binary_bytes);

/* Entries, and those that no device of the list and no program of this version will read again. */
struct program_cache_survey {
    int entries, stale;
    uint64_t bytes, stale_bytes;
};
void program_cache_survey(const char *directory, const struct device_list *devices,
                          struct program_cache_survey *survey);

#endif
