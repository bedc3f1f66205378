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
    mcp->lingering -= exchange->linger_until != SOUK_NEVER;
    mcp->replies -= exchange->purpose == SOUK_MCP_FOR_REPLY;
    souk_buf_free(&exchange->body);
    souk_sse_free(&exchange->sse);
    souk_free(mcp->alloc, exchange);
}

void souk_mcp_http_free(souk_mcp *mcp)
{
    while (mcp->first_exchange != NULL) {
        mcp->port.cancel(mcp->port.user, mcp->first_exchange->id);
        exchange_free(mcp, mcp->first_exchange);
    }
}

void souk_mcp_http_cancel(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    mcp->port.cancel(mcp->port.user, exchange->id);
    exchange_free(mcp, exchange);
}

/* Fills in what every request of this session carries. */
static void complete_request(const souk_mcp *mcp, souk_mcp_http_request *http)
{
    if (http->revision == SOUK_MCP_UNKNOWN && http->rpc_method.len == 0) {
        http->revision = mcp->revision;
    }
    if (mcp->state != SOUK_MCP_OPENING) {
        http->revision = mcp->revision;
    }
    if (souk_mcp_has_session(http->revision)) {
        http->session_id = souk_buf_slice(&mcp->session_id);
    }
    http->authorization = souk_buf_slice(&mcp->authorization);
    http->extra = mcp->config.headers;
    http->extra_count = mcp->config.header_count;
}

int souk_mcp_http_send(souk_mcp *mcp, const souk_mcp_post *post, souk_buf *body, souk_err *err)
{
    souk_mcp_http_request http = post->http;
    souk_mcp_headers headers;
    souk_mcp_exchange *exchange = exchange_new(mcp, post->purpose);
    if (exchange == NULL) {
        return souk_fail_memory(err);
    }
    complete_request(mcp, &http);
    souk_mcp_headers_init(&headers, mcp->alloc);
    int failed = souk_mcp_headers_build(&headers, &http, err);
    if (failed == SOUK_OK) {
        souk_exchange ask;
        memset(&ask, 0, sizeof ask);
        ask.id = exchange->id;
        ask.method = souk_mcp_verb_name(http.verb);
        ask.url = mcp->config.url;
        ask.headers = headers.list;
        ask.header_count = headers.count;
        ask.body = body;
        ask.timeout_ms = post->timeout;
        ask.connect_timeout_ms = mcp->config.connect_timeout;
        ask.max_header = mcp->config.max_header;
        ask.max_body = mcp->config.max_response;
        ask.group = mcp->config.group;
        ask.stream = post->pending != NULL; /* the answer may be an event stream */
        ask.ca_file = mcp->config.ca_file;
        exchange->sent_session = http.session_id.len > 0;
        failed = mcp->port.exchange(mcp->port.user, &ask, err);
    }
    souk_mcp_headers_free(&headers);
    if (failed != SOUK_OK) {
        exchange_free(mcp, exchange);
    } else if (post->pending != NULL) {
        exchange->pending = post->pending;
        post->pending->exchange = exchange;
    }
    return failed;
}

