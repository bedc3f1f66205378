#include "json/keys.h"

#include <string.h>

int souk_json_keys_compare(const souk_jval *a, const souk_jval *b)
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

/*
 * Merges the sorted runs [0, middle) and [middle, count) of `from` into `to`; of equal keys the
 * left comes first.
 */
static void merge(const souk_jval **from, size_t middle, size_t count, const souk_jval **to)
{
    size_t left = 0;
    size_t right = middle;
    for (size_t i = 0; i < count; i++) {
        bool is_left_next = right == count ||
                            (left < middle && souk_json_keys_compare(from[left], from[right]) <= 0);
        to[i] = is_left_next ? from[left++] : from[right++];
    }
}

bool souk_json_keys_sort(souk_json_keys *keys, const souk_alloc *alloc, const souk_jval *object)
{
    size_t count = object->size;
    const souk_jval **from = souk_resize_array(alloc, NULL, count, 2 * sizeof *from);
    if (from == NULL) {
        return false;
    }
    keys->block = from;
    keys->count = count;
    const souk_jval **to = from + count;
    const souk_jval *key = object + 1;
    for (size_t i = 0; i < count; i++) {
        from[i] = key;
        key = next_key(key);
    }
    /*
     * A bottom-up merge sort: runs of 1, 2, 4 ... keys, from one half of the block into the other.
     */
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t rest = count - start;
            size_t middle = rest < width ? rest : width;
            merge(from + start, middle, rest < 2 * width ? rest : 2 * width, to + start);
        }
        const souk_jval **merged = to;
        to = from;
        from = merged;
    }
    keys->sorted = from;
    return true;
}

void souk_json_keys_free(souk_json_keys *keys, const souk_alloc *alloc)
{
    souk_free(alloc, keys->block);
    memset(keys, 0, sizeof *keys);
}

static const souk_jval *find_among_few(const souk_jval *object)
{
    const souk_jval *key = object + 1;
    for (uint32_t i = 0; i < object->size; i++) {
        const souk_jval *earlier = object + 1;
        for (uint32_t k = 0; k < i; k++) {
            if (souk_json_keys_compare(earlier, key) == 0) {
                return key;
            }
            earlier = next_key(earlier);
        }
        key = next_key(key);
    }
    return NULL;
}

bool souk_json_find_duplicate(const souk_alloc *alloc, const souk_jval *object,
                              const souk_jval **duplicate)
{
    *duplicate = NULL;
    if (object->size <= SOUK_FEW_MEMBERS) {
        *duplicate = find_among_few(object);
        return true;
    }
    souk_json_keys keys;
    if (!souk_json_keys_sort(&keys, alloc, object)) {
        return false;
    }
    for (size_t i = 1; i < keys.count; i++) {
        const souk_jval *key = keys.sorted[i];
        bool is_again = souk_json_keys_compare(keys.sorted[i - 1], key) == 0;
        if (is_again && (*duplicate == NULL || key < *duplicate)) {
            *duplicate = key;
        }
    }
    souk_json_keys_free(&keys, alloc);
    return true;
}
