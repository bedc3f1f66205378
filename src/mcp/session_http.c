/*
 * Streamable HTTP: each message is one POST, whose response is empty, one JSON message, or an event
 * stream (basic/transports of each revision).
 */
#include "mcp/session_internal.h"

#include <string.h>

/* A server may leave the stream open after the answer; for so long it may end by itself, which
 * keeps the connection. */
enum { LINGER_MS = 1000 };

static souk_mcp_exchange *exchange_new(souk_mcp *mcp, souk_mcp_purpose purpose)
{
    souk_mcp_exchange *exchange = souk_new(mcp->alloc, sizeof *exchange);
    if (exchange == NULL) {
        return NULL;
    }
    exchange->id = mcp->id_base + ++mcp->serial;
    exchange->purpose = purpose;
    exchange->linger_until = SOUK_NEVER;
    exchange->expires = SOUK_NEVER;
    exchange->resume_at = SOUK_NEVER;
    exchange->retry_after = -1;
    souk_buf_init(&exchange->body, mcp->alloc, mcp->config.max_response);
    if (!souk_idmap_add(&mcp->exchanges, exchange->id, exchange)) {
        souk_free(mcp->alloc, exchange);
        return NULL;
    }
    exchange->next = mcp->first_exchange;
    if (exchange->next != NULL) {
        exchange->next->prev = exchange;
    }
    mcp->first_exchange = exchange;
    mcp->replies += purpose == SOUK_MCP_FOR_REPLY;
    return exchange;
}

static void exchange_free(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    souk_idmap_remove(&mcp->exchanges, exchange->id);
    if (exchange->prev == NULL) {
        mcp->first_exchange = exchange->next;
    } else {
        exchange->prev->next = exchange->next;
    }
    if (exchange->next != NULL) {
        exchange->next->prev = exchange->prev;
    }
    if (exchange->pending != NULL) {
        exchange->pending->exchange = NULL;
    }
    if (mcp->inbound == exchange) {
        mcp->inbound = NULL;
    }
    mcp->lingering -= exchange->linger_until != SOUK_NEVER;
    mcp->resting -= exchange->resume_at != SOUK_NEVER;
    mcp->replies -= exchange->purpose == SOUK_MCP_FOR_REPLY;
    souk_buf_free(&exchange->body);
    souk_sse_free(&exchange->sse);
    souk_free(mcp->alloc, exchange);
}

/* Nothing on the wire belongs to the exchange from now on. */
static void leave_wire(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    souk_idmap_remove(&mcp->exchanges, exchange->id);
    exchange->id = 0;
}

void souk_mcp_http_detach(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    if (exchange->id != 0) {
        mcp->port.cancel(mcp->port.user, exchange->id);
        leave_wire(mcp, exchange);
    }
}

void souk_mcp_http_cancel(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    souk_mcp_http_detach(mcp, exchange);
    exchange_free(mcp, exchange);
}

void souk_mcp_http_free(souk_mcp *mcp)
{
    while (mcp->first_exchange != NULL) {
        souk_mcp_http_cancel(mcp, mcp->first_exchange);
    }
}

/* Fills in what every request of this session carries. */
static void complete_request(const souk_mcp *mcp, const souk_mcp_exchange *exchange,
                             souk_mcp_http_request *http)
{
    if (mcp->two_endpoints || exchange->purpose == SOUK_MCP_FOR_INBOUND) {
        http->revision = SOUK_MCP_UNKNOWN; /* 2024-11-05 has no headers of its own */
    } else if (mcp->state != SOUK_MCP_OPENING ||
               (http->revision == SOUK_MCP_UNKNOWN && http->rpc_method.len == 0)) {
        http->revision = mcp->revision;
    }
    if (souk_mcp_has_session(http->revision)) {
        http->session_id = souk_buf_slice(&mcp->session_id);
    }
    if (!souk_mcp_goes_abroad(mcp, exchange)) {
        http->authorization = souk_buf_slice(&mcp->authorization);
        http->extra = mcp->config.headers;
        http->extra_count = mcp->config.header_count;
    }
}

