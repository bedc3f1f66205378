/*
 * Newline framing, as the stdio transport uses it: one JSON message per line (all revisions,
 * basic/transports, "stdio"). Incremental, without I/O.
 */
#ifndef SOUK_MCP_LINES_H
#define SOUK_MCP_LINES_H

#include "base/buf.h"

typedef struct souk_lines {
    souk_buf pending; /* the unfinished line, when a piece of input ended inside of one */
    bool delivered;   /* pending holds the line that the last call returned */
    bool failed;
} souk_lines;

/* max_line: bytes of one line, without its LF. */
void souk_lines_init(souk_lines *lines, const souk_alloc *alloc, size_t max_line);

/* Frees everything. A zeroed souk_lines is allowed. */
void souk_lines_free(souk_lines *lines);

/*
 * Takes one line from the front of *input, which is advanced past it. A CR before the LF is
 * dropped, empty lines are skipped.
 *
 * Returns 1 when *line has been set (call again: *input may hold more), 0 when the input is used
 * up, SOUK_E_LIMIT when a line is longer than max_line or memory is exhausted; after that the
 * object gives errors only.
 *
 * *line points into the input or into the object: it is valid until the next call and as long as
 * the input's bytes.
 */
int souk_lines_feed(souk_lines *lines, souk_slice *input, souk_slice *line, souk_err *err);

/*
 * At the end of the stream: 1 when there was a last line without a newline (valid until the next
 * call), 0 when there was none, SOUK_E_LIMIT when the stream had failed.
 */
int souk_lines_finish(souk_lines *lines, souk_slice *line, souk_err *err);

/*
 * Makes one line of a JSON message: line ends between its tokens become spaces (inside strings
 * valid JSON has none), and an LF is appended. SOUK_E_LIMIT when the buffer is full.
 */
int souk_lines_frame(souk_buf *message, souk_err *err);

#endif
