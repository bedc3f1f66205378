/*
 * Newline framing: the same bytes give the same lines, whole or in pieces, and no byte of a line is
 * lost.
 *
 * Input: one byte for the maximum length of a line, one for a number of pieces, that many lengths,
 * the bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mcp/lines.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void log_line(souk_buf *log, souk_slice line, size_t max_line)
{
    must(line.len > 0 && line.len <= max_line && souk_slice_find(line, '\n') == line.len);
    souk_buf_add(log, line);
    souk_buf_add_byte(log, '\n');
}

static bool feed(souk_lines *lines, souk_slice piece, souk_buf *log)
{
    souk_err err;
    souk_slice line;
    char *copy = malloc(piece.len + 1);
    memcpy(copy, piece.len > 0 ? piece.ptr : "", piece.len);
    souk_slice input = souk_slice_make(copy, piece.len);
    int rc;
    while ((rc = souk_lines_feed(lines, &input, &line, &err)) == 1) {
        log_line(log, line, lines->pending.max);
    }
    free(copy);
    must(rc < 0 ? rc == SOUK_E_LIMIT && lines->failed : input.len == 0);
    return rc == 0;
}

static void finish(souk_lines *lines, souk_buf *log)
{
    souk_err err;
    souk_slice line;
    int rc = souk_lines_finish(lines, &line, &err);
    must(rc >= 0);
    if (rc == 1) {
        log_line(log, line, lines->pending.max);
    }
}

/* What the lines of the whole input are, by the plainest means there is. */
static void expect(souk_slice input, size_t max_line, souk_buf *log)
{
    while (input.len > 0) {
        size_t len = souk_slice_find(input, '\n');
        souk_slice line = souk_slice_make(input.ptr, len);
        if (len > max_line) {
            return;
        }
        if (len > 0 && line.ptr[len - 1] == '\r') {
            line.len--;
        }
        if (line.len > 0) {
            log_line(log, line, max_line);
        }
        input = souk_slice_from(input, len + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size < (size_t)data[1] + 2) {
        return 0;
    }
    size_t max_line = data[0];
    size_t pieces = data[1];
    const uint8_t *lengths = data + 2;
    souk_slice rest = souk_slice_make((const char *)lengths + pieces, size - 2 - pieces);
    souk_lines lines;
    souk_buf want;
    souk_buf got;
    souk_buf_init(&want, souk_alloc_libc(), SIZE_MAX / 2);
    souk_buf_init(&got, souk_alloc_libc(), SIZE_MAX / 2);
    expect(rest, max_line, &want);

    souk_lines_init(&lines, souk_alloc_libc(), max_line);
    bool fine = true;
    for (size_t i = 0; fine && i < pieces; i++) {
        size_t len = lengths[i] < rest.len ? lengths[i] : rest.len;
        fine = feed(&lines, souk_slice_make(rest.ptr, len), &got);
        rest = souk_slice_from(rest, len);
    }
    if (fine && feed(&lines, rest, &got)) {
        finish(&lines, &got);
    }
    souk_lines_free(&lines);
    must(souk_slice_eq(souk_buf_slice(&want), souk_buf_slice(&got)));
    souk_buf_free(&want);
    souk_buf_free(&got);
    return 0;
}
