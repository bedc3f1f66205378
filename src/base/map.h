/*
 * A hash map from bytes to pointers that remembers insertion order.
 *
 * The hash is seeded, because keys come from servers and files: nobody outside can choose colliding
 * ones. Iteration is by insertion order, so that nothing that souk decides depends on a hash.
 */
#ifndef SOUK_MAP_H
#define SOUK_MAP_H

#include <stdint.h>

#include "base/alloc.h"

typedef struct souk_map_entry {
    souk_slice key; /* a copy, owned by the map; ptr is NULL in a removed entry */
    void *value;
    uint64_t hash;
} souk_map_entry;

typedef struct souk_map {
    const souk_alloc *alloc;
    uint64_t seed;
    souk_map_entry *entries; /* in insertion order, with holes where entries were removed */
    size_t entry_count;      /* holes included */
    size_t entry_cap;
    size_t live;
    uint32_t *index; /* entry number + 1; 0 is free */
    size_t index_size;
} souk_map;

/* seed: any number that an outsider cannot guess; tests may use 0. */
void souk_map_init(souk_map *map, const souk_alloc *alloc, uint64_t seed);

/* Frees keys and tables, not the values. The map is empty and usable. A zeroed souk_map is allowed.
 */
void souk_map_free(souk_map *map);

/* The value, or NULL. */
void *souk_map_get(const souk_map *map, souk_slice key);

/* The map's own copy of the key, valid until it is removed; ptr is NULL when it is not there. */
souk_slice souk_map_key(const souk_map *map, souk_slice key);

/*
 * Sets key to value (not NULL). *old (may be NULL) becomes the value that was replaced, or NULL.
 * False when out of memory: nothing has changed.
 */
bool souk_map_set(souk_map *map, souk_slice key, void *value, void **old);

/* Removes the key and returns its value, or NULL when it was not there. */
void *souk_map_remove(souk_map *map, souk_slice key);

size_t souk_map_count(const souk_map *map);

/*
 * Walks in insertion order: start with *cursor = 0; returns NULL at the end. Removing the entry
 * that was just returned is allowed while walking; setting new keys is not.
 */
const souk_map_entry *souk_map_next(const souk_map *map, size_t *cursor);

/* A seeded 64-bit hash of the bytes; also used where a stable fingerprint within one process is
 * wanted. */
uint64_t souk_hash(souk_slice bytes, uint64_t seed);

#endif
