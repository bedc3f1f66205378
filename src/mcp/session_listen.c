/*
 * Listening to what a legacy server says by itself: the GET stream of Streamable HTTP
 * (basic/transports, "Listening for Messages from the Server"). Where no stream is needed, or there
 * is none, the listener only stands for it.
 */
#include "mcp/session_internal.h"

#include <string.h>

enum {
    /* A stream that stood for so long was of use, though the server had nothing to say. */
    LIVED_MS = 10000,
    /* Another process has the stream, and may keep it for hours. Whoever has nothing to ask the
     * server meanwhile would miss what it says only from the other's end until then. */
    TAKEN_MS = 30000
};

/* It stands. Nobody has to know of a stream that the session keeps for itself. */
static void tell(souk_mcp *mcp, const souk_mcp_pending *pending)
{
    mcp->listener_stands = true;
    if (pending->tag != NULL) {
        souk_mcp_note(mcp, pending->tag, SOUK_LIT(SOUK_MCP_LISTENING), NULL, NULL);
    }
}

/* No tick comes before this time, and every tick is later. */
enum { AT_NEXT_TICK = 0 };

void souk_mcp_listen_leave(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    exchange->pending->exchange = NULL;
    exchange->pending = NULL;
    mcp->lingering += exchange->linger_until == SOUK_NEVER;
    exchange->linger_until = AT_NEXT_TICK;
}

/* Goes on with the stream that a listener has just left, if there is one. */
static bool take_over(souk_mcp *mcp, souk_mcp_pending *pending)
{
    souk_mcp_exchange *it = mcp->first_exchange;
    while (it != NULL && (it->purpose != SOUK_MCP_FOR_LISTEN || it->linger_until != AT_NEXT_TICK)) {
        it = it->next;
    }
    if (it == NULL) {
        return false;
    }
    mcp->lingering--;
    it->linger_until = SOUK_NEVER;
    it->pending = pending;
    pending->exchange = it;
    if (it->resume_at == SOUK_NEVER && it->has_head && souk_mcp_is_stream(it)) {
        tell(mcp, pending);
    }
    return true;
}

static int open_stream(souk_mcp *mcp, souk_mcp_pending *pending, souk_err *err)
{
    souk_mcp_post post;
    if (!souk_mcp_is_http(mcp) || mcp->two_endpoints) {
        tell(mcp, pending);
        return SOUK_OK;
    }
    if (take_over(mcp, pending)) {
        return SOUK_OK;
    }
    memset(&post, 0, sizeof post);
    post.purpose = SOUK_MCP_FOR_LISTEN;
    post.pending = pending;
    post.timeout = SOUK_NEVER;
    post.http.verb = SOUK_MCP_GET;
    return souk_mcp_http_send(mcp, &post, NULL, NULL, err);
}

static int begin(souk_mcp *mcp, void *tag, souk_err *err)
{
    souk_mcp_pending *pending =
        souk_mcp_pending_new(mcp, SOUK_MCP_FOR_LISTEN, SOUK_LIT(SOUK_MCP_LISTENING), tag);
    if (pending == NULL) {
        return souk_fail_memory(err);
    }
    mcp->listener_stands = false;
    int failed = open_stream(mcp, pending, err);
    if (failed != SOUK_OK) {
        souk_idmap_remove(&mcp->pending, pending->id);
        souk_mcp_pending_free(mcp, pending);
        return failed;
    }
    mcp->listener = pending;
    return SOUK_OK;
}

/* The stream that the session began for itself gets a user. */
static void adopt(souk_mcp *mcp, void *tag)
{
    mcp->listener->tag = tag;
    if (mcp->listener_stands) {
        tell(mcp, mcp->listener);
    }
}

int souk_mcp_listen(souk_mcp *mcp, void *tag, uint64_t *id, souk_err *err)
{
    if (mcp->state != SOUK_MCP_READY) {
        return souk_fail(err, SOUK_E_CLOSED, "the session is not open");
    }
    if (!souk_mcp_is_legacy(mcp->revision)) {
        return souk_fail(err, SOUK_E_CONFIG, "%s listens with subscriptions/listen",
                         souk_mcp_revision_name(mcp->revision));
    }
    if (mcp->listener != NULL && mcp->listener->tag != NULL) {
        return souk_fail(err, SOUK_E_LIMIT, "the session is listening already");
    }
    int failed = SOUK_OK;
    if (mcp->listener != NULL) {
        adopt(mcp, tag);
    } else {
        failed = begin(mcp, tag, err);
    }
    if (failed == SOUK_OK) {
        *id = mcp->listener->id;
    }
    return failed;
}

bool souk_mcp_listen_first(souk_mcp *mcp, souk_ms now)
{
    if (!mcp->config.listen_first || !souk_mcp_is_http(mcp) || mcp->two_endpoints ||
        begin(mcp, NULL, NULL) != SOUK_OK) {
        return false;
    }
    mcp->listen_by = souk_ms_min(souk_ms_after(now, mcp->config.listen_wait), mcp->open_by);
    return true;
}

