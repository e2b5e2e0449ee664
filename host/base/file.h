/* Files and folders, the user's cache directory among them. */
#ifndef STARCL_BASE_FILE_H
#define STARCL_BASE_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

bool file_exists(const char *path);
bool file_is_directory(const char *path);

/* The whole file with a zero byte behind it; the caller frees *bytes. */
status file_read(const char *path, char **bytes, size_t *length) MUST_CHECK;

/*
 * Writes a file so that a reader, or a crash, sees the old content or the new and nothing between: a temporary file
 * beside it, flushed to the disk, then renamed.
 */
status file_write(const char *path, const void *bytes, size_t length) MUST_CHECK;

/* Makes the folder and the folders above it; one that exists is fine. */
status file_make_directory(const char *path) MUST_CHECK;

/*
 * A folder of starcl's own under $XDG_CACHE_HOME or ~/.cache, made if missing. Fails where no place can be written; a
 * caller then works without a cache.
 */
status file_cache_directory(const char *name, char *path, size_t path_bytes) MUST_CHECK;

#endif
