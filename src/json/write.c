#include "json/write.h"

#include <string.h>

#include "base/utf8.h"
#include "json/num.h"
#include "json/scan.h"

void souk_jw_init(souk_jw *w, souk_buf *out)
{
    w->out = out;
    w->comma = false;
    w->invalid = false;
}

/* Makes room for `count` bytes behind the content; false when the buffer has failed. */
static bool make_room(souk_jw *w, size_t count)
{
    const souk_buf *out = w->out;
    bool has_room =
        out->failed == SOUK_OK && count < out->cap - out->len && count <= out->max - out->len;
    return has_room || souk_buf_reserve(w->out, count) == SOUK_OK;
}

/* Appends bytes for which there is room. */
static void append(souk_jw *w, const char *bytes, size_t count)
{
    souk_buf *out = w->out;
    memcpy(out->data + out->len, bytes, count);
    out->len += count;
    out->data[out->len] = '\0';
}

/* Room for `count` bytes and a comma, which is written if one is due. */
static bool begin_value(souk_jw *w, size_t count)
{
    if (!make_room(w, count + w->comma)) {
        return false;
    }
    if (w->comma) {
        append(w, ",", 1);
    }
    w->comma = true;
    return true;
}

static void put_value(souk_jw *w, const char *bytes, size_t count)
{
    if (begin_value(w, count)) {
        append(w, bytes, count);
    }
}

static void open_container(souk_jw *w, const char *bracket)
{
    put_value(w, bracket, 1);
    w->comma = false;
}

static void close_container(souk_jw *w, const char *bracket)
{
    w->comma = false;
    put_value(w, bracket, 1);
}

void souk_jw_object(souk_jw *w)
{
    open_container(w, "{");
}

void souk_jw_end_object(souk_jw *w)
{
    close_container(w, "}");
}

void souk_jw_array(souk_jw *w)
{
    open_container(w, "[");
}

void souk_jw_end_array(souk_jw *w)
{
    close_container(w, "]");
}

/*
 * The escape of a quote, a backslash or a control character (RFC 8259 section 7); returns its
 * length.
 */
static size_t escape(char c, char out[6])
{
    static const char hex[] = "0123456789abcdef";
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *hit = c == '\0' ? NULL : strchr(plain, c);
    out[0] = '\\';
    if (hit != NULL) {
        out[1] = letters[hit - plain];
        return 2;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = hex[(unsigned char)c >> 4];
    out[5] = hex[c & 15];
    return 6;
}

/*
 * Copies plain bytes up to the first one that is not, or to `end`; moves both places behind them.
 */
static void copy_plain(const char **from, const char *end, char **to)
{
    const char *at = *from;
    char *out = *to;
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t special = souk_word_special(word);
        if (special != 0) {
            break;
        }
        memcpy(out, at, sizeof word);
        at += sizeof word;
        out += sizeof word;
    }
    while (at < end && souk_is_plain(*at)) {
        *out++ = *at++;
    }
    *from = at;
    *to = out;
}

/*
 * Writes the bytes of a string at `to`, where there is room for them as they are and for `behind`
 * bytes more. Returns the end of what was written, NULL on failure.
 */
static char *copy_string(souk_jw *w, const char *at, const char *end, char *to, size_t behind)
{
    for (;;) {
        copy_plain(&at, end, &to);
        if (at == end) {
            return to;
        }
        if ((unsigned char)*at >= 0x80) {
            uint32_t ignored;
            size_t len = souk_utf8_decode(souk_slice_make(at, (size_t)(end - at)), &ignored);
            if (len == 0) {
                w->invalid = true;
                return NULL;
            }
            memcpy(to, at, len);
            at += len;
            to += len;
        } else {
            char text[6];
            size_t len = escape(*at++, text);
            w->out->len = (size_t)(to - w->out->data);
            if (!make_room(w, len + (size_t)(end - at) + behind)) {
                return NULL;
            }
            to = w->out->data + w->out->len;
            memcpy(to, text, len);
            to += len;
        }
    }
}

