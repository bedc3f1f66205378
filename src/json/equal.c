#include "json/doc.h"
#include "json/num.h"

static bool is_number(const souk_jval *value)
{
    return value->type == SOUK_JSON_INT || value->type == SOUK_JSON_BIGINT ||
           value->type == SOUK_JSON_DOUBLE;
}

/* Two numbers by their exact values, however they are written. */
static bool equal_numbers(const souk_jval *a, const souk_jval *b)
{
    if (a->type == SOUK_JSON_BIGINT && b->type == SOUK_JSON_BIGINT) {
        return souk_slice_eq(souk_json_digits(a), souk_json_digits(b));
    }
    if (a->type == SOUK_JSON_BIGINT) {
        return b->type == SOUK_JSON_DOUBLE && souk_num_equals(souk_json_digits(a), b->as.number);
    }
    if (b->type == SOUK_JSON_BIGINT) {
        return equal_numbers(b, a);
    }
    if (a->type == SOUK_JSON_DOUBLE && b->type == SOUK_JSON_DOUBLE) {
        return a->as.number == b->as.number;
    }
    int64_t left;
    int64_t right;
    return souk_json_integer(a, &left) && souk_json_integer(b, &right) && left == right;
}

static bool equal_arrays(const souk_jval *a, const souk_jval *b)
{
    if (a->size != b->size) {
        return false;
    }
    souk_json_elements left = souk_json_each_element(a);
    souk_json_elements right = souk_json_each_element(b);
    while (souk_json_next_element(&left) && souk_json_next_element(&right)) {
        if (!souk_json_equal(left.value, right.value)) {
            return false;
        }
    }
    return true;
}

/* Every member of a that counts is in b. */
static bool contains_members(const souk_jval *a, const souk_jval *b)
{
    souk_json_members left = souk_json_each_member(a);
    souk_json_members right = souk_json_each_member(b);
    while (souk_json_next_member(&left)) {
        const souk_jval *other = NULL;
        if (souk_json_next_member(&right) && souk_slice_eq(left.key, right.key)) {
            other = right.value;
        } else {
            other = souk_json_get_slice(b, left.key);
        }
        if (other == NULL || !souk_json_equal(left.value, other)) {
            return false;
        }
    }
    return true;
}

bool souk_json_equal(const souk_jval *a, const souk_jval *b)
{
    if (a == NULL || b == NULL) {
        return a == b;
    }
    if (is_number(a) && is_number(b)) {
        return equal_numbers(a, b);
    }
    if (a->type != b->type) {
        return false;
    }
    switch (souk_json_type_of(a)) {
    case SOUK_JSON_BOOL:
        return a->as.boolean == b->as.boolean;
    case SOUK_JSON_STRING:
        return souk_slice_eq(souk_json_string(a), souk_json_string(b));
    case SOUK_JSON_ARRAY:
        return equal_arrays(a, b);
    case SOUK_JSON_OBJECT:
        return a->size == b->size && contains_members(a, b);
    default:
        return true;
    }
}
