/*
 * Event streams, and taking them up again.
 *
 * A legacy server may end a stream before the answer, or lose the connection; what follows the last
 * event that was seen is then asked for with GET and Last-Event-ID (2025-11-25, basic/transports,
 * "Resumability and Redelivery"). Each stream has its own id and its own retry time. In the modern
 * era a stream that ended early is lost.
 */
#include "mcp/session_internal.h"

#include <string.h>

#include "base/map.h"

enum {
    WAIT_MIN_MS = 10,        /* not even a server that asks for no pause gets none */
    BACK_OFF_FIRST_MS = 250, /* after the first failure, when the server asked for less */
    BACK_OFF_MAX_MS = 30000
};

void souk_mcp_stream_begin(souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    if (exchange->has_sse) {
        souk_sse_restart(&exchange->sse);
    } else {
        souk_sse_init(&exchange->sse, mcp->alloc, mcp->config.max_response);
        exchange->has_sse = true;
    }
}

int souk_mcp_stream_data(souk_mcp *mcp, souk_slice data, souk_mcp_exchange *exchange, souk_ms now,
                         souk_err *err)
{
    souk_buf text;
    souk_buf_init(&text, mcp->alloc, mcp->config.max_response);
    souk_buf_add(&text, data);
    int failed = souk_buf_check(&text, "an event", err);
    if (failed == SOUK_OK) {
        failed = souk_mcp_take_text(mcp, &text, exchange, now, err);
    }
    souk_buf_free(&text);
    return failed;
}

/* One event of a stream. An event without data is for priming: an id, and nothing to read. */
static int take_event(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_sse_event *event,
                      souk_ms now, souk_err *err)
{
    if (exchange->purpose == SOUK_MCP_FOR_INBOUND) {
        return souk_mcp_inbound_event(mcp, event, now, err);
    }
    if (!event->has_data || !souk_slice_is(event->type, "message")) {
        return SOUK_OK;
    }
    int failed = souk_mcp_stream_data(mcp, event->data, exchange, now, err);
    /* Nobody waits for what comes in a listener's stream: what is no message is passed over. */
    bool is_skipped = failed == SOUK_E_PROTOCOL && exchange->purpose == SOUK_MCP_FOR_LISTEN;
    return is_skipped ? SOUK_OK : failed;
}

int souk_mcp_stream_bytes(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_slice bytes, souk_ms now,
                          souk_err *err)
{
    souk_sse_event event;
    int got;
    while ((got = souk_sse_feed(&exchange->sse, &bytes, &event, err)) > 0) {
        exchange->fruitful = exchange->fruitful || event.has_data || event.has_id;
        got = take_event(mcp, exchange, &event, now, err);
        if (got < 0) {
            break;
        }
    }
    return got;
}

bool souk_mcp_stream_may_come_back(int status)
{
    /* 409: the server has not seen yet that the old connection is gone. */
    bool is_trouble = status >= 500 && status != 501;
    return is_trouble || status == 408 || status == 409 || status == 425 || status == 429;
}

/* How long to wait: what the server asked for, and longer after failures. */
static souk_ms wait_of(const souk_mcp *mcp, const souk_mcp_exchange *exchange)
{
    bool was_asked = exchange->has_sse && exchange->sse.retry_ms >= 0;
    souk_ms asked = was_asked ? exchange->sse.retry_ms : mcp->config.stream_retry;
    souk_ms wait = asked < WAIT_MIN_MS ? WAIT_MIN_MS : asked;
    souk_ms back_off = wait < BACK_OFF_FIRST_MS ? BACK_OFF_FIRST_MS : wait;
    for (unsigned i = 1; i < exchange->failures && back_off < BACK_OFF_MAX_MS; i++) {
        back_off *= 2;
    }
    if (exchange->failures == 0) {
        return wait;
    }
    return back_off > BACK_OFF_MAX_MS && wait <= BACK_OFF_MAX_MS ? BACK_OFF_MAX_MS : back_off;
}

/* Up to half of the time, so that the clients of a server that went away do not come back in one
 * moment. Never less than the server asked for. */
static souk_ms jitter(const souk_mcp *mcp, souk_ms wait, souk_ms now)
{
    const uint64_t now_and_who[] = {(uint64_t)now, mcp->id_base + mcp->serial};
    souk_slice bytes = souk_slice_make((const char *)now_and_who, sizeof now_and_who);
    return mcp->config.seed == 0
               ? 0
               : (souk_ms)(souk_hash(bytes, mcp->config.seed) % (uint64_t)(wait / 2 + 1));
}

static void rest(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms wait, souk_ms now)
{
    exchange->resume_at = souk_ms_min(souk_ms_after(now, wait), exchange->expires);
    mcp->resting++;
}