/* The request that the exchange carried failed. */
static void fail_exchange(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why,
                          bool lost, souk_ms now)
{
    souk_mcp_pending *pending = exchange->pending;
    if (lost) {
        souk_mcp_become_lost(mcp, why);
    }
    if (pending != NULL && exchange->purpose == SOUK_MCP_FOR_REQUEST) {
        souk_mcp_end_request(mcp, pending, why, lost, NULL, NULL);
    } else if (pending != NULL) {
        souk_mcp_opening_answered(mcp, pending, exchange->status, NULL, why, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_INITIALIZED) {
        souk_mcp_fail_open(mcp, why);
    } else if (exchange->purpose == SOUK_MCP_FOR_DELETE && mcp->state == SOUK_MCP_CLOSING) {
        mcp->state = SOUK_MCP_CLOSED; /* it was polite to ask; the server may say no */
    }
}

/* What came cannot be taken: the request fails, and the rest is not even received. */
static void refuse_response(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_err *why, souk_ms now)
{
    why->delivery = SOUK_DELIVERY_DELIVERED;
    why->status = exchange->status;
    fail_exchange(mcp, exchange, why, false, now);
    souk_mcp_http_cancel(mcp, exchange);
}

/* Only a DELETE is waited for to its end: its caller limits the time. */
static void linger(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (exchange->linger_until == SOUK_NEVER && exchange->purpose != SOUK_MCP_FOR_DELETE) {
        exchange->linger_until = souk_ms_after(now, LINGER_MS);
        mcp->lingering++;
    }
}

static bool is_success(int status)
{
    return status >= 200 && status <= 299;
}

static bool is_stream(const souk_mcp_exchange *exchange)
{
    return exchange->media == SOUK_MCP_MEDIA_SSE && is_success(exchange->status);
}

/* The session id comes with the answer to initialize (2025-03-26, "Session management"). */
static int keep_session_id(souk_mcp *mcp, const souk_mcp_head *head, souk_err *err)
{
    souk_buf_clear(&mcp->session_id);
    souk_buf_add(&mcp->session_id, head->session_id);
    return souk_buf_check(&mcp->session_id, "the session id", err);
}

static void read_head(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_io_event *event,
                      souk_ms now)
{
    souk_mcp_head head;
    souk_err why;
    if (exchange->has_head) {
        return;
    }
    /* Dates in Retry-After would need the time of day; nothing here looks at it. */
    int failed =
        souk_mcp_head_read(&head, event->status, event->headers, event->header_count, 0, &why);
    exchange->has_head = true;
    exchange->status = head.status;
    exchange->media = head.media;
    if (is_stream(exchange)) {
        souk_sse_init(&exchange->sse, mcp->alloc, mcp->config.max_response);
    }
    if (!is_success(head.status)) {
        return;
    }
    /* What expects no answer is done when it was accepted: a server may leave its response open. */
    if (exchange->purpose == SOUK_MCP_FOR_INITIALIZED) {
        souk_mcp_initialized_accepted(mcp);
    } else if (exchange->purpose == SOUK_MCP_FOR_INITIALIZE && exchange->pending != NULL) {
        failed = failed == SOUK_OK ? keep_session_id(mcp, &head, &why) : failed;
        if (failed != SOUK_OK) {
            refuse_response(mcp, exchange, &why, now);
            return;
        }
    }
    if (exchange->pending == NULL) {
        linger(mcp, exchange, now);
    }
}

/* One event of a stream. An event without data is for priming: an id, and nothing to read. */
static int take_event(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_sse_event *event,
                      souk_ms now, souk_err *err)
{
    if (!event->has_data || !souk_slice_is(event->type, "message")) {
        return SOUK_OK;
    }
    souk_buf text;
    souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
    souk_buf_add(&text, event->data);
    int failed = souk_buf_check(&text, "an event", err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_take_text(mcp, &text, exchange, now, err);
    }
    souk_buf_free(&text);
    return failed;
}

static void take_events(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_slice bytes, souk_ms now)
{
    souk_sse_event event;
    souk_err why;
    int got;
    while ((got = souk_sse_feed(&exchange->sse, &bytes, &event, &why)) > 0) {
        got = take_event(mcp, exchange, &event, now, &why);
        if (got < 0) {
            break;
        }
    }
    if (got < 0) {
        refuse_response(mcp, exchange, &why, now);
    } else if (exchange->pending == NULL) {
        linger(mcp, exchange, now);
    }
}

static void take_bytes(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_io_event *event,
                       souk_ms now)
{
    souk_err why;
    if (is_stream(exchange)) {
        take_events(mcp, exchange, event->bytes, now);
        return;
    }
    souk_buf_add(&exchange->body, event->bytes);
    if (souk_buf_check(&exchange->body, "the response", &why) != SOUK_OK) {
        refuse_response(mcp, exchange, &why, now);
    }
}

/* The message in the body of a refusal, when there is one. */
static const souk_rpc_message *refusal_message(souk_mcp *mcp, souk_mcp_exchange *exchange,
                                               souk_json_doc *doc, souk_rpc_message *message)
{
    souk_json_limits limits;
    memset(&limits, 0, sizeof limits);
    limits.depth = mcp->config.max_depth;
    limits.text = mcp->config.max_response;
    if (exchange->body.len == 0 ||
        souk_json_read_take(doc, &exchange->body, &limits, NULL) != SOUK_OK) {
        return NULL;
    }
    return souk_rpc_read(doc->root, message, NULL) == SOUK_OK ? message : NULL;
}

/*
 * Whether the refusal of a modern request comes from a legacy server, so that what was remembered
 * about it is wrong: it has no JSON-RPC message, or one that misses a session.
 */
static bool contradicts(const souk_mcp *mcp, int status, const souk_rpc_message *message)
{
    if (mcp->config.pinned != SOUK_MCP_UNKNOWN || !souk_mcp_is_modern(mcp->revision)) {
        return false;
    }
    if (status != 400 && status != 404 && status != 405) {
        return false;
    }
    const souk_mcp_outcome as_legacy = {SOUK_MCP_NEWEST_LEGACY, status, message, false, true};
    return message == NULL || souk_mcp_lost(&as_legacy);
}

/* Whether a refused request means that the session is of no use any more. */
static bool is_lost(souk_mcp *mcp, const souk_mcp_exchange *exchange,
                    const souk_rpc_message *message)
{
    const souk_mcp_outcome outcome = {mcp->revision, exchange->status, message,
                                      exchange->sent_session, mcp->worked};
    if (exchange->purpose != SOUK_MCP_FOR_REQUEST) {
        return false;
    }
    if (contradicts(mcp, exchange->status, message)) {
        mcp->contradicted = true;
        return true;
    }
    return souk_mcp_lost(&outcome) ||
           (exchange->status == 401 && mcp->config.ask_credential_on_401);
}

static void refused(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_json_doc doc;
    souk_rpc_message storage;
    souk_mcp_pending *pending = exchange->pending;
    souk_json_doc_init(&doc, mcp->alloc);
    const souk_rpc_message *message = refusal_message(mcp, exchange, &doc, &storage);
    if (exchange->purpose != SOUK_MCP_FOR_REQUEST && pending != NULL) {
        souk_mcp_opening_answered(mcp, pending, exchange->status, message, NULL, now);
        souk_json_doc_free(&doc);
        return;
    }
    const souk_mcp_head head = {.status = exchange->status, .retry_after_ms = -1};
    souk_err why;
    souk_mcp_refused(&head, message, &why);
    bool lost = is_lost(mcp, exchange, message);
    if (lost) {
        why.delivery = SOUK_DELIVERY_REJECTED;
        souk_mcp_become_lost(mcp, &why);
    }
    if (pending != NULL && message != NULL && message->data != NULL) {
        souk_mcp_end_request(mcp, pending, &why, lost, &doc, message->data);
    } else {
        fail_exchange(mcp, exchange, &why, lost, now);
    }
    souk_json_doc_free(&doc);
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
    fail_exchange(mcp, exchange, &why, false, now);
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
    fail_exchange(mcp, exchange, &why, false, now);
}

static void end_of_response(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (!is_success(exchange->status)) {
        refused(mcp, exchange, now);
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
    why.status = exchange->status;
    if (why.kind == SOUK_E_LIMIT && exchange->has_head) {
        why.delivery = SOUK_DELIVERY_DELIVERED; /* the answer came, and was too large */
    }
    fail_exchange(mcp, exchange, &why, false, now);
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
        return;
    case SOUK_IO_BYTES:
        take_bytes(mcp, exchange, event, now);
        return;
    case SOUK_IO_END:
        end_of_response(mcp, exchange, now);
        break;
    case SOUK_IO_FAILED:
        exchange_failed(mcp, exchange, &event->err, now);
        break;
    default:
        return;
    }
    exchange_free(mcp, exchange);
}

souk_ms souk_mcp_http_deadline(const souk_mcp *mcp)
{
    souk_ms at = SOUK_NEVER;
    if (mcp->lingering > 0) {
        for (const souk_mcp_exchange *it = mcp->first_exchange; it != NULL; it = it->next) {
            at = souk_ms_min(at, it->linger_until);
        }
    }
    return at;
}

void souk_mcp_http_tick(souk_mcp *mcp, souk_ms now)
{
    souk_mcp_exchange *next = NULL;
    for (souk_mcp_exchange *it = mcp->lingering > 0 ? mcp->first_exchange : NULL; it != NULL;
         it = next) {
        next = it->next;
        if (it->linger_until <= now) {
            souk_mcp_http_cancel(mcp, it);
        }
    }
}
