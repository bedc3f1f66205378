/*
 * An incremental parser of event streams (WHATWG HTML, "Server-sent events", interpretation of an
 * event stream).
 *
 * It has no I/O and no clock: bytes in, events out. How the bytes are cut into pieces never changes
 * the events.
 */
#ifndef SOUK_MCP_SSE_H
#define SOUK_MCP_SSE_H

#include <stdint.h>

#include "base/buf.h"

typedef struct souk_sse_event {
    souk_slice type;  /* "message" when the stream named none */
    souk_slice data;  /* the data lines, joined by LF */
    bool has_data;    /* false: data is empty, there is only an id or a retry time */
    souk_slice id;    /* the event's own id, meaningful when has_id */
    bool has_id;      /* an empty id is one: the stream cannot be resumed from here */
    int64_t retry_ms; /* the event's own retry time in milliseconds, or -1 */
} souk_sse_event;

typedef struct souk_sse {
    size_t max_event;
    souk_buf line; /* the unfinished line, when a piece of input ended inside of one */
    souk_buf data;
    souk_buf type;
    souk_buf id;      /* the id field of the unfinished event */
    souk_buf last_id; /* of the last finished event that had one */
    size_t event_bytes;
    bool at_stream_start; /* a byte order mark is still allowed */
    bool skip_lf;         /* the last byte was a CR */
    bool in_comment;
    bool has_data;
    bool has_id;
    bool delivered; /* the buffers hold the event that the last call returned */
    int failed;
    int64_t event_retry_ms;

    int64_t retry_ms;  /* the last retry time that the stream asked for, or -1; may be read */
    uint64_t comments; /* comment lines so far, which keep connections alive; may be read */
} souk_sse;

/*
 * max_event: bytes of all field lines of one event, line ends not counted. Comments of any length
 * are skipped without being kept.
 */
void souk_sse_init(souk_sse *sse, const souk_alloc *alloc, size_t max_event);

/* Frees everything. A zeroed souk_sse is allowed. */
void souk_sse_free(souk_sse *sse);

/*
 * Reads from the front of *input, which is advanced past what was read.
 *
 * Returns 1 when *event has been filled (call again: *input may hold more); 0 when the input is
 * used up; negative when the stream is broken: SOUK_E_LIMIT (an event past max_event, or memory),
 * SOUK_E_PROTOCOL (invalid UTF-8 in an event). After an error the parser gives errors only. Events
 * come for blocks that have data, an id or a retry time; an event that the stream ends inside of is
 * never given.
 *
 * The slices of *event point into the parser and are valid until its next feed, restart or free.
 */
int souk_sse_feed(souk_sse *sse, souk_slice *input, souk_sse_event *event, souk_err *err);

/*
 * The id of the last event that had one, empty when there is none. Valid until the next feed,
 * restart or free.
 */
souk_slice souk_sse_last_id(const souk_sse *sse);

/*
 * Makes ready for the bytes of another connection that goes on with the same stream: an unfinished
 * event is forgotten, the last event id and the retry time are kept.
 */
void souk_sse_restart(souk_sse *sse);

#endif
