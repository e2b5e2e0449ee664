/* Files and folders, the user's cache directory among them. */
#ifndef STARCL_BASE_FILE_H
#define STARCL_BASE_FILE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

bool file_exists(const char *path);
bool file_is_directory(const char *path);
/* What stands behind the last '/' of a path: part of it. */
const char *file_name(const char *path);

/* The whole file with a zero byte behind it; the caller frees *bytes. */
status file_read(const char *path, char **bytes, size_t *length) MUST_CHECK;

/*
 * A file that is written piece by piece and appears complete or not at all: the pieces go to a temporary file beside
 * it, and commit flushes that to the disk, renames it and flushes the folder. A reader, or a crash, sees the old
 * content or the new and nothing between.
 *
 * A pipe or a device at the path is written to in place, and stays what it is.
 *
 * Each writer ends with commit or abandon, once; commit ends it whether or not it fails. After a failed append it can
 * only be abandoned. Every failure says which file and why; where only flushing the folder fails, the new file is
 * there, but a power failure may still bring the old one back.
 */
struct file_writer;
status file_writer_open(const char *path, struct file_writer **writer) MUST_CHECK;
status file_writer_append(struct file_writer *writer, const void *bytes, size_t length) MUST_CHECK;
status file_writer_commit(struct file_writer *writer) MUST_CHECK;
/* Leaves the old file, if any, as it was. NULL is allowed. */
void file_writer_abandon(struct file_writer *writer);

/* A whole file through such a writer. */
status file_write(const char *path, const void *bytes, size_t length) MUST_CHECK;
/* The same of a file that does not exist yet: file_check_new() before, and nothing is replaced by then either. */
status file_write_new(const char *path, const void *bytes, size_t length) MUST_CHECK;

/* Whether a new file can have this path: STATUS_USAGE where something has the name, or where there is no such folder.
 */
status file_check_new(const char *path) MUST_CHECK;

/* Makes the folder and the folders above it; one that exists is fine. */
status file_make_directory(const char *path) MUST_CHECK;

/*
 * Makes an empty folder, or an empty file, under TMPDIR or /tmp that nobody else has, whose name tells `what` it is
 * for; the caller removes it. `path` (PATH_MAX) is "" after a failure.
 */
status file_temporary_directory(const char *what, char *path) MUST_CHECK;
status file_temporary(const char *what, char *path) MUST_CHECK;

/*
 * A folder of starcl's own under $XDG_CACHE_HOME or ~/.cache, made if missing. Fails where no place can be written; a
 * caller then works without a cache.
 */
status file_cache_directory(const char *name, char *path, size_t path_bytes) MUST_CHECK;

#endif
