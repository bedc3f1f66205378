#include "base/arena.h"

#include <stdalign.h>
#include <string.h>

enum { FIRST_BLOCK = 256, LARGEST_BLOCK = 1024 * 1024 };

typedef struct souk_arena_block {
    struct souk_arena_block *next;
    size_t size;
    alignas(max_align_t) char bytes[];
} souk_arena_block;

void souk_arena_init(souk_arena *arena, const souk_alloc *alloc)
{
    memset(arena, 0, sizeof *arena);
    arena->alloc = alloc;
}

void souk_arena_free(souk_arena *arena)
{
    souk_arena_block *block = arena->blocks;
    while (block != NULL) {
        souk_arena_block *next = block->next;
        souk_free(arena->alloc, block);
        block = next;
    }
    souk_arena_init(arena, arena->alloc);
}

/* Blocks double in size, so that a large document costs few allocations and a small one little
 * memory. */
static bool add_block(souk_arena *arena, size_t least)
{
    size_t size = arena->blocks == NULL ? FIRST_BLOCK : arena->blocks->size * 2;
    size = size > LARGEST_BLOCK ? LARGEST_BLOCK : size;
    size = size < least ? least : size;
    size_t bytes;
    if (!souk_size_add(size, sizeof(souk_arena_block), &bytes)) {
        return false;
    }
    souk_arena_block *block = arena->alloc->resize(arena->alloc->user, NULL, bytes);
    if (block == NULL) {
        return false;
    }
    block->next = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->used = 0;
    arena->total += bytes;
    return true;
}

void *souk_arena_new(souk_arena *arena, size_t size)
{
    const size_t grain = alignof(max_align_t);
    size_t rounded;
    if (!souk_size_add(size, grain - 1, &rounded)) {
        return NULL;
    }
    rounded -= rounded % grain;
    if (arena->blocks == NULL || arena->blocks->size - arena->used < rounded) {
        if (!add_block(arena, rounded)) {
            return NULL;
        }
    }
    void *piece = arena->blocks->bytes + arena->used;
    arena->used += rounded;
    return piece;
}

void *souk_arena_array(souk_arena *arena, size_t count, size_t size)
{
    size_t total;
    if (!souk_size_mul(count, size, &total)) {
        return NULL;
    }
    void *piece = souk_arena_new(arena, total);
    if (piece != NULL) {
        memset(piece, 0, total);
    }
    return piece;
}

bool souk_arena_copy(souk_arena *arena, souk_slice bytes, souk_slice *out)
{
    size_t size;
    char *copy = souk_size_add(bytes.len, 1, &size) ? souk_arena_new(arena, size) : NULL;
    if (copy == NULL) {
        return false;
    }
    if (bytes.len > 0) {
        memcpy(copy, bytes.ptr, bytes.len);
    }
    copy[bytes.len] = '\0';
    *out = souk_slice_make(copy, bytes.len);
    return true;
}

void souk_arena_move(souk_arena *to, souk_arena *from)
{
    souk_arena_free(to);
    *to = *from;
    souk_arena_init(from, from->alloc);
}
