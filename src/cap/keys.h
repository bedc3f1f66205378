/*
 * Keys in sorted order: finds a key among many and duplicates in a list, in n log n steps whatever
 * the keys are. The keys themselves stay where they are, in the order in which they came.
 */
#ifndef SOUK_KEYS_H
#define SOUK_KEYS_H

#include <stdint.h>

#include "base/arena.h"

/* "Not found" of souk_keys_find. */
#define SOUK_KEYS_NONE SIZE_MAX

/*
 * Fills order[0..count-1] with the numbers 0 to count-1, sorted by keys[number] in byte order;
 * equal keys keep their order. `scratch` gives working space. False when out of memory.
 */
bool souk_keys_sort(souk_arena *scratch, const souk_slice *keys, uint32_t count, uint32_t *order);

/* The number of the key, or SOUK_KEYS_NONE; of equal keys any one. */
size_t souk_keys_find(const souk_slice *keys, const uint32_t *order, size_t count, souk_slice key);

/*
 * Finds duplicates, of which the last one counts: superseded[i] becomes true when a later key
 * equals keys[i]. Returns the number of superseded keys, or SOUK_KEYS_NONE when out of memory.
 */
size_t souk_keys_superseded(souk_arena *scratch, const souk_slice *keys, uint32_t count,
                            bool *superseded);

#endif
