/*
 * A bump arena: many small pieces with one lifetime, freed at once. Documents, forms and manifests
 * live in one.
 */
#ifndef SOUK_ARENA_H
#define SOUK_ARENA_H

#include "base/alloc.h"

struct souk_arena_block;

typedef struct souk_arena {
    const souk_alloc *alloc;
    struct souk_arena_block *blocks; /* newest first */
    size_t used;                     /* bytes used in the newest block */
    size_t total;                    /* bytes asked of the allocator */
} souk_arena;

void souk_arena_init(souk_arena *arena, const souk_alloc *alloc);

/* Frees all pieces; the arena is empty and usable again. A zeroed souk_arena is allowed. */
void souk_arena_free(souk_arena *arena);

/* `size` bytes, not zeroed, aligned for any type; NULL when out of memory. Valid until
 * souk_arena_free. */
void *souk_arena_new(souk_arena *arena, size_t size);

/* `count` x `size` zeroed bytes; NULL when out of memory or when the product overflows. */
void *souk_arena_array(souk_arena *arena, size_t count, size_t size);

/*
 * Copies the bytes, with a NUL behind them. *out is valid until souk_arena_free. False when out of
 * memory.
 */
bool souk_arena_copy(souk_arena *arena, souk_slice bytes, souk_slice *out);

/* Moves all blocks of `from` to `to` (which is freed first); `from` is empty and usable. */
void souk_arena_move(souk_arena *to, souk_arena *from);

#endif
