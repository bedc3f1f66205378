#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 128 };

void souk_buf_init(souk_buf *buf, const souk_alloc *alloc, size_t max)
{
    memset(buf, 0, sizeof *buf);
    buf->alloc = alloc;
    buf->max = max;
}

void souk_buf_free(souk_buf *buf)
{
    if (buf->data != NULL) {
        souk_free(buf->alloc, buf->data);
    }
    souk_buf_init(buf, buf->alloc, buf->max);
}

void souk_buf_clear(souk_buf *buf)
{
    buf->len = 0;
    buf->failed = SOUK_OK;
    buf->full = false;
    if (buf->data != NULL) {
        buf->data[0] = '\0';
    }
}

static int fail(souk_buf *buf, bool full)
{
    buf->failed = SOUK_E_LIMIT;
    buf->full = full;
    return SOUK_E_LIMIT;
}

int souk_buf_reserve(souk_buf *buf, size_t extra)
{
    size_t wanted;
    if (buf->failed != SOUK_OK) {
        return buf->failed;
    }
    if (!souk_size_add(buf->len, extra, &wanted) || wanted > buf->max) {
        return fail(buf, true);
    }
    if (buf->data != NULL && wanted < buf->cap) {
        return SOUK_OK;
    }
    size_t cap = buf->cap < FIRST_CAPACITY ? FIRST_CAPACITY : buf->cap;
    while (cap <= wanted) { /* one byte more, for the NUL */
        size_t doubled;
        if (!souk_size_mul(cap, 2, &doubled)) {
            return fail(buf, false);
        }
        cap = doubled;
    }
    char *data = souk_resize_array(buf->alloc, buf->data, cap, 1);
    if (data == NULL) {
        return fail(buf, false);
    }
    buf->data = data;
    buf->cap = cap;
    return SOUK_OK;
}

int souk_buf_add(souk_buf *buf, souk_slice bytes)
{
    if (souk_buf_reserve(buf, bytes.len) != SOUK_OK) {
        return buf->failed;
    }
    if (bytes.len > 0) {
        memcpy(buf->data + buf->len, bytes.ptr, bytes.len);
        buf->len += bytes.len;
    }
    buf->data[buf->len] = '\0';
    return SOUK_OK;
}

int souk_buf_add_text(souk_buf *buf, const char *text)
{
    return souk_buf_add(buf, souk_slice_of(text));
}

int souk_buf_add_byte(souk_buf *buf, char byte)
{
    return souk_buf_add(buf, souk_slice_make(&byte, 1));
}

int souk_buf_addf(souk_buf *buf, const char *format, ...)
{
    char text[SOUK_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (wanted < 0) {
        return fail(buf, false);
    }
    size_t len = (size_t)wanted < sizeof text ? (size_t)wanted : sizeof text - 1;
    return souk_buf_add(buf, souk_slice_make(text, len));
}

void souk_buf_consume(souk_buf *buf, size_t count)
{
    if (count >= buf->len) {
        buf->len = 0;
    } else if (count > 0) {
        memmove(buf->data, buf->data + count, buf->len - count);
        buf->len -= count;
    }
    if (buf->data != NULL) {
        buf->data[buf->len] = '\0';
    }
}

souk_slice souk_buf_slice(const souk_buf *buf)
{
    return souk_slice_make(buf->data, buf->len);
}

void souk_buf_move(souk_buf *to, souk_buf *from)
{
    souk_buf_free(to);
    *to = *from;
    souk_buf_init(from, from->alloc, from->max);
}

int souk_buf_check(const souk_buf *buf, const char *what, souk_err *err)
{
    if (buf->failed == SOUK_OK) {
        return SOUK_OK;
    }
    if (!buf->full) {
        return souk_fail_memory(err);
    }
    return souk_fail(err, SOUK_E_LIMIT, "%s is larger than %zu bytes", what, buf->max);
}
