#include "base/slice.h"

#include <string.h>

#include "base/ascii.h"

bool souk_slice_eq_nocase(souk_slice a, souk_slice b)
{
    return a.len == b.len && souk_slice_starts_nocase(a, b);
}

bool souk_slice_starts(souk_slice a, souk_slice prefix)
{
    return a.len >= prefix.len && souk_slice_eq(souk_slice_make(a.ptr, prefix.len), prefix);
}

bool souk_slice_starts_nocase(souk_slice a, souk_slice prefix)
{
    if (a.len < prefix.len) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        if (souk_ascii_lower(a.ptr[i]) != souk_ascii_lower(prefix.ptr[i])) {
            return false;
        }
    }
    return true;
}

bool souk_slice_ends(souk_slice a, souk_slice suffix)
{
    return a.len >= suffix.len && souk_slice_eq(souk_slice_from(a, a.len - suffix.len), suffix);
}

size_t souk_slice_find(souk_slice a, char byte)
{
    const char *hit = a.len == 0 ? NULL : memchr(a.ptr, byte, a.len);
    return hit == NULL ? a.len : (size_t)(hit - a.ptr);
}

souk_slice souk_slice_from(souk_slice a, size_t start)
{
    if (start >= a.len) {
        return souk_slice_make(NULL, 0);
    }
    return souk_slice_make(a.ptr + start, a.len - start);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

souk_slice souk_slice_trim(souk_slice a)
{
    while (a.len > 0 && is_blank(a.ptr[0])) {
        a = souk_slice_from(a, 1);
    }
    while (a.len > 0 && is_blank(a.ptr[a.len - 1])) {
        a.len--;
    }
    return a;
}

int souk_slice_compare(souk_slice a, souk_slice b)
{
    size_t shared = a.len < b.len ? a.len : b.len;
    int order = shared == 0 ? 0 : memcmp(a.ptr, b.ptr, shared);
    if (order != 0 || a.len == b.len) {
        return order;
    }
    return a.len < b.len ? -1 : 1;
}
