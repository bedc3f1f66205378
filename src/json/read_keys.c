#include <string.h>

#include "json/reader.h"

/*
 * Duplicate keys. Few keys are compared in pairs; many are sorted, which costs n log n whatever the keys are. (A
 * hash set would need a secret seed to promise as much.)
 */
enum { FEW_KEYS = 16 };

/* Shorter keys first, then by their bytes. */
static int compare_keys(const souk_jval *a, const souk_jval *b)
{
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    return a->size == 0 ? 0 : memcmp(a->as.text, b->as.text, a->size);
}

static const souk_jval *next_key(const souk_jval *key)
{
    return souk_json_after(key + 1);
}

/* The first key that has occurred before, or NULL. */
static const souk_jval *find_among_few(const souk_jval *object)
{
    const souk_jval *key = object + 1;
    for (uint32_t i = 0; i < object->size; i++) {
        const souk_jval *earlier = object + 1;
        for (uint32_t k = 0; k < i; k++) {
            if (compare_keys(earlier, key) == 0) {
                return key;
            }
            earlier = next_key(earlier);
        }
        key = next_key(key);
    }
    return NULL;
}

/* Merges the sorted runs [0, middle) and [middle, count) of `from` into `to`; of equal keys the earlier comes first. */
static void merge(const souk_jval **from, size_t middle, size_t count, const souk_jval **to)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        bool take_left = right == count ||
                         (left < middle && compare_keys(from[left], from[right]) <= 0);
        to[i] = take_left ? from[left++] : from[right++];
    }
}

/* Sorts `count` keys, using as much room again behind them; returns where the sorted ones are. */
static const souk_jval **sort_keys(const souk_jval **keys, size_t count)
{
    const souk_jval **from = keys;
    const souk_jval **to = keys + count;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t rest = count - start;
            size_t middle = rest < width ? rest : width;
            merge(from + start, middle, rest < 2 * width ? rest : 2 * width, to + start);
        }
        const souk_jval **sorted = to;
        to = from;
        from = sorted;
    }
    return from;
}

/* The same for many keys; false when out of memory. */
static bool find_among_many(const souk_alloc *alloc, const souk_jval *object, const souk_jval **found)
{
    size_t count = object->size;
    const souk_jval **keys = souk_resize_array(alloc, NULL, count, 2 * sizeof(souk_jval *));
    if (keys == NULL) {
        return false;
    }
    const souk_jval *key = object + 1;
    for (size_t i = 0; i < count; i++) {
        keys[i] = key;
        key = next_key(key);
    }
    const souk_jval **sorted = sort_keys(keys, count);
    *found = NULL;
    for (size_t i = 1; i < count; i++) {
        bool is_again = compare_keys(sorted[i - 1], sorted[i]) == 0;
        if (is_again && (*found == NULL || sorted[i] < *found)) {
            *found = sorted[i];
        }
    }
    souk_free(alloc, keys);
    return true;
}

bool souk_reader_check_keys(souk_reader *r, const souk_jval *object)
{
    const souk_jval *again;
    if (object->size <= FEW_KEYS) {
        again = find_among_few(object);
    } else if (!find_among_many(r->doc->arena.alloc, object, &again)) {
        r->failed = souk_fail_memory(r->err);
        return false;
    }
    if (again == NULL) {
        return true;
    }
    return souk_reader_fail(r, r->begin + again->begin, SOUK_E_PROTOCOL,
                            "a key that occurs twice in one object");
}