void souk_mcp_stream_rest(souk_mcp *mcp, souk_mcp_exchange *exchange, bool failed, souk_ms now)
{
    souk_mcp_http_detach(mcp, exchange);
    exchange->failures = failed && !exchange->fruitful ? exchange->failures + 1 : 0;
    souk_ms wait = wait_of(mcp, exchange);
    wait += failed ? jitter(mcp, wait, now) : 0;
    rest(mcp, exchange, wait, now);
}

void souk_mcp_stream_rest_for(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms wait, souk_ms now)
{
    souk_mcp_http_detach(mcp, exchange);
    exchange->failures = 0;
    rest(mcp, exchange, wait + jitter(mcp, wait, now), now);
}

/* Whether what stopped the stream leaves it whole at the server. */
static bool is_interruption(const souk_mcp_exchange *exchange, const souk_err *err)
{
    if (err == NULL || err->kind == SOUK_E_TRANSPORT) {
        return true;
    }
    /* No connection within connect_timeout; with a head it was the time of the whole request. */
    return err->kind == SOUK_E_TIMEOUT && exchange->resumed && !exchange->has_head;
}

static bool can_resume(const souk_mcp *mcp, const souk_mcp_exchange *exchange)
{
    bool may = exchange->purpose == SOUK_MCP_FOR_REQUEST && exchange->pending != NULL &&
               exchange->has_sse && souk_mcp_resumes_streams(mcp->revision) && !mcp->two_endpoints;
    return may && souk_sse_last_id(&exchange->sse).len > 0;
}

/* Counts the try that is over; false when there were too many in a row. */
static bool may_try_again(const souk_mcp *mcp, souk_mcp_exchange *exchange)
{
    bool counts = exchange->resumed && !exchange->fruitful;
    exchange->fruitless = counts ? exchange->fruitless + 1 : 0;
    return exchange->fruitless < mcp->config.max_resumes;
}

bool souk_mcp_stream_rests(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *err,
                           souk_ms now)
{
    if (!can_resume(mcp, exchange) || !is_interruption(exchange, err) ||
        !may_try_again(mcp, exchange)) {
        return false;
    }
    souk_mcp_stream_rest(mcp, exchange, err != NULL, now);
    return true;
}

void souk_mcp_stream_give_up(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why)
{
    souk_err mine;
    if (exchange->pending == NULL) {
        return;
    }
    souk_fail(&mine, why == NULL ? SOUK_E_TRANSPORT : why->kind,
              "the event stream ended before the answer came, and taking it up again led to "
              "nothing: %s",
              why == NULL ? "it ended each time without an event" : why->message);
    mine.delivery = SOUK_DELIVERY_AMBIGUOUS;
    mine.status = exchange->status;
    souk_mcp_end_request(mcp, exchange->pending, &mine, false, NULL, NULL);
}

void souk_mcp_stream_resumed(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
    if (exchange->pending == NULL) {
        souk_mcp_http_linger(mcp, exchange, now);
        return;
    }
    if (souk_mcp_is_stream(exchange)) {
        return;
    }
    if (souk_mcp_stream_may_come_back(exchange->status) && may_try_again(mcp, exchange)) {
        souk_mcp_stream_rest(mcp, exchange, true, now);
        return;
    }
    souk_fail(&why, SOUK_E_TRANSPORT, "HTTP status %d%s", exchange->status,
              souk_mcp_is_success(exchange->status) ? " without an event stream" : "");
    souk_mcp_stream_give_up(mcp, exchange, &why);
    souk_mcp_http_linger(mcp, exchange, now);
}

/* The stream cannot be asked for: the request or the listener that it belongs to ends. */
static void fail_due(souk_mcp *mcp, souk_mcp_exchange *exchange, const souk_err *why)
{
    if (exchange->purpose == SOUK_MCP_FOR_LISTEN && exchange->pending != NULL) {
        souk_mcp_listen_end(mcp, why, false);
    } else {
        souk_mcp_stream_give_up(mcp, exchange, why);
        souk_mcp_http_cancel(mcp, exchange);
    }
}

void souk_mcp_stream_due(souk_mcp *mcp, souk_mcp_exchange *exchange, souk_ms now)
{
    souk_err why;
    exchange->resume_at = SOUK_NEVER;
    mcp->resting--;
    if (mcp->state == SOUK_MCP_CLOSING || mcp->state == SOUK_MCP_CLOSED) {
        souk_fail(&why, SOUK_E_CLOSED, "the session is being closed");
        fail_due(mcp, exchange, &why);
        return;
    }
    if (now >= exchange->expires) {
        souk_fail(&why, SOUK_E_TIMEOUT, "the time of the request is over");
        fail_due(mcp, exchange, &why);
        return;
    }
    exchange->timeout = exchange->expires == SOUK_NEVER ? SOUK_NEVER : exchange->expires - now;
    if (souk_mcp_http_send_again(mcp, exchange, &why) != SOUK_OK) {
        fail_due(mcp, exchange, &why);
    }
}
