/*
 * The bytes of files joined into one text: a file, a .gz file (by content, so dictzip's .dz too) or a folder of them in
 * name order, folders inside included and hidden files left out.
 *
 * Compressed files are inflated into memory when the source is opened. Plain files stay on the disk and are opened,
 * read and closed by each read, so that any number of them takes no descriptors, and a file that somebody truncates,
 * writes to, replaces or removes while it is in use is a failure that names it. (A mapping would end in SIGBUS.)
 */
#ifndef STARCL_TRAIN_SOURCE_H
#define STARCL_TRAIN_SOURCE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct source;

/* STATUS_USAGE where the path or something in it is missing, cannot be read or is neither file nor folder. */
status source_open(const char *path, struct source **source) MUST_CHECK;
void source_close(struct source *source);

uint64_t source_bytes(const struct source *source);

/*
 * Copies the bytes at offset; the range must lie inside. Fails, naming the file, where a plain file that it reads from
 * is not what source_open() saw: other device, inode, size or time of modification.
 */
status source_read(const struct source *source, uint64_t offset, size_t count, unsigned char *bytes) MUST_CHECK;

/* Reads a byte of every file: fails as source_read() does where any plain file has changed or cannot be read. */
status source_check(const struct source *source) MUST_CHECK;

#endif
