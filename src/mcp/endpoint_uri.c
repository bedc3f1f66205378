#include "mcp/endpoint_uri.h"

/* RFC 3986 section 3, of an http or https URI. */
typedef struct uri_parts {
    souk_slice scheme;    /* without its ':'; empty: none */
    souk_slice authority; /* without its "//" */
    bool has_authority;
    souk_slice path;
    souk_slice query; /* with its '?'; empty: none */
} uri_parts;

typedef struct origin {
    souk_slice scheme;
    souk_slice host; /* with the brackets of an IPv6 address */
    unsigned port;
} origin;

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Length of the scheme, 0 when there is none. */
static size_t scheme_length(souk_slice uri)
{
    size_t len = 0;
    while (len < uri.len) {
        char c = uri.ptr[len];
        bool fits = is_letter(c) || (len > 0 && (is_digit(c) || c == '+' || c == '-' || c == '.'));
        if (!fits) {
            break;
        }
        len++;
    }
    return len > 0 && len < uri.len && uri.ptr[len] == ':' ? len : 0;
}

static uri_parts split(souk_slice uri)
{
    uri_parts parts;
    souk_slice rest = souk_slice_make(uri.ptr, souk_slice_find(uri, '#'));
    size_t len = scheme_length(rest);
    parts.scheme = souk_slice_make(rest.ptr, len);
    rest = souk_slice_from(rest, len > 0 ? len + 1 : 0);
    parts.has_authority = souk_slice_starts(rest, SOUK_LIT("//"));
    parts.authority = souk_slice_make(NULL, 0);
    if (parts.has_authority) {
        rest = souk_slice_from(rest, 2);
        len = souk_slice_find(rest, '/');
        len = souk_slice_find(souk_slice_make(rest.ptr, len), '?');
        parts.authority = souk_slice_make(rest.ptr, len);
        rest = souk_slice_from(rest, len);
    }
    len = souk_slice_find(rest, '?');
    parts.path = souk_slice_make(rest.ptr, len);
    parts.query = souk_slice_from(rest, len);
    return parts;
}

/* The default ports are RFC 9110 section 4.2. False for a port that is no number, or too large. */
static bool read_port(souk_slice digits, souk_slice scheme, unsigned *port)
{
    unsigned value = 0;
    if (digits.len == 0) {
        *port = souk_slice_eq_nocase(scheme, SOUK_LIT("https")) ? 443 : 80;
        return true;
    }
    for (size_t i = 0; i < digits.len; i++) {
        if (!is_digit(digits.ptr[i]) || value > 65535) {
            return false;
        }
        value = value * 10 + (unsigned)(digits.ptr[i] - '0');
    }
    *port = value;
    return value <= 65535;
}

/* Scheme, host and port; false when there is no host, a user, or another scheme than http(s). */
static bool read_origin(const uri_parts *parts, origin *out)
{
    souk_slice authority = parts->authority;
    bool is_http = souk_slice_eq_nocase(parts->scheme, SOUK_LIT("http")) ||
                   souk_slice_eq_nocase(parts->scheme, SOUK_LIT("https"));
    if (!is_http || souk_slice_find(authority, '@') < authority.len) {
        return false;
    }
    size_t start = 0;
    if (authority.len > 0 && authority.ptr[0] == '[') {
        start = souk_slice_find(authority, ']');
    }
    size_t colon = start + souk_slice_find(souk_slice_from(authority, start), ':');
    out->scheme = parts->scheme;
    out->host = souk_slice_make(authority.ptr, colon);
    return out->host.len > 0 &&
           read_port(souk_slice_from(authority, colon + 1), parts->scheme, &out->port);
}

static bool is_same(const origin *a, const origin *b)
{
    return souk_slice_eq_nocase(a->scheme, b->scheme) && souk_slice_eq_nocase(a->host, b->host) &&
           a->port == b->port;
}

/*
 * Bytes that no URI has (RFC 3986 section 2), and that URL parsers disagree about: white space,
 * control characters, backslashes, anything that is not ASCII.
 */
static bool has_only_uri_bytes(souk_slice text)
{
    static const souk_slice others = SOUK_LIT_INIT("\\\"<>^`{|}");
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c >= 0x7F || souk_slice_find(others, text.ptr[i]) < others.len) {
            return false;
        }
    }
    return true;
}

