#include <stdio.h>

#include "json/reader.h"

enum { QUOTED_BYTES = 8 };

void souk_json_locate(souk_slice text, size_t offset, souk_err *err)
{
    if (err == NULL) {
        return;
    }
    size_t line_start = 0;
    unsigned line = 1;
    for (size_t i = 0; i < offset; i++) {
        if (text.ptr[i] == '\n') {
            line++;
            line_start = i + 1;
        }
    }
    err->offset = offset;
    err->line = line;
    err->column = (unsigned)(offset - line_start) + 1;
}

static void locate(souk_reader *r, const char *at)
{
    souk_slice text = souk_slice_make(r->begin, (size_t)(r->end - r->begin));
    souk_json_locate(text, (size_t)(at - r->begin), r->err);
}

bool souk_reader_fail(souk_reader *r, const char *at, int kind, const char *message)
{
    r->failed = souk_fail(r->err, kind, "%s", message);
    locate(r, at);
    return false;
}

static bool is_printable(char c)
{
    return c >= 0x20 && c < 0x7F;
}

/* Words and numbers are quoted in one piece; of all else one byte says enough. */
static bool is_word_byte(char c)
{
    bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_letter || (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == '\\' ||
           c == '/' || c == '_';
}

/*
 * Quotes what stands at `at`, unprintable bytes as \xNN. The text may hold secrets, and the error
 * may end in a log: never more than a few bytes.
 */
static void quote(const char *at, const char *end, char *out, size_t size)
{
    if (!is_printable(*at)) {
        snprintf(out, size, "'\\x%02X'", (unsigned)(unsigned char)*at);
        return;
    }
    int len = 1;
    while (is_word_byte(*at) && len < QUOTED_BYTES && at + len < end && is_word_byte(at[len])) {
        len++;
    }
    snprintf(out, size, "'%.*s'", len, at);
}

bool souk_reader_unexpected(souk_reader *r, const char *at, const char *expected)
{
    char found[32] = "the end of the text";
    if (at < r->end) {
        quote(at, r->end, found, sizeof found);
    }
    r->failed = souk_fail(r->err, SOUK_E_PROTOCOL, "expected %s, found %s", expected, found);
    locate(r, at);
    return false;
}
