#include "base/url.h"

#include <string.h>

static int check_bytes(souk_slice text, souk_err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        /* libcurl and others read a backslash differently, so a host could hide behind one. */
        if (c <= ' ' || c >= 0x7F || c == '\\' || c == '"' || c == '<' || c == '>') {
            return souk_fail(err, SOUK_E_CONFIG,
                             "the URL has a character at byte %zu that has to be percent-encoded",
                             i + 1);
        }
    }
    return SOUK_OK;
}

static bool is_host_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~", c) != NULL;
}

static bool is_host(souk_slice host)
{
    if (host.len >= 4 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        for (size_t i = 1; i + 1 < host.len; i++) {
            /* A zone (behind a percent sign) may follow the address; its letters pass as well. */
            if (!is_host_byte(host.ptr[i]) && host.ptr[i] != ':' && host.ptr[i] != '%') {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 0; i < host.len; i++) {
        if (!is_host_byte(host.ptr[i])) {
            return false;
        }
    }
    return host.len > 0;
}

static bool read_port(souk_slice digits, unsigned *port)
{
    unsigned value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9' || value > 65535) {
            return false;
        }
        value = value * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    *port = value;
    return value >= 1 && value <= 65535;
}

static int read_authority(souk_slice authority, souk_url *out, souk_err *err)
{
    if (souk_slice_find(authority, '@') < authority.len) {
        return souk_fail(
            err, SOUK_E_CONFIG,
            "the URL has a user or password in it; credentials belong in a header or variable");
    }
    /* The colons of an IPv6 address are inside its brackets. */
    size_t bracket = souk_slice_find(authority, ']');
    size_t after = bracket < authority.len ? bracket : 0;
    size_t colon = after + souk_slice_find(souk_slice_from(authority, after), ':');
    out->host = souk_slice_make(authority.ptr, colon);
    out->port = out->tls ? 443 : 80;
    if (!is_host(out->host)) {
        return souk_fail(err, SOUK_E_CONFIG, "the URL has no valid host");
    }
    if (colon < authority.len && !read_port(souk_slice_from(authority, colon + 1), &out->port)) {
        return souk_fail(err, SOUK_E_CONFIG, "the URL has no valid port");
    }
    return SOUK_OK;
}

int souk_url_read(souk_slice text, souk_url *out, souk_err *err)
{
    memset(out, 0, sizeof *out);
    int rc = check_bytes(text, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    out->tls = souk_slice_starts_nocase(text, SOUK_LIT("https://"));
    if (!out->tls && !souk_slice_starts_nocase(text, SOUK_LIT("http://"))) {
        return souk_fail(err, SOUK_E_CONFIG, "the URL does not start with http:// or https://");
    }
    size_t scheme = out->tls ? strlen("https://") : strlen("http://");
    size_t end = scheme;
    while (end < text.len && strchr("/?#", text.ptr[end]) == NULL) {
        end++;
    }
    rc = read_authority(souk_slice_make(text.ptr + scheme, end - scheme), out, err);
    while (end < text.len && text.ptr[end] != '?' && text.ptr[end] != '#') {
        end++;
    }
    out->open = souk_slice_make(text.ptr, end);
    return rc;
}

bool souk_url_same_origin(const souk_url *a, const souk_url *b)
{
    return a->tls == b->tls && a->port == b->port && souk_slice_eq_nocase(a->host, b->host);
}
