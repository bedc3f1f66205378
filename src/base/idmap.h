/* A hash map from non-zero 64-bit ids to pointers: calls by call id, requests by JSON-RPC id. */
#ifndef SOUK_IDMAP_H
#define SOUK_IDMAP_H

#include <stdint.h>

#include "base/alloc.h"

typedef struct souk_idmap_slot {
    uint64_t id; /* 0: free */
    void *value;
} souk_idmap_slot;

typedef struct souk_idmap {
    const souk_alloc *alloc;
    souk_idmap_slot *slots;
    size_t size; /* a power of two, or 0 */
    size_t count;
} souk_idmap;

void souk_idmap_init(souk_idmap *map, const souk_alloc *alloc);
void souk_idmap_free(souk_idmap *map); /* not the values; a zeroed map is allowed */

/* The value, or NULL. */
void *souk_idmap_get(const souk_idmap *map, uint64_t id);

/* Adds an id that is not there yet; false when out of memory, and nothing has changed. */
bool souk_idmap_add(souk_idmap *map, uint64_t id, void *value);

/* Removes the id and returns its value, or NULL. Never fails, never allocates. */
void *souk_idmap_remove(souk_idmap *map, uint64_t id);

#endif
