#include "schema/uri.h"

#include <string.h>

#include "base/ascii.h"

/* RFC 3986 section 3, without the fragment. A part that is absent differs from an empty one. */
typedef struct uri_parts {
    souk_slice scheme;    /* with its ':' */
    souk_slice authority; /* with its "//" */
    souk_slice path;
    souk_slice query; /* with its '?' */
} uri_parts;

static souk_slice take(souk_slice *rest, size_t len)
{
    souk_slice head = souk_slice_make(rest->ptr, len);
    *rest = souk_slice_from(*rest, len);
    return head;
}

static bool is_scheme_char(char c, bool first)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (!first && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
}

static size_t scheme_length(souk_slice uri)
{
    size_t len = 0;
    while (len < uri.len && is_scheme_char(uri.ptr[len], len == 0)) {
        len++;
    }
    return len > 0 && len < uri.len && uri.ptr[len] == ':' ? len + 1 : 0;
}

/* Index of the first byte that is one of `stops`, or the length. */
static size_t find_any(souk_slice text, const char *stops)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '\0' && strchr(stops, text.ptr[i]) != NULL) {
            return i;
        }
    }
    return text.len;
}

static uri_parts split(souk_slice uri)
{
    uri_parts parts;
    souk_slice rest = uri;
    parts.scheme = take(&rest, scheme_length(rest));
    size_t authority = 0;
    if (souk_slice_starts(rest, SOUK_LIT("//"))) {
        authority = 2 + find_any(souk_slice_from(rest, 2), "/?");
    }
    parts.authority = take(&rest, authority);
    parts.path = take(&rest, souk_slice_find(rest, '?'));
    parts.query = rest;
    return parts;
}

void souk_uri_split(souk_slice uri, souk_slice *without_fragment, souk_slice *fragment)
{
    size_t hash = souk_slice_find(uri, '#');
    *without_fragment = souk_slice_make(uri.ptr, hash);
    *fragment = souk_slice_from(uri, hash + 1);
}

static char *append(char *to, souk_slice bytes)
{
    if (bytes.len > 0) {
        memcpy(to, bytes.ptr, bytes.len);
    }
    return to + bytes.len;
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
            memmove(path + written, path + read, end - read);
            written += end - read;
        }
        read = end;
    }
    return written;
}

/* RFC 3986 section 5.2.3: the base's path up to its last '/'. */
static souk_slice directory(const uri_parts *base)
{
    size_t len = base->path.len;
    while (len > 0 && base->path.ptr[len - 1] != '/') {
        len--;
    }
    if (len == 0 && base->authority.len > 0) {
        return SOUK_LIT("/");
    }
    return souk_slice_make(base->path.ptr, len);
}

bool souk_uri_resolve(souk_arena *arena, souk_slice base, souk_slice reference, souk_slice *out)
{
    if (reference.len == 0) {
        *out = base;
        return true;
    }
    uri_parts from = split(base);
    uri_parts to = split(reference);
    souk_slice folder = SOUK_LIT("");
    if (to.scheme.len == 0) {
        to.scheme = from.scheme;
        if (to.authority.len == 0) {
            to.authority = from.authority;
            if (to.path.len == 0) {
                to.path = from.path;
            } else if (to.path.ptr[0] != '/') {
                folder = directory(&from);
            }
        }
    }
    size_t size; /* no part is longer than the two arguments together */
    if (!souk_size_add(base.len, reference.len, &size) || !souk_size_add(size, 2, &size)) {
        return false;
    }
    char *text = souk_arena_new(arena, size);
    if (text == NULL) {
        return false;
    }
    char *path = append(append(text, to.scheme), to.authority);
    char *end = append(append(path, folder), to.path);
    if (end > path && path[0] == '/') {
        end = path + remove_dot_segments(path, (size_t)(end - path));
    }
    end = append(end, to.query);
    *out = souk_slice_make(text, (size_t)(end - text));
    return true;
}

bool souk_uri_decode(souk_arena *arena, souk_slice text, souk_slice *out)
{
    if (souk_slice_find(text, '%') == text.len) {
        *out = text;
        return true;
    }
    char *decoded = souk_arena_new(arena, text.len);
    if (decoded == NULL) {
        return false;
    }
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++) {
        int high = text.len - i > 2 && text.ptr[i] == '%' ? souk_hex_digit(text.ptr[i + 1]) : -1;
        int low = high >= 0 ? souk_hex_digit(text.ptr[i + 2]) : -1;
        if (low >= 0) {
            decoded[len++] = (char)(high * 16 + low);
            i += 2;
        } else {
            decoded[len++] = text.ptr[i];
        }
    }
    *out = souk_slice_make(decoded, len);
    return true;
}