/* Puts the exchange on the wire. body may be NULL; it is moved from. */
static int start(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_mcp_http_request *http,
                 souk_buf *body, souk_err *err)
{
    souk_mcp_headers headers;
    complete_request(mcp, exchange, http);
    souk_mcp_headers_init(&headers, mcp->alloc);
    int failed = souk_mcp_headers_build(&headers, http, err);
    if (failed == SOUK_OK) {
        souk_exchange ask;
        memset(&ask, 0, sizeof ask);
        ask.id = exchange->id;
        ask.method = souk_mcp_verb_name(http->verb);
        ask.url = souk_mcp_target_url(mcp, exchange);
        ask.headers = headers.list;
        ask.header_count = headers.count;
        ask.open_headers = headers.open_count;
        ask.max_redirects = mcp->config.max_redirects;
        ask.body = body;
        ask.timeout_ms = exchange->timeout;
        ask.connect_timeout_ms = mcp->config.connect_timeout;
        ask.max_header = mcp->config.max_header;
        ask.max_body = mcp->config.max_response;
        ask.group = mcp->config.group;
        ask.repeatable = exchange->purpose == SOUK_MCP_FOR_INITIALIZED ||
                         souk_mcp_is_repeatable(http->rpc_method);
        ask.stream = exchange->pending != NULL || exchange->by_get; /* it may be an event stream */
        ask.ca_file = mcp->config.ca_file;
        /* The endpoint that an HTTP+SSE server named stands for the session. */
        exchange->sent_session = http->session_id.len > 0 ||
                                 (mcp->two_endpoints && exchange->purpose != SOUK_MCP_FOR_INBOUND);
        failed = mcp->port.exchange(mcp->port.user, &ask, err);
    }
    souk_mcp_headers_free(&headers);
    return failed;
}

int souk_mcp_http_send(souk_mcp *mcp, const souk_mcp_post *post, souk_buf *body,
                       souk_mcp_exchange **made, souk_err *err)
{
    souk_mcp_http_request http = post->http;
    souk_mcp_exchange *exchange = exchange_new(mcp, post->purpose);
    if (exchange == NULL) {
        return souk_fail_memory(err);
    }
    exchange->by_get = http.verb == SOUK_MCP_GET;
    exchange->timeout = post->timeout;
    exchange->pending = post->pending;
    int failed = start(mcp, exchange, &http, body, err);
    if (failed != SOUK_OK) {
        exchange->pending = NULL;
        exchange_free(mcp, exchange);
        return failed;
    }
    if (post->pending != NULL) {
        post->pending->exchange = exchange;
    }
    if (made != NULL) {
        *made = exchange;
    }
    return SOUK_OK;
}

int souk_mcp_http_send_again(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_err *err)
{
    souk_mcp_http_request http;
    memset(&http, 0, sizeof http);
    http.verb = SOUK_MCP_GET;
    if (exchange->has_sse) {
        http.last_event_id = souk_sse_last_id(&exchange->sse);
    }
    mcp->resumed_any = mcp->resumed_any || http.last_event_id.len > 0;
    souk_id id = mcp->id_base + ++mcp->serial;
    if (!souk_idmap_add(&mcp->exchanges, id, exchange)) {
        return souk_fail_memory(err);
    }
    exchange->id = id;
    exchange->by_get = true;
    exchange->resumed = true;
    exchange->fruitful = false;
    exchange->has_head = false;
    exchange->status = 0;
    exchange->media = SOUK_MCP_MEDIA_NONE;
    int failed = start(mcp, exchange, &http, NULL, err);
    if (failed != SOUK_OK) {
        leave_wire(mcp, exchange);
    }
    return failed;
}

/* What came cannot be taken: the request fails, and the rest is not even received. */
static void refuse_response(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_err *why, souk_ms now)
{
    why->delivery = SOUK_DELIVERY_DELIVERED;
    why->status = exchange->status;
    souk_mcp_fail_exchange(mcp, exchange, why, false, now);
    souk_mcp_http_cancel(mcp, exchange);
}

/* Only a DELETE is waited for to its end: its caller limits the time. */
void souk_mcp_http_linger(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (exchange->linger_until == SOUK_NEVER && exchange->purpose != SOUK_MCP_FOR_DELETE) {
        exchange->linger_until = souk_ms_after(now, LINGER_MS);
        mcp->lingering++;
    }
}

bool souk_mcp_is_success(int status)
{
    return status >= 200 && status <= 299;
}

bool souk_mcp_is_stream(const souk_mcp_exchange *exchange)
{
    return exchange->media == SOUK_MCP_MEDIA_SSE && souk_mcp_is_success(exchange->status);
}

/* The session id comes with the answer to initialize (2025-03-26, "Session management"). */
static int keep_session_id(souk_mcp *mcp, const souk_mcp_head *head, souk_err *err)
{
    souk_buf_clear(&mcp->session_id);
    souk_buf_add(&mcp->session_id, head->session_id);
    return souk_buf_check(&mcp->session_id, "the session id", err);
}

