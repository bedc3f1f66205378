#include "base/pairs.h"

souk_slice souk_pairs_get(souk_pairs pairs, const char *key)
{
    souk_slice wanted = souk_slice_of(key);
    for (size_t i = pairs.count; i > 0; i--) {
        if (souk_slice_eq(pairs.items[i - 1].key, wanted)) {
            return pairs.items[i - 1].value;
        }
    }
    return souk_slice_make(NULL, 0);
}

bool souk_pairs_copy(souk_arena *arena, souk_pairs from, souk_pairs *to)
{
    souk_pair *items = souk_arena_array(arena, from.count == 0 ? 1 : from.count, sizeof *items);
    if (items == NULL) {
        return false;
    }
    for (size_t i = 0; i < from.count; i++) {
        if (!souk_arena_copy(arena, from.items[i].key, &items[i].key) ||
            !souk_arena_copy(arena, from.items[i].value, &items[i].value)) {
            return false;
        }
    }
    to->items = items;
    to->count = from.count;
    return true;
}
