/* Values of headers that are made from something else: names, arguments, tokens. */
#include "mcp/header.h"

#include <stdint.h>

#include "base/buf.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Whether the value could not travel in a header unchanged, or would be taken for an encoded one.
 */
static bool needs_encoding(souk_slice value)
{
    if (value.len == 0) {
        return false;
    }
    if (is_blank(value.ptr[0]) || is_blank(value.ptr[value.len - 1])) {
        return true;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < 0x20 || value.ptr[i] > 0x7E) {
            return true;
        }
    }
    return souk_slice_starts_nocase(value, SOUK_LIT("=?base64?")) &&
           souk_slice_ends(value, SOUK_LIT("?="));
}

/* Base64 with padding (RFC 4648 section 4). */
static void add_base64(souk_buf *out, souk_slice bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t left = bytes.len - at;
        uint32_t group = (uint32_t)p[at] << 16;
        group |= left > 1 ? (uint32_t)p[at + 1] << 8 : 0;
        group |= left > 2 ? p[at + 2] : 0;
        souk_buf_add_byte(out, digits[group >> 18]);
        souk_buf_add_byte(out, digits[group >> 12 & 63]);
        souk_buf_add_byte(out, left > 1 ? digits[group >> 6 & 63] : '=');
        souk_buf_add_byte(out, left > 2 ? digits[group & 63] : '=');
    }
}

int souk_mcp_write_header_value(souk_buf *out, souk_slice value, souk_err *err)
{
    if (needs_encoding(value)) {
        souk_buf_add_text(out, "=?base64?");
        add_base64(out, value);
        souk_buf_add_text(out, "?=");
    } else {
        souk_buf_add(out, value);
    }
    return souk_buf_check(out, "a header value", err);
}

/* Schemes of the HTTP authentication registry, and two that services use without being in it. */
static bool has_scheme(souk_slice token)
{
    static const char *const schemes[] = {
        "Basic",  "Bearer",    "Concealed", "Digest",       "DPoP",  "GNAP",  "HOBA",
        "Mutual", "Negotiate", "OAuth",     "PrivateToken", "vapid", "Token", "ApiKey"};
    size_t space = souk_slice_find(token, ' ');
    if (space == token.len) {
        return false;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (souk_slice_eq_nocase(souk_slice_make(token.ptr, space), souk_slice_of(schemes[i]))) {
            return true;
        }
    }
    return false;
}

int souk_mcp_write_authorization(souk_buf *out, souk_slice token, souk_err *err)
{
    if (token.len == 0) {
        return souk_fail(err, SOUK_E_AUTH, "the token is empty");
    }
    for (size_t i = 0; i < token.len; i++) {
        if (token.ptr[i] < 0x20 || token.ptr[i] > 0x7E) {
            return souk_fail(err, SOUK_E_AUTH,
                             "the token has a line end or another character that no token has, "
                             "at byte %zu of %zu",
                             i + 1, token.len);
        }
    }
    if (!has_scheme(token)) {
        souk_buf_add_text(out, "Bearer ");
    }
    souk_buf_add(out, token);
    return souk_buf_check(out, "the Authorization header", err);
}
