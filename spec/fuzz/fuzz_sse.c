/*
 * Event streams: the same bytes give the same events, whole or in pieces, and every event keeps its
 * promises.
 *
 * Input: one byte for the maximum size of an event, one for a number of pieces, that many lengths,
 * the stream.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "mcp/sse.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static bool has_line_end(souk_slice text)
{
    return souk_slice_find(text, '\n') < text.len || souk_slice_find(text, '\r') < text.len;
}

static void check_event(const souk_sse *sse, const souk_sse_event *event)
{
    must(event->type.len > 0 && !has_line_end(event->type));
    must(souk_utf8_valid(event->type, NULL));
    must(souk_utf8_valid(event->data, NULL));
    must(event->has_data == (event->data.len > 0));
    must(event->data.len <= sse->max_event);
    must(souk_slice_find(event->data, '\r') == event->data.len);
    must(event->has_data || event->has_id || event->retry_ms >= 0 || sse->has_data);
    if (event->has_id) {
        must(!has_line_end(event->id) && souk_slice_find(event->id, '\0') == event->id.len);
        must(souk_slice_eq(souk_sse_last_id(sse), event->id));
    }
    must(event->retry_ms < 0 || event->retry_ms == sse->retry_ms);
}

static void log_event(souk_buf *log, const souk_sse_event *event)
{
    souk_buf_add(log, event->type);
    souk_buf_addf(log, "|%zu|", event->data.len);
    souk_buf_add(log, event->data);
    souk_buf_addf(log, "|%d|", event->has_id);
    souk_buf_add(log, event->id);
    souk_buf_addf(log, "|%lld\n", (long long)event->retry_ms);
}

/* Feeds a piece from memory of its own. False when the stream broke. */
static bool feed(souk_sse *sse, souk_slice piece, souk_buf *log)
{
    souk_err err;
    souk_sse_event event;
    char *copy = malloc(piece.len + 1);
    memcpy(copy, piece.len > 0 ? piece.ptr : "", piece.len);
    souk_slice input = souk_slice_make(copy, piece.len);
    int rc;
    while ((rc = souk_sse_feed(sse, &input, &event, &err)) == 1) {
        check_event(sse, &event);
        log_event(log, &event);
    }
    free(copy);
    must(rc < 0 || input.len == 0);
    if (rc < 0) {
        must(rc == SOUK_E_LIMIT || rc == SOUK_E_PROTOCOL);
        souk_buf_addf(log, "error %d\n", rc);
        input = SOUK_LIT("data: more\n\n");
        must(souk_sse_feed(sse, &input, &event, &err) == rc);
    }
    return rc == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size < (size_t)data[1] + 2) {
        return 0;
    }
    size_t max_event = (size_t)data[0] * 4;
    size_t pieces = data[1];
    const uint8_t *lengths = data + 2;
    souk_slice stream = souk_slice_make((const char *)lengths + pieces, size - 2 - pieces);
    souk_sse sse;
    souk_buf whole;
    souk_buf parts;
    souk_buf_init(&whole, souk_alloc_libc(), SIZE_MAX / 2);
    souk_buf_init(&parts, souk_alloc_libc(), SIZE_MAX / 2);

    souk_sse_init(&sse, souk_alloc_libc(), max_event);
    feed(&sse, stream, &whole);
    uint64_t comments = sse.comments;
    souk_sse_free(&sse);

    souk_sse_init(&sse, souk_alloc_libc(), max_event);
    bool fine = true;
    for (size_t i = 0; fine && i < pieces; i++) {
        size_t len = lengths[i] < stream.len ? lengths[i] : stream.len;
        fine = feed(&sse, souk_slice_make(stream.ptr, len), &parts);
        stream = souk_slice_from(stream, len);
    }
    if (fine) {
        feed(&sse, stream, &parts);
    }
    must(sse.comments == comments);
    souk_sse_free(&sse);

    must(souk_slice_eq(souk_buf_slice(&whole), souk_buf_slice(&parts)));
    souk_buf_free(&whole);
    souk_buf_free(&parts);
    return 0;
}
