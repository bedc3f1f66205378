/*
 * A hash of whole values, under which values that are equal as JSON Schema means it are equal; but
 * for objects with duplicate keys, which may differ.
 */
#ifndef SOUK_VALUE_HASH_H
#define SOUK_VALUE_HASH_H

#include "json/doc.h"

/* Goes as deep as the value is nested, which the reader bounds (SOUK_JSON_MAX_DEPTH). */
uint64_t souk_value_hash(const souk_jval *value, uint64_t seed);

#endif
