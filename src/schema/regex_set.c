#include <string.h>

#include "schema/regex_program.h"

void souk_charset_add(souk_charset_builder *set, uint32_t first, uint32_t last)
{
    /* [from, to) are the ranges that the new one touches or overlaps: they become one. */
    size_t from = 0;
    while (from < set->count && set->ranges[from].last + 1 < first) {
        from++;
    }
    size_t to = from;
    while (to < set->count && set->ranges[to].first <= last + 1) {
        first = set->ranges[to].first < first ? set->ranges[to].first : first;
        last = set->ranges[to].last > last ? set->ranges[to].last : last;
        to++;
    }
    if (from == to && set->count == SOUK_CHARSET_MAX) {
        set->full = true;
        return;
    }
    memmove(set->ranges + from + 1, set->ranges + to, (set->count - to) * sizeof *set->ranges);
    set->count = set->count - (to - from) + 1;
    set->ranges[from].first = first;
    set->ranges[from].last = last;
}

/* ECMA-262: \d, \w, WhiteSpace and LineTerminator (section 11.2 and 11.3), and LineTerminator
 * alone. */
static const souk_char_range digits[] = {{'0', '9'}};
static const souk_char_range words[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const souk_char_range spaces[] = {
    {0x09, 0x0D},     {0x20, 0x20},     {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
    {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
static const souk_char_range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

static void add_all(souk_charset_builder *set, const souk_char_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        souk_charset_add(set, ranges[i].first, ranges[i].last);
    }
}

static void add_all_but(souk_charset_builder *set, const souk_char_range *ranges, size_t count)
{
    uint32_t first = 0;
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].first > first) {
            souk_charset_add(set, first, ranges[i].first - 1);
        }
        first = ranges[i].last + 1;
    }
    if (first <= SOUK_CODE_POINT_MAX) {
        souk_charset_add(set, first, SOUK_CODE_POINT_MAX);
    }
}

void souk_charset_add_named(souk_charset_builder *set, char name)
{
    switch (name) {
    case 'd':
        add_all(set, digits, sizeof digits / sizeof *digits);
        break;
    case 'D':
        add_all_but(set, digits, sizeof digits / sizeof *digits);
        break;
    case 'w':
        add_all(set, words, sizeof words / sizeof *words);
        break;
    case 'W':
        add_all_but(set, words, sizeof words / sizeof *words);
        break;
    case 's':
        add_all(set, spaces, sizeof spaces / sizeof *spaces);
        break;
    case 'S':
        add_all_but(set, spaces, sizeof spaces / sizeof *spaces);
        break;
    default: /* '.' */
        add_all_but(set, line_ends, sizeof line_ends / sizeof *line_ends);
        break;
    }
}

const souk_charset *souk_charset_finish(souk_arena *arena, const souk_charset_builder *set,
                                        bool negated)
{
    souk_charset_builder opposite = {0, false, {{0, 0}}};
    if (negated) {
        add_all_but(&opposite, set->ranges, set->count);
        set = &opposite;
    }
    souk_charset *out = souk_arena_array(arena, 1, sizeof *out);
    souk_char_range *ranges = souk_arena_array(arena, set->count, sizeof *ranges);
    if (out == NULL || ranges == NULL) {
        return NULL;
    }
    out->count = set->count;
    out->ranges = ranges;
    for (size_t i = 0; i < set->count; i++) {
        ranges[i] = set->ranges[i];
        for (uint32_t c = ranges[i].first; c <= ranges[i].last && c < 128; c++) {
            out->ascii[c / 64] |= (uint64_t)1 << c % 64;
        }
    }
    return out;
}

bool souk_charset_has(const souk_charset *set, uint32_t character)
{
    if (character < 128) {
        return (set->ascii[character / 64] >> character % 64 & 1) != 0;
    }
    size_t low = 0;
    size_t high = set->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->ranges[middle].last < character) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < set->count && set->ranges[low].first <= character;
}
