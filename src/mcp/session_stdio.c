/* stdio: one child process is one session; messages are lines, answers are found by their id. */
#include "mcp/session_internal.h"

#include <string.h>

#include "base/utf8.h"

enum {
    STDERR_TAIL = 2048, /* bytes that the engine keeps */
    LAST_WORDS = 300    /* bytes of them that an error shows */
};

int souk_mcp_stdio_spawn(souk_mcp *mcp, souk_err *err)
{
    souk_spawn spawn;
    memset(&spawn, 0, sizeof spawn);
    spawn.id = mcp->id_base + ++mcp->serial;
    spawn.argv = mcp->config.argv;
    spawn.env = mcp->config.env;
    spawn.cwd = mcp->config.cwd;
    spawn.max_write_queue = mcp->config.max_queue;
    spawn.stderr_tail = STDERR_TAIL;
    int failed = mcp->port.spawn(mcp->port.user, &spawn, err);
    if (failed == SOUK_OK) {
        mcp->child = spawn.id;
        mcp->child_alive = true;
        mcp->child_probed = false;
        souk_lines_free(&mcp->lines);
        souk_lines_init(&mcp->lines, mcp->alloc, mcp->config.max_response);
    }
    return failed;
}

int souk_mcp_stdio_write(souk_mcp *mcp, souk_buf *message, souk_err *err)
{
    int failed = souk_lines_frame(message, err);
    if (failed != SOUK_OK) {
        return failed;
    }
    failed = mcp->port.write(mcp->port.user, mcp->child, souk_buf_slice(message), err);
    if (failed == SOUK_E_TRANSPORT && mcp->state == SOUK_MCP_OPENING) {
        return SOUK_OK; /* it is dead already: its exit event follows, and says more than a broken
                           pipe */
    }
    return failed;
}

/* What the child writes cannot be read on: nobody knows which request it was about. */
static void refuse_output(souk_mcp *mcp, souk_err *why)
{
    if (mcp->state == SOUK_MCP_CLOSING || !mcp->child_alive) {
        return;
    }
    why->delivery = SOUK_DELIVERY_AMBIGUOUS;
    souk_err_prefix(why, "the output of the server process");
    souk_mcp_become_lost(mcp, why);
    souk_mcp_fail_open(mcp, why);
    souk_mcp_fail_all(mcp, why);
    mcp->port.close_child(mcp->port.user, mcp->child, 0);
}

/*
 * A line that is no message is skipped: package managers and careless servers print to stdout, and
 * an answer that never comes is reported when its deadline passes. SOUK_E_LIMIT for a line that
 * passes a limit.
 */
static int take_line(souk_mcp *mcp, souk_slice line, souk_ms now, souk_err *err)
{
    souk_buf text;
    souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
    souk_buf_add(&text, line);
    int failed = souk_buf_check(&text, "a line", err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_take_text(mcp, &text, NULL, now, err);
    }
    souk_buf_free(&text);
    return failed == SOUK_E_PROTOCOL ? SOUK_OK : failed;
}

static void take_lines(souk_mcp *mcp, souk_slice bytes, souk_ms now)
{
    souk_slice line;
    souk_err why;
    int got;
    while ((got = souk_lines_feed(&mcp->lines, &bytes, &line, &why)) > 0) {
        got = take_line(mcp, line, now, &why);
        if (got < 0) {
            break;
        }
    }
    if (got < 0) {
        refuse_output(mcp, &why);
    }
}

/* The last line of a child that ends without a newline may be an answer, too. */
static void take_last_line(souk_mcp *mcp, souk_ms now)
{
    souk_slice line;
    souk_err why;
    if (mcp->state == SOUK_MCP_READY && souk_lines_finish(&mcp->lines, &line, &why) > 0) {
        (void)take_line(mcp, line, now, &why);
    }
}

/*
 * Makes the end of a stranger's output fit for a message: valid UTF-8 without control characters.
 * Returns the length of the text, which has no NUL behind it.
 */
