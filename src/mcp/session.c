#include "mcp/session_internal.h"

#include <string.h>

bool souk_mcp_is_http(const souk_mcp *mcp)
{
    return mcp->config.url != NULL;
}

enum { MOVED_TO_MAX = 64 * 1024 /* bytes of a URL, as the engine has them */ };

souk_mcp *souk_mcp_new(const souk_alloc *alloc, const souk_port *port,
                       const souk_mcp_config *config, souk_id id_base)
{
    souk_mcp *mcp = souk_new(alloc, sizeof *mcp);
    if (mcp == NULL) {
        return NULL;
    }
    mcp->alloc = alloc;
    mcp->port = *port;
    mcp->config = *config;
    mcp->id_base = id_base;
    mcp->opening_retry_after = -1;
    mcp->open_by = SOUK_NEVER;
    mcp->probe_by = SOUK_NEVER;
    mcp->listen_by = SOUK_NEVER;
    mcp->client.name = config->client_name;
    mcp->client.version = config->client_version;
    mcp->client.abilities = config->abilities;
    souk_buf_init(&mcp->authorization, alloc, 64 * 1024);
    souk_buf_init(&mcp->session_id, alloc, SOUK_MCP_SESSION_ID_MAX);
    souk_buf_init(&mcp->moved_to, alloc, MOVED_TO_MAX);
    souk_buf_init(&mcp->endpoint, alloc, SIZE_MAX / 4);
    souk_idmap_init(&mcp->pending, alloc);
    souk_idmap_init(&mcp->exchanges, alloc);
    souk_lines_init(&mcp->lines, alloc, config->max_response);
    return mcp;
}

/* Overwrites a secret before its memory is given back. */
static void wipe(souk_buf *secret)
{
    volatile char *bytes = secret->data;
    for (size_t i = 0; i < secret->len; i++) {
        bytes[i] = 0;
    }
    souk_buf_free(secret);
}

void souk_mcp_free(souk_mcp *mcp)
{
    if (mcp == NULL) {
        return;
    }
    souk_mcp_http_free(mcp);
    if (mcp->child_alive) {
        mcp->port.close_child(mcp->port.user, mcp->child, mcp->config.grace);
    }
    for (size_t i = 0; i < mcp->pending.size; i++) {
        if (mcp->pending.slots[i].id != 0) {
            souk_mcp_pending_free(mcp, mcp->pending.slots[i].value);
        }
    }
    while (mcp->ended_first != NULL) {
        souk_mcp_pending *next = mcp->ended_first->next_ended;
        souk_mcp_pending_free(mcp, mcp->ended_first);
        mcp->ended_first = next;
    }
    souk_mcp_notices_free(mcp);
    souk_mcp_questions_free(mcp);
    souk_free(mcp->alloc, mcp->settled);
    souk_free(mcp->alloc, mcp->about);
    souk_free(mcp->alloc, mcp->log_level);
    wipe(&mcp->authorization);
    wipe(&mcp->session_id);
    souk_buf_free(&mcp->moved_to);
    souk_buf_free(&mcp->endpoint);
    souk_idmap_free(&mcp->pending);
    souk_idmap_free(&mcp->exchanges);
    souk_lines_free(&mcp->lines);
    souk_kept_err_free(&mcp->why, mcp->alloc);
    souk_free(mcp->alloc, mcp);
}

int souk_mcp_authorize(souk_mcp *mcp, souk_slice value, souk_err *err)
{
    wipe(&mcp->authorization);
    souk_buf_add(&mcp->authorization, value);
    return souk_buf_check(&mcp->authorization, "the credential", err);
}

souk_mcp_secrets souk_mcp_get_secrets(const souk_mcp *mcp)
{
    souk_mcp_secrets secrets = {.authorization = souk_buf_slice(&mcp->authorization),
                                .headers = mcp->config.headers,
                                .header_count = mcp->config.header_count,
                                .env = mcp->config.env};
    return secrets;
}

void souk_mcp_open(souk_mcp *mcp, souk_ms now)
{
    mcp->state = SOUK_MCP_OPENING;
    mcp->open_by = souk_ms_after(now, mcp->config.open_timeout);
    souk_mcp_start_opening(mcp, now);
}

souk_mcp_state souk_mcp_get_state(const souk_mcp *mcp)
{
    return mcp->state;
}

const souk_err *souk_mcp_why(const souk_mcp *mcp)
{
    return souk_kept_err_get(&mcp->why);
}

souk_mcp_revision souk_mcp_get_revision(const souk_mcp *mcp)
{
    return mcp->state == SOUK_MCP_OPENING ? SOUK_MCP_UNKNOWN : mcp->revision;
}

bool souk_mcp_went_abroad(const souk_mcp *mcp)
{
    return mcp->went_abroad;
}

souk_slice souk_mcp_session_id(const souk_mcp *mcp)
{
    return souk_buf_slice(&mcp->session_id);
}

