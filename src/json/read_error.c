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

bool souk_reader_fail_at(souk_reader *r, const char *at)
{
    souk_slice text = souk_slice_make(r->begin, (size_t)(r->end - r->begin));
    souk_json_locate(text, (size_t)(at - r->begin), r->err);
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
 * Quotes what stands at `at`, an unprintable byte as \xNN. The text may hold secrets, and the error
 * may end in a log: never more than a few bytes.
 */
static void quote(const char *at, const char *end, char out[QUOTED_BYTES + 3])
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;
    out[len++] = '\'';
    if (!is_printable(*at)) {
        unsigned byte = (unsigned char)*at;
        out[len++] = '\\';
        out[len++] = 'x';
        out[len++] = hex[byte >> 4];
        out[len++] = hex[byte & 15];
    } else {
        bool is_word = is_word_byte(*at);
        do {
            out[len++] = *at++;
        } while (is_word && len <= QUOTED_BYTES && at < end && is_word_byte(*at));
    }
    out[len++] = '\'';
    out[len] = '\0';
}

bool souk_reader_unexpected(souk_reader *r, const char *at, const char *expected)
{
    char found[QUOTED_BYTES + 3];
    if (at < r->end) {
        quote(at, r->end, found);
    }
    r->failed = souk_fail(r->err, SOUK_E_PROTOCOL, "expected %s, found %s", expected,
                          at < r->end ? found : "the end of the text");
    return souk_reader_fail_at(r, at);
}
