#include "base/glob.h"

#include "base/utf8.h"

/* Bytes of the character at the start; a byte that starts none counts as one. */
static size_t character(souk_slice text)
{
    uint32_t ignored;
    size_t len = souk_utf8_decode(text, &ignored);
    return len == 0 ? 1 : len;
}

bool souk_glob(souk_slice pattern, souk_slice text)
{
    size_t p = 0, t = 0;
    size_t star = pattern.len, resume = 0; /* the last '*', and where its run ends so far */
    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.len && pattern.ptr[p] == '?') {
            p++;
            t += character(souk_slice_from(text, t));
        } else if (p < pattern.len && pattern.ptr[p] == text.ptr[t]) {
            p++;
            t++;
        } else if (star < pattern.len) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*') {
        p++;
    }
    return p == pattern.len;
}
