#include "base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BLOCK_BYTES = 64 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t used, capacity;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct arena_block *first;
};

static _Noreturn void out_of_memory(size_t bytes) {
    fprintf(stderr, "starcl: the host has no memory left (asked for %zu bytes)\n", bytes);
    abort();
}

void *memory_allocate(size_t count, size_t item_bytes) {
    void *memory = calloc(count ? count : 1, item_bytes ? item_bytes : 1);
    if (!memory)
        out_of_memory(count * item_bytes);
    return memory;
}

void *memory_resize(void *memory, size_t count, size_t item_bytes) {
    if (item_bytes && count > SIZE_MAX / item_bytes)
        out_of_memory(SIZE_MAX);
    size_t bytes = count * item_bytes;
    void *resized = realloc(memory, bytes > 0 ? bytes : 1);
    if (!resized)
        out_of_memory(bytes);
    return resized;
}

char *memory_copy_text(const char *text) {
    size_t bytes = strlen(text) + 1;
    return memcpy(memory_allocate(bytes, 1), text, bytes);
}

struct arena *arena_create(void) {
    return memory_allocate(1, sizeof(struct arena));
}

void arena_destroy(struct arena *arena) {
    if (!arena)
        return;
    for (struct arena_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}

void *arena_allocate(struct arena *arena, size_t count, size_t item_bytes) {
    if (item_bytes && count > (SIZE_MAX / 2) / item_bytes)
        out_of_memory(SIZE_MAX);
    size_t alignment = alignof(max_align_t);
    size_t bytes = (count * item_bytes + alignment - 1) / alignment * alignment;
    struct arena_block *block = arena->first;
    if (!block || block->capacity - block->used < bytes) {
        size_t capacity = bytes > ARENA_BLOCK_BYTES ? bytes : ARENA_BLOCK_BYTES;
        block = memory_allocate(1, sizeof *block + capacity);
        block->capacity = capacity;
        block->next = arena->first;
        arena->first = block;
    }
    void *memory = block->bytes + block->used;
    block->used += bytes;
    return memory;
}

char *arena_text(struct arena *arena, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = arena_allocate(arena, (size_t)length + 1, 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
