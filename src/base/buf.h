/*
 * A growing byte buffer that is born with a maximum: no input can make it grow without bound.
 *
 * Errors stick: after a failed append all later appends fail too and change nothing, so that a
 * writer can append freely and look at `failed` once, at the end. The content is always followed by
 * a NUL byte that does not count.
 */
#ifndef SOUK_BUF_H
#define SOUK_BUF_H

#include "base/alloc.h"
#include "base/err.h"

typedef struct souk_buf {
    const souk_alloc *alloc;
    char *data; /* NULL until the first append */
    size_t len;
    size_t cap;
    size_t max;
    int failed; /* SOUK_OK, or SOUK_E_LIMIT; memory or the maximum is exhausted */
    bool full;  /* it failed because of max, not of memory */
} souk_buf;

/* max: the largest number of bytes it may hold. */
void souk_buf_init(souk_buf *buf, const souk_alloc *alloc, size_t max);

/* Frees the content; the buffer is empty and usable again. A zeroed souk_buf is allowed. */
void souk_buf_free(souk_buf *buf);

/* Empties it and forgets a failure, keeps the memory. */
void souk_buf_clear(souk_buf *buf);

/* Room for `extra` more bytes (behind len), or SOUK_E_LIMIT. */
int souk_buf_reserve(souk_buf *buf, size_t extra);

int souk_buf_add(souk_buf *buf, souk_slice bytes);
int souk_buf_add_text(souk_buf *buf, const char *text);
int souk_buf_add_byte(souk_buf *buf, char byte);

/* Formats as souk_fail does; for numbers and short texts. */
#if defined(__GNUC__)
__attribute__((format(printf, 2, 3)))
#endif
int souk_buf_addf(souk_buf *buf, const char *format, ...);

/* Drops the first `count` bytes and moves the rest to the front. */
void souk_buf_consume(souk_buf *buf, size_t count);

/* The content; valid until the next change of the buffer. */
souk_slice souk_buf_slice(const souk_buf *buf);

/* Moves the content of `from` to `to` (which is freed first); `from` stays usable and empty. */
void souk_buf_move(souk_buf *to, souk_buf *from);

/* SOUK_OK, or fills *err with what stopped the buffer ("`what` is larger than N bytes"). */
int souk_buf_check(const souk_buf *buf, const char *what, souk_err *err);

#endif
