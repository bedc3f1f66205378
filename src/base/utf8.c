#include "base/utf8.h"

#include <string.h>

size_t souk_utf8_decode(souk_slice bytes, uint32_t *code_point)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    if (bytes.len == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        *code_point = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || bytes.len < len) {
        return 0;
    }
    uint32_t value = p[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (p[i] & 0x3FU);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[len] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
        return 0;
    }
    *code_point = value;
    return len;
}

bool souk_utf8_valid(souk_slice bytes, size_t *bad)
{
    size_t at = 0;
    while (at < bytes.len) {
        /* Eight ASCII bytes at a time: most text is ASCII. */
        uint64_t word;
        while (bytes.len - at >= sizeof word) {
            memcpy(&word, bytes.ptr + at, sizeof word);
            if ((word & 0x8080808080808080U) != 0) {
                break;
            }
            at += sizeof word;
        }
        if (at == bytes.len) {
            break;
        }
        uint32_t ignored;
        size_t len = souk_utf8_decode(souk_slice_from(bytes, at), &ignored);
        if (len == 0) {
            if (bad != NULL) {
                *bad = at;
            }
            return false;
        }
        at += len;
    }
    return true;
}

size_t souk_utf8_encode(uint32_t c, char out[4])
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) {
        return 0;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

size_t souk_utf8_length(souk_slice bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        count += ((unsigned char)bytes.ptr[i] & 0xC0) != 0x80;
    }
    return count;
}
