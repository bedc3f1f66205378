#include "mcp/sse.h"

#include <string.h>

#include "base/utf8.h"

/* A longer retry time is cut to this one: 24 days, more than anybody waits. */
#define MAX_RETRY_MS INT64_C(0x7FFFFFFF)

void souk_sse_init(souk_sse *sse, const souk_alloc *alloc, size_t max_event)
{
    memset(sse, 0, sizeof *sse);
    sse->max_event = max_event;
    souk_buf_init(&sse->line, alloc, max_event);
    souk_buf_init(&sse->data, alloc, max_event);
    souk_buf_init(&sse->type, alloc, max_event);
    souk_buf_init(&sse->id, alloc, max_event);
    souk_buf_init(&sse->last_id, alloc, max_event);
    sse->at_stream_start = true;
    sse->event_retry_ms = -1;
    sse->retry_ms = -1;
}

void souk_sse_free(souk_sse *sse)
{
    souk_buf_free(&sse->line);
    souk_buf_free(&sse->data);
    souk_buf_free(&sse->type);
    souk_buf_free(&sse->id);
    souk_buf_free(&sse->last_id);
    souk_sse_init(sse, sse->line.alloc, sse->max_event);
}

/* Forgets the event that is being gathered, or that has been given. */
static void clear_event(souk_sse *sse)
{
    souk_buf_clear(&sse->data);
    souk_buf_clear(&sse->type);
    souk_buf_clear(&sse->id);
    sse->event_bytes = 0;
    sse->has_data = false;
    sse->has_id = false;
    sse->event_retry_ms = -1;
    sse->delivered = false;
}

void souk_sse_restart(souk_sse *sse)
{
    clear_event(sse);
    souk_buf_clear(&sse->line);
    sse->at_stream_start = true;
    sse->skip_lf = false;
    sse->in_comment = false;
    sse->failed = SOUK_OK;
}

souk_slice souk_sse_last_id(const souk_sse *sse)
{
    return souk_buf_slice(&sse->last_id);
}

/* No buffer can pass max_event, because the bytes of the lines are counted: what fails is memory.
 */
static int set(souk_buf *buf, souk_slice value, souk_err *err)
{
    souk_buf_clear(buf);
    souk_buf_add(buf, value);
    return souk_buf_check(buf, "an event", err);
}

static int add_data(souk_sse *sse, souk_slice value, souk_err *err)
{
    if (sse->has_data) {
        souk_buf_add_byte(&sse->data, '\n');
    }
    souk_buf_add(&sse->data, value);
    sse->has_data = true;
    return souk_buf_check(&sse->data, "an event", err);
}

/* Only digits count; anything else leaves the retry time as it was. */
static void set_retry(souk_sse *sse, souk_slice value)
{
    int64_t ms = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9') {
            return;
        }
        ms = ms * 10 + (value.ptr[i] - '0');
        if (ms > MAX_RETRY_MS) {
            ms = MAX_RETRY_MS;
        }
    }
    if (value.len > 0) {
        sse->retry_ms = ms;
        sse->event_retry_ms = ms;
    }
}

static int read_field(souk_sse *sse, souk_slice line, souk_err *err)
{
    size_t colon = souk_slice_find(line, ':');
    souk_slice name = souk_slice_make(line.ptr, colon);
    souk_slice value = souk_slice_from(line, colon + 1);
    if (value.len > 0 && value.ptr[0] == ' ') {
        value = souk_slice_from(value, 1);
    }
    sse->event_bytes += line.len;

    if (souk_slice_is(name, "data")) {
        return add_data(sse, value, err);
    }
    if (souk_slice_is(name, "event")) {
        return set(&sse->type, value, err);
    }
    if (souk_slice_is(name, "id")) {
        if (souk_slice_find(value, '\0') == value.len) { /* an id with a NUL is ignored */
            sse->has_id = true;
            return set(&sse->id, value, err);
        }
    } else if (souk_slice_is(name, "retry")) {
        set_retry(sse, value);
    }
    return SOUK_OK;
}

static int check_utf8(const souk_buf *buf, const char *what, souk_err *err)
{
    size_t bad;
    if (!souk_utf8_valid(souk_buf_slice(buf), &bad)) {
        int rc = souk_fail(err, SOUK_E_PROTOCOL, "the %s of an event is not UTF-8", what);
        if (err != NULL) {
            err->offset = bad;
        }
        return rc;
    }
    return SOUK_OK;
}

