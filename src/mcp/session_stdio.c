/* stdio: one child process is one session; messages are lines, answers are found by their id. */
#include "mcp/session_internal.h"

#include <string.h>

enum { STDERR_TAIL = 2048 };

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
        return SOUK_OK; /* it is dead already: its exit event follows, and says more than a broken pipe */
    }
    return failed;
}

/* Every request that waits for an answer of this child fails. */
static void fail_all(souk_mcp *mcp, const souk_err *why)
{
    for (size_t i = 0; i < mcp->pending.size;) {
        souk_mcp_pending *pending = mcp->pending.slots[i].value;
        if (pending != NULL && pending->purpose == SOUK_MCP_FOR_REQUEST) {
            souk_mcp_end_request(mcp, pending, why, true, NULL,
                                 NULL); /* removing may move another here */
        } else {
            i++;
        }
    }
}

static void take_lines(souk_mcp *mcp, souk_slice bytes, souk_ms now)
{
    souk_slice line;
    souk_err why;
    int got;
    souk_id child = mcp->child;
    while ((got = souk_lines_feed(&mcp->lines, &bytes, &line, &why)) > 0) {
        souk_buf text;
        souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
        souk_buf_add(&text, line);
        /*
         * A line that is no message is skipped: package managers and careless servers print to
         * stdout, and an answer that never comes is reported when its deadline passes.
         */
        (void)souk_mcp_take_text(mcp, &text, NULL, 0, now, NULL);
        souk_buf_free(&text);
        if (mcp->child != child) {
            return; /* the message led to a new child */
        }
    }
    if (got < 0 && mcp->child_alive) {
        why.delivery = SOUK_DELIVERY_AMBIGUOUS;
        souk_err_prefix(&why, "the output of the server process");
        souk_mcp_become_lost(mcp, &why);
        souk_mcp_fail_open(mcp, &why);
        fail_all(mcp, &why);
        mcp->port.close_child(mcp->port.user, mcp->child, 0);
    }
}

/* What is said when the child ends by itself: how, and its last words. */
static void describe_exit(const souk_io_event *event, souk_err *why)
{
    souk_slice tail = souk_slice_trim(event->bytes);
    if (tail.len > 300) {
        tail = souk_slice_from(tail, tail.len - 300);
    }
    if (tail.len == 0) {
        souk_fail(why, SOUK_E_TRANSPORT, "the server process ended: %s", event->err.message);
    } else {
        souk_fail(why, SOUK_E_TRANSPORT, "the server process ended: %s; its last words: %.*s",
                  event->err.message, SOUK_ARG(tail));
    }
    why->delivery = SOUK_DELIVERY_AMBIGUOUS;
}

static void child_gone(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    souk_err why;
    mcp->child_alive = false;
    describe_exit(event, &why);
    if (mcp->state == SOUK_MCP_CLOSING) {
        mcp->state = SOUK_MCP_CLOSED;
    } else if (mcp->state == SOUK_MCP_OPENING) {
        bool probing = mcp->opening != NULL && mcp->opening->purpose == SOUK_MCP_FOR_PROBE;
        if (probing && !mcp->respawned) {
            /* Some old servers die of a message that they do not know: start again without the
             * probe. */
            mcp->respawned = true;
            souk_mcp_probe_silent(mcp, SOUK_MCP_PROBE_DIED, now);
        } else {
            souk_mcp_fail_open(mcp, &why);
        }
    } else {
        souk_mcp_become_lost(mcp, &why);
    }
    fail_all(mcp, &why);
}

void souk_mcp_stdio_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    if (event->kind == SOUK_IO_STDOUT) {
        take_lines(mcp, event->bytes, now);
    } else if (event->kind == SOUK_IO_EXIT) {
        child_gone(mcp, event, now);
    }
    /* stderr is free-form and no sign of failure; the engine keeps its last bytes for the exit
     * event. */
}
