#include <string.h>

#include "json/reader.h"

/* Line and column (in bytes) of a place in the text, both from 1. */
static void set_position(souk_reader *r, const char *at)
{
    const char *line_start = r->begin;
    unsigned line = 1;
    for (const char *p = r->begin; p < at; p++) {
        if (*p == '\n') {
            line++;
            line_start = p + 1;
        }
    }
    r->err->offset = (size_t)(at - r->begin);
    r->err->line = line;
    r->err->column = (unsigned)(at - line_start) + 1;
}

bool souk_reader_fail(souk_reader *r, const char *at, int kind, const char *message)
{
    r->failed = souk_fail(r->err, kind, "%s", message);
    if (r->err != NULL) {
        set_position(r, at);
    }
    return false;
}

static bool is_printable(char c)
{
    return c >= 0x20 && c < 0x7F;
}

/* True when a quotation that has begun should not run on over this byte. */
static bool ends_quotation(char c)
{
    return c == ' ' || c == ',' || c == ':' || c == '"' || c == '{' || c == '}' || c == '[' || c == ']';
}

/* Quotes a few bytes of the text, the unprintable ones as \xNN. A text may hold secrets: never more than a few. */
static void quote(const char *at, const char *end, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    enum { MOST = 8 };
    *out++ = '\'';
    for (int i = 0; i < MOST && at < end; i++, at++) {
        if (i > 0 && (ends_quotation(*at) || !is_printable(*at))) {
            break;
        }
        if (is_printable(*at)) {
            *out++ = *at;
        } else {
            unsigned char byte = (unsigned char)*at;
            *out++ = '\\';
            *out++ = 'x';
            *out++ = hex[byte >> 4];
            *out++ = hex[byte & 15];
        }
        if (i == 0 && ends_quotation(*at)) {
            break;
        }
    }
    *out++ = '\'';
    *out = '\0';
}

bool souk_reader_unexpected(souk_reader *r, const char *at, const char *expected)
{
    char found[48] = "the end of the text";
    if (at < r->end) {
        quote(at, r->end, found);
    }
    r->failed = souk_fail(r->err, SOUK_E_PROTOCOL, "expected %s, found %s", expected, found);
    if (r->err != NULL) {
        set_position(r, at);
    }
    return false;
}
