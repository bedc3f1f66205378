/*
 * A short ordered list of key-value texts: flat metadata as pool and handlers see it.
 * The pool knows no capability files; this is all that it is told about an endpoint.
 */
#ifndef SOUK_PAIRS_H
#define SOUK_PAIRS_H

#include "base/arena.h"

typedef struct souk_pair {
    souk_slice key;
    souk_slice value;
} souk_pair;

typedef struct souk_pairs {
    const souk_pair *items;
    size_t count;
} souk_pairs;

/* The value of the key, or an empty slice with ptr NULL when it is not there. The last one counts.
 */
souk_slice souk_pairs_get(souk_pairs pairs, const char *key);

/* Copies list and texts into the arena (NUL behind each text). False when out of memory. */
bool souk_pairs_copy(souk_arena *arena, souk_pairs from, souk_pairs *to);

#endif