static size_t make_readable(souk_slice bytes, char out[LAST_WORDS])
{
    size_t len = 0;
    bytes = souk_slice_trim(bytes);
    if (bytes.len > LAST_WORDS) {
        bytes = souk_slice_from(bytes, bytes.len - LAST_WORDS);
        while (bytes.len > 0 && ((unsigned char)bytes.ptr[0] & 0xC0) == 0x80) {
            bytes = souk_slice_from(bytes, 1); /* the cut was inside of a character */
        }
    }
    while (bytes.len > 0) {
        uint32_t code_point = 0;
        size_t size = souk_utf8_decode(bytes, &code_point);
        bool is_line_end = size == 1 && bytes.ptr[0] == '\n';
        bool is_control = code_point < 0x20 || (code_point >= 0x7F && code_point < 0xA0);
        if (size == 0 || (is_control && !is_line_end)) {
            out[len++] = '?';
        } else {
            memcpy(out + len, bytes.ptr, size);
            len += size;
        }
        bytes = souk_slice_from(bytes, size == 0 ? 1 : size);
    }
    return len;
}

/* What is said when the child ends by itself: how, and its last words. */
static void describe_exit(const souk_mcp *mcp, const souk_io_event *event, souk_err *why)
{
    char words[LAST_WORDS], told[2 * STDERR_TAIL];
    souk_mcp_secrets secrets = souk_mcp_get_secrets(mcp);
    /* Before they are cut: what a cut leaves of a secret is harder to find. */
    size_t len = souk_mcp_redact(&secrets, event->bytes, told, sizeof told);
    len = make_readable(souk_slice_make(told, len < sizeof told ? len : sizeof told), words);
    if (len == 0) {
        souk_fail(why, SOUK_E_TRANSPORT, "the server process ended: %s", event->err.message);
    } else {
        souk_fail(why, SOUK_E_TRANSPORT, "the server process ended: %s; its last words: %.*s",
                  event->err.message, (int)len, words);
    }
    why->delivery = SOUK_DELIVERY_AMBIGUOUS;
}

static void child_gone(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    souk_err why;
    take_last_line(mcp, now);
    mcp->child_alive = false;
    describe_exit(mcp, event, &why);
    if (mcp->state == SOUK_MCP_CLOSING) {
        mcp->state = SOUK_MCP_CLOSED;
    } else if (mcp->state == SOUK_MCP_OPENING && mcp->child_probed) {
        /* Some old servers die of a message that they do not know: start again without it. */
        souk_mcp_probe_silent(mcp, SOUK_MCP_PROBE_DIED, now);
    } else if (mcp->state == SOUK_MCP_OPENING) {
        souk_mcp_fail_open(mcp, &why);
    } else {
        souk_mcp_become_lost(mcp, &why);
    }
    souk_mcp_fail_all(mcp, &why);
}

static void not_started(souk_mcp *mcp, const souk_err *why)
{
    mcp->child_alive = false;
    if (mcp->state == SOUK_MCP_CLOSING) {
        mcp->state = SOUK_MCP_CLOSED;
    } else {
        souk_mcp_fail_open(mcp, why);
    }
}

/* The child lives and does not read. While it opens, its end or silence says more. */
static void not_written(souk_mcp *mcp, const souk_err *err)
{
    souk_err why = *err;
    if (mcp->state == SOUK_MCP_READY) {
        souk_mcp_become_lost(mcp, &why);
        why.delivery = SOUK_DELIVERY_AMBIGUOUS; /* of all that wait for answers */
        souk_mcp_fail_all(mcp, &why);
        mcp->port.close_child(mcp->port.user, mcp->child, mcp->config.grace);
    }
}

void souk_mcp_stdio_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    if (event->kind == SOUK_IO_STDOUT) {
        take_lines(mcp, event->bytes, now);
    } else if (event->kind == SOUK_IO_EXIT) {
        child_gone(mcp, event, now);
    } else if (event->kind == SOUK_IO_UNSTARTED) {
        not_started(mcp, &event->err);
    } else if (event->kind == SOUK_IO_UNWRITTEN) {
        not_written(mcp, &event->err);
    }
    /* stderr is free-form and no sign of failure; the engine keeps its last bytes for the exit
     * event. */
}
