#include "json/doc.h"
#include "json/keys.h"
#include "json/num.h"

/* One comparison. Without an allocator, large objects are compared in quadratic time. */
typedef struct comparison {
    const souk_alloc *alloc;
    bool failed; /* out of memory */
} comparison;

static bool equal_values(comparison *c, const souk_jval *a, const souk_jval *b);

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
        return a->type == SOUK_JSON_DOUBLE && souk_num_equals(souk_json_digits(b), a->as.number);
    }
    if (a->type == SOUK_JSON_DOUBLE && b->type == SOUK_JSON_DOUBLE) {
        return a->as.number == b->as.number;
    }
    int64_t left;
    int64_t right;
    return souk_json_integer(a, &left) && souk_json_integer(b, &right) && left == right;
}

static bool equal_arrays(comparison *c, const souk_jval *a, const souk_jval *b)
{
    if (a->size != b->size) {
        return false;
    }
    souk_json_elements left = souk_json_each_element(a);
    souk_json_elements right = souk_json_each_element(b);
    while (souk_json_next_element(&left) && souk_json_next_element(&right)) {
        if (!equal_values(c, left.value, right.value)) {
            return false;
        }
    }
    return true;
}

/* How many different keys the object has. */
static size_t count_different_keys(const souk_jval *object)
{
    size_t count = 0;
    souk_json_members it = souk_json_each_member(object);
    while (souk_json_next_member(&it)) {
        count += souk_json_get_slice(object, it.key) == it.value;
    }
    return count;
}

/* Every pair of members is looked at once, the values of a pair are compared at most once. */
static bool equal_in_pairs(comparison *c, const souk_jval *a, const souk_jval *b)
{
    if (count_different_keys(a) != count_different_keys(b)) {
        return false;
    }
    souk_json_members it = souk_json_each_member(a);
    while (souk_json_next_member(&it)) {
        if (souk_json_get_slice(a, it.key) != it.value) {
            continue; /* a later member has the same key */
        }
        const souk_jval *other = souk_json_get_slice(b, it.key);
        if (other == NULL || !equal_values(c, it.value, other)) {
            return false;
        }
    }
    return true;
}

/* The last of the equal keys that begin at *at, which moves behind them; NULL at the end. */
static const souk_jval *next_different(const souk_json_keys *keys, size_t *at)
{
    if (*at == keys->count) {
        return NULL;
    }
    const souk_jval *key = keys->sorted[(*at)++];
    while (*at < keys->count && souk_json_keys_compare(key, keys->sorted[*at]) == 0) {
        key = keys->sorted[(*at)++];
    }
    return key;
}

static bool equal_sorted(comparison *c, const souk_json_keys *a, const souk_json_keys *b)
{
    size_t left_at = 0;
    size_t right_at = 0;
    for (;;) {
        const souk_jval *left = next_different(a, &left_at);
        const souk_jval *right = next_different(b, &right_at);
        if (left == NULL || right == NULL) {
            return left == right;
        }
        if (souk_json_keys_compare(left, right) != 0 || !equal_values(c, left + 1, right + 1)) {
            return false;
        }
    }
}

static bool equal_objects(comparison *c, const souk_jval *a, const souk_jval *b)
{
    bool are_few = a->size <= SOUK_FEW_MEMBERS && b->size <= SOUK_FEW_MEMBERS;
    if (are_few || c->alloc == NULL) {
        return equal_in_pairs(c, a, b);
    }
    souk_json_keys left;
    souk_json_keys right;
    if (!souk_json_keys_sort(&left, c->alloc, a)) {
        c->failed = true;
        return false;
    }
    bool equal = false;
    if (souk_json_keys_sort(&right, c->alloc, b)) {
        equal = equal_sorted(c, &left, &right);
        souk_json_keys_free(&right, c->alloc);
    } else {
        c->failed = true;
    }
    souk_json_keys_free(&left, c->alloc);
    return equal;
}

/* Recursion ends at SOUK_JSON_MAX_DEPTH: no document is deeper. */
static bool equal_values(comparison *c, const souk_jval *a, const souk_jval *b)
{
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
        return equal_arrays(c, a, b);
    case SOUK_JSON_OBJECT:
        return equal_objects(c, a, b);
    default:
        return true;
    }
}

bool souk_json_equal(const souk_jval *a, const souk_jval *b)
{
    comparison c = {NULL, false};
    return a == NULL || b == NULL ? a == b : equal_values(&c, a, b);
}

bool souk_json_equal_large(const souk_alloc *alloc, const souk_jval *a, const souk_jval *b,
                           bool *equal)
{
    comparison c = {alloc, false};
    *equal = a == NULL || b == NULL ? a == b : equal_values(&c, a, b);
    return !c.failed;
}
