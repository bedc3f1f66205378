#include <string.h>

#include "base/ascii.h"
#include "base/utf8.h"
#include "json/reader.h"
#include "json/scan.h"

/*
 * Finds the closing quote of the string that begins at `at`, checking all but the escapes. NULL on
 * failure.
 */
static const char *find_quote(souk_reader *r, const char *at, bool *has_escapes)
{
    for (;;) {
        at = souk_scan_plain(at, r->end);
        if (at == r->end) {
            souk_reader_unexpected(r, at, "'\"' at the end of a string");
            return NULL;
        }
        if (*at == '"') {
            return at;
        }
        if (*at == '\\') {
            *has_escapes = true;
            at++;
            at += at < r->end && (*at == '"' || *at == '\\');
            continue;
        }
        if ((unsigned char)*at < 0x20) {
            souk_reader_unexpected(r, at, "control characters to be escaped");
            return NULL;
        }
        uint32_t ignored;
        size_t len = souk_utf8_decode(souk_slice_make(at, (size_t)(r->end - at)), &ignored);
        if (len == 0) {
            souk_reader_unexpected(r, at, "valid UTF-8");
            return NULL;
        }
        at += len;
    }
}

/* The four hexadecimal digits at `at`; -1 when something else is there. */
static int32_t read_hex4(const char *at, const char *end)
{
    if (end - at < 4) {
        return -1;
    }
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = souk_hex_digit(at[i]);
        if (digit < 0) {
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/*
 * Reads \uXXXX, or two of them that form a pair (RFC 8259 section 7), at `at`, and writes UTF-8.
 * Returns what follows, NULL on failure.
 */
static const char *unescape_unicode(souk_reader *r, const char *at, const char *end, char **out)
{
    int32_t unit = read_hex4(at + 2, end);
    if (unit < 0) {
        souk_reader_unexpected(r, at, "four hexadecimal digits after '\\u'");
        return NULL;
    }
    uint32_t code_point = (uint32_t)unit;
    const char *next = at + 6;
    if (unit >= 0xD800 && unit < 0xDC00) {
        bool is_escape = end - next >= 6 && next[0] == '\\' && next[1] == 'u';
        int32_t low = is_escape ? read_hex4(next + 2, end) : -1;
        if (low >= 0xDC00 && low < 0xE000) {
            code_point = 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00);
            next += 6;
        }
    }
    size_t len = souk_utf8_encode(code_point, *out);
    if (len == 0) {
        souk_reader_unexpected(r, at, "both halves of a surrogate pair");
        return NULL;
    }
    *out += len;
    return next;
}

/* Reads the escape at `at` and writes what it stands for. Returns what follows, NULL on failure. */
static const char *unescape(souk_reader *r, const char *at, const char *end, char **out)
{
    static const char escapes[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    char letter =
        at[1]; /* a string never ends behind a backslash: find_quote skips what it escapes */
    if (letter == 'u') {
        return unescape_unicode(r, at, end, out);
    }
    const char *hit = letter == '\0' ? NULL : strchr(escapes, letter);
    if (hit == NULL) {
        souk_reader_unexpected(r, at, "an escape that exists");
        return NULL;
    }
    *(*out)++ = meanings[hit - escapes];
    return at + 2;
}

/*
 * Copies the string between `from` and `end` into the document without its escapes; they only make
 * it shorter.
 */
static bool unescape_all(souk_reader *r, const char *from, const char *end, souk_jval *value)
{
    char *copy = souk_arena_new(&r->doc->arena, (size_t)(end - from));
    if (copy == NULL) {
        r->failed = souk_fail_memory(r->err);
        return false;
    }
    char *out = copy;
    while (from < end) {
        const char *escape = memchr(from, '\\', (size_t)(end - from));
        size_t run = (size_t)((escape == NULL ? end : escape) - from);
        memcpy(out, from, run);
        out += run;
        from += run;
        if (escape != NULL) {
            from = unescape(r, escape, end, &out);
            if (from == NULL) {
                return false;
            }
        }
    }
    value->as.text = copy;
    value->size = (uint32_t)(out - copy);
    return true;
}

bool souk_reader_string(souk_reader *r, souk_jval *value)
{
    const char *from = r->at + 1;
    bool has_escapes = false;
    const char *quote = find_quote(r, from, &has_escapes);
    if (quote == NULL) {
        return false;
    }
    if (has_escapes && !unescape_all(r, from, quote, value)) {
        return false;
    }
    if (!has_escapes) {
        value->as.text = from;
        value->size = (uint32_t)(quote - from);
    }
    r->at = quote + 1;
    return true;
}
