/*
 * Which members of an object, or elements of an array, some subschema has evaluated: what
 * unevaluatedProperties and unevaluatedItems need to know (2020-12 core, sections 11.2 and 11.3).
 * Up to 64 take no memory.
 */
#ifndef SOUK_SEEN_H
#define SOUK_SEEN_H

#include "base/alloc.h"

#include <stdint.h>

typedef struct souk_seen {
    size_t count;   /* members or elements that the value has */
    uint64_t few;   /* one bit for each while they fit */
    uint64_t *many; /* else this, an array */
} souk_seen;

/* None evaluated. False when out of memory; souk_seen_free is allowed then. */
bool souk_seen_init(souk_seen *seen, const souk_alloc *alloc, size_t count);
void souk_seen_free(souk_seen *seen, const souk_alloc *alloc);

/* These two allow NULL: nobody wants to know. */
void souk_seen_add(souk_seen *seen, size_t index);
void souk_seen_add_first(souk_seen *seen, size_t count);

bool souk_seen_has(const souk_seen *seen, size_t index);

/* Adds what is in `other`, which is about the same value. `seen` may be NULL. */
void souk_seen_merge(souk_seen *seen, const souk_seen *other);

#endif
