/*
 * What a JSON Schema says about one question: is an empty Lua table an array here? Follows
 * properties, items, additionalProperties, prefixItems and local references, as far as they are
 * plain.
 */
#ifndef SOUK_BIND_HINT_H
#define SOUK_BIND_HINT_H

#include "json/doc.h"

typedef struct souk_hint {
    const souk_jval *root; /* where "#" of a reference points; NULL: nothing is known */
    const souk_jval *at;   /* the schema of the value; NULL: nothing is known */
} souk_hint;

/* The hint for a value with that schema; NULL is allowed. */
souk_hint souk_hint_of(const souk_jval *schema);

souk_hint souk_hint_member(souk_hint object, souk_slice key);
souk_hint souk_hint_element(souk_hint array, size_t index);

/* True when the schema allows an array and no object. */
bool souk_hint_is_array(souk_hint hint);

#endif
