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
    exchange->retry_after_ms = -1;
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
    http->session_id = souk_buf_slice(&mcp->session_id);
    http->authorization = souk_buf_slice(&mcp->authorization);
    http->extra = mcp->config.headers;
    http->extra_count = mcp->config.header_count;
}

int souk_mcp_http_post(souk_mcp *mcp, souk_mcp_purpose purpose, souk_mcp_pending *pending,
                       const souk_mcp_http_request *request, souk_buf *body, souk_err *err)
{
    souk_mcp_http_request http = *request;
    souk_mcp_headers headers;
    souk_mcp_exchange *exchange = exchange_new(mcp, purpose);
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
        ask.timeout_ms =
            purpose == SOUK_MCP_FOR_REQUEST ? mcp->config.exchange_cap : mcp->config.open_timeout;
        ask.connect_timeout_ms = mcp->config.connect_timeout;
        ask.max_header = mcp->config.max_header;
        ask.max_body = mcp->config.max_response;
        ask.group = mcp->config.group;
        ask.ca_file = mcp->config.ca_file;
        exchange->sent_session = http.session_id.len > 0;
        failed = mcp->port.exchange(mcp->port.user, &ask, err);
    }
    souk_mcp_headers_free(&headers);
    if (failed != SOUK_OK) {
        exchange_free(mcp, exchange);
    } else if (pending != NULL) {
        exchange->pending = pending;
        pending->exchange = exchange;
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

static void read_head(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_io_event *event)
{
    souk_mcp_head head;
    souk_err why;
    /* Dates in Retry-After would need the time of day; only the seconds form is used here. */
    int failed =
        souk_mcp_head_read(&head, event->status, event->headers, event->header_count, 0, &why);
    exchange->has_head = true;
    exchange->status = head.status;
    exchange->media = head.media;
    exchange->retry_after_ms = head.retry_after_ms;
    if (head.media == SOUK_MCP_MEDIA_SSE && head.status < 300) {
        souk_sse_init(&exchange->sse, mcp->alloc, mcp->config.max_response);
    }
    if (exchange->purpose == SOUK_MCP_FOR_INITIALIZE && exchange->pending != NULL &&
        head.status < 300) {
        souk_buf_clear(&mcp->session_id);
        if (failed == SOUK_OK) {
            souk_buf_add(&mcp->session_id, head.session_id);
        } else {
            exchange->refused = true;
            souk_mcp_fail_open(mcp, &why);
        }
    }
}

static void take_events(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_slice bytes, souk_ms now)
{
    souk_id id = exchange->id;
    souk_sse_event event;
    souk_err why;
    int got;
    while ((got = souk_sse_feed(&exchange->sse, &bytes, &event, &why)) > 0) {
        if (!event.has_data || !souk_slice_is(event.type, "message")) {
            continue; /* a priming event: an id, and nothing to read */
        }
        souk_buf text;
        souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
        souk_buf_add(&text, event.data);
        int failed = souk_buf_check(&text, "an event", &why);
        if (failed == SOUK_OK) {
            failed = souk_mcp_take_text(mcp, &text, exchange->pending, exchange->status, now, &why);
        }
        souk_buf_free(&text);
        if (souk_idmap_get(&mcp->exchanges, id) != exchange) {
            return; /* the message ended more than its request */
        }
        if (failed != SOUK_OK) {
            got = failed;
            break;
        }
    }
    if (got < 0) {
        why.delivery = SOUK_DELIVERY_DELIVERED;
        exchange->refused = true;
        fail_exchange(mcp, exchange, &why, false, now);
        souk_mcp_http_cancel(mcp, exchange);
    } else if (exchange->pending == NULL) {
        souk_mcp_http_linger(mcp, exchange, now);
    }
}

void souk_mcp_http_linger(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (exchange->linger_until == SOUK_NEVER) {
        exchange->linger_until = souk_ms_after(now, LINGER_MS);
        mcp->lingering++;
    }
}

static void take_bytes(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_io_event *event,
                       souk_ms now)
{
    if (exchange->refused) {
        return;
    }
    if (exchange->media == SOUK_MCP_MEDIA_SSE && exchange->status < 300) {
        take_events(mcp, exchange, event->bytes, now);
        return;
    }
    souk_err why;
    souk_buf_add(&exchange->body, event->bytes);
    if (souk_buf_check(&exchange->body, "the response", &why) != SOUK_OK) {
        why.delivery = SOUK_DELIVERY_DELIVERED;
        exchange->refused = true;
        fail_exchange(mcp, exchange, &why, false, now);
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
 * A 4xx without a JSON-RPC message says that a server taken for modern by memory is none: forget
 * what was remembered, and probe again.
 */
static bool contradicts(const souk_mcp *mcp, int status, const souk_rpc_message *message)
{
    return mcp->config.pinned == 0 && souk_mcp_is_modern(mcp->revision) && message == NULL &&
           (status == 400 || status == 404 || status == 405);
}

static void refused(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_json_doc doc;
    souk_rpc_message storage;
    souk_json_doc_init(&doc, mcp->alloc);
    const souk_rpc_message *message = refusal_message(mcp, exchange, &doc, &storage);
    if (exchange->purpose != SOUK_MCP_FOR_REQUEST && exchange->pending != NULL) {
        souk_mcp_opening_answered(mcp, exchange->pending, exchange->status, message, NULL, now);
        souk_json_doc_free(&doc);
        return;
    }
    souk_mcp_head head;
    souk_err why;
    memset(&head, 0, sizeof head);
    head.status = exchange->status;
    head.retry_after_ms = exchange->retry_after_ms;
    souk_mcp_refused(&head, message, &why);
    souk_mcp_outcome outcome = {mcp->revision, exchange->status, message, exchange->sent_session,
                                mcp->worked};
    bool lost = souk_mcp_lost(&outcome) && exchange->purpose == SOUK_MCP_FOR_REQUEST;
    if (contradicts(mcp, exchange->status, message)) {
        mcp->contradicted = true;
        lost = true;
    }
    if (exchange->status == 401 && mcp->config.ask_credential_on_401) {
        lost = true;
    }
    if (lost) {
        why.delivery = SOUK_DELIVERY_REJECTED;
    }
    souk_mcp_pending *pending = exchange->pending;
    if (pending != NULL && message != NULL && message->data != NULL) {
        if (lost) {
            souk_mcp_become_lost(mcp, &why);
        }
        souk_mcp_end_request(mcp, pending, &why, lost, &doc, message->data);
    } else {
        fail_exchange(mcp, exchange, &why, lost, now);
    }
    souk_json_doc_free(&doc);
}

static void no_answer(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
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

static void end_of_response(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    if (exchange->refused) {
        return;
    }
    if (exchange->status >= 300) {
        refused(mcp, exchange, now);
    } else if (exchange->purpose == SOUK_MCP_FOR_INITIALIZED) {
        souk_mcp_initialized_accepted(mcp);
    } else if (exchange->purpose == SOUK_MCP_FOR_DELETE) {
        mcp->state = mcp->state == SOUK_MCP_CLOSING ? SOUK_MCP_CLOSED : mcp->state;
    } else if (exchange->pending == NULL) {
        return; /* answered already, or nothing was expected */
    } else if (exchange->media == SOUK_MCP_MEDIA_JSON) {
        souk_err why;
        int status = exchange->status;
        souk_mcp_pending *pending = exchange->pending;
        souk_id id = exchange->id;
        int failed = souk_mcp_take_text(mcp, &exchange->body, pending, status, now, &why);
        if (souk_idmap_get(&mcp->exchanges, id) != exchange || exchange->pending == NULL) {
            return;
        }
        if (failed == SOUK_OK) {
            failed = souk_fail(&why, SOUK_E_PROTOCOL, "the response answers another request");
        }
        why.delivery = SOUK_DELIVERY_DELIVERED;
        why.status = status;
        fail_exchange(mcp, exchange, &why, false, now);
    } else {
        no_answer(mcp, exchange, now);
    }
}

void souk_mcp_http_event(souk_mcp *mcp, const souk_io_event *event, souk_ms now)
{
    souk_mcp_exchange *exchange = souk_idmap_get(&mcp->exchanges, event->id);
    if (exchange == NULL) {
        return;
    }
    souk_id id = event->id;
    switch (event->kind) {
    case SOUK_IO_HEAD:
        read_head(mcp, exchange, event);
        return;
    case SOUK_IO_BYTES:
        take_bytes(mcp, exchange, event, now);
        return;
    case SOUK_IO_END:
        end_of_response(mcp, exchange, now);
        break;
    case SOUK_IO_FAILED:
        if (!exchange->refused) {
            souk_err why = event->err;
            why.status = exchange->status;
            fail_exchange(mcp, exchange, &why, false, now);
        }
        break;
    default:
        return;
    }
    exchange = souk_idmap_get(&mcp->exchanges, id);
    if (exchange != NULL) {
        exchange_free(mcp, exchange);
    }
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