static void put_string(souk_jw *w, souk_slice value, bool is_key)
{
    size_t behind = is_key ? 2 : 1; /* the closing quote, and a colon */
    size_t room;
    if (!souk_size_add(value.len, w->comma + 1 + behind, &room) || !make_room(w, room)) {
        return;
    }
    souk_buf *out = w->out;
    char *to = out->data + out->len;
    if (w->comma) {
        *to++ = ',';
    }
    *to++ = '"';
    if (value.len > 0) {
        to = copy_string(w, value.ptr, value.ptr + value.len, to, behind);
    }
    if (to != NULL) {
        *to++ = '"';
        if (is_key) {
            *to++ = ':';
        }
        out->len = (size_t)(to - out->data);
    }
    out->data[out->len] = '\0';
}

void souk_jw_string(souk_jw *w, souk_slice value)
{
    put_string(w, value, false);
    w->comma = true;
}

void souk_jw_key(souk_jw *w, souk_slice key)
{
    put_string(w, key, true);
    w->comma = false;
}

void souk_jw_null(souk_jw *w)
{
    put_value(w, "null", 4);
}

void souk_jw_bool(souk_jw *w, bool value)
{
    put_value(w, value ? "true" : "false", value ? 4 : 5);
}

void souk_jw_int(souk_jw *w, int64_t value)
{
    char text[SOUK_NUM_TEXT];
    size_t len = souk_num_write_int(value, text);
    put_value(w, text, len);
}

void souk_jw_double(souk_jw *w, double value)
{
    if (value - value != 0) { /* NaN and the infinities */
        w->invalid = true;
        return;
    }
    char text[SOUK_NUM_TEXT];
    size_t len = souk_num_write_double(value, text);
    put_value(w, text, len);
}

void souk_jw_raw(souk_jw *w, souk_slice json)
{
    if (json.len > 0) {
        put_value(w, json.ptr, json.len);
    }
}

static void put_scalar(souk_jw *w, const souk_jval *value)
{
    switch (souk_json_type_of(value)) {
    case SOUK_JSON_BOOL:
        souk_jw_bool(w, value->as.boolean);
        break;
    case SOUK_JSON_INT:
        souk_jw_int(w, value->as.integer);
        break;
    case SOUK_JSON_BIGINT:
        souk_jw_raw(w, souk_json_digits(value));
        break;
    case SOUK_JSON_DOUBLE:
        souk_jw_double(w, value->as.number);
        break;
    case SOUK_JSON_STRING:
        souk_jw_string(w, souk_json_string(value));
        break;
    default:
        souk_jw_null(w);
        break;
    }
}

/* Recursion ends at SOUK_JSON_MAX_DEPTH: no document is deeper. */
void souk_jw_value(souk_jw *w, const souk_jval *value)
{
    if (souk_json_type_of(value) == SOUK_JSON_ARRAY) {
        souk_jw_array(w);
        souk_json_elements it = souk_json_each_element(value);
        while (souk_json_next_element(&it)) {
            souk_jw_value(w, it.value);
        }
        souk_jw_end_array(w);
    } else if (souk_json_type_of(value) == SOUK_JSON_OBJECT) {
        souk_jw_object(w);
        souk_json_members it = souk_json_each_member(value);
        while (souk_json_next_member(&it)) {
            souk_jw_key(w, it.key);
            souk_jw_value(w, it.value);
        }
        souk_jw_end_object(w);
    } else {
        put_scalar(w, value);
    }
}

void souk_jw_key_string(souk_jw *w, const char *key, souk_slice value)
{
    souk_jw_key(w, souk_slice_of(key));
    souk_jw_string(w, value);
}

void souk_jw_key_int(souk_jw *w, const char *key, int64_t value)
{
    souk_jw_key(w, souk_slice_of(key));
    souk_jw_int(w, value);
}

void souk_jw_key_bool(souk_jw *w, const char *key, bool value)
{
    souk_jw_key(w, souk_slice_of(key));
    souk_jw_bool(w, value);
}

void souk_jw_key_raw(souk_jw *w, const char *key, souk_slice json)
{
    souk_jw_key(w, souk_slice_of(key));
    souk_jw_raw(w, json);
}

int souk_jw_check(const souk_jw *w, souk_err *err)
{
    if (w->invalid) {
        return souk_fail(
            err, SOUK_E_SCHEMA,
            "text that is not UTF-8, or a number that is not finite, cannot be written as JSON");
    }
    return souk_buf_check(w->out, "the JSON text", err);
}
