#include "cap/keys.h"

#include <string.h>

enum { SHORT_RUN = 16 };

/* Runs of this length are sorted in place; merging takes over from there. */
static void sort_run(const souk_slice *keys, uint32_t *order, uint32_t from, uint32_t to)
{
    for (uint32_t i = from + 1; i < to; i++) {
        uint32_t moving = order[i];
        uint32_t at = i;
        while (at > from && souk_slice_compare(keys[order[at - 1]], keys[moving]) > 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = moving;
    }
}

typedef struct span {
    uint32_t from, middle, to;
} span;

static void merge(const souk_slice *keys, const uint32_t *in, uint32_t *out, span s)
{
    uint32_t left = s.from;
    uint32_t right = s.middle;
    for (uint32_t at = s.from; at < s.to; at++) {
        bool take_left =
            right == s.to ||
            (left < s.middle && souk_slice_compare(keys[in[left]], keys[in[right]]) <= 0);
        out[at] = take_left ? in[left++] : in[right++];
    }
}

static uint32_t smaller(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

bool souk_keys_sort(souk_arena *scratch, const souk_slice *keys, uint32_t count, uint32_t *order)
{
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    for (uint64_t from = 0; from < count; from += SHORT_RUN) {
        sort_run(keys, order, (uint32_t)from, smaller(from + SHORT_RUN, count));
    }
    if (count <= SHORT_RUN) {
        return true;
    }
    uint32_t *other = souk_arena_array(scratch, count, sizeof *other);
    if (other == NULL) {
        return false;
    }
    uint32_t *in = order;
    for (uint64_t width = SHORT_RUN; width < count; width *= 2) {
        uint32_t *out = in == order ? other : order;
        for (uint64_t from = 0; from < count; from += 2 * width) {
            span s = {(uint32_t)from, smaller(from + width, count),
                      smaller(from + 2 * width, count)};
            merge(keys, in, out, s);
        }
        in = out;
    }
    if (in != order) {
        memcpy(order, in, count * sizeof *order);
    }
    return true;
}

size_t souk_keys_find(const souk_slice *keys, const uint32_t *order, size_t count, souk_slice key)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int compared = souk_slice_compare(keys[order[middle]], key);
        if (compared == 0) {
            return order[middle];
        }
        if (compared < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return SOUK_KEYS_NONE;
}

size_t souk_keys_superseded(souk_arena *scratch, const souk_slice *keys, uint32_t count,
                            bool *superseded)
{
    uint32_t *order = souk_arena_array(scratch, count, sizeof *order);
    if (order == NULL || !souk_keys_sort(scratch, keys, count, order)) {
        return SOUK_KEYS_NONE;
    }
    memset(superseded, 0, count * sizeof *superseded);
    size_t found = 0;
    for (uint32_t i = 0; i + 1 < count; i++) {
        if (souk_slice_eq(keys[order[i]], keys[order[i + 1]])) {
            superseded[order[i]] = true;
            found++;
        }
    }
    return found;
}
