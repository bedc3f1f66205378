#include "schema/seen.h"

enum { BITS = 64 };

static size_t words_of(size_t count)
{
    return count / BITS + (count % BITS != 0);
}

static uint64_t *words(souk_seen *seen)
{
    return seen->many != NULL ? seen->many : &seen->few;
}

bool souk_seen_init(souk_seen *seen, const souk_alloc *alloc, size_t count)
{
    seen->count = count;
    seen->few = 0;
    seen->many = NULL;
    if (count > BITS) {
        seen->many = souk_new_array(alloc, words_of(count), sizeof *seen->many);
        return seen->many != NULL;
    }
    return true;
}

void souk_seen_free(souk_seen *seen, const souk_alloc *alloc)
{
    souk_free(alloc, seen->many);
    seen->many = NULL;
}

void souk_seen_add(souk_seen *seen, size_t index)
{
    if (seen != NULL) {
        words(seen)[index / BITS] |= (uint64_t)1 << index % BITS;
    }
}

void souk_seen_add_first(souk_seen *seen, size_t count)
{
    if (seen == NULL) {
        return;
    }
    for (size_t i = 0; i < count / BITS; i++) {
        words(seen)[i] = UINT64_MAX;
    }
    if (count % BITS != 0) {
        words(seen)[count / BITS] |= ((uint64_t)1 << count % BITS) - 1;
    }
}

bool souk_seen_has(const souk_seen *seen, size_t index)
{
    const uint64_t *all = seen->many != NULL ? seen->many : &seen->few;
    return (all[index / BITS] >> index % BITS & 1) != 0;
}

void souk_seen_merge(souk_seen *seen, const souk_seen *other)
{
    if (seen == NULL) {
        return;
    }
    const uint64_t *from = other->many != NULL ? other->many : &other->few;
    for (size_t i = 0; i < words_of(seen->count); i++) {
        words(seen)[i] |= from[i];
    }
}
