/* The keys of an object in sorted order: finds duplicates, and pairs the members of two objects. */
#ifndef SOUK_KEYS_H
#define SOUK_KEYS_H

#include "json/doc.h"

/* Up to so many members comparing in pairs is quicker than sorting. */
enum { SOUK_FEW_MEMBERS = 16 };

typedef struct souk_json_keys {
    const souk_jval **sorted; /* shorter keys first, then by bytes; equal ones in document order */
    size_t count;
    void *block; /* what souk_json_keys_free frees */
} souk_json_keys;

/* False when out of memory. The time is n log n, whatever the keys are. */
bool souk_json_keys_sort(souk_json_keys *keys, const souk_alloc *alloc, const souk_jval *object);
void souk_json_keys_free(souk_json_keys *keys, const souk_alloc *alloc);

/* <0, 0, >0 in the order above. */
int souk_json_keys_compare(const souk_jval *a, const souk_jval *b);

/*
 * The first key (in document order) that has occurred before it, or NULL. False when out of memory.
 */
bool souk_json_find_duplicate(const souk_alloc *alloc, const souk_jval *object,
                              const souk_jval **duplicate);

#endif
