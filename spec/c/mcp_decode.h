/* The other side of souk_mcp_write_header_value: what a server reads out of an Mcp-Name or
 * Mcp-Param header. */
#ifndef SOUK_MCP_DECODE_H
#define SOUK_MCP_DECODE_H

#include <string.h>

#include "base/buf.h"

static inline int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *hit = c == '\0' ? NULL : strchr(digits, c);
    return hit == NULL ? -1 : (int)(hit - digits);
}

/* Strict: padded, no line ends, no bits left over. */
static inline bool decode_base64(souk_slice text, souk_buf *out)
{
    if (text.len % 4 != 0) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += 4) {
        bool last = at + 4 == text.len;
        int pad = !last ? 0 : (text.ptr[at + 3] == '=') + (text.ptr[at + 2] == '=');
        int value = 0;
        for (int i = 0; i < 4; i++) {
            int digit = i >= 4 - pad ? 0 : base64_digit(text.ptr[at + (size_t)i]);
            if (digit < 0) {
                return false;
            }
            value = value << 6 | digit;
        }
        for (int i = 0; i < 3 - pad; i++) {
            souk_buf_add_byte(out, (char)(value >> (16 - 8 * i) & 0xFF));
        }
    }
    return true;
}

/* Appends the value to `out`; false when it is encoded wrongly. */
static inline bool decode_header_value(souk_slice value, souk_buf *out)
{
    souk_slice prefix = SOUK_LIT("=?base64?");
    souk_slice suffix = SOUK_LIT("?=");
    if (!souk_slice_starts(value, prefix) || !souk_slice_ends(value, suffix) ||
        value.len < prefix.len + suffix.len) {
        souk_buf_add(out, value);
        return true;
    }
    value = souk_slice_from(value, prefix.len);
    value.len -= suffix.len;
    return decode_base64(value, out);
}

#endif