/* An empty line ends the event: 1 when there is something to give, else 0 or an error. */
static int end_event(souk_sse *sse, souk_sse_event *event, souk_err *err)
{
    if (!sse->has_data && !sse->has_id && sse->event_retry_ms < 0) {
        clear_event(sse);
        return 0;
    }
    int rc = check_utf8(&sse->data, "data", err);
    if (rc == SOUK_OK) {
        rc = check_utf8(&sse->type, "type", err);
    }
    if (rc == SOUK_OK && sse->has_id) {
        rc = check_utf8(&sse->id, "id", err);
        if (rc == SOUK_OK) {
            rc = set(&sse->last_id, souk_buf_slice(&sse->id), err);
        }
    }
    if (rc != SOUK_OK) {
        return rc;
    }
    event->type = sse->type.len > 0 ? souk_buf_slice(&sse->type) : SOUK_LIT("message");
    event->data = souk_buf_slice(&sse->data);
    event->has_data = sse->data.len > 0;
    event->id = souk_buf_slice(&sse->id);
    event->has_id = sse->has_id;
    event->retry_ms = sse->event_retry_ms;
    sse->delivered = true;
    return 1;
}

/* One whole line, without its end. */
static int read_line(souk_sse *sse, souk_slice line, souk_sse_event *event, souk_err *err)
{
    static const souk_slice byte_order_mark = SOUK_LIT_INIT("\xEF\xBB\xBF");
    if (sse->at_stream_start && souk_slice_starts(line, byte_order_mark)) {
        line = souk_slice_from(line, byte_order_mark.len);
    }
    sse->at_stream_start = false;
    if (line.len == 0) {
        return end_event(sse, event, err);
    }
    if (line.ptr[0] == ':') { /* a comment behind the byte order mark */
        sse->comments++;
        return 0;
    }
    return read_field(sse, line, err);
}

/* Index of the first CR or LF, or input.len. One pass: a search for each alone could be quadratic.
 */
static size_t find_line_end(souk_slice input)
{
    size_t at = 0;
    while (at < input.len && input.ptr[at] != '\n' && input.ptr[at] != '\r') {
        at++;
    }
    return at;
}

/* Skips what belongs to no field: the LF of a CRLF, and comments. True when a field line begins. */
static bool skip_ignored(souk_sse *sse, souk_slice *input)
{
    if (sse->skip_lf) {
        sse->skip_lf = false;
        if (input->ptr[0] == '\n') {
            *input = souk_slice_from(*input, 1);
            return false;
        }
    }
    if (!sse->in_comment && sse->line.len == 0 && input->ptr[0] == ':') {
        sse->in_comment = true;
        sse->at_stream_start = false;
        sse->comments++;
    }
    if (!sse->in_comment) {
        return true;
    }
    size_t len = find_line_end(*input);
    if (len < input->len) {
        sse->in_comment = false;
        sse->skip_lf = input->ptr[len] == '\r';
        len++;
    }
    *input = souk_slice_from(*input, len);
    return false;
}

/* Takes a line, or the part of it that is there: 1 when an event ended, else 0 or an error. */
static int take_line(souk_sse *sse, souk_slice *input, souk_sse_event *event, souk_err *err)
{
    size_t len = find_line_end(*input);
    bool ended = len < input->len;
    souk_slice piece = souk_slice_make(input->ptr, len);
    if (len > sse->max_event - sse->event_bytes - sse->line.len) {
        return souk_fail(err, SOUK_E_LIMIT, "an event is larger than %zu bytes", sse->max_event);
    }
    if (ended) {
        sse->skip_lf = input->ptr[len] == '\r';
    }
    *input = souk_slice_from(*input, ended ? len + 1 : len);
    if (!ended || sse->line.len > 0) {
        souk_buf_add(&sse->line, piece);
        int rc = souk_buf_check(&sse->line, "an event", err);
        if (rc != SOUK_OK || !ended) {
            return rc;
        }
        piece = souk_buf_slice(&sse->line);
    }
    int rc = read_line(sse, piece, event, err);
    souk_buf_clear(&sse->line);
    return rc;
}

int souk_sse_feed(souk_sse *sse, souk_slice *input, souk_sse_event *event, souk_err *err)
{
    if (sse->failed != SOUK_OK) {
        return souk_fail(err, sse->failed, "the event stream broke before, it cannot be read on");
    }
    if (sse->delivered) {
        clear_event(sse);
    }
    while (input->len > 0) {
        if (!skip_ignored(sse, input)) {
            continue;
        }
        int rc = take_line(sse, input, event, err);
        if (rc < 0) {
            sse->failed = rc;
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}