/*
 * RFC 3986 section 5.2.4, in place: drops "." segments, and ".." segments with the segment before
 * them. `path` begins with '/'. Returns the new length.
 */
static size_t remove_dot_segments(char *path, size_t len)
{
    size_t read = 0;
    size_t written = 0;
    while (read < len) {
        size_t end = read + 1;
        while (end < len && path[end] != '/') {
            end++;
        }
        souk_slice segment = souk_slice_make(path + read + 1, end - read - 1);
        bool up = souk_slice_is(segment, "..");
        if (up || souk_slice_is(segment, ".")) {
            while (up && written > 0 && path[--written] != '/') {
            }
            if (end == len) {
                path[written++] = '/';
            }
        } else {
            for (size_t i = read; i < end; i++) {
                path[written++] = path[i];
            }
        }
        read = end;
    }
    return written;
}

/* The path of `to`, as seen from `from`, without dot segments. */
static int add_path(souk_buf *out, const uri_parts *from, const uri_parts *to, souk_err *err)
{
    size_t start = out->len;
    souk_slice path = to->path;
    if (!to->has_authority && path.len == 0) {
        path = from->path;
    } else if (!to->has_authority && path.ptr[0] != '/') {
        size_t folder = from->path.len; /* up to the last '/' */
        while (folder > 0 && from->path.ptr[folder - 1] != '/') {
            folder--;
        }
        souk_buf_add(out, souk_slice_make(from->path.ptr, folder));
    }
    if (out->len == start && (path.len == 0 || path.ptr[0] != '/')) {
        souk_buf_add_byte(out, '/');
    }
    souk_buf_add(out, path);
    int failed = souk_buf_check(out, "the URL of the endpoint", err);
    if (failed == SOUK_OK) {
        out->len = start + remove_dot_segments(out->data + start, out->len - start);
        out->data[out->len] = '\0';
    }
    return failed;
}

static int malformed(souk_err *err, const char *what)
{
    return souk_fail(err, SOUK_E_PROTOCOL, "the server's endpoint event %s", what);
}

static souk_slice shown(souk_slice text)
{
    return souk_slice_make(text.ptr, text.len < 100 ? text.len : 100);
}

/* SOUK_OK when the reference leads to the origin of base, or into it. */
static int check_origin(const uri_parts *base, const uri_parts *reference, souk_err *err)
{
    origin here;
    origin there;
    uri_parts full = *reference;
    if (!read_origin(base, &here)) {
        return souk_fail(err, SOUK_E_CONFIG, "the URL of the server is no http or https URL");
    }
    if (full.scheme.len == 0) {
        full.scheme = base->scheme;
    } else if (!full.has_authority) {
        return malformed(err, "names no host");
    }
    if (!full.has_authority) {
        return SOUK_OK;
    }
    if (!read_origin(&full, &there)) {
        return malformed(err, "is no http or https URL with a host, and without a user");
    }
    if (!is_same(&here, &there)) {
        return souk_fail(err, SOUK_E_PROTOCOL,
                         "the server at %.*s://%.*s:%u wants messages to be sent to "
                         "%.*s://%.*s:%u, which is another origin",
                         SOUK_ARG(shown(here.scheme)), SOUK_ARG(shown(here.host)), here.port,
                         SOUK_ARG(shown(there.scheme)), SOUK_ARG(shown(there.host)), there.port);
    }
    return SOUK_OK;
}

int souk_mcp_endpoint_resolve(souk_buf *out, souk_slice base, souk_slice reference, souk_err *err)
{
    reference = souk_slice_trim(reference);
    if (reference.len == 0) {
        return malformed(err, "has no URI");
    }
    if (reference.len > SOUK_MCP_ENDPOINT_MAX) {
        return malformed(err, "has a URI that is too long");
    }
    if (!has_only_uri_bytes(reference)) {
        return malformed(err, "has a character that no URI has");
    }
    uri_parts from = split(base);
    uri_parts to = split(reference);
    int failed = check_origin(&from, &to, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    bool keeps_query = !to.has_authority && to.path.len == 0 && to.query.len == 0;
    souk_buf_add(out, from.scheme);
    souk_buf_add_text(out, "://");
    souk_buf_add(out, from.authority);
    failed = add_path(out, &from, &to, err);
    if (failed == SOUK_OK) {
        souk_buf_add(out, keeps_query ? from.query : to.query);
        failed = souk_buf_check(out, "the URL of the endpoint", err);
    }
    return failed;
}
