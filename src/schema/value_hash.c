#include "schema/value_hash.h"

#include "base/map.h"
#include "schema/number.h"

static uint64_t combine(uint64_t a, uint64_t b, uint64_t seed)
{
    uint64_t both[2] = {a, b};
    return souk_hash(souk_slice_make((const char *)both, sizeof both), seed);
}

static uint64_t hash_array(const souk_jval *array, uint64_t seed)
{
    uint64_t hash = combine(SOUK_JSON_ARRAY, array->size, seed);
    souk_json_elements it = souk_json_each_element(array);
    while (souk_json_next_element(&it)) {
        hash = combine(hash, souk_value_hash(it.value, seed), seed);
    }
    return hash;
}

/* Members have no order: their hashes are added up. */
static uint64_t hash_object(const souk_jval *object, uint64_t seed)
{
    uint64_t hash = combine(SOUK_JSON_OBJECT, 0, seed);
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        hash += combine(souk_hash(it.key, seed), souk_value_hash(it.value, seed), seed);
    }
    return hash;
}

uint64_t souk_value_hash(const souk_jval *value, uint64_t seed)
{
    souk_number number;
    switch (souk_json_type_of(value)) {
    case SOUK_JSON_INT:
    case SOUK_JSON_BIGINT:
    case SOUK_JSON_DOUBLE:
        number = souk_number_of(value);
        return souk_number_hash(&number, seed);
    case SOUK_JSON_STRING:
        return combine(SOUK_JSON_STRING, souk_hash(souk_json_string(value), seed), seed);
    case SOUK_JSON_ARRAY:
        return hash_array(value, seed);
    case SOUK_JSON_OBJECT:
        return hash_object(value, seed);
    default:
        return combine(value->type, souk_json_is_true(value), seed);
    }
}
