#include "mcp/lines.h"

#include <string.h>

void souk_lines_init(souk_lines *lines, const souk_alloc *alloc, size_t max_line)
{
    memset(lines, 0, sizeof *lines);
    souk_buf_init(&lines->pending, alloc, max_line);
}

void souk_lines_free(souk_lines *lines)
{
    souk_buf_free(&lines->pending);
    lines->delivered = false;
    lines->failed = false;
}

static int fail_line(souk_lines *lines, souk_err *err)
{
    lines->failed = true;
    if (lines->pending.failed != SOUK_OK) {
        return souk_buf_check(&lines->pending, "a line", err);
    }
    return souk_fail(err, SOUK_E_LIMIT, "a line is larger than %zu bytes", lines->pending.max);
}

static souk_slice without_cr(souk_slice line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* The state that every call begins in: not failed, and free of the line that the last call gave. */
static int begin(souk_lines *lines, souk_err *err)
{
    if (lines->failed) {
        return souk_fail(err, SOUK_E_LIMIT, "a line was too long, the rest cannot be read");
    }
    if (lines->delivered) {
        souk_buf_clear(&lines->pending);
        lines->delivered = false;
    }
    return SOUK_OK;
}

int souk_lines_feed(souk_lines *lines, souk_slice *input, souk_slice *line, souk_err *err)
{
    int rc = begin(lines, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    while (input->len > 0) {
        size_t len = souk_slice_find(*input, '\n');
        bool ended = len < input->len;
        souk_slice piece = souk_slice_make(input->ptr, len);
        *input = souk_slice_from(*input, ended ? len + 1 : len);

        if (!ended || lines->pending.len > 0) {
            if (souk_buf_add(&lines->pending, piece) != SOUK_OK) {
                return fail_line(lines, err);
            }
            piece = souk_buf_slice(&lines->pending);
        } else if (piece.len > lines->pending.max) {
            return fail_line(lines, err);
        }
        if (!ended) {
            return 0;
        }
        *line = without_cr(piece);
        if (line->len > 0) {
            lines->delivered = true;
            return 1;
        }
        souk_buf_clear(&lines->pending);
    }
    return 0;
}

int souk_lines_finish(souk_lines *lines, souk_slice *line, souk_err *err)
{
    int rc = begin(lines, err);
    if (rc != SOUK_OK) {
        return rc;
    }
    *line = without_cr(souk_buf_slice(&lines->pending));
    lines->delivered = true;
    return line->len > 0 ? 1 : 0;
}

int souk_lines_frame(souk_buf *message, souk_err *err)
{
    for (size_t i = 0; i < message->len; i++) {
        if (message->data[i] == '\n' || message->data[i] == '\r') {
            message->data[i] = ' ';
        }
    }
    souk_buf_add_byte(message, '\n');
    return souk_buf_check(message, "a message", err);
}