size_t souk_mcp_replies(const souk_mcp *mcp)
{
    return mcp->replies;
}

bool souk_mcp_contradicted(const souk_mcp *mcp)
{
    return mcp->contradicted;
}

souk_id souk_mcp_child(const souk_mcp *mcp)
{
    return mcp->child;
}

void souk_mcp_become_lost(souk_mcp *mcp, const souk_err *why)
{
    if (mcp->state == SOUK_MCP_READY) {
        mcp->state = SOUK_MCP_LOST;
        souk_mcp_withdraw_all(mcp);
        souk_kept_err_set(&mcp->why, mcp->alloc, why);
    }
}

void souk_mcp_fail_all(souk_mcp *mcp, const souk_err *why)
{
    for (size_t i = 0; i < mcp->pending.size;) {
        souk_mcp_pending *pending = mcp->pending.slots[i].value;
        if (pending != NULL &&
            (pending->purpose == SOUK_MCP_FOR_REQUEST || pending->purpose == SOUK_MCP_FOR_LISTEN)) {
            souk_mcp_end_request(mcp, pending, why, true, NULL, NULL);
        } else {
            i++; /* only then: removing may have moved another one here */
        }
    }
}

souk_mcp_pending *souk_mcp_pending_new(souk_mcp *mcp, souk_mcp_purpose purpose, souk_slice method,
                                       void *tag)
{
    souk_mcp_pending *pending = souk_new(mcp->alloc, sizeof *pending);
    if (pending == NULL) {
        return NULL;
    }
    pending->id = ++mcp->rpc_serial;
    pending->purpose = purpose;
    pending->tag = tag;
    pending->method = souk_dup(mcp->alloc, method);
    souk_json_doc_init(&pending->end.doc, mcp->alloc);
    if (pending->method == NULL || !souk_idmap_add(&mcp->pending, pending->id, pending)) {
        souk_mcp_pending_free(mcp, pending);
        return NULL;
    }
    return pending;
}

void souk_mcp_pending_free(souk_mcp *mcp, souk_mcp_pending *pending)
{
    if (pending->exchange != NULL) {
        pending->exchange->pending = NULL;
    }
    if (mcp->listener == pending) {
        mcp->listener = NULL;
    }
    souk_json_doc_free(&pending->end.doc);
    souk_free(mcp->alloc, pending->method);
    souk_free(mcp->alloc, pending);
}

void souk_mcp_end_request(souk_mcp *mcp, souk_mcp_pending *pending, const souk_err *err, bool lost,
                          souk_json_doc *doc, const souk_jval *value)
{
    souk_idmap_remove(&mcp->pending, pending->id);
    if (pending->exchange != NULL) {
        pending->exchange->pending = NULL;
        pending->exchange = NULL;
    }
    if (mcp->listener == pending) {
        mcp->listener = NULL;
    }
    pending->end.tag = pending->tag;
    pending->end.lost = lost;
    if (err != NULL) {
        pending->end.err = *err;
    }
    if (doc != NULL) {
        souk_json_doc_move(&pending->end.doc, doc);
        pending->end.value = value;
    }
    if (mcp->ended_first == NULL) {
        mcp->ended_first = pending;
    } else {
        mcp->ended_last->next_ended = pending;
    }
    mcp->ended_last = pending;
}

/* The user's tag may be gone by now: what waits must not come with it. */
static void forget_tag(souk_mcp *mcp, const void *tag)
{
    souk_mcp_notices_forget(mcp, tag);
    souk_mcp_questions_forget(mcp, tag);
}

bool souk_mcp_next(souk_mcp *mcp, souk_mcp_end *end)
{
    souk_mcp_pending *pending = mcp->ended_first;
    if (pending == NULL) {
        return false;
    }
    mcp->ended_first = pending->next_ended;
    *end = pending->end;
    forget_tag(mcp, end->tag);
    souk_json_doc_init(&pending->end.doc, mcp->alloc); /* it has moved to the taker */
    souk_mcp_pending_free(mcp, pending);
    return true;
}

/* It has ended already, and nobody wants to hear of it any more. */
static void drop_end(souk_mcp *mcp, uint64_t id)
{
    souk_mcp_pending *before = NULL;
    souk_mcp_pending *pending = mcp->ended_first;
    while (pending != NULL && pending->id != id) {
        before = pending;
        pending = pending->next_ended;
    }
    if (pending == NULL) {
        return;
    }
    if (before == NULL) {
        mcp->ended_first = pending->next_ended;
    } else {
        before->next_ended = pending->next_ended;
    }
    if (mcp->ended_last == pending) {
        mcp->ended_last = before;
    }
    forget_tag(mcp, pending->tag);
    souk_mcp_pending_free(mcp, pending);
}

