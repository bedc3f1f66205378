/*
 * Messages between the two sides of a courier (courier.h), written one after the other into one
 * buffer: a buffer that is handed over whole carries many of them, and in the steady state none
 * needs memory of its own.
 *
 * A message is made of parts: fixed ones (structs, copied byte by byte) and texts, which are
 * followed by a NUL. What a struct points to means nothing on the other side; the reader gives it
 * new pointers, into the buffer. A message that did not fit is taken back whole.
 */
#ifndef SOUK_MAIL_H
#define SOUK_MAIL_H

#include "base/buf.h"
#include "base/wire.h"

/* Both keep the parts aligned. A failure sticks to the buffer. */
void souk_mail_put(souk_buf *mail, const void *part, size_t size);
void souk_mail_put_text(souk_buf *mail, souk_slice text); /* ptr NULL stays NULL */

/* Where reading is; the buffer must not change meanwhile. */
typedef struct souk_mail_cursor {
    const char *bytes;
    size_t at;
} souk_mail_cursor;

void souk_mail_get(souk_mail_cursor *cursor, void *part, size_t size);
souk_slice souk_mail_get_text(souk_mail_cursor *cursor);

/* --- what is said: a kind, an id, and what belongs to the kind --- */

typedef enum souk_letter_kind {
    SOUK_LETTER_EXCHANGE,
    SOUK_LETTER_CANCEL,
    SOUK_LETTER_SPAWN,
    SOUK_LETTER_WRITE,
    SOUK_LETTER_CLOSE_CHILD,
    SOUK_LETTER_EVENT
} souk_letter_kind;

/* Memory for the arrays of what was read last; zeroed at first. */
typedef struct souk_mail_arrays {
    const souk_alloc *alloc;
    void *memory;
    size_t size;
} souk_mail_arrays;

void souk_mail_arrays_free(souk_mail_arrays *arrays);

/* Each puts a whole message; false when out of memory, and then nothing was put. */
bool souk_mail_exchange(souk_buf *mail, const souk_exchange *exchange);
bool souk_mail_spawn(souk_buf *mail, const souk_spawn *spawn);
bool souk_mail_write(souk_buf *mail, souk_id child, souk_slice bytes);
bool souk_mail_cancel(souk_buf *mail, souk_id exchange);
bool souk_mail_close_child(souk_buf *mail, souk_id child, souk_ms grace);
bool souk_mail_event(souk_buf *mail, const souk_io_event *event);

/*
 * Each reads the message behind its kind (souk_mail_kind). What comes out points into the buffer
 * and into *arrays; false when out of memory for the latter: only the id is right then.
 */
souk_letter_kind souk_mail_kind(souk_mail_cursor *cursor);
bool souk_mail_read_exchange(souk_mail_cursor *cursor, souk_mail_arrays *arrays,
                             souk_exchange *exchange, souk_slice *body);
bool souk_mail_read_spawn(souk_mail_cursor *cursor, souk_mail_arrays *arrays, souk_spawn *spawn);
void souk_mail_read_write(souk_mail_cursor *cursor, souk_id *child, souk_slice *bytes);
void souk_mail_read_cancel(souk_mail_cursor *cursor, souk_id *exchange);
void souk_mail_read_close_child(souk_mail_cursor *cursor, souk_id *child, souk_ms *grace);
bool souk_mail_read_event(souk_mail_cursor *cursor, souk_mail_arrays *arrays, souk_io_event *event);

#endif