void souk_mcp_listen_beside(souk_mcp *mcp)
{
    if (mcp->config.listen_first && souk_mcp_is_legacy(mcp->revision)) {
        (void)begin(mcp, NULL, NULL); /* without it, it is asked for by whoever listens */
    }
}

bool souk_mcp_listen_is_settled(const souk_mcp *mcp)
{
    const souk_mcp_pending *listener = mcp->listener;
    return listener == NULL || mcp->listener_stands ||
           (listener->exchange != NULL && listener->exchange->resume_at != SOUK_NEVER);
}

bool souk_mcp_listen_keep(souk_mcp *mcp, souk_mcp_pending *pending)
{
    bool keeps = pending == mcp->listener && mcp->config.listen_first &&
                 mcp->state == SOUK_MCP_READY && souk_mcp_is_http(mcp) && !mcp->two_endpoints;
    if (keeps) {
        pending->tag = NULL;
    }
    return keeps;
}

void souk_mcp_listen_end(souk_mcp *mcp, const souk_err *why, bool lost)
{
    souk_mcp_exchange *exchange = mcp->listener->exchange;
    souk_err mine = *why;
    if (mine.delivery == SOUK_DELIVERY_NONE) {
        mine.delivery = SOUK_DELIVERY_AMBIGUOUS;
    }
    souk_mcp_end_request(mcp, mcp->listener, &mine, lost, NULL, NULL);
    if (exchange != NULL) {
        souk_mcp_http_cancel(mcp, exchange);
    }
}

/* Waits and asks again; or ends it, when that led to nothing too often. */
static void try_again(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why, bool failed,
                      souk_ms now)
{
    bool stands = souk_mcp_is_stream(exchange);
    bool lived = stands && (exchange->fruitful || now - exchange->stood_at >= LIVED_MS);
    exchange->fruitless = lived || !exchange->resumed ? 0 : exchange->fruitless + 1;
    /* Nobody would ask again for the session's own stream. */
    bool is_own = exchange->pending->tag == NULL && mcp->config.max_resumes > 0;
    if (is_own || exchange->fruitless < mcp->config.max_resumes) {
        mcp->listener_stands = false;
        souk_mcp_stream_rest(mcp, exchange, failed && !lived, now);
        return;
    }
    souk_err mine;
    souk_fail(&mine, SOUK_E_TRANSPORT,
              "the stream of what the server says by itself could not be kept up: %s",
              why->message);
    mine.status = exchange->status;
    souk_mcp_listen_end(mcp, &mine, false);
}

/* Events that the server does not know any more cannot be gone on from. */
static void forget_id(souk_mcp_exchange *exchange)
{
    souk_sse_free(&exchange->sse);
    exchange->has_sse = false;
}

/* Another process that uses the session has its only stream, and hears what the server says. */
static void stand_behind(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    forget_id(exchange); /* what comes from now on is for the other */
    if (!mcp->listener_stands) {
        tell(mcp, exchange->pending);
    }
    exchange->fruitless = 0;
    souk_mcp_stream_rest_for(mcp, exchange, TAKEN_MS, now);
}

/* The server has no such stream; there is nothing to hear, and nothing is missed. */
static void stand_without(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    tell(mcp, exchange->pending);
    exchange->pending->exchange = NULL;
    exchange->pending = NULL;
    souk_mcp_http_linger(mcp, exchange, now);
}

void souk_mcp_listen_head(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
    int status = exchange->status;
    if (exchange->pending == NULL) {
        return;
    }
    if (souk_mcp_is_stream(exchange)) {
        exchange->stood = true;
        exchange->stood_at = now;
        tell(mcp, exchange->pending);
        return;
    }
    const souk_mcp_head head = {.status = status, .retry_after_ms = -1};
    if (status == 401 || status == 403) {
        souk_mcp_refused(&head, NULL, &why);
        souk_mcp_listen_end(mcp, &why, false);
        return;
    }
    if (status == 409 && souk_mcp_has_seat(mcp)) {
        stand_behind(mcp, exchange, now);
        return;
    }
    /* 405 is the specification's way to say so; others are what servers do in the field. */
    bool may_come_back = exchange->stood || souk_mcp_stream_may_come_back(status);
    if (status == 405 || !may_come_back) {
        stand_without(mcp, exchange, now);
        return;
    }
    if (exchange->has_sse && status >= 400 && status < 500) {
        forget_id(exchange);
    }
    souk_fail(&why, SOUK_E_TRANSPORT, "HTTP status %d", status);
    try_again(mcp, exchange, &why, true, now);
}

void souk_mcp_listen_over(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                          souk_ms now)
{
    souk_err why;
    if (err == NULL) {
        souk_fail(&why, SOUK_E_TRANSPORT, "it ended");
        try_again(mcp, exchange, &why, false, now);
    } else if (err->kind == SOUK_E_TRANSPORT || err->kind == SOUK_E_TIMEOUT) {
        try_again(mcp, exchange, err, true, now);
    } else {
        souk_mcp_listen_end(mcp, err, false);
    }
}