void souk_mcp_cancel(souk_mcp *mcp, uint64_t id, const char *reason)
{
    souk_mcp_pending *pending = souk_idmap_get(&mcp->pending, id);
    if (pending == NULL) {
        drop_end(mcp, id);
        return;
    }
    void *tag = pending->tag;
    if (souk_mcp_listen_keep(mcp, pending)) {
        forget_tag(mcp, tag);
        return;
    }
    souk_idmap_remove(&mcp->pending, id);
    if (pending->exchange != NULL && pending->purpose == SOUK_MCP_FOR_LISTEN) {
        souk_mcp_listen_leave(mcp, pending->exchange);
    } else if (pending->exchange != NULL) {
        souk_mcp_http_cancel(mcp, pending->exchange);
    }
    /* Modern HTTP: closing the stream is the signal. Everywhere else the server has to be told. */
    bool closing_tells = souk_mcp_is_http(mcp) && souk_mcp_cancels_by_closing(mcp->revision);
    bool was_sent = pending->purpose == SOUK_MCP_FOR_REQUEST;
    if (mcp->state == SOUK_MCP_READY && was_sent && !closing_tells) {
        souk_buf message;
        souk_buf_init(&message, mcp->alloc, 4096);
        if (souk_mcp_write_cancelled(&message, (int64_t)id, souk_slice_of(reason), NULL) ==
            SOUK_OK) {
            souk_mcp_send_quietly(mcp, &message);
        }
        souk_buf_free(&message);
    }
    forget_tag(mcp, pending->tag);
    souk_mcp_pending_free(mcp, pending);
}

/* Streams that stand are of no use any more; what only they could answer ends with them. */
static void close_streams(souk_mcp *mcp)
{
    souk_err why;
    souk_fail(&why, SOUK_E_CLOSED, "the session is being closed");
    why.delivery = SOUK_DELIVERY_AMBIGUOUS;
    if (mcp->listener != NULL) {
        souk_mcp_listen_end(mcp, &why, false);
    }
    if (mcp->inbound != NULL) {
        souk_mcp_inbound_drop(mcp);
        souk_mcp_fail_all(mcp, &why);
    }
}

void souk_mcp_close(souk_mcp *mcp)
{
    bool lives = mcp->state == SOUK_MCP_READY || mcp->state == SOUK_MCP_OPENING;
    mcp->state = SOUK_MCP_CLOSING;
    souk_mcp_withdraw_all(mcp);
    close_streams(mcp);
    if (mcp->child_alive) {
        mcp->port.close_child(mcp->port.user, mcp->child, mcp->config.grace);
        return;
    }
    if (lives && mcp->session_id.len > 0 && souk_mcp_has_session(mcp->revision) &&
        !mcp->two_endpoints && !mcp->left_to_others) {
        souk_mcp_post post;
        memset(&post, 0, sizeof post);
        post.purpose = SOUK_MCP_FOR_DELETE;
        post.timeout = mcp->config.open_timeout;
        post.http.verb = SOUK_MCP_DELETE;
        if (souk_mcp_http_send(mcp, &post, NULL, NULL, NULL) == SOUK_OK) {
            return;
        }
    }
    mcp->state = SOUK_MCP_CLOSED;
}

/*
 * A session that failed or was lost needs its streams no more. Only here, because it may have been
 * an event of theirs that told so. What a lost server of HTTP+SSE still answers is taken.
 */
static void drop_streams(souk_mcp *mcp)
{
    if (mcp->state == SOUK_MCP_LOST && mcp->listener != NULL) {
        souk_mcp_listen_end(mcp, souk_mcp_why(mcp), true);
    }
    if (mcp->state == SOUK_MCP_FAILED) {
        souk_mcp_inbound_drop(mcp);
    }
}

void souk_mcp_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    if (event->id == mcp->child && event->id != 0) {
        souk_mcp_stdio_event(mcp, event, now);
    } else {
        souk_mcp_http_event(mcp, event, now);
    }
    souk_mcp_check_first_stream(mcp, now);
    drop_streams(mcp);
}

souk_ms souk_mcp_deadline(const souk_mcp *mcp)
{
    souk_ms at = souk_mcp_http_deadline(mcp);
    if (mcp->state == SOUK_MCP_OPENING) {
        at = souk_ms_min(at, souk_ms_min(mcp->open_by, mcp->probe_by));
        at = souk_ms_min(at, mcp->listen_by);
    }
    return at;
}

void souk_mcp_tick(souk_mcp *mcp, souk_ms now)
{
    souk_mcp_http_tick(mcp, now);
    souk_mcp_check_first_stream(mcp, now);
    if (mcp->state == SOUK_MCP_OPENING && now >= mcp->open_by) {
        souk_err why;
        souk_fail(&why, SOUK_E_TIMEOUT,
                  "the session was not open after %lld.%d s (option open_timeout)",
                  SOUK_SECONDS_ARG(mcp->config.open_timeout));
        souk_mcp_fail_open(mcp, &why);
    } else if (mcp->state == SOUK_MCP_OPENING && now >= mcp->probe_by) {
        souk_mcp_probe_silent(mcp, SOUK_MCP_PROBE_TIMED_OUT, now);
    }
    drop_streams(mcp);
}