/* HTTP+SSE: the message was accepted, and its answer comes in the stream. */
static void accepted(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (exchange->pending != NULL) {
        exchange->pending->exchange = NULL;
        exchange->pending = NULL;
    }
    souk_mcp_http_linger(mcp, exchange, now);
}

/* What a response to a POST or DELETE means already when it begins. why: what is wrong with its
 * headers, if anything is. */
static void begin_response(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_mcp_head *head,
                           const souk_io_event *event, souk_err *why, souk_ms now)
{
    int failed = why->kind;
    if (!souk_mcp_is_success(head->status)) {
        return;
    }
    /* What expects no answer is done when it was accepted: a server may leave its response open. */
    if (exchange->purpose == SOUK_MCP_FOR_INITIALIZED) {
        souk_mcp_initialized_accepted(mcp, now);
    } else if (mcp->two_endpoints) {
        accepted(mcp, exchange, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_INITIALIZE && exchange->pending != NULL) {
        failed = failed == SOUK_OK ? keep_session_id(mcp, head, why) : failed;
        if (failed == SOUK_OK && event->abroad && head->session_id.len > 0) {
            failed = souk_mcp_stay_there(mcp, event, why);
        }
        if (failed != SOUK_OK) {
            refuse_response(mcp, exchange, why, now);
            return;
        }
    }
    if (exchange->pending == NULL) {
        souk_mcp_http_linger(mcp, exchange, now);
    }
}

static void read_head(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_io_event *event,
                      souk_ms now)
{
    souk_mcp_head head;
    souk_err why;
    if (exchange->has_head) {
        return;
    }
    souk_err_clear(&why);
    (void)souk_mcp_head_read(&head, event->status, event->headers, event->header_count, 0, &why);
    exchange->has_head = true;
    exchange->status = head.status;
    exchange->retry_after = head.retry_after_ms;
    exchange->media = head.media;
    mcp->went_abroad = mcp->went_abroad || event->abroad;
    if (souk_mcp_is_stream(exchange)) {
        souk_mcp_stream_begin(mcp, exchange);
    }
    if (exchange->purpose == SOUK_MCP_FOR_LISTEN) {
        souk_mcp_listen_head(mcp, exchange, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_INBOUND) {
        (void)souk_mcp_stay_there(mcp, event,
                                  NULL); /* without memory no endpoint can be resolved either */
        souk_mcp_inbound_head(mcp, exchange, now);
    } else if (exchange->by_get) {
        souk_mcp_stream_resumed(mcp, exchange, now);
    } else {
        exchange->expires = souk_ms_after(now, exchange->timeout);
        begin_response(mcp, exchange, &head, event, &why, now);
    }
}

/* The stream cannot be read on. */
static void stream_broke(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_err *why, souk_ms now)
{
    if (exchange->purpose == SOUK_MCP_FOR_INBOUND) {
        souk_mcp_inbound_over(mcp, exchange, why, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_LISTEN && exchange->pending != NULL) {
        souk_mcp_listen_end(mcp, why, false);
    } else {
        refuse_response(mcp, exchange, why, now);
    }
}

static void take_bytes(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_io_event *event,
                       souk_ms now)
{
    souk_err why;
    bool answers_come_here = exchange->purpose == SOUK_MCP_FOR_INBOUND || !mcp->two_endpoints;
    if (souk_mcp_is_stream(exchange) && answers_come_here) {
        if (souk_mcp_stream_bytes(mcp, exchange, event->bytes, now, &why) != SOUK_OK) {
            stream_broke(mcp, exchange, &why, now);
        } else if (exchange->pending == NULL && exchange->purpose != SOUK_MCP_FOR_INBOUND) {
            souk_mcp_http_linger(mcp, exchange, now);
        }
        return;
    }
    if (exchange->by_get || (souk_mcp_is_success(exchange->status) && !answers_come_here)) {
        return; /* nobody reads it */
    }
    souk_buf_add(&exchange->body, event->bytes);
    if (souk_buf_check(&exchange->body, "the response", &why) != SOUK_OK) {
        refuse_response(mcp, exchange, &why, now);
    }
}

/* The response is complete, and the answer was not in it. */
static void no_answer(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
    if (exchange->purpose == SOUK_MCP_FOR_PROBE) {
        souk_mcp_opening_answered(mcp, exchange->pending, exchange->status, NULL, NULL, now);
        return;
    }
    if (exchange->media == SOUK_MCP_MEDIA_SSE) {
        souk_fail(&why, SOUK_E_TRANSPORT, "the event stream ended before the answer came");
        why.delivery = SOUK_DELIVERY_AMBIGUOUS;
    } else {
        souk_fail(&why, SOUK_E_PROTOCOL,
                  "status %d with content that is neither JSON nor an event stream, where an "
                  "answer was expected",
                  exchange->status);
        why.delivery = SOUK_DELIVERY_DELIVERED;
    }
    why.status = exchange->status;
    souk_mcp_fail_exchange(mcp, exchange, &why, false, now);
}

static void take_body(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
    int status = exchange->status;
    int failed = souk_mcp_take_text(mcp, &exchange->body, exchange, now, &why);
    if (exchange->pending == NULL) {
        return; /* it was the answer */
    }
    if (failed == SOUK_OK) {
        souk_fail(&why, SOUK_E_PROTOCOL, "the response answers another request");
    }
    why.delivery = SOUK_DELIVERY_DELIVERED;
    why.status = status;
    souk_mcp_fail_exchange(mcp, exchange, &why, false, now);
}

static void end_of_response(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (!souk_mcp_is_success(exchange->status)) {
        souk_mcp_exchange_refused(mcp, exchange, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_DELETE) {
        mcp->state = mcp->state == SOUK_MCP_CLOSING ? SOUK_MCP_CLOSED : mcp->state;
    } else if (exchange->pending == NULL) {
        return; /* answered already, or nothing was expected */
    } else if (exchange->media == SOUK_MCP_MEDIA_JSON) {
        take_body(mcp, exchange, now);
    } else {
        no_answer(mcp, exchange, now);
    }
}

static void exchange_failed(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                            souk_ms now)
{
    souk_err why = *err;
    if (exchange->has_head || why.delivery != SOUK_DELIVERY_REJECTED) {
        why.status = exchange->status; /* else it is that of a redirect */
    }
    if (why.kind == SOUK_E_LIMIT && exchange->has_head) {
        why.delivery = SOUK_DELIVERY_DELIVERED; /* the answer came, and was too large */
    }
    souk_mcp_fail_exchange(mcp, exchange, &why, false, now);
}

/* No event of the exchange follows; err: how it failed, NULL when it ended. */
static void over(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err, souk_ms now)
{
    leave_wire(mcp, exchange);
    if (exchange->purpose == SOUK_MCP_FOR_INBOUND) {
        souk_mcp_inbound_over(mcp, exchange, err, now);
        return;
    }
    if (exchange->purpose == SOUK_MCP_FOR_LISTEN && exchange->pending != NULL) {
        souk_mcp_listen_over(mcp, exchange, err, now);
        return;
    }
    if (souk_mcp_stream_rests(mcp, exchange, err, now)) {
        return;
    }
    if (exchange->by_get) {
        souk_mcp_stream_give_up(mcp, exchange, err);
    } else if (err != NULL) {
        exchange_failed(mcp, exchange, err, now);
    } else {
        end_of_response(mcp, exchange, now);
    }
    exchange_free(mcp, exchange);
}

void souk_mcp_http_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    souk_mcp_exchange *exchange = souk_idmap_get(&mcp->exchanges, event->id);
    if (exchange == NULL) {
        return;
    }
    switch (event->kind) {
    case SOUK_IO_HEAD:
        read_head(mcp, exchange, event, now);
        break;
    case SOUK_IO_BYTES:
        take_bytes(mcp, exchange, event, now);
        break;
    case SOUK_IO_END:
        over(mcp, exchange, NULL, now);
        break;
    case SOUK_IO_FAILED:
        over(mcp, exchange, &event->err, now);
        break;
    default:
        break;
    }
}

souk_ms souk_mcp_http_deadline(const souk_mcp *mcp)
{
    souk_ms at = SOUK_NEVER;
    if (mcp->lingering > 0 || mcp->resting > 0) {
        for (const souk_mcp_exchange *it = mcp->first_exchange; it != NULL; it = it->next) {
            at = souk_ms_min(at, souk_ms_min(it->linger_until, it->resume_at));
        }
    }
    return at;
}

void souk_mcp_http_tick(souk_mcp *mcp, souk_ms now)
{
    souk_mcp_exchange *next = NULL;
    bool any = mcp->lingering > 0 || mcp->resting > 0;
    for (souk_mcp_exchange *it = any ? mcp->first_exchange : NULL; it != NULL; it = next) {
        next = it->next;
        if (it->linger_until <= now) {
            souk_mcp_http_cancel(mcp, it);
        } else if (it->resume_at <= now) {
            souk_mcp_stream_due(mcp, it, now);
        }
    }
}
