/*
 * Host memory: allocation that cannot return NULL, and arenas for things that are freed together.
 *
 * These serve the program's small structures. A host that cannot give a few kilobytes cannot go on: the process says so
 * and aborts, which a run survives (`starcl resume`). Large blocks whose size the user chooses (corpora, tensors) do
 * not come from here; their failure is a status.
 */
#ifndef STARCL_BASE_MEMORY_H
#define STARCL_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed memory for count items; the caller frees it with free(). */
void *memory_allocate(size_t count, size_t item_bytes);
/* As realloc; memory added is not zeroed. */
void *memory_resize(void *memory, size_t count, size_t item_bytes);
char *memory_copy_text(const char *text);

struct arena;

struct arena *arena_create(void);
void arena_destroy(struct arena *arena);
/* Zeroed, aligned for any type, owned by the arena. */
void *arena_allocate(struct arena *arena, size_t count, size_t item_bytes);
/* Formats into the arena. */
char *arena_text(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
